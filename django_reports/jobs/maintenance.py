"""The sweep: it repairs whatever died, and tidies up. Safe to run anywhere, at any time.

It works piece by piece, its tasks in turn and each the oldest first, and stops when its time is
over: twenty thousand old files must not keep a worker from its first job. The next sweep goes on
where this one stopped. A row that somebody holds locked is left to a later sweep.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from time import monotonic
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from django_reports.access import permission_changes, permission_snapshots
from django_reports.audit import retention, sealing
from django_reports.core.choices import Execution, FailureCause, JobStatus
from django_reports.core.clock import DatabaseNow
from django_reports.core.conf import get_settings
from django_reports.core.logs import about, get_logger
from django_reports.core.storages import storage_alias
from django_reports.core.tempdirs import remove_abandoned, unusable_folder
from django_reports.exceptions import FileUnavailable
from django_reports.exports.failures import describe_lost
from django_reports.jobs import files, lifecycle, manifests
from django_reports.models import ReportJob

logger = get_logger(__name__)
T = TypeVar("T")

ENQUEUE_AGAIN_AFTER = dt.timedelta(seconds=20)
MANIFEST_LATE = dt.timedelta(minutes=1)  # until then whoever made the file may be writing it
ORPHAN_AGE = dt.timedelta(days=1)  # of a file that no job names before it is removed
BATCH = 500  # rows or keys that are read at once


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


class Sweeper:
    """The sweeps of one process. `hand_over` gives the runner, one by one, those of some waiting
    jobs that it lacks."""

    def __init__(self, hand_over: Callable[[Sequence[ReportJob]], Iterable[object]]) -> None:
        self._hand_over = hand_over
        self._swept = Swept()
        self._unfinished: dict[str, Iterator[None]] = {}
        self._repairs = (
            self._repair_jobs,
            self._seal,
            self._expire,
            self._remove_leftovers,
            self._remove_noted,
            self._add_manifests,
        )
        self._tidying = (
            self._remove_folders,
            self._tidy_storages,
            self._purge,
            self._compare_permissions,
        )

    @property
    def is_done(self) -> bool:
        """Whether the last sweep came to its end."""
        return not self._unfinished

    def sweep(self, *, tidies: bool = False, seconds: float | None = None) -> Swept:
        """Do what there is to do, or as much of it as the time allows.

        With `tidies`, it also looks through storages, temporary folders and whatever is kept for
        long. Who may do what is compared then, or if no process has done so for an hour. Raises the
        first error of a task after the others have had their turn.
        """
        swept = self._swept = Swept()
        beside = self._tidying if tidies else (self._compare_if_due,)
        for task in (*self._repairs, *beside):
            self._unfinished.setdefault(task.__name__, task())
        if errors := self._advance(None if seconds is None else monotonic() + seconds):
            raise errors[0]
        if swept != Swept():
            logger.info("event=swept %s", swept)
        return swept

    def _advance(self, ends: float | None) -> list[Exception]:
        """Advance the tasks by a piece each, until all are done or the time is over."""
        errors = []
        while self._unfinished and (ends is None or monotonic() < ends):
            name, task = next(iter(self._unfinished.items()))
            del self._unfinished[name]
            try:
                next(task)
            except StopIteration:
                pass
            except Exception as error:
                logger.exception("event=sweep_failed task=%s", name.strip("_"))
                errors.append(error)
            else:
                self._unfinished[name] = task  # behind the others
        return errors

    # Repairs

    def _repair_jobs(self) -> Iterator[None]:
        for job in in_batches(ReportJob.objects.abandoned(), "lease_until"):
            with about(job.pk, job.attempt):
                with lifecycle.in_language_of(job), transaction.atomic(using=lifecycle.database()):
                    self._reclaim_abandoned(job)
                _remove_leftovers_of(job)
            yield
        yield from self._hand_over_waiting()

    def _reclaim_abandoned(self, job: ReportJob) -> None:
        """Rerun a job whose attempt is gone, or end it."""
        # Only if it is still abandoned: its attempt may have shown a sign of life since.
        rows = ReportJob.objects.filter(pk=job.pk, attempt=job.attempt).abandoned().unlocked()
        if job.execution == Execution.IMMEDIATE:
            reason = _("The process that sent it ended.")
            is_taken = lifecycle.fail(job, rows, FailureCause.INTERRUPTED, reason)
            self._swept.failed += is_taken
        elif job.cancel_requested_at is not None:
            is_taken = lifecycle.finish_canceled(job, rows)
        elif job.lost + 1 < get_settings().JOB_MAX_ATTEMPTS:
            is_taken = rows.move(
                JobStatus.RUNNING,
                JobStatus.QUEUED,
                enqueued_at=None,
                lease_until=None,
                lost=job.lost + 1,
            )
            self._swept.rerun += is_taken
        else:
            cause = FailureCause(job.cause or FailureCause.KILLED)
            is_taken = lifecycle.fail(job, rows, cause, describe_lost(cause, job.lost + 1))
            self._swept.failed += is_taken
        if is_taken:
            job.refresh_from_db(fields=["status"])
            logger.warning("event=taken_from_dead_worker status=%s lost=%s", job.status, job.lost)

    def _hand_over_waiting(self) -> Iterator[None]:
        """After a crash before the hand-over, or an emptied queue server."""
        waiting = ReportJob.objects.waiting_since(ENQUEUE_AGAIN_AFTER)
        rows = waiting.only("attempt", "enqueued_at", "created_at")
        for batch in chunks(in_batches(rows, "created_at")):
            for _handed_over in self._hand_over(batch):
                self._swept.enqueued += 1
                yield
            yield

    def _seal(self) -> Iterator[None]:
        for sealed in sealing.seal_in_batches():
            self._swept.sealed += sealed.entries
            self._swept.anchored += sealed.anchored
            yield

    def _expire(self) -> Iterator[None]:
        for job in in_batches(ReportJob.objects.to_expire(), "expires_at"):
            with about(job.pk, job.attempt):
                self._swept.expired += lifecycle.expire(job)
                _remove_leftovers_of(job)
            yield

    def _remove_leftovers(self) -> Iterator[None]:
        for job in in_batches(ReportJob.objects.with_leftovers(), "file_key"):
            with about(job.pk, job.attempt):
                _remove_leftovers_of(job)
            yield

    def _remove_noted(self) -> Iterator[None]:
        for _leftover in files.remove_noted():
            yield

    def _add_manifests(self) -> Iterator[None]:
        late = DatabaseNow(-MANIFEST_LATE)
        rows = ReportJob.objects.without_manifest().filter(finished_at__lt=late)
        for job in in_batches(rows, "finished_at"):
            with about(job.pk, job.attempt):
                self._swept.manifests += manifests.keep(job)
            yield

    # Tidying up

    def _remove_folders(self) -> Iterator[None]:
        self._swept.folders += remove_abandoned()
        yield
        if folder := unusable_folder():
            logger.warning("event=temporary_folder_unusable folder=%s", folder)

    def _purge(self) -> Iterator[None]:
        for count in retention.purge():
            self._swept.purged += count
            yield

    def _compare_if_due(self) -> Iterator[None]:
        if permission_snapshots.is_comparison_due():
            yield from self._compare_permissions()

    def _compare_permissions(self) -> Iterator[None]:
        for _changed in permission_changes.compare_in_chunks():
            yield

    def _tidy_storages(self) -> Iterator[None]:
        named = ReportJob.objects.exclude(file_key="").values_list("storage", flat=True)
        for alias in sorted({storage_alias(), *named.order_by().distinct()}):
            try:
                yield from self._tidy_storage(alias)
            except FileUnavailable as error:
                logger.warning("storage=%s event=not_tidied error=%s", alias, error)

    def _tidy_storage(self, alias: str) -> Iterator[None]:
        rows = ReportJob.objects.filter(storage=alias).exclude(file_key="")
        present: set[str] = set()
        is_listed = True
        try:
            for keys in chunks(files.list_keys(alias)):
                present.update(keys)
                yield from self._remove_orphans(alias, keys)
                yield
        except NotImplementedError:  # then each file is asked for
            is_listed = False
        for job in in_batches(rows.filter(status=JobStatus.SUCCEEDED), "file_key"):
            if is_listed and not present:
                # Rather a folder that is not mounted than every single file gone.
                logger.error("storage=%s event=all_files_missing", alias)
                return
            if job.file_key not in present:
                self._give_up_if_missing(job)
            yield

    def _remove_orphans(self, alias: str, keys: list[str]) -> Iterator[None]:
        """Remove those of some files that no job names, neither as its own nor as its manifest."""
        names = {*keys, *(key.removesuffix(files.MANIFEST) for key in keys)}
        rows = ReportJob.objects.filter(storage=alias, file_key__in=names)
        named = {key for row in rows.values_list("file_key", "manifest_key") for key in row}
        for key in keys:
            if key in named:
                continue
            age = files.age_of(alias, key)
            if age is not None and age > ORPHAN_AGE:
                files.delete(alias, key)
                self._swept.orphans += 1
                logger.warning("storage=%s key=%s event=orphan_removed", alias, key)
            yield

    def _give_up_if_missing(self, job: ReportJob) -> None:
        if not files.exists(job.storage, job.file_key):
            with lifecycle.in_language_of(job):
                self._swept.missing += lifecycle.mark_file_lost(job)


def _remove_leftovers_of(job: ReportJob) -> None:
    """Remove the file of a job that is without one by now; if it stays, the next sweep does."""
    if not ReportJob.objects.filter(pk=job.pk).with_leftovers().exists():
        return
    try:
        lifecycle.remove_leftovers(job)
    except FileUnavailable as error:
        logger.warning("event=leftover_stays error=%s", error)


def in_batches(rows: Any, field_name: str) -> Iterator[ReportJob]:
    """Jobs in the order of a field that none of them lacks, one query for a batch: nothing is held
    open while its reader pauses."""
    rows = rest = rows.order_by(field_name, "pk")
    while batch := list(rest[:BATCH]):
        value, key = getattr(batch[-1], field_name), batch[-1].pk  # the reader may change the job
        yield from batch
        rest = rows.filter(Q(**{f"{field_name}__gt": value}) | Q(**{field_name: value}, pk__gt=key))


def chunks(items: Iterator[T]) -> Iterator[list[T]]:
    while chunk := list(islice(items, BATCH)):
        yield chunk
