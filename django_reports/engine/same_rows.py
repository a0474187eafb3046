"""What keeps a query's rows the same, whichever of its columns are read beside which others.

GROUP BY and DISTINCT compare what is selected: a query that selects less has other rows.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.db.models.fields.reverse_related import ForeignObjectRel
from django.db.models.sql import Query
from django.db.models.sql.datastructures import Join
from django.utils.translation import gettext as _

from django_reports.definitions.columns import BoundColumn
from django_reports.definitions.expressions import columns_read, has_window
from django_reports.definitions.querysets import foreign_part
from django_reports.engine.localized_queries import compiled_in
from django_reports.exceptions import InvalidQuerySet

# What says of a query in which order its rows come, and what comes with them.
_BESIDES = (
    *("order_by", "default_ordering", "standard_ordering"),
    *("select_related", "deferred_loading"),
)


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


def check_adds_no_rows(queryset: "QuerySet[Any]", names: Mapping[str, str]) -> None:
    """Raise InvalidQuerySet for columns that would make more rows where they are selected.

    Where rows are compared, that is what reads a relation to many rows through an annotation that
    is itself not selected, by `alias()` say. `names` are the columns' by that of their annotation.
    """
    query: Any = queryset.query
    if not (query.distinct or query.group_by is True):
        return
    selected = {
        column
        for name, annotation in query.annotation_select.items()
        if name not in names
        for column in columns_read(annotation)
    }
    added = [
        name
        for annotation, name in names.items()
        if any(
            column not in selected and _is_of_many(column.alias, query)
            for column in columns_read(query.annotations[annotation])
        )
    ]
    if added:
        raise InvalidQuerySet(
            _(
                "These columns read related rows through an annotation that the query does not "
                "select, so that distinct() or GROUP BY would make more rows of one: %(columns)s. "
                "Use annotate() in place of alias() or values(), or an aggregate such as Max()."
            )
            % {"columns": ", ".join(dict.fromkeys(added))}
        )


def _is_of_many(alias: str | None, query: Any) -> bool:
    """Whether a table of the query was joined through a relation to many rows."""
    many = multiplying(query)
    while alias in query.alias_map:
        if alias in many:
            return True
        alias = query.alias_map[alias].parent_alias
    return False


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


def computable_over(queryset: "QuerySet[Any]", columns: Sequence[BoundColumn]) -> "QuerySet[Any]":
    """The same rows, of which these columns can be computed. `compiled_in` has made the queryset.

    A database computes a Window before DISTINCT, a slice or a condition on another window leaves
    rows out. Raises InvalidQuerySet where it would be one of other rows.
    """
    names = _over_all(columns)
    if not names or not _leaves_rows_out(queryset):
        return queryset
    alone = _without_joins(queryset)
    if alone is None:
        raise InvalidQuerySet(
            _(
                "These columns are computed over all rows, of which distinct(), a slice or a "
                "condition on a Window leaves some out afterwards: %(columns)s. Choose the rows "
                "with Exists() or pk__in instead, or leave the columns out."
            )
            % {"columns": ", ".join(names)}
        )
    return alone


def with_groups_ordered(
    queryset: "QuerySet[Any]", columns: Sequence[BoundColumn]
) -> "QuerySet[Any]":
    """The queryset with an order that MariaDB heeds.

    Beside a Window it takes groups for ordered by their key already, whatever the direction. An
    order that goes on behind the key is not one of those.
    """
    query: Any = queryset.query
    is_grouped = query.group_by is True and not query.is_sliced
    if not is_grouped or connections[queryset.db].vendor != "mysql" or not _over_all(columns):
        return queryset
    options = query.get_meta()
    ordering = query.order_by or options.ordering
    own_fields = options.concrete_model._meta.local_concrete_fields
    others = [field for field in own_fields if field not in options.pk_fields]
    return QuerySet.order_by(queryset, *ordering, *[field.attname for field in others[:1]])


def _over_all(columns: Sequence[BoundColumn]) -> list[str]:
    """The names of the columns that are computed over all rows."""
    return [column.name for column in columns if any(map(has_window, column.sources))]


def _leaves_rows_out(queryset: "QuerySet[Any]") -> bool:
    """Whether rows are left out after windows have been computed."""
    query: Any = queryset.query
    if query.combinator:  # which takes no windows
        return False
    if _is_cut(query):
        return True
    # The key keeps rows apart, if they are not those of a join; groups differ anyway.
    has_equal_rows = bool(multiplying(wholly_joined(queryset).query) or query.extra_tables)
    return query.distinct and query.group_by is None and has_equal_rows


def _is_cut(query: Any) -> bool:
    return bool(query.is_sliced or query.distinct_fields or query.where.contains_over_clause)


def _without_joins(queryset: "QuerySet[Any]") -> "QuerySet[Any] | None":
    """The rows of a `distinct()` chosen by a subquery; None if they need more than that."""
    query: Any = queryset.query
    names_more = query.annotations or query._filtered_relations or query.extra
    if _is_cut(query) or names_more or query.extra_tables or query.extra_order_by:
        return None
    if foreign_part(queryset):
        return None
    keys = [field.attname for field in queryset.model._meta.pk_fields]
    # A key of several fields is compared part by part.
    compared = {name: OuterRef(name) for name in (keys if len(keys) > 1 else ["pk"])}
    chosen = QuerySet.filter(QuerySet.order_by(queryset), **compared)
    chosen.query.distinct = False
    rows: QuerySet[Any] = queryset.all()
    rows.query = Query(queryset.model)
    for name in _BESIDES:
        setattr(rows.query, name, getattr(query, name))
    rows = QuerySet.filter(rows, Exists(chosen))
    if multiplying(wholly_joined(rows).query):  # by the order
        return None
    return compiled_in(rows, query.compile_locale)
