"""Jobs without a queue server: the rows themselves are drained.

By `reports_worker`, or, where nobody runs one, by a thread of the process that asked. The thread
is a convenience: it ends with its process, and another one takes the job up again.
"""

import logging
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

from django.db import close_old_connections, connections

from django_reports import jobs
from django_reports.conf import get_settings
from django_reports.models import ReportJob
from django_reports.runners.base import SWEEP_INTERVAL, Runner

logger = logging.getLogger("django_reports.runners")

POLL = 1.0  # seconds between two looks for waiting jobs


def drain(is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Run waiting jobs, oldest first, until there is none. Returns how many were tried."""
    done = 0
    while not is_stopping():
        job = ReportJob.objects.queued().order_by("created_at").first()
        if job is None:
            break
        jobs.run(job.pk, job.attempt + 1, is_stopping=is_stopping)
        done += 1
    return done


class LocalRunner(Runner):
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._process = 0

    def enqueue(self, job: ReportJob) -> None:
        if not get_settings().LOCAL_THREAD:
            return
        with self._lock:
            # After a fork the thread is the parent's.
            if self._process != os.getpid() or self._thread is None or not self._thread.is_alive():
                self._process = os.getpid()
                self._wake = threading.Event()
                self._thread = threading.Thread(
                    target=self._serve, args=(self._wake,), name="reports-local", daemon=True
                )
                self._thread.start()
        self._wake.set()

    def _serve(self, wake: threading.Event) -> None:
        while True:
            wake.wait()
            wake.clear()
            try:
                close_old_connections()
                drain()
            except Exception:
                # A database that is away must not end the only thread there is.
                logger.exception("event=local_thread_failed")
            finally:
                connections.close_all()

    def work(self, *, burst: bool, sweep: Callable[[], object]) -> None:
        stopping = threading.Event()

        def stop(signum: int, frame: FrameType | None) -> None:
            stopping.set()

        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, stop)
            signal.signal(signal.SIGINT, stop)
        _sweep_safely(sweep)
        if burst:
            drain(stopping.is_set)
            return
        sweeper = threading.Thread(
            target=_sweep_until, args=(stopping, sweep), name="reports-sweep", daemon=True
        )
        sweeper.start()
        while not stopping.is_set():
            close_old_connections()
            if not drain(stopping.is_set):
                stopping.wait(POLL)
        sweeper.join(timeout=SWEEP_INTERVAL)


def _sweep_until(stopping: threading.Event, sweep: Callable[[], object]) -> None:
    try:
        while not stopping.wait(SWEEP_INTERVAL):
            close_old_connections()
            _sweep_safely(sweep)
    finally:
        connections.close_all()


def _sweep_safely(sweep: Callable[[], object]) -> None:
    try:
        sweep()
    except Exception:
        # A worker must not die of it; the next sweep may find the database again.
        logger.exception("event=sweep_failed")
