"""Languages and time zones: which ones exist, which are active, and work done under others."""

import datetime as dt
import re
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from django.conf import settings
from django.utils import timezone, translation

T = TypeVar("T")
OFFSET = re.compile(r"[+-](0\d|1\d|2[0-3]):[0-5]\d")
_END: Any = object()


@dataclass(frozen=True)
class Locale:
    """A language and a time zone (an IANA name, or an offset) that are active together."""

    language: str
    time_zone: str

    @property
    def zone(self) -> dt.tzinfo:
        if OFFSET.fullmatch(self.time_zone):
            return dt.datetime.strptime(self.time_zone, "%z").tzinfo or dt.UTC
        return ZoneInfo(self.time_zone)

    @contextmanager
    def active(self) -> Iterator[None]:
        with translation.override(self.language), timezone.override(self.zone):
            yield

    def iterate(self, items: Iterable[T]) -> Generator[T]:
        """The items, each made while this locale is active; between two of them it is not."""
        with self.active():
            iterator = iter(items)
        try:
            while True:
                with self.active():
                    item = next(iterator, _END)
                if item is _END:
                    return
                yield item
        finally:
            close = getattr(iterator, "close", None)
            if close is not None:
                with self.active():
                    close()


class Locales(NamedTuple):
    """`filter` is active while rows are chosen, `file` while they are written."""

    filter: Locale
    file: Locale

    @property
    def differ(self) -> bool:
        return self.filter != self.file


def active_locale() -> Locale:
    """The active language and time zone. A zone that is a mere offset is one: "+05:30"."""
    zone = timezone.get_current_timezone()
    offset = zone.utcoffset(None) if isinstance(zone, dt.timezone) else None
    if not offset or offset % dt.timedelta(minutes=1):
        return Locale(current_language(), current_zone())
    return Locale(current_language(), dt.time(tzinfo=zone).isoformat()[-6:])


def current_language() -> str:
    """The active language; the project's where none is active."""
    code = translation.get_language() or settings.LANGUAGE_CODE
    return normalize_language(code) or code


def current_zone() -> str:
    """The IANA name of the active time zone; the project's where that is an offset without one."""
    zone = timezone.get_current_timezone()
    name = getattr(zone, "key", None) or timezone.get_current_timezone_name()
    return normalize_zone(name) or settings.TIME_ZONE


def normalize_language(code: Any) -> str | None:
    """A language's code as Django activates it ("en-us" for "en-US"); None if there is none."""
    if not isinstance(code, str):
        return None
    name = translation.to_language(code)
    if translation.check_for_language(name):
        return name
    try:  # zh-cn, say, which Django knows as zh-hans
        return str(translation.get_supported_language_variant(name))
    except (LookupError, ValueError):
        return None


def normalize_zone(name: Any) -> str | None:
    """A time zone's IANA name in its own spelling; None if this machine does not know it."""
    if not isinstance(name, str):
        return None
    return _zones_by_folded_name().get(name.casefold()) or (name if _is_zone(name) else None)


def normalize_filter_zone(name: Any) -> str | None:
    """As `normalize_zone`, but it may be an offset, which no file is written in."""
    if isinstance(name, str) and OFFSET.fullmatch(name):
        return name
    return normalize_zone(name)


@cache
def all_zones() -> frozenset[str]:
    """The names of all time zones, for which Python looks through a folder."""
    return frozenset(available_timezones())


@cache
def _zones_by_folded_name() -> dict[str, str]:
    return {name.casefold(): name for name in all_zones()}


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
