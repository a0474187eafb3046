"""Ranges of a file (RFC 9110, section 14)."""

import re
from dataclasses import dataclass

from django.http import HttpRequest

# One range only: several are answered by the whole file, as the RFC allows.
_RANGE = re.compile(r"bytes=[ \t]*([0-9]*)-([0-9]*)[ \t]*", re.IGNORECASE)
_ENDLESS = 10**18  # more bytes than any file has


class NotSatisfiable(Exception):
    """The wanted range lies beyond the end of the file."""


@dataclass(frozen=True)
class Part:
    """Some bytes of a file: from `first` to `last`, both included, of `size`."""

    first: int
    last: int
    size: int

    @property
    def length(self) -> int:
        return self.last - self.first + 1

    def __str__(self) -> str:
        return f"{self.first}-{self.last}/{self.size}"


def wanted_part(request: HttpRequest, etag: str, size: int) -> Part | None:
    """The part that a request asks for; None for the whole file.

    A range that cannot be read is ignored, and so is one of a file that is another by now: then
    If-Range does not name the ETag. Raises NotSatisfiable.
    """
    found = _RANGE.fullmatch(request.headers.get("Range", ""))
    if request.method != "GET" or not found or request.headers.get("If-Range", etag) != etag:
        return None
    first, last = map(_number, found.groups())
    if first is None and last is None:
        return None
    if first is None:  # so many from the end
        if not last or not size:
            raise NotSatisfiable
        return Part(max(0, size - last), size - 1, size)
    if last is not None and last < first:
        return None
    if first >= size:
        raise NotSatisfiable
    return Part(first, size - 1 if last is None else min(last, size - 1), size)


def _number(digits: str) -> int | None:
    """A position, however many digits it has; None for none."""
    known = digits.lstrip("0") or digits[:1]
    return (int(known) if len(known) <= 18 else _ENDLESS) if known else None
