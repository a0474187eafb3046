"""Temporary files and folders, which do not outlive whoever writes there.

A process that is killed removes nothing. So each folder holds a lock, which ends with its process
however that ends, and the sweep removes the folders that nobody locks any more. A disk that is full
releases nothing by itself: what ends here ends although its last bytes cannot be written.
"""

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from weakref import WeakSet, finalize

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows keeps what a killed process leaves
    fcntl = None  # type: ignore[assignment]

PREFIX = "django-reports-work-"
LOCK = ".lock"
JUST_MADE = 60  # seconds in which a new folder may not be locked yet
VARIABLES = ("TMPDIR", "TEMP", "TMP")
FALLBACKS = ("/tmp", "/var/tmp", "/usr/tmp")  # noqa: S108 - where tempfile goes when TMPDIR is full


class Workspace:
    """A private folder of this process, until `close`, or until nobody knows it any more."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        try:
            lock = _lock(self.path)
        except BaseException:
            shutil.rmtree(self.path, ignore_errors=True)
            raise
        self.close = finalize(self, _release, self.path, lock, os.getpid())
        _of_thread.workspaces.add(self)


class _OfThread(threading.local):
    def __init__(self) -> None:
        self.workspaces: WeakSet[Workspace] = WeakSet()


_of_thread = _OfThread()


def close_leftovers() -> None:
    """Remove what this thread's earlier jobs left open. For a worker, before its next job."""
    for workspace in list(_of_thread.workspaces):
        workspace.close()


@contextmanager
def temporary_file() -> Iterator[IO[bytes]]:
    """A file without a name. At the end it is gone, although its disk may be full."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - its own end would fail on a full disk
    try:
        yield file
    finally:
        discard(file)


def discard(file: IO[bytes]) -> None:
    """Close a file of which nothing is needed any more, whatever its buffer still holds."""
    with suppress(OSError):  # the buffer cannot be written, but the file is closed
        file.close()


def remove_abandoned() -> int:
    """Remove the folders of this user that no process holds any more. Returns how many."""
    if fcntl is None:
        return 0
    removed = 0
    for place in _temporary_folders():
        for folder in place.glob(f"{PREFIX}*"):
            with suppress(OSError):  # somebody else's, locked, or gone meanwhile
                removed += _remove_if_abandoned(folder)
    return removed


def _temporary_folders() -> set[Path]:
    """Where processes make temporary files.

    `gettempdir()` alone does not say: for a process that starts while TMPDIR is full, it silently
    answers another folder, or fails.
    """
    places = {*FALLBACKS, *(os.environ[name] for name in VARIABLES if os.environ.get(name))}
    with suppress(OSError):
        places |= {os.getcwd(), tempfile.gettempdir()}
    return {Path(place).resolve() for place in places}


def unusable_folder() -> str | None:
    """What TMPDIR names, if this process makes its temporary files elsewhere."""
    wanted = next((os.environ[name] for name in VARIABLES if os.environ.get(name)), None)
    if wanted is None:
        return None
    with suppress(OSError):
        if os.path.realpath(wanted) == os.path.realpath(tempfile.gettempdir()):
            return None
    return wanted


def _remove_if_abandoned(folder: Path) -> bool:
    facts = folder.lstat()
    is_ours = folder.is_dir() and facts.st_uid == os.geteuid()
    if not is_ours or time.time() - facts.st_mtime < JUST_MADE:
        return False
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_NOFOLLOW)  # without one it is not ours
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder)
    finally:
        os.close(lock)
    return True


def _lock(folder: Path) -> int:
    lock = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        if fcntl is not None:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(lock)
        raise
    return lock


def _release(folder: Path, lock: int, owner: int) -> None:
    os.close(lock)
    if os.getpid() == owner:  # not in a child that was forked meanwhile
        shutil.rmtree(folder, ignore_errors=True)
