"""What a kind is, and for whom values are written."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal as PyDecimal
from importlib import import_module
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from django_reports.core.choices import Profile
from django_reports.exceptions import UnsupportedValue

Escape = Callable[[str], str]
ToText = Callable[[Any], str]
Cell = str | int | float | PyDecimal | bool | dt.datetime | dt.date | dt.time | dt.timedelta
ToCell = Callable[[Any], Cell]
ToJson = Callable[[Any], Any]  # to what json.dumps takes
ToArrow = Callable[[Any], Any]  # to what pyarrow takes for the kind's Arrow type


@dataclass(frozen=True)
class Rendering:
    """For whom values are written: profile, time zone (of an aware datetime) and language.

    `decimal_mark` stands in numbers with decimals.
    """

    profile: Profile
    time_zone: ZoneInfo
    language: str
    decimal_mark: str = "."

    @property
    def is_spreadsheet(self) -> bool:
        return self.profile is Profile.SPREADSHEET

    def for_programs(self) -> "Rendering":
        """The same time zone, else everything as programs want it."""
        return replace(self, profile=Profile.MACHINE, decimal_mark=".")

    def localised(self, to_text: ToText) -> ToText:
        """`to_text` of a number, with this rendering's decimal mark."""
        mark = self.decimal_mark
        if mark == ".":
            return to_text
        return lambda value: to_text(value).replace(".", mark)


def unescaped(text: str) -> str:
    """In place of `escape` where no spreadsheet reads the text."""
    return text


def arrow() -> Any:
    """pyarrow, which only the extra "parquet" brings."""
    return import_module("pyarrow")


@dataclass(frozen=True)
class Kind:
    """One way of writing values. `width` of a column of cells is in characters, enough for every
    number and date that they show; None: as its first texts.

    `has_zone` says that values are moments, which spreadsheets show without their zone. A kind
    needs `to_text` and `to_cell`; without more it is written into JSON and Parquet as the text that
    programs get.
    """

    name: ClassVar[str]
    number_format: ClassVar[str] = "General"
    width: ClassVar[int | None] = None

    @property
    def has_zone(self) -> bool:
        return False

    def to_text(self, rendering: Rendering, escape: Escape) -> ToText:
        raise NotImplementedError

    def to_cell(self, rendering: Rendering) -> ToCell:
        raise NotImplementedError

    def to_json(self, rendering: Rendering) -> ToJson:
        return self.to_text(rendering.for_programs(), unescaped)

    def arrow_type(self) -> Any:
        """The Arrow type of this kind's Parquet column. Needs pyarrow."""
        return arrow().string()

    def to_arrow(self, rendering: Rendering) -> ToArrow:
        return self.to_text(rendering.for_programs(), unescaped)

    def cell_format(self) -> str:
        """The XLSX number format of this kind's cells."""
        return self.number_format

    def cell_width(self) -> int | None:
        """The width of a column of this kind's cells: a longer number or date shows as "###"."""
        return self.width


# Looked up along the type's bases; `lookup` fills it.
BY_TYPE: dict[type, Kind] = {}


def kind_for_type(python_type: type) -> Kind:
    """The kind of a Python type. Raises UnsupportedValue for one that has no defined way."""
    for base in python_type.__mro__:
        if base in BY_TYPE:
            return BY_TYPE[base]
    raise unsupported(python_type)


def unsupported(python_type: type) -> UnsupportedValue:
    return UnsupportedValue(
        _(
            "A value of type %(type)s has no defined way into a file. "
            "Give the column a kind=, or return one of: %(legal)s."
        ),
        {
            "type": python_type.__name__,
            "legal": ", ".join(base.__name__ for base in BY_TYPE if base is not Promise),
        },
    )


# SQLite keeps any value in any column, whatever the field of it is.


def text_of(value: Any) -> str:
    if isinstance(value, bytes):
        raise unsupported(bytes)
    return str(value)


def whole_of(value: Any) -> int:
    if type(value) is int:
        return value
    number = int(value)
    if isinstance(value, float | PyDecimal) and number != value:
        raise UnsupportedValue(_("%(value)s is no whole number."), {"value": value})
    return number
