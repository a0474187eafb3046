"""Ranges of a file (RFC 9110, section 14)."""

import re
from dataclasses import dataclass

from django.http import HttpRequest

# One range only: several are answered by the whole file, as the RFC allows.
_RANGE = re.compile(r"bytes=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*", re.IGNORECASE)


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
    first, last = found.groups()
    if not first and not last:
        return None
    if not first:  # so many from the end
        if not int(last) or not size:
            raise NotSatisfiable
        return Part(max(0, size - int(last)), size - 1, size)
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise NotSatisfiable
    return Part(int(first), min(int(last or size), size - 1), size)
