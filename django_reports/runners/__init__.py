"""Runners: who executes background jobs. The job rows are the truth, a runner only the engine."""

import logging
import threading
import time
from collections.abc import Sequence
from typing import Any

from django.core.signals import request_started
from django.db import transaction
from django.utils.module_loading import import_string

from django_reports import sweep as repair
from django_reports.clock import DatabaseNow
from django_reports.conf import NAME, cached_by_settings, get_settings
from django_reports.jobs import database
from django_reports.models import ReportJob
from django_reports.runners.base import Runner
from django_reports.sweep import Swept

logger = logging.getLogger("django_reports.runners")

_has_served = threading.Event()

TIDY_INTERVAL = 60 * 60  # seconds between two looks through storages and temporary folders

RUNNERS = {
    "local": "django_reports.runners.local.LocalRunner",
    "rq": "django_reports.runners.rq.RQRunner",
    "immediate": "django_reports.runners.immediate.ImmediateRunner",
}
EXTRAS = {"rq": ("django_rq", "rq", "redis")}  # what a runner's extra of the same name installs


class MissingExtra(ImportError):
    """A runner was chosen whose packages are not installed."""


@cached_by_settings(NAME)
def get_runner() -> Runner:
    """The runner that the RUNNER setting names, by alias or dotted path.

    Raises MissingExtra for one that needs an extra, and ImportError for one that there is not.
    """
    name = get_settings().RUNNER
    try:
        runner_class = import_string(RUNNERS.get(name, name))
    except ModuleNotFoundError as error:
        if error.name in EXTRAS.get(name, ()):
            raise MissingExtra(f"the runner {name!r} needs {error.name}") from error
        raise
    if not (isinstance(runner_class, type) and issubclass(runner_class, Runner)):
        raise ImportError(f"{name} is no subclass of django_reports.runners.base.Runner")
    return runner_class()


def submit(job: ReportJob) -> None:
    """Hand a waiting job to the runner once the caller's transaction is committed."""
    transaction.on_commit(lambda: enqueue(job), using=database(), robust=True)


def enqueue(job: ReportJob) -> bool:
    """Hand a waiting job over now. False if the runner was not to be had: the sweep tries again."""
    runner = get_runner()
    try:
        runner.enqueue(job)
    except runner.unavailable as error:
        logger.warning("job=%s event=not_enqueued error=%s", job.pk, error)
        return False
    ReportJob.objects.queued().filter(pk=job.pk).update(enqueued_at=DatabaseNow())
    return True


def hand_over(waiting: Sequence[ReportJob]) -> int:
    """Hand over those of some waiting jobs that the runner lacks. Returns how many."""
    runner, count = get_runner(), 0
    try:
        lacking = runner.lacking(waiting)
    except runner.unavailable as error:
        logger.warning("event=not_enqueued error=%s", error)
        return 0
    for job in lacking:
        if not enqueue(job):
            break  # the engine is away; the next sweep tries again
        count += 1
    return count


def sweep() -> Swept:
    """Repair what died, hand over again what waits, and tidy up once an hour.

    Safe anywhere, at any time.
    """
    tidies = _tidied.is_due()
    return repair.sweep(hand_over, tidies=tidies)


class _Tidied:
    """When this process has tidied up last."""

    def __init__(self) -> None:
        self._at: float | None = None

    def is_due(self) -> bool:
        now = time.monotonic()
        if self._at is not None and now - self._at < TIDY_INTERVAL:
            return False
        self._at = now
        return True


_tidied = _Tidied()


def is_serving() -> bool:
    """Whether this process answers requests, and so lives on after the present one."""
    return _has_served.is_set()


def _note_request(**kwargs: Any) -> None:
    _has_served.set()


request_started.connect(_note_request, dispatch_uid="django_reports.runners.serving")
