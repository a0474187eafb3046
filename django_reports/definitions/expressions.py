"""Expressions of columns: each aggregate over related rows becomes a query of its own.

Django annotates aggregates onto the joins that a query has, so that two of them, or one beside a
filter, multiply each other. In a query of its own an aggregate has the same value whatever stands
beside it, and whatever the query of the rows joins, filters, groups or slices.
"""

from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import FieldError
from django.db import NotSupportedError
from django.db.models import Aggregate, F, Field, Model, OuterRef, Q, QuerySet, Subquery, Window
from django.db.models.expressions import BaseExpression, Col
from django.db.models.sql import Query
from django.utils.tree import Node

from django_reports.definitions.relations import MissingIndex, missing_index, to_many_part

VALUE = "report_value"
# What an expression may have cached about itself before its parts were replaced.
CACHED = ("contains_aggregate", "contains_column_references", "contains_over_clause")


class ExpressionError(ValueError):
    """An expression that cannot be a column. The message says what to write instead."""


class RelatedAggregate(Subquery):
    """An aggregate over the rows that are related to one row, in a query of its own.

    The related rows are those that a join gives; no manager hides any.
    """

    def __init__(self, aggregate: Any, model: type[Model], relation: str) -> None:
        keys = [field.attname for field in model._meta.pk_fields]
        # A key of several fields is compared part by part.
        compared = {name: OuterRef(name) for name in (keys if len(keys) > 1 else ["pk"])}
        row: QuerySet[Any] = QuerySet(model).filter(**compared).order_by()
        values = row.values(*keys).annotate(**{VALUE: aggregate})
        if not _has_output_field(values.query.annotations[VALUE]):
            aggregate = aggregate.copy()
            aggregate.output_field = Field()  # what stands around it may say which
            values = row.values(*keys).annotate(**{VALUE: aggregate})
        super().__init__(values.values(VALUE))
        self.relation = relation

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


@dataclass(frozen=True, eq=False)
class GroupedExpression:
    """An expression over related rows that no index finds: computed for many rows by one query.

    A query for each row would read the whole table of the related rows each time.
    """

    relation: str
    expression: Any  # in which the aggregates over the relation are of a join
    by_row: Any  # in which all of them are in queries of their own


def rewritten(expression: Any, model: type[Model]) -> Any:
    """The expression with each aggregate over related rows in a query of its own.

    A GroupedExpression where that would take too long. Raises ExpressionError for an aggregate
    that no query of its own gives the right value, and for a path that would multiply the rows.
    """
    moved = _Rewriter(model).moved(expression)
    is_of_model = _check_paths(moved, model)
    if isinstance(moved, RelatedAggregate) and not moved.has_output_field:
        raise ExpressionError(f"{expression!r} has values of different types; set output_field=")
    slow = {part.relation for part in _related(moved) if missing_index(part.relation, model)}
    # What else it reads must be there in a query of the model alone, for some of the rows only.
    if len(slow) == 1 and is_of_model and not has_window(moved):
        (relation,) = slow
        joined = _Rewriter(model, relation).moved(expression)
        return GroupedExpression(relation, joined, by_row=moved)
    return moved


def missing_indexes(expression: Any, model: type[Model]) -> dict[str, MissingIndex]:
    """By relation, the indexes that the aggregates of an expression lack."""
    moved = _Rewriter(model).moved(expression)
    missing = {
        part.relation: missing_index(part.relation, model) for part in _related(moved, nested=True)
    }
    return {relation: index for relation, index in missing.items() if index}


@dataclass(frozen=True)
class _Rewriter:
    """Puts aggregates into queries of their own, but for those over one relation."""

    model: type[Model]
    joined: str = ""

    def moved(self, node: Any) -> Any:
        if isinstance(node, Q):
            return self._condition(node)
        if isinstance(node, list | tuple):
            return type(node)(map(self.moved, node))
        if isinstance(node, F | Subquery) or not hasattr(node, "get_source_expressions"):
            return node
        moved = self._with_moved_parts(node)
        if not _is_aggregate(node):
            return moved
        relation = _check_aggregate(node, moved, self.model)
        if relation == self.joined:
            return moved
        try:
            return RelatedAggregate(moved, self.model, relation)
        except (FieldError, NotSupportedError, TypeError, ValueError) as error:
            raise ExpressionError(f"{node!r}: {str(error).rstrip('.')}") from error

    def _condition(self, condition: Q) -> Q:
        moved = copy(condition)
        moved.children = [
            (child[0], self.moved(child[1])) if isinstance(child, tuple) else self.moved(child)
            for child in condition.children
        ]
        return moved

    def _with_moved_parts(self, node: Any) -> Any:
        parts = node.get_source_expressions()
        if isinstance(node, Window):  # its aggregate is one of the report's own rows
            aggregate, *others = parts
            moved_parts = [self._with_moved_parts(aggregate), *map(self.moved, others)]
        else:
            moved_parts = [self.moved(part) for part in parts]
        default = getattr(node, "default", None) if _is_aggregate(node) else None
        moved_default = self.moved(default)
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


def _check_paths(moved: Any, model: type[Model]) -> bool:
    """Whether all paths are the model's own. Raises ExpressionError for one to many rows."""
    is_of_model = True
    for path in _paths(moved):
        try:
            relation = to_many_part(path, model)
        except FieldError:  # the name of an annotation, for all that is known here
            is_of_model = False
            continue
        if relation:
            raise ExpressionError(
                f"{path!r} follows {relation!r} to many rows, which would multiply the report's; "
                f'write an aggregate of it, such as Count("{path}") or Max("{path}")'
            )
    return is_of_model


def _check_aggregate(aggregate: Any, moved: Any, model: type[Model]) -> str:
    """The relation that is aggregated.

    Raises ExpressionError for an aggregate that no query of its own gives the right value.
    """
    # Beside its arguments it may read further paths: in filter=, order_by= and default=.
    arguments = getattr(moved, "source_expressions", moved)
    everything = [moved, getattr(moved, "default", None)]
    try:
        aggregated = {to_many_part(path, model) for path in _paths(arguments)}
        relations = {to_many_part(path, model) for path in _paths(everything)} - {""}
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
    return own


def _is_aggregate(node: Any) -> bool:
    return isinstance(node, Aggregate) or getattr(type(node), "contains_aggregate", None) is True


def _has_output_field(resolved: Any) -> bool:
    try:
        return resolved.output_field is not None
    except FieldError:
        return False


def has_window(node: Any) -> bool:
    """Whether an expression is computed over the rows that it is one of."""
    if isinstance(node, Subquery):
        return False
    return isinstance(node, Window) or any(map(has_window, _parts(node)))


def columns_read(node: Any) -> Iterator[Col]:
    """The columns of tables that a resolved expression reads, but for what it aggregates.

    Those of the queries in it are among them: their tables have other aliases.
    """
    if isinstance(node, Col):
        yield node
    elif not _is_aggregate(node):
        for part in _parts(node):
            yield from columns_read(part)


def _related(node: Any, *, nested: bool = False) -> Iterator[RelatedAggregate]:
    """The aggregates that were put into queries; with `nested` also those inside of others."""
    if isinstance(node, RelatedAggregate):
        yield node
        if not nested:
            return
    for part in _parts(node):
        yield from _related(part, nested=nested)


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
