"""The lifeline of a worker's process: by it others know that it lives, and on what it works.

An attempt that hangs is given up by its `Control`, a thread; then `leave` ends the process, since
nothing else ends a thread that listens to nobody. Code in C may keep all of Python's threads from
running: then a timer of faulthandler, which needs none of them, ends the process after `JOB_LEASE`.
Both say on the standard error where each thread stood.
"""

import faulthandler
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import UUID

from django_reports.core.conf import get_settings
from django_reports.jobs import execution
from django_reports.jobs.runners.base import longest_sweep

BEAT = 1.0  # seconds between two signs of life
GRACE = 8.0  # seconds from SIGTERM to the end, whatever hangs; `docker stop` waits for ten
FAREWELL = "."  # of a process that ends by itself, and need not be replaced
STANDARD_ERROR = 2


class Lifeline:
    """A context around a process's work.

    `descriptor` is that of the pipe to the supervisor, where there is one. Each line that is
    written there names the attempt under way, or none, and the last one says farewell. `dead`
    is the attempt with which the predecessor of this process died.
    """

    def __init__(self, descriptor: int | None = None, dead: str = "") -> None:
        self._descriptor = descriptor
        self._dead = dead
        self._attempt = ""
        self._lock = threading.Lock()  # what was told last is what holds
        self._lease = get_settings().JOB_LEASE.total_seconds()
        self._claim_by: float | None = None
        self._sweep_by: float | None = None
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="reports-lifeline", daemon=True)

    def __enter__(self) -> "Lifeline":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._is_over.set()
        self._thread.join()
        self._tell(FAREWELL)

    def run(self, key: UUID, number: int, **options: Any) -> None:
        """`execution.run_attempt`, of which others know; if it hangs, this process ends."""
        with self._working_on(f"{key} {number}"):
            self._claim_by = time.monotonic() + longest_sweep()
            execution.run_attempt(
                key, number, on_claimed=self._claimed, on_hanging=self.leave, **options
            )

    def sweep(self, sweep: Callable[[], bool]) -> bool:
        """A sweep. If it hangs, this process ends, once no attempt is lost by that."""
        self._sweep_by = time.monotonic() + longest_sweep()
        try:
            self._declare_predecessor_dead()
            return sweep()
        finally:
            self._sweep_by = None

    def _claimed(self) -> None:
        self._claim_by = None

    def _declare_predecessor_dead(self) -> None:
        """Have the sweep take the job of the process that was here before, and died."""
        if self._dead:
            key, number = self._dead.split()
            execution.declare_dead(UUID(key), int(number))
            self._dead = ""

    def leave(self, *args: object) -> None:
        """End this process from a thread: the one that works hangs."""
        faulthandler.dump_traceback(file=STANDARD_ERROR)
        os._exit(1)

    @contextmanager
    def _working_on(self, attempt: str) -> Iterator[None]:
        self._tell(attempt)
        try:
            yield
        finally:
            self._tell("")

    def _beat(self) -> None:
        while not self._is_over.is_set():
            faulthandler.dump_traceback_later(self._lease, exit=True, file=STANDARD_ERROR)
            if not self._tell():
                self._end_alone()
            if _is_past(self._claim_by) or (_is_past(self._sweep_by) and not self._attempt):
                self.leave()
            self._is_over.wait(min(BEAT, self._lease / 4))
        faulthandler.cancel_dump_traceback_later()

    def _tell(self, attempt: str | None = None) -> bool:
        """Whether the supervisor, if there is one, is still there."""
        with self._lock:
            self._attempt = self._attempt if attempt is None else attempt
            if self._descriptor is not None:
                try:
                    with suppress(BlockingIOError):  # it is stopped, and may go on
                        os.write(self._descriptor, f"{self._attempt}\n".encode())
                except BrokenPipeError:
                    return False
        return True

    def _end_alone(self) -> None:
        """End with the supervisor, which was killed: in good order, or in any case."""
        os.kill(os.getpid(), signal.SIGTERM)
        if not self._is_over.wait(GRACE):
            self.leave()


def _is_past(deadline: float | None) -> bool:
    return deadline is not None and time.monotonic() > deadline
