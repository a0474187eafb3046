"""What keeps slow readers from harming others: a spool of bytes, and a limit for each process."""

import tempfile
import threading
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, ClassVar
from weakref import WeakSet, finalize

from django.db import connections

from django_reports.core.conf import get_settings
from django_reports.core.tempdirs import discard
from django_reports.engine.cursors import SPOOL_MEMORY


class NotNow(Exception):
    """This export cannot be answered at once; the background can make it."""


class TooManyStreams(NotNow):
    """This process has as many threads busy with readers as it may have."""


class ByteSpool:
    """First in, first out; written by one thread and read by another.

    Up to SPOOL_MEMORY it lies in memory, beyond that in a temporary file; it does not grow as
    long as its reader keeps up. `taken` counts the bytes that were read, `rows_taken` the rows
    that they are of: of a block that was read in part, all.
    """

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - closed by close()
            max_size=SPOOL_MEMORY, prefix="django-reports-"
        )
        finalize(self, discard, self._file)  # an answer that nobody reads nor closes, as in a test
        self._lock = threading.Lock()
        self._read = self._written = 0
        self.taken = self.rows_taken = 0
        self._given = 0
        self._blocks: deque[tuple[int, int]] = deque()  # not wholly read: their ends, and rows

    def write(self, data: bytes, rows: int) -> None:
        """Add a block, up to whose end there are so many rows."""
        with self._lock:
            self._file.seek(self._written)
            self._written += self._file.write(data)
            self._given += len(data)
            self._blocks.append((self._given, rows))

    def read(self, size: int) -> bytes:
        with self._lock:
            if self._read == self._written:
                return b""
            self._file.seek(self._read)
            data = self._file.read(max(0, min(size, self._written - self._read)))
            self._read += len(data)
            if self._read == self._written:
                self._read = self._written = 0
            begun = self.taken
            self.taken += len(data)
            while self._blocks and begun < self.taken:
                begun, self.rows_taken = self._blocks[0]
                if begun > self.taken:
                    break
                self._blocks.popleft()
            return data

    def close(self) -> None:
        with self._lock:
            self._read = self._written = 0
            discard(self._file)


class QueryWatch(ExitStack):
    """A context that notes whether this thread asks a database anything."""

    def __init__(self) -> None:
        super().__init__()
        self.were_made = False

    def __enter__(self) -> "QueryWatch":
        for connection in connections.all():
            self.enter_context(connection.execute_wrapper(self._note))
        return self

    def _note(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        self.were_made = True
        return execute(*arguments)


class StreamSlot:
    """A place among the streams of this process; free when it is released, or forgotten."""

    _taken: "ClassVar[WeakSet[StreamSlot]]" = WeakSet()
    _lock = threading.Lock()

    @classmethod
    def take(cls) -> "StreamSlot":
        """Raises TooManyStreams if there is none."""
        with cls._lock:
            if len(cls._taken) >= get_settings().STREAMS_PER_PROCESS:
                raise TooManyStreams
            slot = cls()
            cls._taken.add(slot)
            return slot

    def release(self) -> None:
        with self._lock:
            self._taken.discard(self)
