"""Runners: who executes background jobs. The job rows are the truth, a runner only the engine."""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from django.core.signals import request_started
from django.db import transaction
from django.utils.module_loading import import_string

from django_reports.core.clock import DatabaseNow
from django_reports.core.conf import NAME, cached_by_settings, get_settings
from django_reports.jobs.lifecycle import database
from django_reports.jobs.maintenance import Sweeper
from django_reports.jobs.runners.base import Runner
from django_reports.models import ReportJob

logger = logging.getLogger(__name__)

_has_served = threading.Event()

SWEEP_SECONDS = 1.0  # that a sweep beside other work may take
TIDY_INTERVAL = 60 * 60  # seconds between two looks through storages and temporary folders

RUNNERS = {
    "local": "django_reports.jobs.runners.local.LocalRunner",
    "rq": "django_reports.jobs.runners.rq.RQRunner",
    "immediate": "django_reports.jobs.runners.immediate.ImmediateRunner",
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
        raise ImportError(f"{name} is no subclass of django_reports.Runner")
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


def hand_over(waiting: Sequence[ReportJob]) -> Iterator[ReportJob]:
    """Hand over those of some waiting jobs that the runner lacks, one by one."""
    runner = get_runner()
    try:
        lacking = runner.lacking(waiting)
    except runner.unavailable as error:
        logger.warning("event=not_enqueued error=%s", error)
        return
    for job in lacking:
        if not enqueue(job):
            return  # the engine is away; the next sweep tries again
        yield job


class Maintenance:
    """What a process that works on jobs does beside: a second of it at each call.

    It repairs what died and hands over again what waits; with `tidies`, it tidies up once an hour
    as well. Safe anywhere, at any time.
    """

    def __init__(self, *, tidies: bool) -> None:
        self._sweeper = Sweeper(hand_over)
        self._tidies = tidies
        self._tidied_at: float | None = None

    def __call__(self) -> bool:
        """Whether nothing is left to do."""
        self._sweeper.sweep(tidies=self._is_tidying_due(), seconds=SWEEP_SECONDS)
        return self._sweeper.is_done

    def _is_tidying_due(self) -> bool:
        now = time.monotonic()
        at = self._tidied_at
        if not self._tidies or (at is not None and now - at < TIDY_INTERVAL):
            return False
        self._tidied_at = now
        return True


def is_serving() -> bool:
    """Whether this process answers requests, and so lives on after the present one."""
    return _has_served.is_set()


def _note_request(**kwargs: Any) -> None:
    _has_served.set()


request_started.connect(_note_request, dispatch_uid="django_reports.jobs.runners.serving")
