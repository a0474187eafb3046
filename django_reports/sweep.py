"""The sweep: it repairs whatever died, and tidies up. Safe to run anywhere, at any time."""

import datetime as dt
import logging
from collections.abc import Callable
from dataclasses import dataclass

from django.utils import timezone
from django.utils.translation import gettext as _

from django_reports import jobs
from django_reports.conf import get_settings
from django_reports.exceptions import FileUnavailable
from django_reports.models import ReportJob
from django_reports.statuses import Delivery, JobStatus

logger = logging.getLogger("django_reports.sweep")

ENQUEUE_AGAIN_AFTER = dt.timedelta(seconds=20)


@dataclass
class Swept:
    """How many jobs a sweep put back into the queue, gave up, handed over again and expired."""

    rerun: int = 0
    failed: int = 0
    enqueued: int = 0
    expired: int = 0


def sweep(hand_over: Callable[[ReportJob], bool]) -> Swept:
    """Repair and tidy up once. `hand_over` gives a waiting job to the runner; False: not now."""
    swept = Swept()
    for job in ReportJob.objects.abandoned():
        with jobs.in_language_of(job):
            _take_from_the_dead(job, swept)
    _hand_over_waiting(hand_over, swept)
    for job in ReportJob.objects.to_expire():
        swept.expired += jobs.expire(job)
    for job in ReportJob.objects.with_leftovers():
        try:
            jobs.remove_leftovers(job)
        except FileUnavailable as error:  # the next sweep tries again, and the others go on
            logger.warning("job=%s event=leftover_stays error=%s", job.pk, error)
    if swept != Swept():
        logger.info("event=swept %s", swept)
    return swept


def _take_from_the_dead(job: ReportJob, swept: Swept) -> None:
    """Rerun a job whose attempt is gone, or end it."""
    attempt = jobs.Attempt(job, job.attempt)
    # Only if it is still abandoned: its attempt may have shown a sign of life since.
    rows = attempt.rows().abandoned()
    if job.delivery == Delivery.IMMEDIATE:
        swept.failed += jobs.fail(job, rows, _("The process that sent it ended."))
    elif job.cancel_requested_at is not None:
        jobs.finish_canceled(job, rows, _("Canceled while running."))
    elif job.attempt < get_settings().MAX_ATTEMPTS:
        swept.rerun += rows.move(
            JobStatus.RUNNING, JobStatus.QUEUED, enqueued_at=None, lease_until=None
        )
    else:
        reason = _("Killed or out of memory, %(count)s times.") % {"count": job.attempt}
        swept.failed += jobs.fail(job, rows, reason)


def _hand_over_waiting(hand_over: Callable[[ReportJob], bool], swept: Swept) -> None:
    """Hand over what waits: after a crash before the hand-over, or an emptied queue server."""
    for job in ReportJob.objects.queued().order_by("created_at"):
        if job.enqueued_at is None or job.enqueued_at < timezone.now() - ENQUEUE_AGAIN_AFTER:
            if not hand_over(job):
                return  # the engine is away; the next sweep tries again
            swept.enqueued += 1
