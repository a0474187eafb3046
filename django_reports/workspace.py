"""Folders for what is written while a file is made, which do not outlive whoever writes there.

A process that is killed removes nothing. So each folder holds a lock, which ends with its process
however that ends, and the sweep removes the folders that nobody locks any more.
"""

import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows keeps what a killed process leaves
    fcntl = None  # type: ignore[assignment]

PREFIX = "django-reports-work-"
LOCK = ".lock"
JUST_MADE = 60  # seconds in which a new folder may not be locked yet


class Workspace:
    """A private folder of this process, until `close`."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._lock = os.open(self.path / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        if fcntl is not None:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def close(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
            shutil.rmtree(self.path, ignore_errors=True)


def remove_abandoned() -> int:
    """Remove the folders of this user that no process holds any more. Returns how many."""
    if fcntl is None:
        return 0
    removed = 0
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):  # somebody else's, locked, or gone meanwhile
            facts = folder.lstat()
            is_ours = folder.is_dir() and facts.st_uid == os.geteuid()
            if not is_ours or time.time() - facts.st_mtime < JUST_MADE:
                continue
            lock = os.open(folder / LOCK, os.O_RDWR | os.O_NOFOLLOW)  # without one it is not ours
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
                removed += 1
            finally:
                os.close(lock)
    return removed
