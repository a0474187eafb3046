"""Texts made of what the driver of SQLite, MariaDB or MySQL gives: the short way to the same bytes.

On the long way Django makes Python's values of a driver's, one by one, and texts are made of those.
Here the texts of a column are made at once, a chunk at a time; what is unusual goes the long way.
"""

import re
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal as PyDecimal
from functools import partial
from importlib import import_module
from typing import Any, TypeVar

from django.conf import settings
from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Col
from django.utils.dateparse import parse_date, parse_datetime

from django_reports.definitions.columns import BoundColumn
from django_reports.definitions.kinds import Escape, Kind, Rendering
from django_reports.definitions.kinds.nested import Choice
from django_reports.definitions.kinds.values import (
    Boolean,
    Date,
    DateTime,
    Decimal,
    File,
    Integer,
    Text,
)
from django_reports.definitions.querysets import selects_what_was_asked
from django_reports.engine.row_getters import Computed
from django_reports.engine.rows import QuerySetSource, Source, changes_values
from django_reports.engine.timezones import day_in
from django_reports.engine.writers import Writer
from django_reports.engine.writers.guard import escape, escape_each, guard_of

# From the values of a column to their texts. Raises UNUSUAL for values that it is not made for.
Texts = Callable[[Sequence[Any]], Sequence[str]]
LongWay = Callable[[Any], str]  # for one value, whatever it is
UNUSUAL = (TypeError, ValueError, LookupError)
NONE = type(None)
T = TypeVar("T")
DIGITS_OF_FLOAT = 15  # that are certain
REMEMBERED = 10_000  # of one column's texts
MOMENTS = re.compile(r"(?:\d{4}-\d\d-\d\d[ T]\d\d:[0-5]\d:[0-5]\d(?:\.\d{6})?\n)*", re.ASCII)


@dataclass(frozen=True)
class Reader:
    """Reads rows as the driver gives them, and makes their texts.

    `by_python` are the columns of which it makes values first, as Django does.
    """

    source: QuerySetSource
    as_text: Container[Any]
    # For each column the number of its value and how texts are made of it; None: by Python.
    shown: Sequence[tuple[int, Texts] | None]
    by_python: Sequence[BoundColumn]
    computed: Computed

    def rows(self, limit: int | None = None) -> Iterator[Any]:
        return self.source.read_raw(self.as_text, limit)

    def write(self, writer: Writer, rows: Sequence[Any]) -> bytes:
        return writer.write_texts(self.texts(rows))

    def texts(self, rows: Sequence[Any]) -> list[Sequence[str]]:
        """For each column the texts of some of these rows."""
        values = list(zip(*rows, strict=True))
        computed = iter(self.computed.texts([values[at] for at in self.computed.given], len(rows)))
        return [next(computed) if its is None else its[1](values[its[0]]) for its in self.shown]


def reader(source: Source, columns: Sequence[BoundColumn], rendering: Rendering) -> Reader | None:
    """For the rows of a source; None where there is no short way."""
    if not isinstance(source, QuerySetSource) or source.foreign_part:
        return None
    if source.by_instances or source.grouped:
        return None
    connection = connections[source.alias]
    if connection.vendor not in ("sqlite", "mysql"):
        return None
    queryset, places = source.selection()
    compiler = queryset.query.get_compiler(using=source.alias)
    try:
        compiler.as_sql()
    except EmptyResultSet:
        return None
    expressions = [chosen[0] for chosen in compiler.select]
    # A union's columns are those of its parts; a composite value takes several places.
    if queryset.query.combinator or compiler.has_composite_fields(expressions):
        return None
    if not selects_what_was_asked(compiler, queryset):
        return None
    values = [
        Value(expression, connection, is_key=at < len(source.key))
        for at, expression in enumerate(expressions)
    ]
    shown: list[tuple[int, Texts] | None] = []
    for column in columns:
        place = None if column.compute or column.masked else places[column.sources[0]]
        if not isinstance(place, int):
            shown.append(None)
            continue
        make = values[place].texts_of(column, rendering)
        shown.append(make and (place, make))
    by_python = [column for column, its in zip(columns, shown, strict=True) if its is None]
    computed = Computed.of(by_python, rendering, guard_of, places, lambda at: values[at].load)
    as_text = [wish for wish, at in places.items() if isinstance(at, int) and values[at].is_text]
    return Reader(source, as_text, shown, by_python, computed)


@dataclass
class Value:
    """A value that is selected, and how it is read."""

    expression: Any
    connection: BaseDatabaseWrapper
    is_key: bool
    is_text: bool = field(default=False, init=False)  # the database is asked for its text

    def __post_init__(self) -> None:
        operations: Any = self.connection.ops
        self.field: Any = self.expression.output_field
        self.converters = [
            *operations.get_db_converters(self.expression),
            *self.expression.get_db_converters(self.connection),
        ]
        self._load_text = _loaders_of_text(self.connection.vendor).get(self.type)

    @property
    def type(self) -> str:
        return str(self.field.get_internal_type())

    def load(self, raw: Any) -> Any:
        """What Django makes of what the driver gives."""
        if self.is_text and self._load_text is not None and raw is not None:
            raw = self._load_text(raw)
        for convert in self.converters:
            raw = convert(raw, self.expression, self.connection)
        return raw

    def ask_for_text(self) -> bool:
        """Whether the database gives its text in place of it, from now on."""
        self.is_text = not self.is_key and self._load_text is not None
        return self.is_text

    def texts_of(self, column: BoundColumn, rendering: Rendering) -> Texts | None:
        """How the texts of a column are made that shows this value; None if of Django's value."""
        guard = guard_of(column)
        to_text = column.kind.to_text(rendering, guard)

        def long_way(raw: Any) -> str:
            value = self.load(raw)
            return "" if value is None else to_text(value)

        make = _SHORT_WAYS.get(type(column.kind))
        if make is None or changes_values(self.expression, self.connection):
            return None
        short_way = make(column.kind, self, rendering, guard, long_way)
        if short_way is None:
            return None

        def texts(values: Sequence[Any]) -> Sequence[str]:
            try:
                return short_way(values)
            except UNUSUAL:
                return [long_way(raw) for raw in values]

        return texts


def _loaders_of_text(vendor: str) -> Mapping[str, Callable[[str], Any]]:
    """From the text of a field's value to what the driver would have given."""
    if vendor == "sqlite":
        return {"DateField": parse_date, "DateTimeField": parse_datetime}  # as Django has it do
    times = import_module("MySQLdb.times")
    return {
        "DateField": times.Date_or_None,
        "DateTimeField": times.DateTime_or_None,
        "DecimalField": PyDecimal,
    }


class Remembered(dict[Any, T]):
    """What is made of things that come again and again."""

    def __init__(self, make: Callable[[Any], T]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, thing: Any) -> T:
        if len(self) >= REMEMBERED:
            self.clear()
        made = self[thing] = self._make(thing)
        return made

    def each(self, things: Sequence[Any]) -> list[T]:
        return list(map(self.__getitem__, things))


def _remembered(
    kind: Kind, value: Value, rendering: Rendering, guard: Escape, long_way: LongWay
) -> Texts:
    return Remembered(long_way).each


def _text(
    kind: Text | File, value: Value, rendering: Rendering, guard: Escape, long_way: LongWay
) -> Texts | None:
    if value.converters:  # of a field that keeps something else as a text
        return None

    def texts(values: Sequence[Any]) -> Sequence[str]:
        _check_types(values, str)
        texts = ["" if text is None else text for text in values] if None in values else values
        return escape_each(texts) if guard is escape else texts

    return texts


def _integer(
    kind: Integer, value: Value, rendering: Rendering, guard: Escape, long_way: LongWay
) -> Texts:
    def texts(values: Sequence[Any]) -> Sequence[str]:
        _check_types(values, int)
        return ["" if number is None else str(number) for number in values]

    return texts


def _date(
    kind: Date, value: Value, rendering: Rendering, guard: Escape, long_way: LongWay
) -> Texts | None:
    if value.type != "DateField" or not value.ask_for_text():
        return None
    return Remembered(long_way).each


def _decimal(
    kind: Decimal, value: Value, rendering: Rendering, guard: Escape, long_way: LongWay
) -> Texts | None:
    is_column = isinstance(value.expression, Col) and value.type == "DecimalField"
    if not is_column or not kind.places or value.field.decimal_places != kind.places:
        return None
    mark, places = rendering.decimal_mark, kind.places
    if value.connection.vendor == "sqlite":
        make = _of_floats(places, value.field.max_digits)
    elif value.ask_for_text():
        make = _with_places(places)
    else:
        return None

    def texts(values: Sequence[Any]) -> Sequence[str]:
        present = [number for number in values if number is not None]
        found = make(present)
        if mark != ".":
            found = [text.replace(".", mark) for text in found]
        return _with_none(found, values)

    return texts


def _of_floats(places: int, digits: int) -> Callable[[Sequence[Any]], list[str]]:
    """Decimals that are kept as floats: the text is certain if it reads as the same number."""
    limit = 10 ** (min(digits, DIGITS_OF_FLOAT) - places)
    write = f"%.{places}f".__mod__

    def texts(numbers: Sequence[Any]) -> list[str]:
        _check_types(numbers, int, float)
        found = list(map(write, numbers))
        is_exact = list(map(float, found)) == numbers
        if not is_exact or (numbers and max(map(abs, numbers)) >= limit):
            raise ValueError
        return found

    return texts


def _with_places(places: int) -> Callable[[Sequence[Any]], list[str]]:
    """Decimals that come as texts, with the places that the column has."""

    def texts(numbers: Sequence[Any]) -> list[str]:
        if {number[-places - 1] for number in numbers} - {"."}:
            raise ValueError
        return list(numbers)

    return texts


def _moment(
    kind: DateTime, value: Value, rendering: Rendering, guard: Escape, long_way: LongWay
) -> Texts | None:
    """The zone is asked once for each day, but for days on which its offset changes."""
    is_in_utc = settings.USE_TZ and value.connection.timezone_name == "UTC"
    if value.type != "DateTimeField" or not is_in_utc or not value.ask_for_text():
        return None
    days = Remembered(
        partial(day_in, rendering.time_zone, " " if rendering.is_spreadsheet else "T")
    )

    def text(raw: str) -> str:
        names, hours = days[raw[:10]]
        at, hour, offset = hours[raw[11:13]]
        fraction = "" if raw[19:] in ("", ".000000") else raw[19:]
        return f"{names[at]}{hour}{raw[13:19]}{fraction}{offset}"

    def texts(values: Sequence[Any]) -> Sequence[str]:
        present = [raw for raw in values if raw is not None]
        if not MOMENTS.fullmatch("\n".join([*present, ""])):
            raise ValueError
        if rendering.is_spreadsheet:
            found = [
                f"{names[at]}{hour}{raw[13:19]}"
                for raw in present
                for names, hours in (days[raw[:10]],)
                for at, hour, _offset in (hours[raw[11:13]],)
            ]
        else:
            found = [text(raw) for raw in present]
        return _with_none(found, values)

    return texts


def _with_none(texts: Sequence[str], values: Sequence[Any]) -> Sequence[str]:
    """The texts of those values that are not None, with empty ones in place of the others."""
    if len(texts) == len(values):
        return texts
    left = iter(texts)
    return ["" if value is None else next(left) for value in values]


def _check_types(values: Sequence[Any], *types: type) -> None:
    if not {*map(type, values)} <= {*types, NONE}:
        raise TypeError


_SHORT_WAYS: Mapping[type[Kind], Callable[[Any, Value, Rendering, Escape, LongWay], Texts | None]]
_SHORT_WAYS = {
    Boolean: _remembered,
    Choice: _remembered,
    Date: _date,
    DateTime: _moment,
    Decimal: _decimal,
    File: _text,
    Integer: _integer,
    Text: _text,
}
