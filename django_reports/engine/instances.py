"""Rows as model instances, for columns whose values are computed of one: slower than plain values.

Fields of the model are taken from the instance as the database gave them. What an instance has not,
or has behind a descriptor of its own, is selected beside it.
"""

from collections.abc import Callable, Mapping, Sequence
from inspect import getattr_static
from operator import attrgetter
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import connections
from django.db.models import F, QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.db.models.fields.related_descriptors import ForeignKeyDeferredAttribute
from django.db.models.query_utils import DeferredAttribute

from django_reports.definitions.columns import BoundColumn
from django_reports.definitions.expressions import GroupedExpression

Read = Callable[[Any], Any]  # from an instance to the value of a column's source
Readers = Mapping[Any, Read]
Annotate = Callable[["QuerySet[Any]", Mapping[str, Any]], "QuerySet[Any]"]


def with_instances(
    queryset: "QuerySet[Any]", columns: Sequence[BoundColumn], annotate: Annotate
) -> tuple["QuerySet[Any]", Readers]:
    """The queryset as instances with all that columns need, and how each source is read.

    `annotate` adds what a column computes.
    """
    readers: dict[Any, Read] = {}
    annotations: dict[str, Any] = {}
    for column in columns:
        for source in () if column.from_instance else column.sources:
            if source in readers:
                continue
            own = _own_value(queryset, source)
            if own is None:
                alias = f"report_column_{len(annotations)}"
                annotations[alias] = _annotation(source)
                own = attrgetter(alias)
            readers[source] = own
    if annotations:
        queryset = annotate(queryset, annotations)
    return _following(queryset, {path for c in columns for path in c.follows}), readers


def _annotation(source: Any) -> Any:
    if isinstance(source, GroupedExpression):
        return source.by_row
    return F(source) if isinstance(source, str) else source


def _own_value(queryset: "QuerySet[Any]", source: Any) -> Read | None:
    """How a field of the model is read; None where its attribute gives something else."""
    if source == "pk":
        return attrgetter("pk")
    field = _field(queryset.model, source)
    if field is None or not field.concrete or queryset.query.deferred_loading[0]:
        return None
    attribute: str = field.attname
    plain = (DeferredAttribute, ForeignKeyDeferredAttribute)
    if type(getattr_static(queryset.model, attribute, None)) not in plain:
        return None
    return lambda instance: instance.__dict__[attribute]


def _field(model: Any, name: Any) -> Any:
    try:
        return model._meta.get_field(name) if isinstance(name, str) else None
    except FieldDoesNotExist:
        return None


def _following(queryset: "QuerySet[Any]", paths: set[str]) -> "QuerySet[Any]":
    """Have related objects come with the rows, or with each chunk of them."""
    if not paths or queryset.query.combinator:
        return queryset
    query = queryset.query
    # select_related() without names leaves nullable relations out, and takes no names besides;
    # and it cannot walk through fields that are deferred.
    is_fixed = query.select_related is True or bool(query.deferred_loading[0])
    fetched = {path for path in paths if is_fixed or not _can_be_joined(queryset.model, path)}
    if fetched:
        queryset = queryset.prefetch_related(*sorted(fetched))
    if joined := paths - fetched:
        queryset = queryset.select_related(*sorted(joined))
    return queryset


def _can_be_joined(model: Any, path: str) -> bool:
    field = _field(model, path.partition(LOOKUP_SEP)[0])
    return field is not None and field.related_model is not None


def that_query(
    instances: Sequence[Any], columns: Sequence[BoundColumn], alias: str
) -> list[BoundColumn]:
    """The columns that ask the database for each row, as they do for all but the first of these."""
    found = []
    for column in columns:
        asked: list[int] = []

        def note(execute: Any, *arguments: Any, asked: list[int] = asked) -> Any:
            asked[-1] += 1
            return execute(*arguments)

        with connections[alias].execute_wrapper(note):
            for instance in instances:
                asked.append(0)
                try:
                    if column.from_instance:
                        column.from_instance(instance)
                except Exception:
                    break
        if any(asked[1:]):
            found.append(column)
    return found
