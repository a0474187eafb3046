"""The one loop that turns rows into a file. Stream, job, command and preview all run it."""

import hashlib
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, NamedTuple

from django_reports.core.pace import PATIENCE, Pace
from django_reports.definitions.columns import BoundColumn
from django_reports.engine.writers import Writer
from django_reports.exceptions import ReportError, RowLimitExceeded

CHUNK = 500  # rows, at most, between two looks at cancel, lease and deadline
BLOCK = 64 * 1024  # bytes handed on at once
FIRST_BLOCK = 16 * 1024  # so that a stream's first answer does not wait for a whole block


Write = Callable[[Writer, list[Any]], bytes]


def write_rows(writer: Writer, rows: list[Any]) -> bytes:
    return writer.write(rows)


class Table(NamedTuple):
    """The rows of one section of a report; most reports have one.

    `write` has a writer write some of them, which need not be rows of values.
    """

    columns: Sequence[BoundColumn]
    title: str
    rows: Iterable[Any]
    write: Write = write_rows


@dataclass
class Meter:
    """What has gone through: rows and bytes so far, and the hash of those bytes.

    `rows_expected` is how many rows there will be, where that is certain.
    """

    rows: int = 0
    rows_expected: int | None = None
    size: int = 0  # bytes
    _hash: Any = field(default_factory=hashlib.sha256, repr=False)

    def count(self, block: bytes) -> bytes:
        self.size += len(block)
        self._hash.update(block)
        return block

    @property
    def sha256(self) -> str:
        return str(self._hash.hexdigest())


def blocks(
    tables: Sequence[Table],
    writer: Writer,
    meter: Meter,
    *,
    check: Callable[[], None] = lambda: None,
    max_rows: int | None = None,
    too_many: Callable[[int], ReportError] = RowLimitExceeded,
) -> Generator[bytes]:
    """Write the tables' rows, yield the file's bytes in blocks. The writer was made for the first.

    A block is full, or holds what came within PATIENCE. `check` is called between chunks and stops
    the work by raising. More rows than `max_rows` raise what `too_many` makes of it: nothing is cut
    silently.
    Writer and rows are closed whatever happens.
    """
    size = FIRST_BLOCK
    with _closing(tables, writer):
        buffer = bytearray(writer.begin())
        due = monotonic() + PATIENCE
        for number, table in enumerate(tables):
            if number:
                buffer += writer.next_section(table.columns, table.title)
            pace = Pace(CHUNK)
            for chunk in _chunks(table.rows, pace):
                check()
                meter.rows += len(chunk)
                if max_rows is not None and meter.rows > max_rows:
                    raise too_many(max_rows)
                begun = monotonic()
                buffer += table.write(writer, chunk)
                now = monotonic()
                pace.learn(len(chunk), now - begun)
                if len(buffer) >= size or (buffer and now >= due):
                    yield meter.count(bytes(buffer))
                    buffer.clear()
                    size = BLOCK
                    due = monotonic() + PATIENCE
        check()
        for part in writer.end():
            check()
            buffer += part
            if len(buffer) >= size:
                yield meter.count(bytes(buffer))
                buffer.clear()
        if buffer:
            yield meter.count(bytes(buffer))


@contextmanager
def _closing(tables: Sequence[Table], writer: Writer) -> Iterator[None]:
    """Close the writer and all rows at the end, whatever happens, and whichever of them fails."""
    with ExitStack() as stack:
        for table in tables:
            close = getattr(table.rows, "close", None)
            if close is not None:
                stack.callback(close)
        stack.callback(writer.close)
        yield


def _chunks(rows: Iterable[Any], pace: Pace) -> Iterator[list[Any]]:
    """Rows in lists of as many as the pace allows and as came within PATIENCE."""
    chunk: list[Any] = []
    until = monotonic() + PATIENCE
    for row in rows:
        chunk.append(row)
        if len(chunk) >= pace.rows or monotonic() >= until:
            yield chunk
            chunk = []
            until = monotonic() + PATIENCE
    if chunk:
        yield chunk
