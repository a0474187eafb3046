"""The formula guard of text formats.

A spreadsheet runs a CSV field that begins with one of `= + - @` (also in full width, also behind
characters that it skips) as a formula. An apostrophe in front keeps it a text. Nothing is deleted,
and a text that itself begins with an apostrophe and such a character gets one too, so `unescape`
gives every text back.
"""

import re
import string
from collections.abc import Sequence

from django_reports.definitions.columns import BoundColumn
from django_reports.definitions.kinds import Escape, unescaped

_SKIPPED = (
    "\x00-\x20\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f"
    "\u2028-\u202f\u205f-\u206f\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_TRIGGERS = "=+@\uff1d\uff0b\uff0d\uff20\u2212-"
_LIVE = re.compile(f"'*(?:[\t\r\n]|[{_SKIPPED}]*[{_TRIGGERS}])")
_MAY_BE_LIVE = re.compile(f"['{_SKIPPED}{_TRIGGERS}]")  # as its first character
_TAME = frozenset(string.ascii_letters + string.digits)  # most texts begin so: not even searched
_NEGATIVE_NUMBER = re.compile(r"-[0-9]+(?:\.[0-9]+)?\Z")


def escape(text: str) -> str:
    """The text, with an apostrophe in front if a spreadsheet might run it."""
    if text[:1] in _TAME:
        return text
    if _LIVE.match(text) and not _NEGATIVE_NUMBER.match(text):
        return f"'{text}"
    return text


def escape_each(texts: Sequence[str]) -> Sequence[str]:
    """Every text escaped; only those that do not begin harmlessly are looked at."""
    doubtful = set(filter(_MAY_BE_LIVE.match, {text[:1] for text in texts}))
    if not doubtful:
        return texts
    return [escape(text) if text[:1] in doubtful else text for text in texts]


def unescape(text: str) -> str:
    """The text as it was before `escape`."""
    if text[:1] == "'" and _LIVE.match(text[1:]):
        return text[1:]
    return text


def guard_of(column: BoundColumn) -> Escape:
    """What a column's texts go through."""
    return escape if column.escape_formulas else unescaped
