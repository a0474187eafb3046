"""What keeps a query's rows the same, whichever of its columns are read beside which others.

GROUP BY and DISTINCT compare what is selected: a query that selects less has other rows.
"""

from contextlib import suppress
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db.models import QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.db.models.fields.reverse_related import ForeignObjectRel
from django.db.models.sql.datastructures import Join


def deciding_names(queryset: "QuerySet[Any]") -> list[str]:
    """What has to be selected, besides the key, for the rows to be those of the queryset."""
    query: Any = queryset.query
    compares_all = query.combinator or (query.distinct and not query.distinct_fields)
    is_grouped = query.group_by is True
    names = [*query.extra_select] if compares_all or is_grouped else []
    for name, annotation in query.annotation_select.items():
        is_part_of_group = is_grouped and annotation.get_group_by_cols()
        makes_rows = getattr(annotation, "set_returning", False)
        if compares_all or is_part_of_group or makes_rows:
            names.append(name)
    return [*names, *_joined_by_selecting(query)]


def _joined_by_selecting(query: Any) -> list[str]:
    """Paths through the relations to many rows that only select_related() joins."""
    relations = query.select_related if isinstance(query.select_related, dict) else {}
    return [f"{name}{LOOKUP_SEP}pk" for name in relations if name in query._filtered_relations]


def wholly_joined(queryset: "QuerySet[Any]") -> "QuerySet[Any]":
    """The queryset for counting, which leaves out what its order and select_related() join.

    Those joins are in its query now, if they make more rows of one.
    """
    joined: QuerySet[Any] = queryset.all()
    if joined.query.combinator:
        return queryset
    with suppress(EmptyResultSet):
        joined.query.get_compiler(using=queryset.db).pre_sql_setup()
    adds_rows = multiplying(joined.query) - multiplying(queryset.query)
    return joined if adds_rows else queryset


def multiplying(query: Any) -> set[str]:
    """The aliases of the tables, joined so far, that have many rows for one."""
    return {
        alias
        for alias, join in query.alias_map.items()
        if query.alias_refcount[alias] and isinstance(join, Join) and _is_to_many(join.join_field)
    }


def _is_to_many(relation: Any) -> bool:
    is_forward = not isinstance(relation, ForeignObjectRel) and relation.many_to_one
    return not (relation.one_to_one or is_forward)
