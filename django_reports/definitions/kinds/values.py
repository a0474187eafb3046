"""Kinds of single values: text, numbers, times."""

import base64
import datetime as dt
import math
from dataclasses import dataclass, field
from decimal import Decimal as PyDecimal
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.duration import duration_iso_string, duration_string
from django.utils.translation import gettext as _

from django_reports.definitions.kinds.base import (
    Cell,
    Escape,
    Kind,
    Rendering,
    ToArrow,
    ToCell,
    ToJson,
    ToText,
    arrow,
    text_of,
    unescaped,
    whole_of,
)

EXACT_DIGITS = 15  # a spreadsheet's number is a double: more digits are lost
ARROW_DIGITS = 38  # of the decimals that every program reads
WIDE_ARROW_DIGITS = 76
EXACT_EXPONENT = 300  # nor has a double many more zeros than this, on either side
TOO_LONG = dt.timedelta(hours=1_000_000)  # LibreOffice shows no more than 2**32 seconds
FIRST_DATE = dt.date(1900, 3, 1)  # before it Excel's calendar has a day that never was


@dataclass(frozen=True)
class Text(Kind):
    name = "text"

    def to_text(self, rendering: Rendering, escape: Escape) -> ToText:
        return lambda value: escape(value if type(value) is str else text_of(value))

    def to_cell(self, rendering: Rendering) -> ToCell:
        return text_of


@dataclass(frozen=True)
class Integer(Kind):
    """`max_digits`: no value has more of them, as far as is known."""

    name = "integer"
    number_format = "0"
    max_digits: int | None = field(default=None, compare=False)

    def to_text(self, rendering: Rendering, escape: Escape) -> ToText:
        return lambda value: str(whole_of(value))

    def to_cell(self, rendering: Rendering) -> ToCell:
        limit = 10**EXACT_DIGITS

        def cell(value: Any) -> Cell:
            number = whole_of(value)
            return number if -limit < number < limit else str(number)

        return cell

    def cell_width(self) -> int:
        return len("-") + _digits_in_cells(self.max_digits)

    def to_json(self, rendering: Rendering) -> ToJson:
        return whole_of

    def arrow_type(self) -> Any:
        return arrow().int64()

    def to_arrow(self, rendering: Rendering) -> ToArrow:
        return whole_of


@dataclass(frozen=True)
class Decimal(Kind):
    """`places` is the number of decimals at least: databases differ in the zeros they give back.

    `is_fixed` says that no value has more of them; otherwise Parquet, whose decimals have fixed
    places, gets texts. JSON gets texts, since most of its readers make floats of numbers.
    `max_digits`: no value has more of them, places included, as far as is known.
    """

    name = "decimal"
    places: int | None = None
    is_fixed: bool = True
    max_digits: int | None = field(default=None, compare=False)

    def to_text(self, rendering: Rendering, escape: Escape) -> ToText:
        return rendering.localised(lambda value: self._text(_decimal(value)))

    def to_cell(self, rendering: Rendering) -> ToCell:
        # With places, all digits before them are shown.
        largest = EXACT_EXPONENT if self.places is None else EXACT_DIGITS

        def cell(value: Any) -> Cell:
            number = _decimal(value)
            is_exact = (
                number.is_finite()
                and len(number.as_tuple().digits) <= EXACT_DIGITS
                and -EXACT_EXPONENT < number.adjusted() < largest
            )
            return number if is_exact else self._text(number)

        return cell

    def arrow_type(self) -> Any:
        if not self.is_fixed or self.places is None:
            return super().arrow_type()
        digits = max(self.max_digits or 0, self.places)
        if digits <= ARROW_DIGITS:
            return arrow().decimal128(ARROW_DIGITS, self.places)
        # Fewer programs read it. Raises ValueError for more digits than it has.
        return arrow().decimal256(max(digits, WIDE_ARROW_DIGITS), self.places)

    def to_arrow(self, rendering: Rendering) -> ToArrow:
        is_known = self.is_fixed and self.places is not None
        return _decimal if is_known else super().to_arrow(rendering)

    def _text(self, number: PyDecimal) -> str:
        exponent = number.as_tuple().exponent
        if self.places and isinstance(exponent, int) and exponent > -self.places:
            return format(number, f".{self.places}f")
        return format(number, "f")

    def cell_format(self) -> str:
        if self.places is None:
            return "General"
        return "0." + "0" * self.places if self.places else "0"

    def cell_width(self) -> int:
        if self.places is None:
            return len("-.") + EXACT_DIGITS
        whole = None if self.max_digits is None else max(1, self.max_digits - self.places)
        return len("-.") + _digits_in_cells(whole) + self.places


def _digits_in_cells(digits: int | None) -> int:
    return min(digits or EXACT_DIGITS, EXACT_DIGITS)


def _decimal(value: Any) -> PyDecimal:
    """Of a float what it reads as, not what it is to the last bit."""
    return value if isinstance(value, PyDecimal) else PyDecimal(str(value))


@dataclass(frozen=True)
class Float(Kind):
    name = "float"
    width = 12  # in which spreadsheets fit every number, rounded if need be

    def to_text(self, rendering: Rendering, escape: Escape) -> ToText:
        return rendering.localised(_float_text)

    def to_cell(self, rendering: Rendering) -> ToCell:
        return _finite_or_text

    def to_json(self, rendering: Rendering) -> ToJson:
        return _finite_or_text

    def arrow_type(self) -> Any:
        return arrow().float64()

    def to_arrow(self, rendering: Rendering) -> ToArrow:
        return float


def _finite_or_text(value: Any) -> float | str:
    number = float(value)
    return number if math.isfinite(number) else _float_text(number)


def _float_text(value: Any) -> str:
    number = float(value)
    if math.isfinite(number):
        return repr(number)
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


@dataclass(frozen=True)
class Boolean(Kind):
    name = "boolean"
    width = 10  # each program shows its own words

    def to_text(self, rendering: Rendering, escape: Escape) -> ToText:
        if rendering.is_spreadsheet:
            yes, no = escape(_("Yes")), escape(_("No"))
            return lambda value: yes if value else no
        return lambda value: "true" if value else "false"

    def to_cell(self, rendering: Rendering) -> ToCell:
        return bool

    def to_json(self, rendering: Rendering) -> ToJson:
        return bool

    def arrow_type(self) -> Any:
        return arrow().bool_()

    def to_arrow(self, rendering: Rendering) -> ToArrow:
        return bool


@dataclass(frozen=True)
class Date(Kind):
    """Of a moment, its day in the rendering's zone."""

    name = "date"
    number_format = "yyyy-mm-dd"
    width = 11

    def to_text(self, rendering: Rendering, escape: Escape) -> ToText:
        return lambda value: _day(value, rendering.time_zone).isoformat()

    def to_cell(self, rendering: Rendering) -> ToCell:
        def cell(value: Any) -> Cell:
            day = _day(value, rendering.time_zone)
            return day if day >= FIRST_DATE else day.isoformat()

        return cell

    def arrow_type(self) -> Any:
        return arrow().date32()

    def to_arrow(self, rendering: Rendering) -> ToArrow:
        return lambda value: _day(value, rendering.time_zone)


@dataclass(frozen=True)
class DateTime(Kind):
    """Aware values are shown in the rendering's zone, naive ones as they are."""

    name = "datetime"
    number_format = "yyyy-mm-dd hh:mm:ss"
    width = 20

    @property
    def has_zone(self) -> bool:
        return settings.USE_TZ

    def to_text(self, rendering: Rendering, escape: Escape) -> ToText:
        zone = rendering.time_zone
        if rendering.is_spreadsheet:
            return lambda value: _shown_in(value, zone).isoformat(" ", "seconds")
        return lambda value: _in_zone(value, zone).isoformat()

    def to_cell(self, rendering: Rendering) -> ToCell:
        zone = rendering.time_zone

        def cell(value: Any) -> Cell:
            local = _shown_in(value, zone)
            is_in_calendar = local.tzinfo is None and local.date() >= FIRST_DATE
            return local if is_in_calendar else local.isoformat(" ", "seconds")

        return cell

    def arrow_type(self) -> Any:
        return arrow().timestamp("us", tz="UTC" if self.has_zone else None)

    def to_arrow(self, rendering: Rendering) -> ToArrow:
        zone = rendering.time_zone
        if not self.has_zone:
            return lambda value: _local(value, zone)
        # To pyarrow a naive moment is one of UTC; here it is one of the zone in which it is shown.
        return lambda value: value if value.tzinfo else value.replace(tzinfo=zone)


def _iso_text(value: Any) -> str:
    return str(value.isoformat())


def _naive_time(value: dt.time) -> dt.time:
    return value.replace(tzinfo=None)


def _in_zone(value: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    if value.tzinfo is None:
        return value
    try:
        return value.astimezone(zone)
    except OverflowError:  # the first and the last hours of the calendar
        return value


def _shown_in(value: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """Without the zone, which the header names; a moment that is in another one keeps that."""
    local = _in_zone(value, zone)
    return local.replace(tzinfo=None) if local.tzinfo is zone else local


def _local(value: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    return _in_zone(value, zone).replace(tzinfo=None)


def _day(value: dt.date, zone: ZoneInfo) -> dt.date:
    return _local(value, zone).date() if isinstance(value, dt.datetime) else value


@dataclass(frozen=True)
class Time(Kind):
    name = "time"
    number_format = "hh:mm:ss"
    width = 9

    def to_text(self, rendering: Rendering, escape: Escape) -> ToText:
        return _iso_text

    def to_cell(self, rendering: Rendering) -> ToCell:
        return _naive_time

    def arrow_type(self) -> Any:
        return arrow().time64("us")

    def to_arrow(self, rendering: Rendering) -> ToArrow:
        return _naive_time


@dataclass(frozen=True)
class Duration(Kind):
    name = "duration"
    number_format = "[h]:mm:ss"
    width = 16

    def to_text(self, rendering: Rendering, escape: Escape) -> ToText:
        return duration_string if rendering.is_spreadsheet else duration_iso_string

    def to_cell(self, rendering: Rendering) -> ToCell:
        def cell(value: Any) -> Cell:
            # Spreadsheets show a negative time as #####, and one of too many hours as an error.
            return value if dt.timedelta(0) <= value < TOO_LONG else duration_string(value)

        return cell

    def arrow_type(self) -> Any:
        return arrow().duration("us")

    def to_arrow(self, rendering: Rendering) -> ToArrow:
        return _itself


@dataclass(frozen=True)
class Uuid(Kind):
    name = "uuid"
    width = 37

    def to_text(self, rendering: Rendering, escape: Escape) -> ToText:
        return str

    def to_cell(self, rendering: Rendering) -> ToCell:
        return str


@dataclass(frozen=True)
class Binary(Kind):
    """Bytes, as Base64 where only text can stand. No field has it by itself: it is asked for."""

    name = "binary"

    def to_text(self, rendering: Rendering, escape: Escape) -> ToText:
        return lambda value: escape(base64.b64encode(bytes(value)).decode())  # may begin with "+"

    def to_cell(self, rendering: Rendering) -> ToCell:
        return self.to_text(rendering, unescaped)

    def arrow_type(self) -> Any:
        return arrow().binary()

    def to_arrow(self, rendering: Rendering) -> ToArrow:
        return bytes


@dataclass(frozen=True)
class File(Kind):
    """The name of a stored file, never its content or URL."""

    name = "file"

    def to_text(self, rendering: Rendering, escape: Escape) -> ToText:
        return lambda value: escape(str(value))

    def to_cell(self, rendering: Rendering) -> ToCell:
        return str


def _itself(value: Any) -> Any:
    return value
