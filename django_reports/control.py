"""Control: what goes on beside the reading of one attempt.

Progress, lease, cancel and deadline go over a connection of their own, in a thread of their own:
inside the reading transaction nobody would see progress, and it would not see a cancel.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from django.db import DatabaseError, connections, router
from django.utils import timezone

from django_reports.conf import get_settings
from django_reports.exceptions import Canceled, DeadlineExceeded, HandedBack, LeaseLost
from django_reports.models import ReportJob
from django_reports.pipeline import Meter

logger = logging.getLogger("django_reports.jobs")

INTERVAL = 0.5  # seconds between two beats


class Control:
    """A context around the work. `check()` raises the reason for which to stop, if there is one.

    `rows` is the queryset of the job's row as long as the attempt owns it. Where the caller is
    inside a transaction (a test, a caller's own), another connection could not see the job: then
    there is no thread, and only the deadline is watched.
    """

    def __init__(self, rows: Any, *, is_stopping: Callable[[], bool] | None = None) -> None:
        self.meter = Meter()
        self.rows_expected: int | None = None
        self._rows = rows
        self._is_stopping = is_stopping or (lambda: False)
        self._deadline = time.monotonic() + get_settings().TIMEOUT.total_seconds()
        self._is_canceled = False
        self._is_lost = False
        self._is_over = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "Control":
        if not connections[router.db_for_write(ReportJob)].in_atomic_block:
            self._thread = threading.Thread(target=self._beat, name="reports-control", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._is_over.set()
        if self._thread is not None:
            self._thread.join()

    def check(self) -> None:
        if self._is_lost:
            raise LeaseLost
        if self._is_canceled:
            raise Canceled
        if time.monotonic() > self._deadline:
            raise DeadlineExceeded
        if self._is_stopping():
            raise HandedBack

    def _beat(self) -> None:
        lease = get_settings().LEASE
        lost_at = time.monotonic() + lease.total_seconds()
        try:
            while not self._is_over.wait(INTERVAL):
                try:
                    self._report(timezone.now() + lease)
                    lost_at = time.monotonic() + lease.total_seconds()
                except DatabaseError as error:
                    # One beat missed is no harm while the lease lasts.
                    logger.warning("event=beat_missed error=%s", error)
                    connections.close_all()
                    if time.monotonic() > lost_at:
                        self._is_lost = True
                if self._is_lost:
                    return
        finally:
            connections.close_all()

    def _report(self, lease_until: Any) -> None:
        running = self._rows.running()
        is_owner = running.update(
            lease_until=lease_until,
            rows_done=self.meter.rows,
            bytes=self.meter.size,
            rows_expected=self.rows_expected,
        )
        if not is_owner:
            self._is_lost = True
        elif running.exclude(cancel_requested_at=None).exists():
            self._is_canceled = True
