"""Seals: whether a kept file is, byte for byte, the one that was made."""

import datetime as dt
import hashlib
import os
from contextlib import suppress
from io import BytesIO
from tempfile import TemporaryFile
from typing import Any

from django.utils.translation import gettext as _

from django_reports.exceptions import ChecksumMismatch

BLOCK = 64 * 1024
# Up to so many bytes a file is checked whenever it is handed out, and handed out from the very
# memory in which it was checked.
AT_ONCE = 1024 * 1024
# For how long a larger file that looks the same from outside need not be read again.
VERIFIED_FOR = dt.timedelta(hours=1)


def check(file: Any, size: int, sha256: str) -> Any:
    """Read an opened file to its end. Returns what is to be handed out, at its beginning.

    That is the file itself if it is large, and can be read again; else a copy of what was read.
    Raises ChecksumMismatch if it is not the one that was made.
    """
    copy = _room_for_copy(file, size)
    digest, left = hashlib.sha256(), size
    try:
        while left >= 0 and (block := file.read(BLOCK)):
            left -= len(block)
            digest.update(block)
            if copy is not None:
                copy.write(block)
        if left or digest.hexdigest() != sha256:
            raise ChecksumMismatch(_("The file of this export is not the one that was made."))
    except BaseException:
        if copy is not None:
            copy.close()
        raise
    if copy is not None:
        file.close()
    checked = file if copy is None else copy
    checked.seek(0)
    return checked


def file_stamp_of(file: Any) -> str:
    """What changes from outside when an opened file's bytes do; empty if that cannot be told."""
    tag = getattr(getattr(file, "obj", None), "e_tag", None)  # of an object in S3
    if tag:
        return str(tag)
    with suppress(Exception):  # it lies in no file system
        facts = os.fstat(file.fileno())
        return f"{facts.st_ino} {facts.st_size} {facts.st_mtime_ns} {facts.st_ctime_ns}"
    return ""


def _room_for_copy(file: Any, size: int) -> Any:
    """None if the file itself can be read again after it was checked."""
    if size <= AT_ONCE:
        return BytesIO()
    with suppress(AttributeError, OSError):
        file.seek(0)
        return None
    return TemporaryFile()
