"""Runners: who executes background jobs. The job rows are the truth, a runner only the engine."""

import logging
import threading
from functools import lru_cache, partial
from typing import Any

from django.core.signals import request_started, setting_changed
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from django_reports import sweep as repair
from django_reports.conf import get_settings
from django_reports.jobs import database
from django_reports.models import ReportJob
from django_reports.runners.base import Runner
from django_reports.sweep import Swept

logger = logging.getLogger("django_reports.runners")

_has_served = threading.Event()

RUNNERS = {
    "local": "django_reports.runners.local.LocalRunner",
    "rq": "django_reports.runners.rq.RQRunner",
    "immediate": "django_reports.runners.immediate.ImmediateRunner",
}


@lru_cache(maxsize=1)
def get_runner() -> Runner:
    """The runner that the RUNNER setting names, by alias or dotted path."""
    name = get_settings().RUNNER
    runner_class = import_string(RUNNERS.get(name, name))
    if not (isinstance(runner_class, type) and issubclass(runner_class, Runner)):
        raise ImportError(f"{name} is no subclass of django_reports.runners.base.Runner")
    return runner_class()


def submit(job: ReportJob) -> None:
    """Hand a waiting job to the runner once the caller's transaction is committed."""
    transaction.on_commit(partial(enqueue, job), using=database(), robust=True)


def enqueue(job: ReportJob) -> bool:
    """Hand a waiting job over now. False if the runner was not to be had: the sweep tries again."""
    runner = get_runner()
    try:
        runner.enqueue(job)
    except runner.unavailable as error:
        logger.warning("job=%s event=not_enqueued error=%s", job.pk, error)
        return False
    ReportJob.objects.queued().filter(pk=job.pk).update(enqueued_at=timezone.now())
    return True


def sweep() -> Swept:
    """Repair what died, hand over again what waits, and tidy up. Safe anywhere, at any time."""
    return repair.sweep(enqueue)


def is_serving() -> bool:
    """Whether this process answers requests, and so lives on after the present one."""
    return _has_served.is_set()


def _note_request(**kwargs: Any) -> None:
    _has_served.set()


request_started.connect(_note_request, dispatch_uid="django_reports.runners.serving")


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting == "DJANGO_REPORTS":
        get_runner.cache_clear()


setting_changed.connect(_forget, dispatch_uid="django_reports.runners")
