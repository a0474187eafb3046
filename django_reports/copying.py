"""Rows as lines of CSV that PostgreSQL writes itself, by COPY: the fast way to the same bytes.

Each line begins with a mark that says whether it can be taken as it stands. Where the database
cannot make a column's text, it gives the values that Python makes it of, behind the others. And
what is not plain is looked at by Python, value by value.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.core.exceptions import EmptyResultSet
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import BaseExpression

from django_reports.columns import BoundColumn
from django_reports.kinds import Escape, Rendering, ToText, unescaped
from django_reports.kinds.postgresql import (
    FIRST_MOMENT,
    LAST_MOMENT,
    TEXTS,
    SqlText,
    sql_text,
)
from django_reports.sources import QuerySetSource, Source, Spool, picker
from django_reports.writers import LineFormat, Mark, escape

# How PostgreSQL writes dates, intervals and floats; as it was again when the rows are read.
SESSION = {
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "jit": "off",
}
WEEK = dt.timedelta(weeks=1)
GIVEN = "="  # stands before a value that Python loads, so that an empty one is told from none
NOTHING = SqlText(frozenset(), lambda value: "NULL", is_text=False)


class CannotCopy(Exception):
    """Why rows have to go through Python, in words; `column` is the one that wants it, if any."""

    def __init__(self, reason: str, column: BoundColumn | None = None) -> None:
        super().__init__(reason)
        self.column = column


@dataclass(frozen=True)
class Lines:
    """The lines of one table; iterate for their bytes, each with its mark and a line feed.

    `finish` makes the texts of a line that is not whole. `slowed_by` names the columns that Python
    writes.
    """

    alias: str
    statement: str
    parameters: tuple[Any, ...]
    finish: "Finisher"
    slowed_by: Sequence[CannotCopy]

    def __iter__(self) -> Iterator[bytes]:
        """One COPY. If code of the report makes a query meanwhile, the rest is read before it."""
        connection = connections[self.alias]
        left: list[Spool[bytes]] = []
        # A savepoint that is rolled back leaves no trace of the settings.
        with transaction.atomic(using=self.alias):
            try:
                with connection.cursor() as cursor:
                    for name, value in SESSION.items():
                        cursor.execute("SELECT set_config(%s, %s, true)", [name, value])
                with (
                    connection.wrap_database_errors,
                    connection.cursor() as cursor,
                    ExitStack() as copying,  # holds the connection's lock
                ):
                    copy = copying.enter_context(
                        cursor.cursor.copy(self.statement, self.parameters)
                    )

                    def read_first(execute: Callable[..., Any], *arguments: Any) -> Any:
                        if not left:
                            left.append(Spool(map(bytes, copy)))
                            copying.close()
                        return execute(*arguments)

                    with connection.execute_wrapper(read_first):
                        while not left and (line := copy.read()):
                            yield line
                        for spool in left:
                            yield from spool
            finally:
                for spool in left:
                    spool.close()
                if not connection.closed_in_transaction:
                    transaction.set_rollback(True, using=self.alias)


class Made(NamedTuple):
    """A column that Python writes: its place, and how."""

    at: int
    to_text: ToText


@dataclass(frozen=True)
class Finisher:
    """Makes the texts of lines, of the database's own and of the values that follow them.

    `texts` says of each column what is made of a text that is not plain.
    """

    texts: Sequence[ToText]
    made: Sequence[Made]
    load: Sequence[Callable[[str], Any]]
    pick: Callable[[Any], Any]  # from the loaded values to those of `made`

    def __call__(self, rows: list[list[str]]) -> list[list[str]]:
        end = 1 + len(self.texts)
        finished = [
            row[1:end]
            if row[0] == Mark.PLAIN
            else [value and text(value) for text, value in zip(self.texts, row[1:end], strict=True)]
            for row in rows
        ]
        if self.made:
            given = zip(*[row[end:] for row in rows], strict=True)
            raw = [list(map(load, texts)) for load, texts in zip(self.load, given, strict=False)]
            loaded = zip(*raw, strict=True) if raw else [()] * len(rows)
            picked = zip(*map(self.pick, loaded), strict=True)
            for (at, to_text), values in zip(self.made, picked, strict=False):
                for row, value in zip(finished, values, strict=True):
                    row[at] = "" if value is None else to_text(value)
        return finished


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
    names = ", ".join(f"c{at}" for at in range(len(compiler.select)))
    inner = f"({query}) t({names})"  # not pulled up, since it is ordered: each value is made once
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {inner} LIMIT 0", parameters)  # noqa: S608 - Django's own
        selected = Selected(
            types=[column.type_code for column in cursor.description],
            converters=compiler.get_converters([chosen[0] for chosen in compiler.select]),
            connection=connection,
            cursor=cursor.cursor,
        )
    found: list[tuple[SqlText, str]] = []
    made: list[Made] = []
    by_python: list[BoundColumn] = []
    reasons: list[CannotCopy] = []
    for number, column in enumerate(columns):
        guard = escape if column.escape_formulas else unescaped
        try:
            at = _place_of_value(column, positions)
            found.append((_sql_text(column, at, selected, rendering, guard), f"t.c{at}"))
        except CannotCopy as reason:
            found.append((NOTHING, ""))
            reasons.append(reason)
            by_python.append(column)
            made.append(Made(number, column.kind.to_text(rendering, guard)))
    wanted = [source for column in by_python for source in column.sources]
    loaded: list[int] = []
    places: dict[Any, int | slice] = {}
    for wish in wanted:
        place, begin = positions[wish], len(loaded)
        if isinstance(place, int):
            places[wish] = begin
            loaded.append(place)
        else:
            loaded += range(place.start, place.stop)
            places[wish] = slice(begin, len(loaded))
    return Lines(
        alias=source.alias,
        statement=_statement(found, loaded, inner, line_format),
        parameters=tuple(parameters),
        finish=Finisher(
            texts=[text.finish for text, _value in found],
            made=made,
            load=[selected.loader(at) for at in loaded],
            pick=picker(by_python, places) if by_python else tuple,
        ),
        slowed_by=reasons,
    )


def _place_of_value(column: BoundColumn, positions: Mapping[Any, int | slice]) -> int:
    """Where among the selected values a column's own stands. Raises CannotCopy."""
    at = None if column.compute or column.show else positions[column.sources[0]]
    if not isinstance(at, int):
        raise CannotCopy("its values are made by Python", column)
    return at


def _sql_text(
    column: BoundColumn, at: int, selected: "Selected", rendering: Rendering, guard: Escape
) -> SqlText:
    """How the database writes a column. Raises CannotCopy."""
    if column.masked:  # and nothing is shown instead
        return NOTHING
    if _converts(*selected.converters.get(at, ((), None))):
        raise CannotCopy("its field converts what it reads", column)
    text = sql_text(column.kind, rendering, guard)
    if text is None or selected.types[at] not in text.types:
        raise CannotCopy("its kind of value is written by Python", column)
    if text.has_zone and not _agree_on(selected.connection.alias, rendering.time_zone):
        raise CannotCopy("Python and the database differ in their time zones", column)
    return text


@dataclass(frozen=True)
class Selected:
    """What is known of the values that a query gives."""

    types: Sequence[int]  # oids
    converters: Any
    connection: BaseDatabaseWrapper
    cursor: Any

    def loader(self, at: int) -> Callable[[str], Any]:
        """From a value's text, which stands behind GIVEN, to what Django reads."""
        from psycopg.adapt import Transformer  # noqa: PLC0415 - there with this database only
        from psycopg.pq import Format  # noqa: PLC0415

        load = Transformer(self.cursor).get_loader(self.types[at], Format.TEXT).load
        converters, expression = self.converters.get(at, ((), None))
        if self.types[at] in TEXTS and not converters:
            return lambda text: text[1:] if text else None
        connection = self.connection

        def read(text: str) -> Any:
            value = load(text[1:].encode()) if text else None
            for convert in converters:
                value = convert(value, expression, connection)
            return value

        return read


def _statement(
    found: Sequence[tuple[SqlText, str]],
    loaded: Sequence[int],
    inner: str,
    line_format: LineFormat,
) -> str:
    conditions = [f"({text.is_plain(value)})" for text, value in found if text.is_plain]
    is_plain = " AND ".join(f"{condition} IS NOT FALSE" for condition in conditions)
    plain = Mark.PLAIN if loaded else Mark.WHOLE
    mark = f"CASE WHEN {is_plain} THEN {plain} END" if conditions else str(plain)
    quotes_all = line_format.quotes_all
    texts = [_field(text, text.text(value), quotes_all) for text, value in found]
    texts += [f"CASE WHEN t.c{at} IS NOT NULL THEN concat('{GIVEN}', t.c{at}) END" for at in loaded]
    names = ", ".join(f"f{at}" for at in range(len(texts)))
    selected = ", ".join(f"{text} AS f{at}" for at, text in enumerate(texts))
    options = f"FORMAT csv, DELIMITER '{line_format.delimiter}'"
    if quotes_all:
        options += f", FORCE_QUOTE ({names})"
    return f"COPY (SELECT {mark}, {selected} FROM {inner}) TO STDOUT WITH ({options})"  # noqa: S608


def _field(text: SqlText, expression: str, quotes_all: bool) -> str:
    """Python writes an empty text like NULL: with quotes where all has them, else without."""
    if quotes_all:
        return f"COALESCE(({expression})::text, '')"
    return f"NULLIF(({expression}), '')" if text.is_text else expression


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
    if zone.key == "UTC":
        return True
    moments = []
    moment, before = FIRST_MOMENT, _offset(FIRST_MOMENT, zone)
    while moment < LAST_MOMENT + WEEK:
        moments.append(moment)
        later = moment + WEEK
        after = _offset(later, zone)
        if before != after:
            change = _first_after_change(moment, later, zone)
            moments += [change - dt.timedelta(seconds=1), change]
        moment, before = later, after
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT array_agg(extract(epoch FROM"
            " (m AT TIME ZONE %s) - (m AT TIME ZONE 'UTC'))::int ORDER BY at)"
            " FROM (SELECT to_timestamp(second), at"
            " FROM unnest(%s::bigint[]) WITH ORDINALITY AS seconds(second, at)) moments(m, at)",
            [zone.key, [int(moment.timestamp()) for moment in moments]],
        )
        (offsets,) = cursor.fetchone()
    return bool(offsets == [_offset(moment, zone).total_seconds() for moment in moments])


def _offset(moment: dt.datetime, zone: ZoneInfo) -> dt.timedelta:
    return moment.astimezone(zone).utcoffset() or dt.timedelta()


def _first_after_change(before: dt.datetime, after: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    old = _offset(before, zone)
    while after - before > dt.timedelta(seconds=1):
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        before, after = (middle, after) if _offset(middle, zone) == old else (before, middle)
    return after
