"""Masks: what stands in a column for those who may not see its values."""

import hmac
from collections.abc import Callable
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_email

from django_reports.core.choices import Profile
from django_reports.core.conf import get_settings
from django_reports.definitions.kinds import Auto, Kind, Rendering, Text, unescaped

MaskName = Literal["omit", "null", "partial", "hash"]
Mask = MaskName | Callable[[Any], Any]
MASKS: tuple[str, ...] = get_args(MaskName)
HIDDEN = "•••"  # what stands for what a partial mask leaves out


def mask_function(mask: Mask, kind: Kind) -> Callable[[Any], Any]:
    """What makes of a column's value, never of None, what stands in its place.

    Raises ImproperlyConfigured for "hash" without MASK_KEY.
    """
    if callable(mask):
        return mask
    if mask == "hash":
        return hash_mask(kind)
    if not isinstance(kind, Text | Auto):  # a part of a number, a choice or JSON gives it away
        return lambda value: HIDDEN
    return lambda value: partial_mask(value) if isinstance(value, str) else HIDDEN


def hash_mask(kind: Kind) -> Callable[[Any], str]:
    """HMAC-SHA256 of a value as programs get it: equal for equal values, in every export.

    Time zone and language of whoever asks play no part in it.
    """
    key = get_settings().MASK_KEY
    if key is None:
        raise ImproperlyConfigured('mask="hash" needs DJANGO_REPORTS["MASK_KEY"].')
    to_text = kind.to_text(Rendering(Profile.MACHINE, ZoneInfo("UTC"), "en"), unescaped)
    return lambda value: hmac.new(key.encode(), to_text(value).encode(), "sha256").hexdigest()


def partial_mask(text: str) -> str:
    """`jane@example.com` → `j•••@e•••.com`: enough to recognize, not enough to use.

    Of a text that is no e-mail address, one character at most, and never more than a fifth.
    """
    try:
        validate_email(text)
    except ValidationError:
        return f"{text[:1]}{HIDDEN}" if len(text) >= 5 else HIDDEN
    local, _at, domain = text.rpartition("@")
    host, dot, ending = domain.rpartition(".")
    if not ending.isalpha():  # of an address in numbers nothing is common to many
        return f"{_initial(local)}{HIDDEN}@{HIDDEN}"
    return (
        f"{_initial(local)}{HIDDEN}@{_initial(host or ending)}{HIDDEN}{dot}{ending if dot else ''}"
    )


def _initial(part: str) -> str:
    """The first character of a part that has a few more."""
    return part[:1] if len(part) >= 3 else ""
