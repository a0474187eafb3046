"""Rows as lines of CSV that PostgreSQL writes itself, by COPY: the fast way to the same bytes.

Taken where the database can make every column's text. Each line begins with a mark that says
whether all of it is plain; what is not is looked at by Python, value by value.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import EmptyResultSet
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import BaseExpression

from django_reports.columns import BoundColumn
from django_reports.kinds import Rendering, ToText, unescaped
from django_reports.kinds.postgresql import FIRST_MOMENT, LAST_MOMENT, SqlText, sql_text
from django_reports.sources import QuerySetSource, Source
from django_reports.writers import LineFormat, escape

# How PostgreSQL writes dates, intervals and floats; as it was again when the rows are read.
SESSION = {
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "jit": "off",
}
WEEK = dt.timedelta(weeks=1)


class CannotCopy(Exception):
    """Why rows have to go through Python, in words; `column` is the one that wants it, if any."""

    def __init__(self, reason: str, column: BoundColumn | None = None) -> None:
        super().__init__(reason)
        self.column = column


@dataclass(frozen=True)
class Lines:
    """The lines of one table; iterate for their bytes, each with its mark and a line feed.

    `finish` makes the texts of a line that is not plain.
    """

    alias: str
    statement: str
    parameters: tuple[Any, ...]
    texts: Sequence[ToText]

    def __iter__(self) -> Iterator[bytes]:
        """One COPY: no other query can be made on the connection meanwhile."""
        connection = connections[self.alias]
        # A savepoint that is rolled back leaves no trace of the settings.
        with transaction.atomic(using=self.alias):
            try:
                with connection.cursor() as cursor:
                    for name, value in SESSION.items():
                        cursor.execute("SELECT set_config(%s, %s, true)", [name, value])
                with (
                    connection.wrap_database_errors,
                    connection.cursor() as cursor,
                    cursor.cursor.copy(self.statement, self.parameters) as copy,
                ):
                    yield from copy
            finally:
                if not connection.closed_in_transaction:
                    transaction.set_rollback(True, using=self.alias)

    def finish(self, values: Sequence[str]) -> list[str]:
        return [value and text(value) for text, value in zip(self.texts, values, strict=True)]


def lines(
    source: Source,
    columns: Sequence[BoundColumn],
    rendering: Rendering,
    line_format: LineFormat | None,
) -> Lines:
    """The lines of a source, in a transaction of its database. Raises CannotCopy."""
    if line_format is None:
        raise CannotCopy("the format is not made of lines that a database writes")
    if not isinstance(source, QuerySetSource):
        raise CannotCopy("the rows come from Python")
    connection = connections[source.alias]
    _check_connection(connection)
    if len(columns) == 1:  # an empty line and a line with an empty value look alike
        raise CannotCopy("there is one column only")
    queryset, positions = source.selection()
    compiler = queryset.query.get_compiler(using=source.alias)
    try:
        query, parameters = compiler.as_sql()
    except EmptyResultSet:
        raise CannotCopy("there are certainly no rows") from None
    converters = compiler.get_converters([selected[0] for selected in compiler.select])
    names = ", ".join(f"c{at}" for at in range(len(compiler.select)))
    inner = f"({query}) t({names})"  # not pulled up, since it is ordered: each value is made once
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {inner} LIMIT 0", parameters)  # noqa: S608 - Django's own
        types = [column.type_code for column in cursor.description]
    found: list[tuple[SqlText, str]] = []
    for column in columns:
        at = None if column.compute or column.masked else positions[column.sources[0]]
        if not isinstance(at, int):
            raise CannotCopy("its values are made by Python", column)
        if _converts(*converters.get(at, ((), None))):
            raise CannotCopy("its field converts what it reads", column)
        text = sql_text(column.kind, rendering, escape if column.escape_formulas else unescaped)
        if text is None or types[at] not in text.types:
            raise CannotCopy("its kind of value is written by Python", column)
        if text.has_zone and not _agree_on(source.alias, rendering.time_zone):
            raise CannotCopy("Python and the database differ in their time zones", column)
        found.append((text, f"t.c{at}"))
    return Lines(
        alias=source.alias,
        statement=_statement(found, inner, line_format),
        parameters=tuple(parameters),
        texts=[text.finish for text, _value in found],
    )


def _statement(found: Sequence[tuple[SqlText, str]], inner: str, line_format: LineFormat) -> str:
    conditions = [
        f"({text.is_plain(value)}) IS NOT FALSE" for text, value in found if text.is_plain
    ]
    is_plain = " AND ".join(f"({condition}) IS NOT FALSE" for condition in conditions)
    mark = f"CASE WHEN {is_plain} THEN 1 END" if conditions else "1"
    # Python writes an empty text like NULL: with quotes where all has them, else without.
    empty = "COALESCE({}, '')" if line_format.quotes_all else "NULLIF({}, '')"
    texts = [empty.format(f"({text.text(value)})") for text, value in found]
    names = ", ".join(f"f{at}" for at in range(len(texts)))
    selected = ", ".join(f"{text} AS f{at}" for at, text in enumerate(texts))
    options = f"FORMAT csv, DELIMITER '{line_format.delimiter}'"
    if line_format.quotes_all:
        options += f", FORCE_QUOTE ({names})"
    return f"COPY (SELECT {mark}, {selected} FROM {inner}) TO STDOUT WITH ({options})"  # noqa: S608


def _check_connection(connection: BaseDatabaseWrapper) -> None:
    if connection.vendor != "postgresql":
        raise CannotCopy("the database is not PostgreSQL")
    connection.ensure_connection()
    raw: Any = connection.connection
    if not hasattr(raw, "pgconn"):
        raise CannotCopy("the database is not spoken to by psycopg 3")
    if not connection.in_atomic_block:
        raise CannotCopy("there is no transaction")
    encodings = {raw.info.parameter_status(f"{side}_encoding") for side in ("server", "client")}
    if encodings != {"UTF8"}:
        raise CannotCopy("the database does not speak UTF-8")


def _converts(converters: Iterable[Any], expression: Any) -> bool:
    """Whether values become others when they are read; Django's own only make sure of a type."""
    return any(
        type(expression).convert_value is not BaseExpression.convert_value
        or converter is not expression.convert_value
        for converter in converters
    )


@lru_cache
def _agree_on(alias: str, zone: ZoneInfo) -> bool:
    """Whether the database and Python know the same offsets of a time zone.

    Compared week by week, and around every change that Python knows.
    """
    moments = []
    moment = FIRST_MOMENT
    while moment < LAST_MOMENT + WEEK:
        moments.append(moment)
        after = moment + WEEK
        if _offset(moment, zone) != _offset(after, zone):
            change = _first_after_change(moment, after, zone)
            moments += [change - dt.timedelta(seconds=1), change]
        moment = after
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM (m AT TIME ZONE %s) - (m AT TIME ZONE 'UTC'))::int"
            " FROM unnest(%s::timestamptz[]) WITH ORDINALITY AS moments(m, at) ORDER BY at",
            [zone.key, moments],
        )
        offsets = [offset for (offset,) in cursor.fetchall()]
    return offsets == [_offset(moment, zone).total_seconds() for moment in moments]


def _offset(moment: dt.datetime, zone: ZoneInfo) -> dt.timedelta:
    return moment.astimezone(zone).utcoffset() or dt.timedelta()


def _first_after_change(before: dt.datetime, after: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    old = _offset(before, zone)
    while after - before > dt.timedelta(seconds=1):
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        before, after = (middle, after) if _offset(middle, zone) == old else (before, middle)
    return after
