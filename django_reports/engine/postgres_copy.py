"""Rows as lines of CSV that PostgreSQL writes itself, by COPY: the fast way to the same bytes.

Each line begins with a mark that says whether it can be taken as it stands. Where the database
cannot make a column's text, it gives the values that Python makes it of, behind the others. And
what is not plain is looked at by Python, value by value.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from django_reports.definitions.columns import BoundColumn
from django_reports.definitions.kinds import Rendering, ToText
from django_reports.definitions.kinds.postgresql import TEXTS, SqlText, sql_text
from django_reports.definitions.querysets import selects_what_was_asked
from django_reports.engine.cursors import Spool
from django_reports.engine.row_getters import Computed, Places
from django_reports.engine.rows import QuerySetSource, Source, changes_values
from django_reports.engine.timezones import agree_on
from django_reports.engine.writers import Writer
from django_reports.engine.writers.guard import guard_of
from django_reports.engine.writers.lines import HOLE, LineFormat, Mark

# How PostgreSQL writes dates, intervals and floats; as it was again when the rows are read.
SESSION = {
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "jit": "off",
}
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

    def write(self, writer: Writer, lines: Sequence[bytes]) -> bytes:
        return writer.write_lines(lines, self.finish)

    def __iter__(self) -> Iterator[bytes]:
        """One COPY. If code of the report makes a query meanwhile, the rest is read before it."""
        connection = connections[self.alias]
        left: list[Spool[bytes]] = []
        # A savepoint that is rolled back leaves no trace of the settings.
        with transaction.atomic(using=self.alias):
            try:
                with connection.cursor() as cursor:
                    settings = ", ".join(["set_config(%s, %s, true)"] * len(SESSION))
                    cursor.execute(f"SELECT {settings}", [*chain(*SESSION.items())])
                with (
                    connection.wrap_database_errors,
                    connection.cursor() as cursor,
                    ExitStack() as copying,  # holds the connection's lock
                ):
                    copy = copying.enter_context(
                        cursor.cursor.copy(*_as_given(self.statement, self.parameters))
                    )

                    def read_first(execute: Callable[..., Any], *arguments: Any) -> Any:
                        if not left:
                            left.append(Spool(map(bytes, copy)))
                            copying.close()
                        return execute(*arguments)

                    # Not by `execute_wrapper`, which takes the last one away again: whoever reads
                    # these lines may have wrappers that come and go between two of them.
                    connection.execute_wrappers.insert(0, read_first)
                    copying.callback(connection.execute_wrappers.remove, read_first)
                    while not left and (line := copy.read()):
                        yield bytes(line)
                    for spool in left:
                        yield from spool
            finally:
                for spool in left:
                    spool.close()
                if not connection.closed_in_transaction:
                    transaction.set_rollback(True, using=self.alias)


@dataclass(frozen=True)
class Finisher:
    """Makes the texts that the database left to Python."""

    looks: Sequence[ToText]  # for each column: what is made of a text that is not plain
    holes: Sequence[int]
    computed: Computed

    @property
    def given(self) -> int:
        return len(self.computed.given)

    def computed_texts(self, given: Sequence[Sequence[str | None]]) -> list[list[str]]:
        return self.computed.texts(list(zip(*given, strict=True)), len(given))

    def examined(self, texts: Sequence[str]) -> list[str]:
        return [text and look(text) for look, text in zip(self.looks, texts, strict=True)]


def lines(
    source: Source,
    columns: Sequence[BoundColumn],
    rendering: Rendering,
    line_format: LineFormat | None,
    limit: int | None = None,
) -> Lines:
    """The lines of a source, at most `limit`, in a transaction of its database.

    Raises CannotCopy.
    """
    if line_format is None:
        raise CannotCopy("the format is not made of lines that a database writes")
    if not isinstance(source, QuerySetSource):
        raise CannotCopy("the rows come from Python")
    if column := source.by_instances:
        raise CannotCopy(f"the column {column.key} is computed of each of them", column)
    if source.foreign_part:
        raise CannotCopy(f"its rows are read by {source.foreign_part}")
    if source.grouped:
        raise CannotCopy("an aggregate without an index is computed for many rows at once")
    _check_connection(connections[source.alias])
    if len(columns) == 1:  # an empty line and a line with an empty value look alike
        raise CannotCopy("there is one column only")
    selected = _select(source, limit)
    texts: list[Field | None] = []
    reasons: list[CannotCopy] = []
    for column in columns:
        try:
            texts.append(selected.field(column, rendering))
        except CannotCopy as reason:
            texts.append(None)
            reasons.append(reason)
    holes = [at for at, text in enumerate(texts) if text is None]
    computed = Computed.of(
        [columns[at] for at in holes], rendering, guard_of, selected.places, selected.loader
    )
    return Lines(
        alias=source.alias,
        statement=_statement(texts, computed.given, selected.table, line_format),
        parameters=selected.parameters,
        finish=Finisher(
            looks=[str if text is None else text.sql.finish for text in texts],
            holes=holes,
            computed=computed,
        ),
        slowed_by=reasons,
    )


class Field(NamedTuple):
    """A column that the database writes: how, and of which expression."""

    sql: SqlText
    value: str


@dataclass(frozen=True)
class Selected:
    """A query, and what is known of the values that it gives."""

    table: str  # what stands behind FROM; its columns are t.c0, t.c1 ...
    parameters: tuple[Any, ...]
    places: Places  # of each source of a column among them
    types: Sequence[int]  # oids
    expressions: Sequence[Any]
    converters: Any
    connection: BaseDatabaseWrapper
    cursor: Any

    def field(self, column: BoundColumn, rendering: Rendering) -> Field:
        """How the database writes a column. Raises CannotCopy."""
        at = None if column.compute or column.show else self.places[column.sources[0]]
        if not isinstance(at, int):
            raise CannotCopy("its values are made by Python", column)
        if column.masked:  # and nothing is shown instead
            return Field(NOTHING, "")
        if changes_values(self.expressions[at], self.connection):
            raise CannotCopy("its field converts what it reads", column)
        text = sql_text(column.kind, rendering, guard_of(column))
        if text is None or self.types[at] not in text.types:
            raise CannotCopy("its kind of value is written by Python", column)
        if text.has_zone and not agree_on(self.connection.alias, rendering.time_zone):
            raise CannotCopy("Python and the database differ in their time zones", column)
        return Field(text, f"t.c{at}")

    def loader(self, at: int) -> Callable[[str | None], Any]:
        """From a given value's text, in which quotes are doubled, to what Django reads."""
        from psycopg.adapt import Transformer  # noqa: PLC0415 - there with this database only
        from psycopg.pq import Format  # noqa: PLC0415

        load = Transformer(self.cursor).get_loader(self.types[at], Format.TEXT).load
        converters, expression = self.converters.get(at, ((), None))
        if self.types[at] in TEXTS and not converters:
            return lambda text: text and text.replace('""', '"')
        connection = self.connection

        def read(text: str | None) -> Any:
            value = None if text is None else load(text.replace('""', '"').encode())
            for convert in converters:
                value = convert(value, expression, connection)
            return value

        return read


def _select(source: QuerySetSource, limit: int | None) -> Selected:
    """The query of a source, of which the database tells the types. Raises CannotCopy."""
    queryset, places = source.selection()
    compiler = queryset[:limit].query.get_compiler(using=source.alias)
    try:
        query, parameters = compiler.as_sql()
    except EmptyResultSet:
        raise CannotCopy("there are certainly no rows") from None
    if not selects_what_was_asked(compiler, queryset):
        raise CannotCopy("its query selects other columns than those asked for")
    expressions = [chosen[0] for chosen in compiler.select]
    names = ", ".join(f"c{at}" for at in range(len(expressions)))
    table = f"({query}) t({names})"  # not pulled up, since it is ordered: each value is made once
    connection = connections[source.alias]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} LIMIT 0", parameters)  # noqa: S608 - Django's own
        return Selected(
            table=table,
            parameters=tuple(parameters),
            places=places,
            types=[column.type_code for column in cursor.description],
            expressions=expressions,
            converters=compiler.get_converters(expressions),
            connection=connection,
            cursor=cursor.cursor,
        )


def _statement(
    fields: Sequence[Field | None], given: Sequence[int], table: str, line_format: LineFormat
) -> str:
    conditions = [f"({sql.is_plain(value)})" for sql, value in filter(None, fields) if sql.is_plain]
    is_plain = " AND ".join(f"{condition} IS NOT FALSE" for condition in conditions)
    mark = f"CASE WHEN {is_plain} THEN {Mark.PLAIN} END" if conditions else str(Mark.PLAIN)
    quotes_all = line_format.quotes_all
    texts = [
        f"E'\\x{ord(HOLE):x}'" if field is None else _text(field, quotes_all) for field in fields
    ]
    values = [f"t.c{at} AS g{at}" for at in given]
    selected = ", ".join([mark, *values, *(f"{text} AS f{at}" for at, text in enumerate(texts))])
    options = f"FORMAT csv, DELIMITER '{line_format.delimiter}'"
    quoted = [f"g{at}" for at in given]
    if quotes_all:
        quoted += [f"f{at}" for at, field in enumerate(fields) if field is not None]
    if quoted:
        options += f", FORCE_QUOTE ({', '.join(quoted)})"
    return f"COPY (SELECT {selected} FROM {table}) TO STDOUT WITH ({options})"  # noqa: S608


def _text(field: Field, quotes_all: bool) -> str:
    """Python writes an empty text like NULL: with quotes where all has them, else without."""
    text = field.sql.text(field.value)
    if quotes_all:
        return f"COALESCE(({text})::text, '')"
    return f"NULLIF(({text}), '')" if field.sql.is_text else text


def _as_given(statement: str, parameters: tuple[Any, ...]) -> tuple[str, tuple[Any, ...] | None]:
    """What psycopg's `copy` takes: without parameters it reads no `%%`, as `execute` does."""
    return (statement, parameters) if parameters else (statement.replace("%%", "%"), None)


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
