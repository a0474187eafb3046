"""What a kind is, and for whom values are written."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal as PyDecimal
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django_reports.statuses import Profile

Escape = Callable[[str], str]
ToText = Callable[[Any], str]
Cell = str | int | float | PyDecimal | bool | dt.datetime | dt.date | dt.time | dt.timedelta
ToCell = Callable[[Any], Cell]


@dataclass(frozen=True)
class Rendering:
    """For whom values are written: profile, time zone (of an aware datetime) and language."""

    profile: Profile
    time_zone: ZoneInfo
    language: str

    @property
    def is_spreadsheet(self) -> bool:
        return self.profile is Profile.SPREADSHEET


@dataclass(frozen=True)
class Kind:
    """One way of writing values. `width` of a column is in characters, None: as its content."""

    name: ClassVar[str]
    number_format: ClassVar[str] = "General"
    width: ClassVar[int | None] = None

    def to_text(self, rendering: Rendering, escape: Escape) -> ToText:
        raise NotImplementedError

    def to_cell(self, rendering: Rendering) -> ToCell:
        raise NotImplementedError

    def cell_format(self) -> str:
        """The XLSX number format of this kind's cells."""
        return self.number_format
