"""The sweep: it repairs whatever died, and tidies up. Safe to run anywhere, at any time."""

import datetime as dt
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from django_reports import jobs, manifests, permission_changes, retention, sealing, storage
from django_reports.clock import DatabaseNow
from django_reports.conf import get_settings
from django_reports.exceptions import FileUnavailable
from django_reports.failures import lost_in_words
from django_reports.models import ReportJob
from django_reports.statuses import Delivery, FailureCause, JobStatus
from django_reports.storages import storage_alias
from django_reports.workspace import remove_abandoned, unusable_folder

logger = logging.getLogger("django_reports.sweep")

ENQUEUE_AGAIN_AFTER = dt.timedelta(seconds=20)
MANIFEST_LATE = dt.timedelta(minutes=1)  # until then whoever made the file may be writing it
ORPHAN_AGE = dt.timedelta(days=1)  # of a file that no job names before it is removed


@dataclass
class Swept:
    """How many jobs a sweep put back into the queue, gave up, handed over again and expired,
    and how many manifests it put beside their files.

    And, where it tidied up as well, how many files without a job it removed, how many jobs it
    found without their file, how many folders of dead processes it removed, and how many entries
    and jobs it purged. And how many entries it sealed, and checkpoints it anchored.
    """

    rerun: int = 0
    failed: int = 0
    enqueued: int = 0
    expired: int = 0
    manifests: int = 0
    orphans: int = 0
    missing: int = 0
    folders: int = 0
    purged: int = 0
    # What it does for the audit log is no repair, and so of no account when sweeps are compared.
    sealed: int = field(default=0, compare=False)
    anchored: int = field(default=0, compare=False)


def sweep(hand_over: Callable[[Sequence[ReportJob]], int], *, tidies: bool = False) -> Swept:
    """Repair once. `hand_over` gives the runner those of some waiting jobs that it lacks.

    With `tidies`, it also looks through storages and temporary folders, which may take a while.
    """
    swept = Swept()
    for job in ReportJob.objects.abandoned():
        with jobs.in_language_of(job):
            _take_from_the_dead(job, swept)
    # After a crash before the hand-over, or an emptied queue server.
    waiting = ReportJob.objects.waiting_since(ENQUEUE_AGAIN_AFTER).only("attempt", "enqueued_at")
    swept.enqueued += hand_over(list(waiting))
    for job in ReportJob.objects.to_expire():
        swept.expired += jobs.expire(job)
    for job in ReportJob.objects.with_leftovers():
        try:
            jobs.remove_leftovers(job)
        except FileUnavailable as error:  # the next sweep tries again, and the others go on
            logger.warning("job=%s event=leftover_stays error=%s", job.pk, error)
    storage.remove_noted()
    late = DatabaseNow(-MANIFEST_LATE)
    for job in ReportJob.objects.without_manifest().filter(finished_at__lt=late):
        swept.manifests += manifests.keep(job)
    if tidies:
        swept.folders += remove_abandoned()
        if folder := unusable_folder():
            logger.warning("event=temporary_folder_unusable folder=%s", folder)
        _tidy_storages(swept)
    _look_after_the_log(swept, tidies=tidies)
    if swept != Swept():
        logger.info("event=swept %s", swept)
    return swept


def _look_after_the_log(swept: Swept, *, tidies: bool) -> None:
    if tidies:
        swept.purged += sum(vars(retention.purge()).values())
        permission_changes.compare_all()
    sealed = sealing.seal()
    swept.sealed += sealed.entries
    swept.anchored += sealed.anchored


def _take_from_the_dead(job: ReportJob, swept: Swept) -> None:
    """Rerun a job whose attempt is gone, or end it."""
    # Only if it is still abandoned: its attempt may have shown a sign of life since.
    rows = ReportJob.objects.filter(pk=job.pk, attempt=job.attempt).abandoned()
    if job.delivery == Delivery.IMMEDIATE:
        reason = _("The process that sent it ended.")
        swept.failed += jobs.fail(job, rows, FailureCause.INTERRUPTED, reason)
    elif job.cancel_requested_at is not None:
        jobs.finish_canceled(job, rows)
    elif job.lost + 1 < get_settings().MAX_ATTEMPTS:
        swept.rerun += rows.move(
            JobStatus.RUNNING,
            JobStatus.QUEUED,
            enqueued_at=None,
            lease_until=None,
            lost=job.lost + 1,
        )
    else:
        cause = FailureCause(job.cause or FailureCause.KILLED)
        swept.failed += jobs.fail(job, rows, cause, lost_in_words(cause, job.lost + 1))


def _tidy_storages(swept: Swept) -> None:
    kept = ReportJob.objects.exclude(file_key="")
    for alias in {storage_alias(), *kept.values_list("storage", flat=True).distinct()}:
        try:
            _tidy_storage(alias, kept.filter(storage=alias), swept)
        except FileUnavailable as error:
            logger.warning("storage=%s event=not_tidied error=%s", alias, error)


def _tidy_storage(alias: str, kept: Any, swept: Swept) -> None:
    try:
        found = set(storage.kept_keys(alias))
    except NotImplementedError:  # it cannot be listed: only what was noted can be looked for
        found = {
            key for key in kept.values_list("file_key", flat=True) if storage.exists(alias, key)
        }
    noted = {key for keys in kept.values_list("file_key", "manifest_key") for key in keys}
    for key in found - noted:
        age = storage.age_of(alias, key)
        if age is not None and age > ORPHAN_AGE:
            storage.delete(alias, key)
            swept.orphans += 1
            logger.warning("storage=%s key=%s event=orphan_removed", alias, key)
    for job in kept.filter(status=JobStatus.SUCCEEDED).iterator():
        if not found:
            # Rather a folder that is not mounted than every single file gone.
            logger.error("storage=%s event=all_files_missing", alias)
            return
        if job.file_key not in found and not storage.exists(alias, job.file_key):
            with jobs.in_language_of(job):
                swept.missing += jobs.give_up_file(job)
