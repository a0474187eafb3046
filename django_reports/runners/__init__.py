"""Runners: who executes background jobs. The job rows are the truth, a runner only the engine."""

import logging
from functools import lru_cache, partial
from typing import Any

from django.core.signals import setting_changed
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from django_reports.conf import get_settings
from django_reports.jobs import database
from django_reports.models import ReportJob
from django_reports.runners.base import Runner

logger = logging.getLogger("django_reports.runners")

RUNNERS = {
    "local": "django_reports.runners.local.LocalRunner",
    "rq": "django_reports.runners.rq.RQRunner",
    "immediate": "django_reports.runners.immediate.ImmediateRunner",
}


@lru_cache(maxsize=1)
def get_runner() -> Runner:
    """The runner that the RUNNER setting names, by alias or dotted path."""
    name = get_settings().RUNNER
    runner: Runner = import_string(RUNNERS.get(name, name))()
    return runner


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


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting == "DJANGO_REPORTS":
        get_runner.cache_clear()


setting_changed.connect(_forget, dispatch_uid="django_reports.runners")
