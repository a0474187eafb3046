"""The one setting DJANGO_REPORTS, read lazily, typed and checked.

It follows `override_settings`: nothing here outlives a change of the setting.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from ipaddress import ip_network
from pathlib import Path
from types import UnionType
from typing import Any, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

NAME = "DJANGO_REPORTS"

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every key of DJANGO_REPORTS with its default."""

    STREAM_MAX_ROWS: int = 5000
    STREAMS_PER_PROCESS: int = 4
    RUNNER: str = "local"
    QUEUE: str = "reports"
    STORAGE: str = "reports"
    STORAGE_DIR: str | Path | None = None
    FILE_RETENTION: timedelta = timedelta(days=7)
    DOWNLOAD_METHOD: str = "django"
    ACCEL_PREFIX: str = "/reports-files/"
    BASE_URL: str | None = None
    EMAIL_NOTIFICATIONS: bool = False
    SIGNED_URL_MAX_AGE: timedelta = timedelta(minutes=15)
    PROJECT_VERSION: str | Callable[[], str] = ""
    DATABASE: str | None = None
    POLICY: str = "django_reports.GroupPolicy"
    SUPERUSERS_BYPASS_REPORT_PERMISSIONS: bool = True
    TENANT: str | None = None
    MASK_KEY: str | None = None
    LOCAL_THREAD: bool = True
    JOB_LEASE: timedelta = timedelta(seconds=30)
    JOB_TIMEOUT: timedelta = timedelta(hours=1)
    SNAPSHOT_MAX_AGE: timedelta = timedelta(minutes=30)
    JOB_MAX_ATTEMPTS: int = 3
    AUDIT_KEYS: Sequence[str] = ()
    AUDIT_ANCHORS: Sequence[str] | None = None
    AUDIT_RETENTION: timedelta | None = None
    PERSONAL_DATA_RETENTION: timedelta | None = None
    JOB_RETENTION: timedelta | None = None
    TRUSTED_PROXIES: int | Sequence[str] = 0
    REQUEST_ID_HEADER: str | None = None


def _accepted(hint: Any) -> Iterator[type]:
    """The types that isinstance is to be asked about, for the annotation of a setting."""
    for part in get_args(hint) if isinstance(hint, UnionType) else (hint,):
        kind = get_origin(part) or part
        yield from (list, tuple) if kind is Sequence else (kind,)


_TYPES = {name: tuple(_accepted(hint)) for name, hint in get_type_hints(Settings).items()}
_CHOICES = {"DOWNLOAD_METHOD": ("django", "x-accel-redirect", "x-sendfile", "redirect")}
_LEAST = {
    "STREAM_MAX_ROWS": 0,
    "STREAMS_PER_PROCESS": 0,
    "TRUSTED_PROXIES": 0,
    "JOB_MAX_ATTEMPTS": 1,
}
_POSITIVE = (
    "FILE_RETENTION",
    "SIGNED_URL_MAX_AGE",
    "JOB_LEASE",
    "JOB_TIMEOUT",
    "SNAPSHOT_MAX_AGE",
    "AUDIT_RETENTION",
    "PERSONAL_DATA_RETENTION",
    "JOB_RETENTION",
)


def problems(value: Any) -> list[str]:
    """What is wrong with a value of DJANGO_REPORTS, in sentences; empty if nothing is."""
    if not isinstance(value, dict):
        return [f"{NAME} must be a dict, not {type(value).__name__}."]
    found = []
    for key, item in value.items():
        if key in _TYPES:
            found += [f"{NAME}[{key!r}] {problem}." for problem in _problems_of(key, item)]
        else:
            legal = ", ".join(sorted(_TYPES))
            found.append(f"{NAME} has no key {key!r}. The legal ones are: {legal}.")
    return found


def _problems_of(key: str, item: Any) -> Iterator[str]:
    """What is wrong with the value of one key."""
    if not _is_one_of(item, _TYPES[key]):
        yield f"must be {' or '.join(kind.__name__ for kind in _TYPES[key])}, not {item!r}"
    elif key in _CHOICES and item not in _CHOICES[key]:
        yield f"is {item!r}. Choose from: {', '.join(_CHOICES[key])}"
    elif key == "ACCEL_PREFIX" and not (item.startswith("/") and item.endswith("/")):
        yield f"must begin and end with a slash, not {item!r}"
    elif key == "BASE_URL" and item and not item.startswith(("https://", "http://")):
        yield f"must begin with https:// or http://, not {item!r}"
    elif key == "MASK_KEY" and item == "":
        yield "must not be empty"
    elif key in _POSITIVE and item is not None and item <= timedelta(0):
        yield f"must be longer than zero, not {item!r}"
    elif key in _LEAST and isinstance(item, int) and item < _LEAST[key]:
        yield f"must be {_LEAST[key]} or more, not {item!r}"
    elif isinstance(item, list | tuple):
        parts = _PARTS[key]
        yield from (
            f"must hold {parts.what}, not {part!r}" for part in item if not parts.is_good(part)
        )


def _is_text(part: Any) -> bool:
    return isinstance(part, str) and bool(part)


def _is_network(part: Any) -> bool:
    try:
        ip_network(part)
    except ValueError:
        return False
    return isinstance(part, str)


class _Parts(NamedTuple):
    what: str
    is_good: Callable[[Any], bool]


# What the settings that are lists may hold.
_PARTS = {
    "AUDIT_KEYS": _Parts("texts that are not empty", _is_text),
    "AUDIT_ANCHORS": _Parts("texts that are not empty", _is_text),
    "TRUSTED_PROXIES": _Parts('networks such as "10.0.0.0/8"', _is_network),
}


def _is_one_of(item: Any, types: tuple[type, ...]) -> Any:
    """isinstance, but True is no int."""
    return isinstance(item, types) and (bool in types or not isinstance(item, bool))


def settings_problems() -> list[str]:
    """What is wrong with this project's DJANGO_REPORTS; with anything, `get_settings` raises."""
    return problems(getattr(django_settings, NAME, {}))


def cached_by_settings(*names: str) -> Callable[[Callable[[], T]], Callable[[], T]]:
    """Have a function's value kept until one of these settings changes, as in a test."""

    def decorate(function: Callable[[], T]) -> Callable[[], T]:
        kept = lru_cache(maxsize=1)(function)

        def forget(*, setting: str, **kwargs: Any) -> None:
            if setting in names:
                kept.cache_clear()

        setting_changed.connect(forget, weak=False)
        return kept

    return decorate


@cached_by_settings(NAME)
def get_settings() -> Settings:
    """The settings in force.

    Raises ImproperlyConfigured for an unknown key or a value of the wrong type.
    """
    if found := settings_problems():
        raise ImproperlyConfigured(" ".join(found))
    return Settings(**getattr(django_settings, NAME, {}))
