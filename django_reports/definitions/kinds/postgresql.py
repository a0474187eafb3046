"""How PostgreSQL writes the text that a kind's `to_text` makes, where it certainly can.

It never decides what a spreadsheet might run: it tells a text that certainly is harmless from one
that Python has to look at.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from django.conf import settings
from django.db import DataError

from django_reports.definitions.kinds.base import Escape, Kind, Rendering, ToText, unescaped
from django_reports.definitions.kinds.nested import Choice
from django_reports.definitions.kinds.values import (
    Boolean,
    Date,
    DateTime,
    Decimal,
    File,
    Float,
    Integer,
    Text,
    Time,
    Uuid,
)

Sql = Callable[[str], str]  # from an expression to one

# The types of values, as PostgreSQL numbers them.
BOOL, DATE, TIME, TIMESTAMPTZ, NUMERIC, FLOAT8, UUID = 16, 1082, 1083, 1184, 1700, 701, 2950
INTEGERS = frozenset({20, 21, 23})
TEXTS = frozenset({25, 1043})

# First characters that no spreadsheet skips or takes for a formula: ASCII's digits and letters;
# Latin, Greek, Cyrillic, Hebrew and Arabic ones; kana, Chinese characters, Hangul.
HARMLESS = (
    (0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A), (0xC0, 0x24F), (0x391, 0x3C9), (0x400, 0x45F),
    (0x5D0, 0x5EA), (0x620, 0x64A), (0x3041, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3),
)  # fmt: skip
# PostgreSQL looks a number up among many constants at once; ranges it compares one by one.
_MANY = [(least, most) for least, most in HARMLESS if most - least > 1000]
_FEW = "'{{{}}}'::int[]".format(
    ",".join(
        str(code)
        for least, most in ((0, 0), *HARMLESS)
        if (least, most) not in _MANY
        for code in range(least, most + 1)
    )
)

# Within these a zone's offsets are compared before PostgreSQL is asked for a local time; before
# them, offsets have seconds.
FIRST_MOMENT = dt.datetime(1980, 1, 1, tzinfo=dt.UTC)
LAST_MOMENT = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
IN_UTC = "U"  # begins a moment that Python has to bring into its zone


@dataclass(frozen=True)
class SqlText:
    """A kind's text as an expression over a value of one of `types` (oids).

    `is_plain` is a condition under which the expression gives just what Python would write; it may
    be NULL where the value is. Where it is false, `finish` makes the text of what the expression
    gave; where it is true, that changes nothing. `is_text` is false where the expression gives a
    value of another type, whose text by PostgreSQL itself is meant, and which is never empty.
    """

    types: frozenset[int]
    text: Sql
    is_plain: Sql | None = None
    finish: ToText = str
    has_zone: bool = False
    is_text: bool = True


def sql_text(kind: Kind, rendering: Rendering, escape: Escape) -> SqlText | None:
    """None for a kind whose text only Python can make; a project's own kinds are such."""
    make = _BY_KIND.get(type(kind))
    return None if make is None else make(kind, rendering, escape)


def _as_it_stands(types: frozenset[int]) -> Callable[..., SqlText]:
    return lambda kind, rendering, escape: SqlText(types, lambda value: value, is_text=False)


def _text(kind: Kind, rendering: Rendering, escape: Escape) -> SqlText:
    is_plain = None if escape is unescaped else _begins_harmless
    return SqlText(TEXTS, lambda value: value, is_plain, escape)


def _begins_harmless(text: str) -> str:
    first = f"ascii({text})"  # the code point; 0 of an empty text
    return f"{first} = ANY ({_FEW}) OR " + " OR ".join(
        f"{first} BETWEEN {least} AND {most}" for least, most in _MANY
    )


def _choice(kind: Choice, rendering: Rendering, escape: Escape) -> SqlText | None:
    base = sql_text(kind.base, rendering, escape)
    if base is None or not rendering.is_spreadsheet or not kind.labels:
        return base
    key = {Text: str, Integer: int}.get(type(kind.base))
    if key is None or any(type(value) is not key for value, _label in kind.labels):
        return None
    labels = {value: str(label) for value, label in kind.labels}
    live = [value for value, label in labels.items() if escape(label) != label]
    tame = [value for value in labels if value not in live]

    def text(value: str) -> str:
        whens = " ".join(f"WHEN {_literal(k)} THEN {_literal(v)}" for k, v in labels.items())
        return f"CASE {exact(value)} {whens} ELSE ({base.text(value)})::text END"

    def is_plain(value: str) -> str:
        is_tame = base.is_plain(value) if base.is_plain else "true"
        if tame:
            is_tame = f"{_is_in(exact(value), tame)} OR {is_tame}"
        return f"NOT {_is_in(exact(value), live)} AND ({is_tame})" if live else is_tame

    def exact(value: str) -> str:
        return f'({value} COLLATE "C")' if key is str else value

    return SqlText(base.types, text, is_plain, escape)


def _is_in(value: str, keys: Iterable[str | int]) -> str:
    return f"{value} IN ({', '.join(map(_literal, keys))})"


def _literal(value: str | int) -> str:
    """A constant in a statement that psycopg reads for its parameters."""
    quoted: str = import_module("psycopg.sql").quote(value)
    return quoted.replace("%", "%%")


def _boolean(kind: Boolean, rendering: Rendering, escape: Escape) -> SqlText:
    to_text = kind.to_text(rendering, escape)
    yes, no = _literal(to_text(True)), _literal(to_text(False))  # escaped already, if need be
    cases = f"WHEN true THEN {yes} WHEN false THEN {no}"
    return SqlText(frozenset({BOOL}), lambda value: f"CASE {value} {cases} END")


def _decimal(kind: Decimal, rendering: Rendering, escape: Escape) -> SqlText:
    places = kind.places

    def text(value: str) -> str:
        if places:
            padded = f"round({value}, {places})"
            value = f"CASE WHEN scale({value}) < {places} THEN {padded} ELSE {value} END"
        return value if is_plain else _localised(f"({value})::text", rendering)

    is_plain = rendering.decimal_mark == "."
    return SqlText(frozenset({NUMERIC}), text, is_text=not is_plain)


def _localised(text: str, rendering: Rendering) -> str:
    mark = rendering.decimal_mark
    return text if mark == "." else f"replace({text}, '.', {_literal(mark)})"


def _float(kind: Float, rendering: Rendering, escape: Escape) -> SqlText:
    """Both write the fewest digits that tell a float from others. Python has a ".0", too."""
    mark, to_text = rendering.decimal_mark, kind.to_text(rendering, escape)

    def text(value: str) -> str:
        end = f"CASE WHEN {is_plain(value)} AND {value} = trunc({value}) THEN '.0' ELSE '' END"
        return _localised(f"({value}::text || {end})", rendering)

    def is_plain(value: str) -> str:
        return f"({value} = 0 OR abs({value}) >= 1e-4 AND abs({value}) < 1e15)"

    def finish(text: str) -> str:
        return to_text(float(text.replace(mark, ".")))

    return SqlText(frozenset({FLOAT8}), text, is_plain, finish)


def _date(kind: Date, rendering: Rendering, escape: Escape) -> SqlText:
    return SqlText(
        frozenset({DATE}),
        lambda value: value,
        lambda value: f"{value} BETWEEN DATE '0001-01-01' AND DATE '9999-12-31'",
        lambda text: _read(dt.date.fromisoformat, text).isoformat(),
        is_text=False,
    )


def _time(kind: Time, rendering: Rendering, escape: Escape) -> SqlText:
    def text(value: str) -> str:
        micro = f"to_char({value}::interval, 'US')"
        precise = f"to_char({value}::interval, 'HH24:MI:SS.US')"
        return f"CASE {micro} WHEN '000000' THEN {value}::text ELSE {precise} END"

    return SqlText(
        frozenset({TIME}),
        text,
        lambda value: f"{value} < TIME '24:00:00'",
        lambda text: _read(dt.time.fromisoformat, text).isoformat(),
    )


def _moment(kind: DateTime, rendering: Rendering, escape: Escape) -> SqlText | None:
    if not settings.USE_TZ:  # such values lose their zone on the way
        return None
    zone = _literal(rendering.time_zone.key)
    to_text = kind.to_text(rendering, escape)

    def text(value: str) -> str:
        local = f"({value} AT TIME ZONE {zone})"
        in_utc = f"'{IN_UTC}' || ({value} AT TIME ZONE 'UTC')::text"
        if rendering.is_spreadsheet:
            plain = f"date_trunc('second', {local})::text"
        else:
            offset = _offset(f"({local} - ({value} AT TIME ZONE 'UTC'))")
            whole = f"overlay({local}::text PLACING 'T' FROM 11 FOR 1)"
            exact = f"to_char({local}, 'YYYY-MM-DD\"T\"HH24:MI:SS.US')"
            plain = f"CASE to_char({value}, 'US') WHEN '000000' THEN {whole} ELSE {exact} END"
            plain += f" || {offset}"
        return f"CASE WHEN {is_plain(value)} THEN {plain} ELSE {in_utc} END"

    def is_plain(value: str) -> str:
        return f"{value} BETWEEN '{FIRST_MOMENT.isoformat()}' AND '{LAST_MOMENT.isoformat()}'"

    def finish(text: str) -> str:
        if not text.startswith(IN_UTC):
            return text
        moment = _read(dt.datetime.fromisoformat, text.removeprefix(IN_UTC))
        return to_text(moment.replace(tzinfo=dt.UTC))

    return SqlText(frozenset({TIMESTAMPTZ}), text, is_plain, finish, has_zone=True)


def _offset(difference: str) -> str:
    """ "+05:30"; of a negative interval, every part would have a sign of its own."""
    east = f"'+' || to_char({difference}, 'HH24:MI')"
    west = f"'-' || to_char(-{difference}, 'HH24:MI')"
    return f"CASE WHEN {difference} < INTERVAL '0' THEN {west} ELSE {east} END"


def _read(read: Callable[[str], Any], text: str) -> Any:
    """What Python has no value for ("infinity", a year before Christ) fails as if it were read."""
    try:
        return read(text)
    except ValueError as error:
        raise DataError(f"{text!r} is beyond what can be exported") from error


_BY_KIND: Mapping[type[Kind], Callable[[Any, Rendering, Escape], SqlText | None]] = {
    Text: _text,
    File: _text,
    Integer: _as_it_stands(INTEGERS),
    Uuid: _as_it_stands(frozenset({UUID})),
    Boolean: _boolean,
    Choice: _choice,
    Date: _date,
    DateTime: _moment,
    Decimal: _decimal,
    Float: _float,
    Time: _time,
}
