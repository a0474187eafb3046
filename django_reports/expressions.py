"""Expressions of columns: each aggregate over related rows becomes a query of its own.

Django annotates aggregates onto the joins that a query has, so that two of them, or one beside a
filter, multiply each other. In a query of its own an aggregate has the same value whatever stands
beside it, and whatever the query of the rows joins, filters, groups or slices.
"""

from collections.abc import Iterable, Iterator
from copy import copy
from typing import Any

from django.core.exceptions import FieldError
from django.db import NotSupportedError
from django.db.models import Aggregate, F, Field, Model, OuterRef, Q, QuerySet, Subquery, Window
from django.db.models.constants import LOOKUP_SEP
from django.db.models.expressions import BaseExpression
from django.db.models.sql import Query
from django.utils.tree import Node

VALUE = "report_value"
# What an expression may have cached about itself before its parts were replaced.
CACHED = ("contains_aggregate", "contains_column_references", "contains_over_clause")


class ExpressionError(ValueError):
    """An expression that cannot be a column. The message says what to write instead."""


class RelatedAggregate(Subquery):
    """An aggregate over the rows that are related to one row, in a query of its own.

    The related rows are those that a join gives; no manager hides any.
    """

    def __init__(self, aggregate: Any, model: type[Model]) -> None:
        keys = [field.attname for field in model._meta.pk_fields]
        # A key of several fields is compared part by part.
        compared = keys if len(keys) > 1 else ["pk"]
        row: QuerySet[Any] = (
            QuerySet(model).filter(**{name: OuterRef(name) for name in compared}).order_by()
        )
        rows = row.values(*keys)
        if not _has_output_field(rows, aggregate):
            aggregate = aggregate.copy()
            aggregate.output_field = Field()  # what stands around it may say which
        super().__init__(rows.annotate(**{VALUE: aggregate}).values(VALUE))

    @property
    def aggregate(self) -> Any:
        """The aggregate, resolved."""
        return self.query.annotations[VALUE]

    @property
    def has_output_field(self) -> bool:
        return type(self.output_field) is not Field

    def get_db_converters(self, connection: Any) -> list[Any]:
        """Those of the aggregate: a project's own may convert what it reads."""
        if type(self.aggregate).convert_value is BaseExpression.convert_value:
            return super().get_db_converters(connection)
        converters: list[Any] = self.aggregate.get_db_converters(connection)
        return converters


def with_related_aggregates(expression: Any, model: type[Model]) -> Any:
    """The expression with each aggregate over related rows in a query of its own.

    Raises ExpressionError where that cannot be, and for a path that would multiply the rows.
    """
    moved = _moved(expression, model)
    for path in _paths(moved):
        try:
            relation = _many(path, model)
        except FieldError:  # the name of an annotation, for all that is known here
            continue
        if relation:
            raise ExpressionError(
                f"{path!r} follows {relation!r} to many rows, which would multiply the report's; "
                f'write an aggregate of it, such as Count("{path}") or Max("{path}")'
            )
    if isinstance(moved, RelatedAggregate) and not moved.has_output_field:
        raise ExpressionError(f"{expression!r} has values of different types; set output_field=")
    return moved


def _moved(node: Any, model: type[Model]) -> Any:
    if isinstance(node, Q):
        return _moved_condition(node, model)
    if isinstance(node, list | tuple):
        return type(node)(_moved(part, model) for part in node)
    if isinstance(node, F | Subquery) or not hasattr(node, "get_source_expressions"):
        return node
    moved = _with_moved_parts(node, model)
    if not _is_aggregate(node):
        return moved
    _check_aggregate(node, moved, model)
    try:
        return RelatedAggregate(moved, model)
    except (FieldError, NotSupportedError, TypeError, ValueError) as error:
        raise ExpressionError(f"{node!r}: {str(error).rstrip('.')}") from error


def _moved_condition(condition: Q, model: type[Model]) -> Q:
    moved = copy(condition)
    moved.children = [
        (child[0], _moved(child[1], model)) if isinstance(child, tuple) else _moved(child, model)
        for child in condition.children
    ]
    return moved


def _with_moved_parts(node: Any, model: type[Model]) -> Any:
    parts = node.get_source_expressions()
    if isinstance(node, Window):  # its aggregate is one of the report's own rows
        aggregate, *others = parts
        moved_parts = [_with_moved_parts(aggregate, model), *(_moved(p, model) for p in others)]
    else:
        moved_parts = [_moved(part, model) for part in parts]
    default = getattr(node, "default", None) if _is_aggregate(node) else None
    moved_default = _moved(default, model)
    pairs = zip([*parts, default], [*moved_parts, moved_default], strict=True)
    if all(part is moved_part for part, moved_part in pairs):
        return node
    moved = node.copy()
    for name in CACHED:
        moved.__dict__.pop(name, None)
    moved.set_source_expressions(moved_parts)
    if default is not None:
        moved.default = moved_default
    return moved


def _check_aggregate(aggregate: Any, moved: Any, model: type[Model]) -> None:
    """Raises ExpressionError for an aggregate that no query of its own gives the right value."""
    # Beside its arguments it may read further paths: in filter=, order_by= and default=.
    arguments = getattr(moved, "source_expressions", moved)
    everything = [moved, getattr(moved, "default", None)]
    try:
        aggregated = {_many(path, model) for path in _paths(arguments)}
        relations = {_many(path, model) for path in _paths(everything)} - {""}
    except FieldError as error:
        raise ExpressionError(
            f"{aggregate!r} is computed in a query of its own, in which annotations of "
            "get_queryset() and a FilteredRelation are not known; write out what the name stands "
            f"for ({str(error).rstrip('.')})"
        ) from error
    if not relations:
        raise ExpressionError(
            f"{aggregate!r} follows no relation to many rows, so that it would be of one row only; "
            "leave the aggregate out, or write Window(...) for a value over all rows"
        )
    own = max(aggregated, key=len, default="")
    others = {name for name in relations if not f"{own}__".startswith(f"{name}__")}
    if others:
        raise ExpressionError(
            f"{aggregate!r} follows {' and '.join(map(repr, sorted(others)))} to many rows beside "
            f"{repr(own) if own else 'the row itself'}, so that each value would count several "
            "times; aggregate one relation only, and write a condition on another as "
            "filter=Exists(...)"
        )


def _is_aggregate(node: Any) -> bool:
    return isinstance(node, Aggregate) or getattr(type(node), "contains_aggregate", None) is True


def _has_output_field(rows: "QuerySet[Any]", aggregate: Any) -> bool:
    resolved = rows.annotate(**{VALUE: aggregate}).query.annotations[VALUE]
    try:
        return resolved.output_field is not None
    except FieldError:
        return False


def _many(path: str, model: type[Model]) -> str:
    """The part of a path that leads to many rows: "tags" of "tags__name", "" of "client__name".

    Raises FieldError for a name that the model does not know.
    """
    names = path.split(LOOKUP_SEP)

    def joins(count: int) -> int:
        steps = Query(model).names_to_path(names[:count], model._meta)[0]
        return sum(step.m2m for step in steps)

    all_joins = joins(len(names))
    if not all_joins:
        return ""
    count = next(n for n in range(1, len(names) + 1) if joins(n) == all_joins)
    return LOOKUP_SEP.join(names[:count])


def _paths(node: Any) -> Iterator[str]:
    """The paths that an expression reads from the model itself, lookups included."""
    if isinstance(node, OuterRef | RelatedAggregate):  # which are of another query
        return
    if isinstance(node, F):
        yield node.name  # type: ignore[attr-defined]
    for part in _parts(node):
        yield from _paths(part)


def _parts(node: Any) -> Iterable[Any]:
    """What an expression, a condition or a query consists of, whether it is resolved or not."""
    if isinstance(node, Node):
        for child in node.children:
            if isinstance(child, tuple):
                yield F(child[0])
                yield child[1]
            else:
                yield child
    elif isinstance(node, list | tuple):
        yield from node
    elif isinstance(node, QuerySet):
        yield node.query
    elif isinstance(node, Query):
        yield from (node.where, *node.annotations.values(), *node.combined_queries)
    elif hasattr(node, "get_source_expressions"):
        yield from node.get_source_expressions()
