"""Jobs without a queue server: the rows themselves are drained.

By `reports_worker`, or, where nobody runs one, by a thread of the process that asked. The thread
is a convenience: it ends with its process, and another one takes the job up again.
"""

import atexit
import logging
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any
from uuid import UUID

from django.db import (
    InterfaceError,
    OperationalError,
    close_old_connections,
    connections,
    transaction,
)

from django_reports.core.conf import get_settings
from django_reports.core.tempdirs import close_leftovers
from django_reports.jobs import execution, runners
from django_reports.jobs.lifecycle import database
from django_reports.jobs.runners import hanging
from django_reports.jobs.runners.base import SWEEP_INTERVAL, Runner, sweep_safely
from django_reports.jobs.runners.lifeline import Lifeline
from django_reports.jobs.runners.stopping import set_by_signals
from django_reports.jobs.runners.supervision import can_supervise, supervise
from django_reports.models import ReportJob

logger = logging.getLogger(__name__)

POLL = 1.0  # seconds between two looks for waiting jobs
AWAY = 5.0  # seconds until a database that is away is asked again
STOP_WITHIN = 5.0  # seconds that the end of a process waits for its thread


def drain(
    is_stopping: Callable[[], bool] = lambda: False, run: Callable[..., Any] = execution.run_attempt
) -> int:
    """Run waiting jobs, oldest first, until there is none. Returns how many were tried."""
    done = 0
    while not is_stopping():
        job = _next_waiting()
        if job is None:
            break
        close_leftovers()
        run(job.pk, job.attempt + 1, is_stopping=is_stopping)
        done += 1
    return done


def _next_waiting() -> ReportJob | None:
    """The oldest waiting job that nobody holds locked."""
    with transaction.atomic(using=database()):
        return ReportJob.objects.queued().order_by("created_at").unlocked(1).first()


class LocalRunner(Runner):
    """The thread is started in a process that serves requests, never in one that runs a command:
    that one ends when its command does, and the thread's job would die with it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: _Thread | None = None

    def enqueue(self, job: ReportJob) -> None:
        self.nudge()

    def lacking(self, waiting: Sequence[ReportJob]) -> Sequence[ReportJob]:
        return [job for job in waiting if job.enqueued_at is None]  # its hands are the rows

    def nudge(self) -> None:
        if not (runners.is_serving() and get_settings().LOCAL_THREAD):
            return
        with self._lock:
            # After a fork the thread is the parent's.
            if self._thread is None or not self._thread.is_alive():
                self._thread = _Thread()
                self._thread.start()
                atexit.register(self._thread.stop)
        self._thread.wake.set()

    def work(self, *, burst: bool, sweep: Callable[[], bool]) -> None:
        _work(execution.run_attempt, burst=burst, sweep=sweep)

    def take_over(self, *, burst: bool, sweep: Callable[[], bool]) -> None:
        lifeline = supervise(burst=burst) if can_supervise() else Lifeline()
        if lifeline is None:
            return  # a child has done it

        with lifeline:
            _work(lifeline.run, burst=burst, sweep=partial(lifeline.sweep, sweep))


def _work(run: Callable[..., Any], *, burst: bool, sweep: Callable[[], bool]) -> None:
    stopping = threading.Event()
    with ExitStack() as stack:
        if threading.current_thread() is threading.main_thread():
            stack.enter_context(set_by_signals(stopping, signal.SIGTERM, signal.SIGINT))
        if burst:
            sweep_safely(sweep)
            drain(stopping.is_set, run)
        else:
            _work_until(stopping, sweep, run)


def _work_until(
    stopping: threading.Event,
    sweep: Callable[[], bool],
    run: Callable[..., Any] = execution.run_attempt,
) -> None:
    sweeper = threading.Thread(
        target=_sweep_until, args=(stopping, sweep), name="reports-sweep", daemon=True
    )
    sweeper.start()
    while not stopping.is_set():
        try:
            close_old_connections()
            if not drain(stopping.is_set, run):
                stopping.wait(POLL)
        except (OperationalError, InterfaceError) as error:  # it restarts, say
            logger.error("event=database_away error=%r", str(error))  # in one line
            connections.close_all()
            stopping.wait(AWAY)
    sweeper.join(timeout=STOP_WITHIN)


class _Thread(threading.Thread):
    """Sweeps and drains for as long as its process lives; at its end the job is handed back."""

    def __init__(self) -> None:
        super().__init__(name="reports-local", daemon=True)
        self.wake = threading.Event()
        self._stopping = threading.Event()
        self._sweep = runners.Maintenance(tidies=True)

    def run(self) -> None:
        while not self._stopping.is_set():
            pause = SWEEP_INTERVAL
            try:
                close_old_connections()
                pause = sweep_safely(self._sweep)
                drain(self._stopping.is_set, self._run)
            except Exception:
                # A database that is away must not end the only thread there is.
                logger.exception("event=local_thread_failed")
            finally:
                connections.close_all()
            self.wake.wait(pause)
            self.wake.clear()

    def _run(self, key: UUID, number: int, **options: Any) -> None:
        def show(is_over: threading.Event) -> None:
            if not self._stopping.is_set():  # else the process ends, and what hangs with it
                hanging.show(key, is_over)

        execution.run_attempt(key, number, on_hanging=show, **options)

    def stop(self) -> None:
        self._stopping.set()
        self.wake.set()
        self.join(timeout=STOP_WITHIN)


def _sweep_until(stopping: threading.Event, sweep: Callable[[], bool]) -> None:
    while not stopping.is_set():
        pause = sweep_safely(sweep)
        connections.close_all()  # it needs none for most of the time
        stopping.wait(pause)
