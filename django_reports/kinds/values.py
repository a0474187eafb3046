"""The kinds: text, numbers, times, and what is made of them."""

import datetime as dt
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal as PyDecimal
from typing import Any
from zoneinfo import ZoneInfo

from django.core.serializers.json import DjangoJSONEncoder
from django.utils.duration import duration_iso_string, duration_string
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from django_reports.kinds.base import Cell, Escape, Kind, Rendering, ToCell, ToText

EXACT_DIGITS = 15  # a spreadsheet's number is a double: more digits are lost
FIRST_DATE = dt.date(1900, 3, 1)  # before it Excel's calendar has a day that never was


@dataclass(frozen=True)
class Text(Kind):
    name = "text"

    def to_text(self, rendering: Rendering, escape: Escape) -> ToText:
        return lambda value: escape(value if type(value) is str else str(value))

    def to_cell(self, rendering: Rendering) -> ToCell:
        return str


@dataclass(frozen=True)
class Integer(Kind):
    name = "integer"
    number_format = "0"

    def to_text(self, rendering: Rendering, escape: Escape) -> ToText:
        return lambda value: str(int(value))

    def to_cell(self, rendering: Rendering) -> ToCell:
        limit = 10**EXACT_DIGITS

        def cell(value: Any) -> Cell:
            number = int(value)
            return number if -limit < number < limit else str(number)

        return cell


@dataclass(frozen=True)
class Decimal(Kind):
    """`places` is the number of decimals at least: databases differ in the zeros they give back."""

    name = "decimal"
    places: int | None = None

    def to_text(self, rendering: Rendering, escape: Escape) -> ToText:
        return lambda value: self._text(_decimal(value))

    def to_cell(self, rendering: Rendering) -> ToCell:
        def cell(value: Any) -> Cell:
            number = _decimal(value)
            is_exact = number.is_finite() and len(number.as_tuple().digits) <= EXACT_DIGITS
            return number if is_exact else self._text(number)

        return cell

    def _text(self, number: PyDecimal) -> str:
        exponent = number.as_tuple().exponent
        if self.places and isinstance(exponent, int) and exponent > -self.places:
            return format(number, f".{self.places}f")
        return format(number, "f")

    def cell_format(self) -> str:
        if self.places is None:
            return "General"
        return "0." + "0" * self.places if self.places else "0"


def _decimal(value: Any) -> PyDecimal:
    """Of a float what it reads as, not what it is to the last bit."""
    return value if isinstance(value, PyDecimal) else PyDecimal(str(value))


@dataclass(frozen=True)
class Float(Kind):
    name = "float"

    def to_text(self, rendering: Rendering, escape: Escape) -> ToText:
        return _float_text

    def to_cell(self, rendering: Rendering) -> ToCell:
        def cell(value: Any) -> Cell:
            number = float(value)
            return number if math.isfinite(number) else _float_text(number)

        return cell


def _float_text(value: Any) -> str:
    number = float(value)
    if math.isfinite(number):
        return repr(number)
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


@dataclass(frozen=True)
class Boolean(Kind):
    name = "boolean"

    def to_text(self, rendering: Rendering, escape: Escape) -> ToText:
        if rendering.is_spreadsheet:
            yes, no = escape(_("Yes")), escape(_("No"))
            return lambda value: yes if value else no
        return lambda value: "true" if value else "false"

    def to_cell(self, rendering: Rendering) -> ToCell:
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


@dataclass(frozen=True)
class DateTime(Kind):
    """Aware values are shown in the rendering's zone, naive ones as they are."""

    name = "datetime"
    number_format = "yyyy-mm-dd hh:mm:ss"
    width = 20

    def to_text(self, rendering: Rendering, escape: Escape) -> ToText:
        zone = rendering.time_zone
        if rendering.is_spreadsheet:
            return lambda value: _local(value, zone).isoformat(" ", "seconds")
        return lambda value: _in_zone(value, zone).isoformat()

    def to_cell(self, rendering: Rendering) -> ToCell:
        zone = rendering.time_zone

        def cell(value: Any) -> Cell:
            local = _local(value, zone)
            return local if local.date() >= FIRST_DATE else local.isoformat(" ", "seconds")

        return cell


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


@dataclass(frozen=True)
class Duration(Kind):
    name = "duration"
    number_format = "[h]:mm:ss"
    width = 12

    def to_text(self, rendering: Rendering, escape: Escape) -> ToText:
        return duration_string if rendering.is_spreadsheet else duration_iso_string

    def to_cell(self, rendering: Rendering) -> ToCell:
        def cell(value: Any) -> Cell:
            # A negative time shows as ##### in a spreadsheet.
            return value if value >= dt.timedelta(0) else duration_string(value)

        return cell


@dataclass(frozen=True)
class Uuid(Kind):
    name = "uuid"
    width = 37

    def to_text(self, rendering: Rendering, escape: Escape) -> ToText:
        return str

    def to_cell(self, rendering: Rendering) -> ToCell:
        return str


@dataclass(frozen=True)
class Json(Kind):
    name = "json"

    def to_text(self, rendering: Rendering, escape: Escape) -> ToText:
        return lambda value: escape(_json_text(value))

    def to_cell(self, rendering: Rendering) -> ToCell:
        return _json_text


def _json_text(value: Any) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)


@dataclass(frozen=True)
class File(Kind):
    """The name of a stored file, never its content or URL."""

    name = "file"

    def to_text(self, rendering: Rendering, escape: Escape) -> ToText:
        return lambda value: escape(str(value))

    def to_cell(self, rendering: Rendering) -> ToCell:
        return str


@dataclass(frozen=True)
class Choice(Kind):
    """A value with a label: programs get the value, spreadsheets the label."""

    name = "choice"
    base: Kind = Text()
    labels: tuple[tuple[Any, "str | Promise"], ...] = ()

    def to_text(self, rendering: Rendering, escape: Escape) -> ToText:
        plain = self.base.to_text(rendering, escape)
        if not rendering.is_spreadsheet:
            return plain
        labels = {value: escape(str(label)) for value, label in self.labels}

        def text(value: Any) -> str:
            label = _label_of(value, labels)
            return plain(value) if label is None else label

        return text

    def to_cell(self, rendering: Rendering) -> ToCell:
        plain = self.base.to_cell(rendering)
        if not rendering.is_spreadsheet:
            return plain
        labels = {value: str(label) for value, label in self.labels}

        def cell(value: Any) -> Cell:
            label = _label_of(value, labels)
            return plain(value) if label is None else label

        return cell


def _label_of(value: Any, labels: Mapping[Any, str]) -> str | None:
    try:
        return labels.get(value)
    except TypeError:  # a list or a dict is no choice
        return None
