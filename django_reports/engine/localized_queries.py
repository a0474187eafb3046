"""Queries whose filters are in one language and time zone, and whose columns are in another.

A query takes a time zone from where it is compiled: `__date` lookups, `Trunc` and `Extract` that
name none. It is compiled late, by whoever reads its rows. So a query is told here in which locale
it is to be compiled, and the expressions of a file's columns name theirs, node by node.
"""

import datetime as dt
from collections.abc import Iterable
from copy import copy
from functools import cache
from operator import is_
from typing import Any

from django.conf import settings
from django.db.models import DateTimeField, IntegerField, QuerySet, Value
from django.db.models.functions.datetime import TimezoneMixin
from django.db.models.lookups import YearLookup
from django.db.models.sql import Query
from django.db.models.sql.where import WhereNode
from django.utils.functional import Promise

from django_reports.core.localization import Locale


def compiled_in(queryset: "QuerySet[Any]", locale: Locale) -> "QuerySet[Any]":
    """The queryset, whose query and all that is made of it are compiled in a locale.

    Its annotations are in that locale, too, also where their values are read in another.
    """
    made: QuerySet[Any] = queryset.all()
    query: Any = made.query
    query_class: Any = type(query)
    query.__class__ = _compiled_elsewhere(query_class)
    query.compile_locale = locale
    with locale.active():
        localize(query, list(query.annotations), locale)
    lookups: Any = made._prefetch_related_lookups  # type: ignore[attr-defined]
    vars(made)["_prefetch_related_lookups"] = tuple(_prefetched_in(one, locale) for one in lookups)
    return made


def _prefetched_in(lookup: Any, locale: Locale) -> Any:
    """What is fetched with the rows has filters of its own."""
    if not isinstance(getattr(lookup, "queryset", None), QuerySet):
        return lookup
    made = copy(lookup)
    made.queryset = compiled_in(lookup.queryset, locale)
    return made


@cache
def _compiled_elsewhere(query_class: type[Query]) -> type[Query]:
    """A class of queries that are compiled in their `compile_locale`."""
    if hasattr(query_class, "compile_locale"):
        return query_class

    class Localized(query_class):  # type: ignore[misc, valid-type]
        compile_locale: Locale

        def get_compiler(self, *args: Any, **kwargs: Any) -> Any:
            compiler = super().get_compiler(*args, **kwargs)
            as_sql = compiler.as_sql

            def as_sql_in_locale(*args: Any, **kwargs: Any) -> Any:
                with self.compile_locale.active():
                    return as_sql(*args, **kwargs)

            compiler.as_sql = as_sql_in_locale
            return compiler

    # It is what it was to whoever looks for queries that are not Django's.
    Localized.__module__, Localized.__qualname__ = query_class.__module__, query_class.__qualname__
    return Localized


def localize(query: Query, names: Iterable[str], locale: Locale) -> None:
    """Have annotations of a query name their time zone, and their lazy texts be plain ones.

    To be called while the locale is active.
    """
    localizer = _Localizer(locale.zone)
    query.annotations.update({name: localizer.copy_of(query.annotations[name]) for name in names})


class _Localizer:
    def __init__(self, zone: dt.tzinfo) -> None:
        self._zone = zone

    def copy_of(self, node: Any) -> Any:
        """The node itself where nothing in it changes: declared ones are shared by all requests."""
        if isinstance(node, Query):
            return self._query(node)
        if not hasattr(node, "get_source_expressions"):
            return node
        parts = node.get_source_expressions()
        copies = list(map(self.copy_of, parts))
        changes = self._changes(node)
        if not changes and all(map(is_, parts, copies)):
            return node
        made = copy(node)
        made.set_source_expressions(copies)
        if isinstance(node, WhereNode):  # whose copy forgets it, and with it its parentheses
            made.resolved = node.resolved
        for name, value in changes.items():
            setattr(made, name, value)
        return made

    def _changes(self, node: Any) -> dict[str, Any]:
        if isinstance(node, TimezoneMixin) and node.tzinfo is None:
            return {"tzinfo": self._zone} if _is_of_moment(node) else {}
        if isinstance(node, Value) and isinstance(node.value, Promise):
            return {"value": str(node.value)}
        if isinstance(node, YearLookup) and node.rhs_is_direct_value() and _is_of_moment(node.lhs):
            # Else the year's begin and end are compared, in the zone of the query.
            return {"rhs": Value(node.rhs, output_field=IntegerField())}
        return {}

    def _query(self, query: Query) -> Query:
        """A copy of the query of a Subquery or an Exists."""
        made: Any = query.clone()
        made.where = self.copy_of(made.where)
        made.annotations = {name: self.copy_of(one) for name, one in made.annotations.items()}
        for name in ("select", "order_by", "group_by", "combined_queries"):
            parts = getattr(made, name)
            if isinstance(parts, tuple):  # group_by may be a mere yes or no
                setattr(made, name, tuple(map(self.copy_of, parts)))
        copied: Query = made
        return copied


def _is_of_moment(node: Any) -> bool:
    """Whether what it reads has a time zone; a date has none, and Django would not take one."""
    return settings.USE_TZ and isinstance(
        node.get_source_expressions()[0].output_field, DateTimeField
    )
