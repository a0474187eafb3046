"""Values of columns that one query computes for many rows, because no index finds those of one."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby, islice, repeat
from operator import attrgetter
from typing import Any

from django.db import connections
from django.db.models import Model, QuerySet

from django_reports.core.localization import Locale
from django_reports.definitions.expressions import GroupedExpression
from django_reports.engine.localized_queries import compiled_in

ROWS = 20_000  # of one query: each reads the whole table of the related rows


def with_grouped_values(
    rows: Iterable[Any],
    expressions: Sequence[GroupedExpression],
    model: type[Model],
    alias: str,
    locale: Locale,
) -> Iterator[tuple[Any, ...]]:
    """The rows, each begun by its key, with the values of these expressions at their ends.

    The expressions are in the order of their relations, and are computed in a `locale`.
    """
    keys = [field.attname for field in model._meta.pk_fields]
    # One query for each relation: two that are joined would multiply each other.
    groups = [list(group) for _relation, group in groupby(expressions, attrgetter("relation"))]
    with locale.active():
        queries = [_query(group, model, keys, alias, locale) for group in groups]
    # A row may be gone by now, where the caller's transaction sees what others do.
    nothing = [(None,) * len(group) for group in groups]
    left = iter(rows)
    while chunk := list(islice(left, _rows_at_once(alias, len(keys)))):
        wanted = [row[0] if len(keys) == 1 else tuple(row[: len(keys)]) for row in chunk]
        found = [
            {
                tuple(values[: len(keys)]): values[len(keys) :]
                for values in query.filter(pk__in=wanted)
            }
            for query in queries
        ]
        for row in chunk:
            key = tuple(row[: len(keys)])
            values = map(dict.get, found, repeat(key), nothing)
            yield (*row, *chain.from_iterable(values))


def _query(
    group: Sequence[GroupedExpression],
    model: type[Model],
    keys: Sequence[str],
    alias: str,
    locale: Locale,
) -> "QuerySet[Any]":
    computed = {f"report_value_{at}": grouped.expression for at, grouped in enumerate(group)}
    query: QuerySet[Any] = QuerySet(model, using=alias).order_by().values_list(*keys)
    return compiled_in(query.annotate(**computed), locale)


def _rows_at_once(alias: str, key_length: int) -> int:
    most = connections[alias].features.max_query_params or ROWS
    return min(ROWS, most) // key_length
