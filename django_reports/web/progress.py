"""How far jobs are: how fast, how much longer, and where they wait."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django_reports.core.choices import Execution, JobStatus
from django_reports.core.conf import get_settings
from django_reports.models import ReportJob

COUNTED = 1000  # waiting jobs that are counted; who stands behind them is told no place


def places_in_queue(jobs: Iterable[ReportJob]) -> dict[Any, int]:
    """The places of waiting jobs by their keys, the next one's 1: one query at most."""
    if not any(job.status == JobStatus.QUEUED for job in jobs):
        return {}
    waiting = ReportJob.objects.queued().order_by("created_at", "id").values_list("pk", flat=True)
    return {key: place for place, key in enumerate(waiting[:COUNTED], 1)}


def seconds_of(job: ReportJob) -> float | None:
    """For how long a job has run, as far as was heard of it. None: not at all."""
    if job.started_at is None:
        return None
    if job.finished_at is not None:
        return _positive(job.finished_at - job.started_at)
    if job.lease_until is None or job.execution == Execution.IMMEDIATE:
        return None
    # A sign of life sets both the lease and the rows done.
    return _positive(job.lease_until - get_settings().JOB_LEASE - job.started_at)


def rows_per_second(job: ReportJob) -> int | None:
    """Roughly: two digits, so that it does not change with every look. None: not known."""
    speed = _speed(job)
    if speed is None:
        return None
    digits = max(0, len(str(int(speed))) - 2)
    return int(round(speed, -digits))


def seconds_left(job: ReportJob) -> int | None:
    """Roughly how much longer a running job takes. None: nobody can tell."""
    speed = _speed(job)
    if job.status != JobStatus.RUNNING or not speed or job.rows_expected is None:
        return None
    left = max(0, job.rows_expected - job.rows_done) / speed
    step = next((step for limit, step in ((10, 1), (60, 5), (600, 30)) if left < limit), 60)
    return max(step, round(left / step) * step)


def _speed(job: ReportJob) -> float | None:
    seconds = seconds_of(job)
    return job.rows_done / seconds if seconds and job.rows_done else None


def _positive(time: dt.timedelta) -> float | None:
    seconds = time.total_seconds()
    return seconds if seconds > 0 else None
