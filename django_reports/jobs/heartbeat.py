"""Control: what goes on beside the reading of one attempt.

Progress, lease, cancel and deadline go over a connection of their own, in a thread of their own:
inside the reading transaction nobody would see progress, and it would not see a cancel.

An attempt that is to stop stops by itself between two chunks of rows. If it does not, because one
query takes long, that query is canceled; if even that does not help, because code of the report
hangs, `give_up` is called: the job's row is taken from the attempt, which cannot publish then.
"""

import contextvars
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError, connections, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.translation import gettext as _

from django_reports.core.clock import DatabaseNow
from django_reports.core.conf import get_settings
from django_reports.core.logs import get_logger
from django_reports.engine.cursors import interrupt
from django_reports.engine.pipeline import Meter
from django_reports.exceptions import (
    AttemptStopped,
    Canceled,
    DeadlineExceeded,
    LeaseLost,
    ReportFailed,
    Requeued,
    SnapshotTooOld,
)
from django_reports.models import ReportJob

logger = get_logger(__name__)

INTERVAL = 0.5  # seconds between two beats
PATIENCE = 1.0  # seconds that an attempt gets to stop by itself
LAST_PATIENCE = 3.0  # seconds until it is given up, though its queries were canceled


class Control:
    """A context around the work. `check()` raises the reason for which to stop, if there is one.

    `rows` is the queryset of the job's row as long as the attempt owns it. Where the caller is
    inside a transaction (a test, a caller's own), another connection could not see the job: then
    there is no thread, and only the deadline is watched.
    """

    def __init__(
        self,
        rows: Any,
        *,
        is_stopping: Callable[[], bool] | None = None,
        give_up: Callable[[AttemptStopped], None] = lambda reason: None,
    ) -> None:
        self.meter = Meter()
        self.rows_expected: int | None = None
        self._rows = rows
        self._is_stopping = is_stopping or (lambda: False)
        self._give_up = give_up
        self._read_over: Sequence[BaseDatabaseWrapper] = ()
        self.interrupted_by: AttemptStopped | None = None
        self._deadline = time.monotonic() + get_settings().JOB_TIMEOUT.total_seconds()
        self._snapshot_ends: float | None = None
        self._is_canceled = False
        self._is_lost = False
        self.is_over = threading.Event()
        self._connected = threading.Event()  # or refused
        self._refused: DatabaseError | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "Control":
        if not connections[router.db_for_write(ReportJob)].in_atomic_block:
            # Those of the thread that reads: another thread's `connections` are others.
            self._read_over = connections.all()
            run = contextvars.copy_context().run  # its lines are about the same job
            self._thread = threading.Thread(
                target=run, args=(self._beat,), name="reports-control", daemon=True
            )
            self._thread.start()
            self._connected.wait()
            if self._refused is not None:
                self._thread.join()
                raise ReportFailed(
                    _(
                        "A worker needs two connections to the database for a job, and got only "
                        "one (%(error)s)."
                    )
                    % {"error": str(self._refused).strip()}
                )
        return self

    def __exit__(self, *exception: object) -> None:
        self.is_over.set()
        if self._thread is not None:
            self._thread.join()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """A context around the reading of one state of the database, which has to let it go."""
        self._snapshot_ends = time.monotonic() + get_settings().SNAPSHOT_MAX_AGE.total_seconds()
        try:
            yield
        finally:
            self._snapshot_ends = None

    def seconds_left(self) -> float:
        """For how long the attempt may read."""
        ends = [end for end in (self._deadline, self._snapshot_ends) if end is not None]
        return min(ends) - time.monotonic()

    def check(self) -> None:
        if reason := self._reason():
            raise reason

    def _reason(self) -> AttemptStopped | None:
        """Why the attempt is to stop; None if it may go on."""
        if self._is_lost:
            return LeaseLost()
        if self._is_canceled:
            return Canceled()
        if time.monotonic() > self._deadline:
            return DeadlineExceeded()
        if self._snapshot_ends is not None and time.monotonic() > self._snapshot_ends:
            return SnapshotTooOld()
        if self._is_stopping():
            return Requeued()
        return None

    def _connect(self) -> bool:
        """Whether this thread has a connection of its own, after as long as a lease at most."""
        ends = time.monotonic() + get_settings().JOB_LEASE.total_seconds()
        try:
            while True:
                try:
                    connections[router.db_for_write(ReportJob)].ensure_connection()
                except DatabaseError as error:
                    if time.monotonic() > ends:
                        self._refused = error
                        return False
                    logger.warning("event=not_connected error=%s", error)
                    self.is_over.wait(INTERVAL)
                else:
                    return True
        finally:
            self._connected.set()

    def _beat(self) -> None:
        if not self._connect():
            return
        lease = get_settings().JOB_LEASE
        lost_at = time.monotonic() + lease.total_seconds()
        stop_at: float | None = None
        try:
            while not self.is_over.wait(INTERVAL):
                if reason := self._reason():
                    stop_at = stop_at or time.monotonic() + PATIENCE
                    if time.monotonic() > stop_at:
                        self._interrupt(reason)
                    if time.monotonic() > stop_at + LAST_PATIENCE:
                        logger.error("event=given_up reason=%s", type(reason).__name__)
                        self._give_up(reason)
                        return
                try:
                    self._report(DatabaseNow(lease))
                    lost_at = time.monotonic() + lease.total_seconds()
                except DatabaseError as error:
                    # One beat missed is no harm while the lease lasts.
                    logger.warning("event=beat_missed error=%s", error)
                    connections.close_all()
                    if time.monotonic() > lost_at:
                        self._is_lost = True
        finally:
            connections.close_all()

    def _interrupt(self, reason: AttemptStopped) -> None:
        """Cancel the queries of the thread that reads."""
        self.interrupted_by = reason
        for connection in self._read_over:
            try:
                interrupt(connection)
            except Exception as error:  # whatever a driver raises: the next beat tries again
                logger.warning("event=not_interrupted error=%s", error)

    def _report(self, lease_until: DatabaseNow) -> None:
        """One query for each beat, unless there is something to be told."""
        running = self._rows.running()
        progress = {
            "lease_until": lease_until,
            "rows_done": self.meter.rows,
            "bytes": self.meter.size,
            "rows_expected": self.rows_expected,
        }
        if running.filter(cancel_requested_at=None).update(**progress):
            return
        if running.update(**progress):
            self._is_canceled = True
        else:
            self._is_lost = True
