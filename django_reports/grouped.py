"""Values of columns that one query computes for many rows, because no index finds those of one."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from django.db import connections
from django.db.models import Model, QuerySet

from django_reports.expressions import GroupedExpression
from django_reports.localization import Locale
from django_reports.localized_queries import compiled_in

ROWS = 10_000  # of one query: each reads the whole table of the related rows


def with_grouped_values(
    rows: Iterable[Any],
    expressions: Sequence[GroupedExpression],
    model: type[Model],
    alias: str,
    locale: Locale,
) -> Iterator[tuple[Any, ...]]:
    """The rows, each begun by its key, with the values of these expressions at their ends.

    The expressions are computed in a `locale`.
    """
    keys = [field.attname for field in model._meta.pk_fields]
    # One query for each relation: two that are joined would multiply each other.
    annotations: dict[str, dict[str, Any]] = defaultdict(dict)
    for at, grouped in enumerate(expressions):
        annotations[grouped.relation][f"report_value_{at}"] = grouped.expression
    with locale.active():
        queries = [
            compiled_in(QuerySet(model, using=alias).values(*keys).annotate(**computed), locale)
            for computed in annotations.values()
        ]
    left = iter(rows)
    while chunk := list(islice(left, _rows_at_once(alias, len(keys)))):
        wanted = [row[0] if len(keys) == 1 else tuple(row[: len(keys)]) for row in chunk]
        values: dict[Any, dict[str, Any]] = defaultdict(dict)
        for query in queries:
            for found in query.filter(pk__in=wanted).order_by():
                values[tuple(found[key] for key in keys)] |= found
        for row in chunk:
            # A row may be gone where the caller's transaction sees what others do.
            found = values[tuple(row[: len(keys)])]
            yield (*row, *(found.get(f"report_value_{at}") for at in range(len(expressions))))


def _rows_at_once(alias: str, key_length: int) -> int:
    most = connections[alias].features.max_query_params or ROWS
    return min(ROWS, most) // key_length
