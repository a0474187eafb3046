"""Whether a queryset that is built again asks for the same rows."""

import datetime as dt
from contextlib import suppress
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware

BESIDE = dt.timedelta(seconds=10)  # between a list and the same list built again

Compiled = tuple[str, tuple[Any, ...]]


def is_same(one: "QuerySet[Any]", other: "QuerySet[Any]") -> bool:
    """Whether two querysets ask the same SQL with the same parameters."""
    return is_same_sql(compiled(one), compiled(other))


def is_same_sql(one: Compiled | None, other: Compiled | None) -> bool:
    if one is None or other is None:
        return one is other
    return (
        one[0] == other[0]
        and len(one[1]) == len(other[1])
        and all(map(_is_same_value, one[1], other[1]))
    )


def compiled(queryset: "QuerySet[Any]") -> Compiled | None:
    """The SQL of a queryset and its parameters; None if it is known to have no rows."""
    try:
        sql, parameters = queryset.query.get_compiler(using=queryset.db).as_sql()
    except EmptyResultSet:
        return None
    return sql, tuple(parameters)


def _is_same_value(one: Any, other: Any) -> bool:
    """Whether two parameters are equal, or both were read from the clock, one after the other."""
    if repr(one) == repr(other):
        return True
    first, second = _moment(one), _moment(other)
    if first is None or second is None:
        return False
    return is_aware(first) == is_aware(second) and abs(first - second) < BESIDE


def _moment(value: Any) -> dt.datetime | None:
    """As a database's parameter it is a text on some of them."""
    if isinstance(value, str):
        with suppress(ValueError):
            return parse_datetime(value)
    return value if isinstance(value, dt.datetime) else None
