"""A process that watches over its child, the worker: kills it if it hangs, replaces it if it died.

The supervisor has no threads and no connections. So it may fork, and the child shares the memory of
all that is imported. Where the project has threads running, the child is another process with the
same command line instead: a fork would copy their locks and not them.
"""

import gc
import logging
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connections

from django_reports.core.conf import get_settings
from django_reports.jobs.runners.lifeline import FAREWELL, GRACE, Lifeline

logger = logging.getLogger(__name__)

POLL = 0.5  # seconds between two looks at the child
GONE_WITHIN = 1.0  # seconds in which a killed process ends, unless the kernel holds it
FIRST_PAUSE, LAST_PAUSE = 1.0, 60.0  # seconds before a child that died is replaced
STEADY = 10.0  # seconds after which a child's death has nothing to do with its start
PIPE_HOLDS = 2**20  # bytes at most, so that one read takes whole lines
VARIABLE = "DJANGO_REPORTS_LIFELINE"  # of a child with the same command line


def can_supervise() -> bool:
    """Windows has neither fork nor signals."""
    return hasattr(os, "fork")


def supervise(*, burst: bool) -> Lifeline | None:
    """Have a child of this process do what follows. Returns its lifeline in the child.

    In this process it returns None when the child has done its work. Raises SystemExit with the
    child's exit status, if that is not 0.
    """
    if inherited := os.environ.pop(VARIABLE, None):
        descriptor, _, dead = inherited.partition(" ")
        os.set_inheritable(int(descriptor), False)
        return Lifeline(int(descriptor), dead)
    return _Supervisor(burst=burst).run()


@dataclass
class _Child:
    """What is known of a child. `attempt` is on what it works; empty if on nothing, FAREWELL if it
    has done its work."""

    pid: int
    reader: int
    attempt: str = ""
    started_at: float = field(default_factory=time.monotonic)
    heard_at: float = field(default_factory=time.monotonic)
    attempt_at: float = 0.0
    killed_at: float | None = None

    def listen(self) -> None:
        """Take what it has told, after waiting for that."""
        readable, _, _ = select.select([self.reader], [], [], POLL)
        if not readable:
            return
        lines = os.read(self.reader, PIPE_HOLDS).decode().splitlines()
        if not lines:  # its end of the pipe is closed, so it is about to end
            time.sleep(POLL / 10)
            return
        self.heard_at = time.monotonic()
        if lines[-1] != self.attempt:
            self.attempt, self.attempt_at = lines[-1], self.heard_at

    def ended(self) -> int | None:
        """Its exit status, negative for a signal; None while it lives."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        if self.killed_at is not None and time.monotonic() > self.killed_at + GONE_WITHIN:
            return -signal.SIGKILL  # the kernel holds it, for a file system that is away, say
        return None


class _Supervisor:
    def __init__(self, *, burst: bool) -> None:
        conf = get_settings()
        self._burst = burst
        # The child ends by itself before that, unless even that hangs.
        self._longest_silence = conf.JOB_LEASE.total_seconds() + GRACE
        self._longest_attempt = conf.JOB_TIMEOUT.total_seconds() + self._longest_silence
        self._stop_by: float | None = None
        self._pause = FIRST_PAUSE

    def run(self) -> Lifeline | None:
        with self._signals():
            lifeline = self._keep_a_child()
        if lifeline is not None and self._stop_by is not None:
            raise SystemExit  # a signal came between the fork and here
        return lifeline

    def _keep_a_child(self) -> Lifeline | None:
        """Returns in each child, and here after the last one."""
        dead = ""
        while self._stop_by is None:
            reader, writer = os.pipe()
            os.set_blocking(writer, False)
            pid = _start(writer, dead)
            if pid == 0:
                os.close(reader)
                return Lifeline(writer, dead)
            os.close(writer)
            child = _Child(pid, reader)
            status = self._watch(child)
            os.close(reader)
            if self._is_last(child, status):
                break
            dead = child.attempt
            self._wait_after(child)
        return None

    def _watch(self, child: _Child) -> int:
        """Wait for the end of a child, and help it along. Returns its exit status."""
        is_asked = False
        while (status := child.ended()) is None:
            child.listen()
            if child.killed_at is not None:
                continue
            if reason := self._reason_to_kill(child):
                logger.error(
                    "event=worker_killed pid=%s reason=%s attempt=%s",
                    *(child.pid, reason, child.attempt or "none"),
                )
                os.kill(child.pid, signal.SIGKILL)
                child.killed_at = time.monotonic()
            elif self._stop_by is not None and not is_asked:
                os.kill(child.pid, signal.SIGTERM)
                is_asked = True
        child.listen()  # to its last words
        return status

    def _reason_to_kill(self, child: _Child) -> str:
        now = time.monotonic()
        if self._stop_by is not None and now > self._stop_by:
            return "does_not_stop"
        if now - child.heard_at > self._longest_silence:
            return "silent"
        if child.attempt and now - child.attempt_at > self._longest_attempt:
            return "attempt_without_end"
        return ""

    def _is_last(self, child: _Child, status: int) -> bool:
        """Whether a child that ended need not be replaced. Its own exit status is passed on."""
        if child.attempt == FAREWELL and status > 0:
            raise SystemExit(status)
        if child.attempt == FAREWELL or self._stop_by is not None:
            return True
        logger.error(
            "event=worker_died pid=%s status=%s attempt=%s",
            *(child.pid, status, child.attempt or "none"),
        )
        if self._burst and not child.attempt:
            raise SystemExit(1)  # the next one would hardly do better
        return False

    def _wait_after(self, child: _Child) -> None:
        """Wait before a child that died is replaced, longer if it was a short life again."""
        now = time.monotonic()
        if now - child.started_at > STEADY:
            self._pause = FIRST_PAUSE
        ends = now + self._pause
        self._pause = min(self._pause * 2, LAST_PAUSE)
        while self._stop_by is None and (left := ends - time.monotonic()) > 0:
            time.sleep(min(left, POLL))

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Python is back soon to call the handlers here, without another thread."""
        numbers = (signal.SIGTERM, signal.SIGINT)
        before = {number: signal.signal(number, self._stop) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop(self, signum: int, frame: Any) -> None:
        self._stop_by = self._stop_by or time.monotonic() + GRACE


def _start(writer: int, dead: str) -> int:
    """Start a child. Returns its number, and 0 in a child that was forked."""
    _close_connections()
    if threading.active_count() == 1:
        sys.stdout.flush()
        sys.stderr.flush()
        gc.freeze()  # a collection would copy all pages that the processes share
        return os.fork()
    os.set_inheritable(writer, True)
    environment = {**os.environ, VARIABLE: f"{writer} {dead}"}
    return os.posix_spawn(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)


def _close_connections() -> None:
    """Close what code of the project has opened while it was imported; pools have threads."""
    connections.close_all()
    for connection in connections.all(initialized_only=True):
        if hasattr(connection, "close_pool"):
            connection.close_pool()
