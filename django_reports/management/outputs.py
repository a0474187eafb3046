"""Files that commands write where a person says: whole or not at all."""

import errno
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

OPEN_FILES = re.compile(r"/proc/.*/fd")


@contextmanager
def open_output(name: str) -> Iterator[BinaryIO]:
    """Open what `name` stands for, to be written.

    A regular file appears, or is replaced, only when it is whole; a link to it stays, and so do
    owner, group and mode. What is no regular file (a device, a FIFO) is written into.
    Raises OSError.
    """
    target = Path(os.path.realpath(name))
    existing = _stat(name)
    if name.endswith(os.sep) or (existing and stat.S_ISDIR(existing.st_mode)):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
    if existing and (_is_open_file(name) or not stat.S_ISREG(existing.st_mode)):
        # A regular file behind /dev/stdout holds what others wrote: append to it.
        flags = os.O_WRONLY | (os.O_APPEND if stat.S_ISREG(existing.st_mode) else 0)
        with os.fdopen(os.open(name, flags), "wb") as file:
            yield file
        return
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "there is no such folder", str(target.parent))
    with _replacing(target, existing) as file:
        yield file


def _stat(name: str) -> os.stat_result | None:
    try:
        return os.stat(name)
    except FileNotFoundError:
        return None


def _is_open_file(name: str) -> bool:
    """Whether the name stands for what a process has open, as /dev/stdout and /dev/fd/3 do."""
    while os.path.islink(name):
        folder = os.path.realpath(Path(name).absolute().parent)
        if OPEN_FILES.fullmatch(folder):
            return True
        name = os.path.join(folder, os.readlink(name))
    return False


@contextmanager
def _replacing(target: Path, existing: os.stat_result | None) -> Iterator[BinaryIO]:
    """A new file in the target's folder that takes its place at the end, if all goes well."""
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=".django-reports-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            if existing is not None and hasattr(os, "fchown"):  # not on Windows
                _take_over(descriptor, existing)
            yield file
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _take_over(descriptor: int, existing: os.stat_result) -> None:
    """Give a file the owner, group and mode of another, as far as this process may."""
    mode = stat.S_IMODE(existing.st_mode)
    try:
        os.fchown(descriptor, existing.st_uid, existing.st_gid)
    except PermissionError:
        try:
            os.fchown(descriptor, -1, existing.st_gid)
        except PermissionError:
            mode &= ~stat.S_IRWXG  # it was another group that might read it
    os.fchmod(descriptor, mode)
