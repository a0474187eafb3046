"""What a runner is to the rest."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

from django.core.checks import CheckMessage

from django_reports.core.conf import get_settings
from django_reports.models import ReportJob

logger = logging.getLogger(__name__)

SWEEP_INTERVAL = 10.0  # seconds between two sweeps of a worker
SWEEP_PAUSE = 1.0  # seconds between two sweeps of which the first left something undone
SWEEP_HANGS = 120.0  # seconds that one piece of a sweep's work may take


def longest_sweep() -> float:
    """After how many seconds a sweep hangs: no job may take longer either."""
    return min(SWEEP_HANGS, get_settings().JOB_TIMEOUT.total_seconds())


def sweep_safely(sweep: Callable[[], bool]) -> float:
    """Sweep; a worker must not die of it, and the next sweep may find the database again.

    Returns after how many seconds that one is due.
    """
    try:
        is_done = sweep()
    except Exception:
        logger.exception("event=sweep_failed")
        return SWEEP_INTERVAL
    return SWEEP_INTERVAL if is_done else SWEEP_PAUSE


class Runner(ABC):
    """Executes background jobs. `unavailable` are the errors of an engine that is down."""

    unavailable: ClassVar[tuple[type[Exception], ...]] = ()

    @abstractmethod
    def enqueue(self, job: ReportJob) -> None:
        """See to it that `execution.run_attempt(job.pk, job.attempt + 1)` is called somewhere.

        Harmless when called twice: only one of two runs can claim the attempt.
        """

    def lacking(self, waiting: Sequence[ReportJob]) -> Sequence[ReportJob]:
        """Those of some waiting jobs that are not in this engine's hands: all, if it can't tell."""
        return waiting

    def nudge(self) -> None:  # noqa: B027 - most engines run by themselves
        """Somebody is waiting for an export: see to it that this engine runs, if it can."""

    @abstractmethod
    def work(self, *, burst: bool, sweep: Callable[[], bool]) -> None:
        """Execute jobs in this process until it is told to stop; with `burst`, until none is left.

        Calls `sweep_safely(sweep)` as often as that asks for, also while a job runs.
        """

    def take_over(self, *, burst: bool, sweep: Callable[[], bool]) -> None:
        """`work` in a process that does nothing else: it may fork, and be ended."""
        self.work(burst=burst, sweep=sweep)

    def check(self) -> list[CheckMessage]:
        """System check messages about this runner's own configuration."""
        return []
