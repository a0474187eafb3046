"""Attempts: a worker takes a waiting job, makes its file, and ends it or gives it back.

An attempt holds as long as the job's row has its number: whoever lost it cannot publish.
"""

import datetime as dt
import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import IO, Any
from uuid import UUID

from django.db import DatabaseError, transaction
from django.utils.translation import gettext as _

from django_reports import signals
from django_reports.access import quotas
from django_reports.access.policies import EffectivePermissions
from django_reports.audit import log, signing
from django_reports.audit.log import SYSTEM
from django_reports.core.choices import LOST_TO, AuditAction, FailureCause, JobStatus
from django_reports.core.clock import DatabaseNow, database_now
from django_reports.core.conf import get_settings
from django_reports.core.database_errors import is_lost_connection, savepoints
from django_reports.core.logs import about, get_logger
from django_reports.core.storages import storage_alias
from django_reports.core.tempdirs import temporary_file
from django_reports.definitions.specs import ExportSpec
from django_reports.engine.cursors import drop_dead_connections
from django_reports.exceptions import (
    AttemptStopped,
    Canceled,
    LeaseLost,
    ReportDenied,
    Requeued,
)
from django_reports.exports.failures import as_report_error, failure_of
from django_reports.exports.prepare import Export, prepare
from django_reports.jobs import files, lifecycle, manifests
from django_reports.jobs.heartbeat import Control
from django_reports.models import ReportJob

logger = get_logger(__name__)

OVER = dt.timedelta(seconds=1)  # ago a lease ended, so that it certainly has


@dataclass(frozen=True)
class Attempt:
    """The right to work on a job: it holds as long as the row still has this number."""

    job: ReportJob
    number: int
    claimed_at: float = field(default_factory=monotonic)

    def now(self) -> dt.datetime:
        """The time by the database's clock, without asking it again."""
        started_at: Any = self.job.started_at
        now: dt.datetime = started_at + dt.timedelta(seconds=monotonic() - self.claimed_at)
        return now

    def owned_jobs(self) -> Any:
        """The job's row while the attempt owns it, as a queryset for conditional updates."""
        return ReportJob.objects.filter(pk=self.job.pk, attempt=self.number)


def claim(key: UUID, number: int) -> Attempt | None:
    """Take a waiting job for attempt `number` (the first is 1).

    None if somebody else was faster, or the job is no longer waiting for that attempt.
    """
    with transaction.atomic(using=lifecycle.database()):
        waiting = ReportJob.objects.queued().filter(pk=key, attempt=number - 1).unlocked()
        is_won = waiting.move(
            JobStatus.QUEUED,
            JobStatus.RUNNING,
            attempt=number,
            lease_until=DatabaseNow(get_settings().JOB_LEASE),
            started_at=DatabaseNow(),
            finished_at=None,
            rows_done=0,
            error="",
            cause="",
        )
        if not is_won:
            return None
        job = ReportJob.objects.get(pk=key)
        log.record(AuditAction.STARTED, origin=SYSTEM, job=job, attempt=number)
    lifecycle.send_on_commit(signals.job_started, job)
    return Attempt(job, number)


def run_attempt(
    key: UUID,
    number: int,
    *,
    is_stopping: Callable[[], bool] | None = None,
    on_claimed: Callable[[], object] = lambda: None,
    on_hanging: Callable[[threading.Event], object] = lambda is_over: None,
) -> None:
    """Claim a job and make its file. Errors end in the job's state, not in an exception.

    `is_stopping` is asked now and then whether this worker is to shut down; the job then goes back
    into the queue. `on_claimed` is called once it is known whose the attempt is. `on_hanging` is
    called, in another thread, when the report's code could not be stopped and the job has been
    taken from it; the event is set if that code ends after all.
    """
    with about(key, number):
        attempt = claim(key, number)
        on_claimed()
        if attempt is None:
            logger.info("event=not_claimed")
            return
        _run(attempt, is_stopping, on_hanging)


def _run(
    attempt: Attempt,
    is_stopping: Callable[[], bool] | None,
    on_hanging: Callable[[threading.Event], object],
) -> None:
    def give_up(reason: AttemptStopped) -> None:
        try:
            with lifecycle.in_language_of(attempt.job):
                _end(attempt, reason)
        except DatabaseError:  # its lease will run out
            logger.exception("event=not_given_up")
        on_hanging(control.is_over)

    control = Control(attempt.owned_jobs(), is_stopping=is_stopping, give_up=give_up)
    with lifecycle.in_language_of(attempt.job):
        try:
            with control:
                _make(attempt, control)
            _log_end(attempt, logging.INFO, "succeeded")
        except Exception as error:
            drop_dead_connections()
            _end(attempt, control.interrupted_by or error)


def _end(attempt: Attempt, error: Exception) -> None:
    """End an attempt that made no file, as what stopped it asks for."""
    match error:
        case Requeued():
            requeue(attempt)
            _log_end(attempt, logging.INFO, "requeued")
        case LeaseLost():
            _log_end(attempt, logging.WARNING, "lease_lost")
        case Canceled():
            lifecycle.finish_canceled(attempt.job, attempt.owned_jobs())
            _log_end(attempt, logging.INFO, "canceled")
        case _:
            translated = as_report_error(error, attempt.job.spec)
            cause, words = failure_of(translated)
            if cause in LOST_TO:
                lose(attempt, cause)
            else:
                lifecycle.fail(attempt.job, attempt.owned_jobs(), cause, words)
            outcome = "lost" if cause in LOST_TO else "failed"
            _log_end(attempt, logging.WARNING, outcome, f" cause={cause} error={words!r}")


def _log_end(attempt: Attempt, level: int, outcome: str, why: str = "") -> None:
    seconds = monotonic() - attempt.claimed_at
    logger.log(level, "event=attempt_ended outcome=%s seconds=%.1f%s", outcome, seconds, why)


def _make(attempt: Attempt, control: Control) -> None:
    """Read, write, publish, flip: nothing is visible before the last step."""
    job = attempt.job
    if not signing.is_request_of(job):
        raise ReportDenied(_("The record of this export was changed since it was asked for."))
    if job.file_key:  # an earlier attempt died between publishing and its last step
        files.remove_or_note(job)
    spec = ExportSpec.from_json(job.spec)
    with temporary_file() as file:
        export = prepare(
            spec, lifecycle.authority_of(job), lifecycle.origin_of(job), now=job.created_at, job=job
        )
        made = _write(attempt, export, control, file)
        drop_dead_connections()  # of one that read a replica, say
        control.check()
        alias = storage_alias()
        key = files.new_key(export.writer_class.extension, attempt.now().date())
        # Noted before it is there, so that a file whose attempt dies can be found and removed.
        if not attempt.owned_jobs().running().update(storage=alias, file_key=key):
            raise LeaseLost
        name = files.publish(alias, key, file, control.meter.size)
    drop_dead_connections()  # a slow storage may have taken long
    try:
        if name != key:  # the storage chose another: noted for the same reason
            job.storage, job.file_key, job.manifest_key = alias, name, ""
            names = signing.sign(signing.names_text(job))
            attempt.owned_jobs().running().update(file_key=name, names_signature=names)
        _succeed(attempt, export.effective, storage=alias, file_key=name, **made)
    except BaseException as error:
        # Cut off within the commit, nobody knows whether it was one: the next attempt looks.
        if not is_lost_connection(error):
            files.discard(alias, name)  # if it stays, a sweep finds it noted
        raise
    manifests.keep(job)


def _write(attempt: Attempt, export: Export, control: Control, file: IO[bytes]) -> dict[str, Any]:
    """Write a file of one snapshot. Returns what its job keeps of it."""
    meter = control.meter
    with control.snapshot(), savepoints(), export.snapshot(control.seconds_left()):
        snapshot_at = attempt.now()
        if export.is_countable:
            control.rows_expected = export.count()
        writer = export.writer()
        for block in export.blocks(export.tables(writer), writer, meter, control.check):
            file.write(block)
    file.flush()
    os.fsync(file.fileno())
    return {
        "rows_done": meter.rows,
        "rows_expected": meter.rows,
        "bytes": meter.size,
        "sha256": meter.sha256,
        "columns": export.exported_columns(),
        "losses": dict(writer.losses),
        "snapshot_at": snapshot_at,
        "project_version": manifests.version_of_code(),
    }


def _succeed(attempt: Attempt, effective: EffectivePermissions, **facts: Any) -> None:
    quotas.ensure_lock(attempt.job.requested_by, effective)
    with transaction.atomic(using=lifecycle.database()):
        quotas.finalize(attempt.job, effective, facts["rows_done"])
        now = database_now(lifecycle.database())
        facts |= {
            "filename": attempt.job.filename,  # as it was when the attempt began
            "finished_at": now,
            "expires_at": now + get_settings().FILE_RETENTION,
        }
        is_won = attempt.owned_jobs().filter(cancel_requested_at=None).move(
            JobStatus.RUNNING,
            JobStatus.SUCCEEDED,
            signature=lifecycle.sign_finished(attempt.job, facts),
            is_unread=attempt.job.is_for_somebody,
            lease_until=None,
            **facts,
        )  # fmt: skip
        if not is_won:
            raise Canceled if attempt.owned_jobs().running().exists() else LeaseLost
        lifecycle.record_end(AuditAction.FINISHED, attempt.job, SYSTEM)


def requeue(attempt: Attempt) -> bool:
    """Put a running job back into the queue. It does not count as lost."""
    return bool(
        attempt.owned_jobs().move(
            JobStatus.RUNNING, JobStatus.QUEUED, enqueued_at=None, lease_until=None
        )
    )


def lose(attempt: Attempt, cause: FailureCause) -> None:
    """Leave a job to the sweep, which has it run again or gives it up.

    A database that went away gets the time of a lease to come back.
    """
    rest = get_settings().JOB_LEASE if cause is FailureCause.CONNECTION else -OVER
    attempt.owned_jobs().running().update(cause=cause, lease_until=DatabaseNow(rest))


def is_under_way(key: UUID, number: int) -> bool:
    """Whether a job is running in this attempt."""
    return ReportJob.objects.running().filter(pk=key, attempt=number).exists()


def declare_dead(key: UUID, number: int) -> None:
    """Say that an attempt is certainly gone: the next sweep need not wait for its lease."""
    attempts = ReportJob.objects.running().filter(pk=key, attempt=number)
    attempts.update(lease_until=DatabaseNow(-OVER))
