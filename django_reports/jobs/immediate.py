"""An export as the answer to a request: made at once, sent while it is made, recorded as a job.

What its reader takes slowly waits in a spool, never in a database cursor.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from django.db import connections

from django_reports.audit.log import Origin
from django_reports.core.choices import Execution
from django_reports.core.database_errors import savepoints
from django_reports.core.logs import get_logger
from django_reports.engine.cursors import Spool, release_connections
from django_reports.engine.pipeline import BLOCK, Meter, Table
from django_reports.engine.spooling import ByteSpool, NotNow, QueryWatch, StreamSlot
from django_reports.engine.writers import Writer
from django_reports.exceptions import (
    QuotaExceeded,
    ReportDenied,
    ReportFailed,
    RowLimitExceeded,
)
from django_reports.exports.failures import as_report_error
from django_reports.exports.formats import content_type_of
from django_reports.exports.prepare import Export, record_denial
from django_reports.jobs import lifecycle
from django_reports.models import ReportJob

logger = get_logger(__name__)

# Bytes that a connection takes even if nobody reads them: sending so many cannot block.
SOCKET_BUFFER = 16 * 1024
# Of these no job is made: nothing of the export exists.
REFUSALS = (ReportDenied, RowLimitExceeded, QuotaExceeded)


class TooManyRows(NotNow):
    """It turned out larger than what is answered at once."""


class ImmediateExport:
    """Iterate it for the file's bytes; whoever stops early closes it.

    Bytes are handed on as they are made, while this thread holds no database connection. Where
    making them takes queries, whose cursors may still be open, SOCKET_BUFFER bytes are handed on;
    then the rest is made at the database's speed and the connections are given back, so that no
    slow reader holds one. An asynchronous server `pull`s and `take`s instead, side by side.

    A reader who leaves is recorded; an error in the middle is recorded and raised, so that the
    transfer breaks visibly.
    """

    def __init__(
        self, export: Export, job: ReportJob, opened: "_Opened", *, reads_ahead: bool
    ) -> None:
        self.job = job
        self.filename = job.filename
        self.content_type = content_type_of(export.spec)
        self.meter = opened.meter
        self._opened = opened
        self._reads_ahead = reads_ahead
        self._spool = opened.spool
        self._is_made = self._is_over = False
        self._slot: StreamSlot | None = None

    def keep(self, slot: StreamSlot | None) -> None:
        """Hold a place among the streams of this process until the end."""
        self._slot = slot

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        block = self._take_unblocking()
        while not block and self.pull():
            while self._must_read_ahead and self._spool.taken >= SOCKET_BUFFER and self.pull():
                pass
            block = self._take_unblocking()
        if not block:
            self.finish()
            raise StopIteration
        return block

    @property
    def _must_read_ahead(self) -> bool:
        return self._reads_ahead and self._opened.queries.were_made and not self._is_made

    def _take_unblocking(self) -> bytes:
        if self._must_read_ahead:
            return self.take(SOCKET_BUFFER - self._spool.taken)
        self._release_idle_connections()
        return self.take()

    def _release_idle_connections(self) -> None:
        """What the view and its middleware have left open; the cursor of a pull would be lost."""
        if self._reads_ahead and (self._is_made or not self._opened.queries.were_made):
            release_connections()

    def take(self, size: int = BLOCK) -> bytes:
        """The next bytes that are ready; empty if there are none. Never waits."""
        return self._spool.read(size)

    def pull(self) -> bool:
        """Make the next block. False if the file is made, or its reader has left."""
        if self._is_made or self._is_over:
            return False
        self._release_idle_connections()
        try:
            with self._opened.queries:
                block = next(self._opened.rest, None)
                if block is not None:
                    self._spool.write(block, self.meter.rows)
        except BaseException as error:
            with lifecycle.in_language_of(self.job):
                translated = as_report_error(error, self.job.spec, job=self.job.pk)
            logger.warning("job=%s event=broken_off error=%s", self.job.pk, translated)
            self._end(partial(lifecycle.fail_immediate, error=translated))
            raise
        if block is None:
            self._is_made = True
            self._release_idle_connections()
        return True

    def finish(self) -> None:
        """To be called when everything has been taken."""
        losses = dict(self._opened.writer.losses)
        self._end(partial(lifecycle.finish_immediate, losses=losses))

    def close(self) -> None:
        """Called by the server in any case; after the last block there is nothing left to do."""
        self._end(lifecycle.abandon_immediate)

    def _end(self, record: Callable[[ReportJob, Meter], None]) -> None:
        if self._is_over:
            return
        self._is_over = True
        if self._slot is not None:
            self._slot.release()
        self._opened.close()
        # What was ready but never fetched did not leave.
        self.meter.size, self.meter.rows = self._spool.taken, self._spool.rows_taken
        # The server asks after the view has returned: the view's language is gone by then.
        with lifecycle.in_language_of(self.job):
            record(self.job, self.meter)


@dataclass
class _Opened:
    """A begun export: what there is of it (its first block at least), and how to get the rest."""

    spool: ByteSpool
    rest: Generator[bytes]
    writer: Writer
    meter: Meter
    queries: QueryWatch

    def close(self) -> None:
        try:
            self.rest.close()
        finally:
            self.spool.close()


def answer(
    export: Export, origin: Origin, *, bound: int | None, holds_thread: bool
) -> ImmediateExport:
    """Begin an export of at most `bound` rows for a reader who may be slow.

    With `holds_thread`, its reader keeps a thread of this process busy, of which there are few.
    Raises NotNow, RowLimitExceeded, QuotaExceeded, and ReportFailed for an error before the first
    block.
    """
    slot = StreamSlot.take() if holds_thread else None
    try:
        made = _begin(export, origin, make=partial(_blocks_drained, export, bound), bound=bound)
    except BaseException:
        if slot is not None:
            slot.release()
        raise
    made.keep(slot)
    return made


def pass_through(
    export: Export, origin: Origin, *, watch: Callable[[Meter], None]
) -> ImmediateExport:
    """Begin an export of any size, row by row from one snapshot, for whoever reads it fast.

    Inside a transaction of the caller's all of it is made before this returns. Raises as
    `answer` does, but for NotNow.
    """
    # The read-only transaction of the rows stays open: the record comes before.
    job = _record(export, origin)
    return _begin(export, origin, make=partial(_blocks_read, export), job=job, watch=watch)


def _begin(
    export: Export,
    origin: Origin,
    *,
    make: "_Make",
    bound: int | None = None,
    job: ReportJob | None = None,
    watch: Callable[[Meter], None] = lambda meter: None,
) -> ImmediateExport:
    reads_ahead = job is None
    try:
        with savepoints():
            opened = _open(export, make, bound=bound, watch=watch)
    except NotNow:
        raise
    except Exception as error:
        translated = as_report_error(error, export.spec.to_json(), report=export.spec.report)
        if isinstance(translated, REFUSALS):
            record_denial(export.spec, origin, translated)
        else:
            job = job or _record(export, origin)
        if job is not None:
            lifecycle.fail_immediate(job, Meter(), translated)
        if isinstance(translated, ReportFailed) and job is not None:
            translated.job_key = str(job.pk)
        if translated is error:
            raise
        raise translated from error
    try:
        job = job or _record(export, origin, opened.meter.rows_expected)
    except BaseException:
        opened.close()
        raise
    return ImmediateExport(export, job, opened, reads_ahead=reads_ahead)


def _open(
    export: Export,
    make: "_Make",
    *,
    bound: int | None,
    watch: Callable[[Meter], None],
) -> _Opened:
    writer = export.writer()
    meter = Meter()

    def check() -> None:
        # A format that is made whole before it is sent must not keep the person waiting.
        if bound is not None and meter.rows > bound and not writer.supports_streaming:
            raise TooManyRows
        watch(meter)

    is_in_transaction = _is_in_transaction()
    opened = _Opened(ByteSpool(), make(writer, meter, check), writer, meter, QueryWatch())
    try:
        with opened.queries:
            for block in opened.rest:
                opened.spool.write(block, meter.rows)
                if not (opened.queries.were_made and is_in_transaction):
                    break
                # A cursor would end with the caller's transaction, savepoints end in their order.
    except BaseException:
        opened.close()
        raise
    return opened


def _is_in_transaction() -> bool:
    return any(c.in_atomic_block for c in connections.all(initialized_only=True))


_Make = Callable[[Writer, Meter, Callable[[], None]], Generator[bytes]]


def _blocks_drained(
    export: Export, bound: int | None, writer: Writer, meter: Meter, check: Callable[[], None]
) -> Generator[bytes]:
    """The file, of rows that are all read already. Raises what `_drained` does, at once."""
    try:
        tables, meter.rows_expected = _drained(export, writer, bound)
    except BaseException:
        writer.close()
        raise
    return export.blocks(tables, writer, meter, check)


def _blocks_read(
    export: Export, writer: Writer, meter: Meter, check: Callable[[], None]
) -> Generator[bytes]:
    """The file, of rows that are read while it is made, from one snapshot."""
    with export.snapshot(lifecycle.IMMEDIATE_LEASE.total_seconds()):
        yield from export.blocks(export.tables(writer), writer, meter, check)


def _drained(export: Export, writer: Writer, bound: int | None) -> tuple[list[Table], int | None]:
    """The rows of querysets, read at once: one bounded SELECT is count, rows and snapshot.

    The rows of `rows()` are pulled as they are asked for; with any, nobody knows how many.
    """
    limit = export.max_rows
    known = [n for n in (bound, limit) if n is not None]
    count = 0
    with ExitStack() as spools, export.snapshot():
        tables = []
        for section in export.sections:
            if not section.source.is_countable:
                tables.append(section.table(section.source.read()))
                continue
            left = min(known) + 1 - count if known else None
            if any(column.runs_code for column in section.columns):  # it is to be over, too
                table = section.table(section.source.read(left))
            else:
                table = export.table(section, writer, left)
            with export.spec.locales.file.active():
                spool = spools.enter_context(Spool(table.rows))
            tables.append(table._replace(rows=spool))
            count += spool.count
            if limit is not None and count > limit:
                raise export.too_many_rows(limit)
            if bound is not None and count > bound:
                raise TooManyRows
        spools.pop_all()  # the pipeline closes them
    return tables, count if export.is_countable else None


def _record(export: Export, origin: Origin, rows: int | None = None) -> ReportJob:
    return lifecycle.create(export, execution=Execution.IMMEDIATE, origin=origin, rows=rows)
