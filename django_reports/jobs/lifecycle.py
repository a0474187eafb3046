"""What happens to jobs: made, ended, canceled, expired.

Every change of state is one conditional UPDATE in the transaction of its audit entry; of several
who try, one wins, and the others see that they did not.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import router, transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from django_reports import signals
from django_reports.access import quotas
from django_reports.access.command_origins import command_facts
from django_reports.access.permissions import Authority, may_download
from django_reports.access.policies import tenant_key_of
from django_reports.audit import log, signing
from django_reports.audit.log import SYSTEM, Origin
from django_reports.core.choices import (
    AuditAction,
    AuthorityKind,
    Execution,
    FailureCause,
    JobStatus,
)
from django_reports.core.clock import DatabaseNow, database_now, defer_expressions
from django_reports.core.logs import get_logger
from django_reports.definitions.parameters import secret_values
from django_reports.definitions.registry import registry
from django_reports.definitions.specs import stored_spec
from django_reports.engine.pipeline import Meter
from django_reports.exceptions import QuotaExceeded, ReportDenied, ReportError
from django_reports.exports import file_metadata
from django_reports.exports.failures import failure_of
from django_reports.exports.prepare import Export, record_denial
from django_reports.jobs import files, manifests
from django_reports.models import ReportJob

logger = get_logger(__name__)

NEWEST = 50  # of a person's exports, among which the same is looked for
# An immediate export has nobody who renews a lease, and its reader may be slow.
IMMEDIATE_LEASE = dt.timedelta(days=1)


def database() -> str:
    """The alias of the database that keeps the jobs."""
    return router.db_for_write(ReportJob)


def create(
    export: Export,
    *,
    execution: Execution,
    origin: Origin,
    rows: int | None = None,
    rerun_of: ReportJob | None = None,
    idempotency_key: str | None = None,
) -> ReportJob:
    """Write the record of an export: waiting if it is for the background, else running.

    `rows` is how many it has, where that is certain. Raises QuotaExceeded, after it has been
    recorded; and IntegrityError if the person has used the idempotency key before, or has a job for
    the background that was asked for in the same words and is not done.
    """
    job = _unsaved(export, execution, origin)
    job.rerun_of, job.idempotency_key = rerun_of, idempotency_key
    if execution is Execution.BACKGROUND:
        job.rows_expected = rows
    user = export.authority.user
    quotas.ensure_lock(user, export.effective)
    try:
        with transaction.atomic(using=database()):
            job.rows_reserved = quotas.reserve(
                user, export.effective, execution=execution, rows=rows, limit=export.max_rows
            )
            job.save(force_insert=True)
            defer_expressions(job)
            log.record(
                AuditAction.REQUESTED,
                origin=origin,
                job=job,
                spec=file_metadata.without_secrets(job.spec, export.report),
                execution=job.execution,
                rerun_of=str(rerun_of.pk) if rerun_of else None,
                **command_facts(origin),
            )
    except QuotaExceeded as error:
        record_denial(export.spec, origin, error)
        raise
    if execution is Execution.BACKGROUND:
        send_on_commit(signals.job_queued, job)
    return job


def _unsaved(export: Export, execution: Execution, origin: Origin) -> ReportJob:
    """The record of an export as it begins."""
    user = export.authority.user
    age = timezone.now() - export.context.now
    job = ReportJob(
        created_at=DatabaseNow(-age),
        report=export.spec.report,
        spec=export.spec.to_json(),
        format=export.spec.format,
        execution=execution,
        status=JobStatus.QUEUED,
        authority=export.authority.kind,
        requested_by_id=user.pk if user else None,
        requester_key=str(user.pk) if user else "",
        requested_by_text=origin.actor_label[:255] if user else "system",
        tenant_key=tenant_key_of(user),
        language=origin.language or export.spec.language,
        columns=export.exported_columns(),
        filename=export.filename,
    )
    job.signature = signing.sign(signing.request_text(job))
    if execution is Execution.BACKGROUND:
        job.active_key = active_key_of(export)
    else:
        job.status, job.attempt = JobStatus.RUNNING, 1
        job.started_at = job.created_at
        job.lease_until = DatabaseNow(IMMEDIATE_LEASE)
    return job


def ask_again(job: ReportJob, origin: Origin, idempotency_key: str | None = None) -> None:
    """Record that an active job was asked for in the same words; a key becomes the job's if it has
    none. Raises IntegrityError if the person has used the key for another job."""
    with transaction.atomic(using=database()):
        if idempotency_key is not None:
            keyless = ReportJob.objects.filter(pk=job.pk, idempotency_key=None)
            keyless.update(idempotency_key=idempotency_key)
        told = {"is_active_already": True, **command_facts(origin)}
        log.record(AuditAction.REQUESTED, origin=origin, job=job, **told)


def active_key_of(export: Export) -> str:
    """What two requests have in common that ask for the same in the same name."""
    user = export.authority.user
    who = None if user is None else str(user.pk)
    text = json.dumps([who, export.spec.to_json()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def find_active_duplicate(export: Export) -> ReportJob | None:
    """The waiting or running job of the same person for the same export, if there is one."""
    job: ReportJob | None = ReportJob.objects.filter(active_key=active_key_of(export)).first()
    return job


def find_finished_duplicate(export: Export) -> ReportJob | None:
    """The newest file that this person has of the same export, if they would get the same columns
    in the same way now, and may have it."""
    user = export.authority.user
    if user is None:
        return None
    kept = ReportJob.objects.filter(
        requested_by=user.pk,
        report=export.spec.report,
        format=export.spec.format,
        status=JobStatus.SUCCEEDED,
        file_key__gt="",
        expires_at__gt=DatabaseNow(),
        tenant_key=tenant_key_of(user),
    )
    columns = export.exported_columns()
    wanted = _named(export.spec.to_json(), columns)
    job: ReportJob
    for job in kept.order_by("-created_at")[:NEWEST]:
        if job.columns == columns and _named(job.spec, columns) == wanted:
            return job if may_download(user, job) else None
    return None


def _named(spec: Any, columns: list[dict[str, Any]]) -> dict[str, Any]:
    """A spec that names its columns, also where it asks for all of them."""
    return {**stored_spec(spec), "columns": [column["name"] for column in columns]}


def finish_immediate(job: ReportJob, meter: Meter, losses: dict[str, int]) -> None:
    """The end of an immediate export that was sent whole. It has no file, but its row is signed
    like that of one that has."""
    facts = {
        "snapshot_at": job.started_at,
        "project_version": manifests.version_of_code(),
        "finished_at": database_now(database()),
        "sha256": meter.sha256,
        "losses": losses,
    }
    _end_immediate(job, JobStatus.SUCCEEDED, AuditAction.FINISHED, meter, **facts)


def abandon_immediate(job: ReportJob, meter: Meter) -> None:
    """The end of an immediate export whose reader left."""
    error = _("The reader left before the end.")
    _end_immediate(job, JobStatus.CANCELED, AuditAction.CANCELED, meter, error=error)


def fail_immediate(job: ReportJob, meter: Meter, error: ReportError) -> None:
    """The end of an immediate export that broke."""
    cause, words = failure_of(error)
    _end_immediate(job, JobStatus.FAILED, AuditAction.FAILED, meter, cause=cause, error=words)


def _end_immediate(
    job: ReportJob, status: JobStatus, action: AuditAction, meter: Meter, **facts: Any
) -> None:
    facts = {"finished_at": DatabaseNow(), "rows_done": meter.rows, "bytes": meter.size, **facts}
    if status is JobStatus.SUCCEEDED:
        facts["signature"] = sign_finished(job, facts)
    with transaction.atomic(using=database()):
        is_won = ReportJob.objects.filter(pk=job.pk).move(
            JobStatus.RUNNING, status, lease_until=None, **facts
        )
        if is_won:
            record_end(action, job, origin_of(job))


def sign_finished(job: ReportJob, facts: Mapping[str, Any]) -> str:
    """The signature of a job that is about to get these facts, as who made it knows it: whatever
    its row says by now."""
    for name, value in facts.items():
        setattr(job, name, value)
    return signing.sign(signing.file_text(job))


def fail(job: ReportJob, rows: Any, cause: FailureCause, reason: str) -> bool:
    """End a running job as failed. False if it was not this caller's to end."""
    with transaction.atomic(using=database()):
        is_won = rows.move(
            JobStatus.RUNNING,
            JobStatus.FAILED,
            finished_at=DatabaseNow(),
            lease_until=None,
            cause=cause,
            error=reason,
            is_unread=job.is_for_somebody,
        )
        if is_won:
            record_end(AuditAction.FAILED, job, SYSTEM)
    return bool(is_won)


def cancel(job: ReportJob, origin: Origin) -> bool:
    """Cancel a waiting job at once; ask a running one to stop. False if it has ended already."""
    who = getattr(origin.user, "pk", None)
    if _end_canceled(job, ReportJob.objects.filter(pk=job.pk), JobStatus.QUEUED, origin, who):
        return True
    running = ReportJob.objects.background().running().filter(pk=job.pk)
    with transaction.atomic(using=database()):
        # Whoever asks for the same again from now on gets another job.
        asked = {
            "cancel_requested_at": DatabaseNow(),
            "cancel_requested_by": who,
            "active_key": None,
        }
        if running.filter(cancel_requested_at=None).update(**asked):
            log.record(AuditAction.CANCEL_REQUESTED, origin=origin, job=job)
            return True
    return bool(running.exists())


def finish_canceled(job: ReportJob, rows: Any) -> bool:
    """End a running job of which somebody asked that. False if it was not this caller's to end."""
    job.refresh_from_db(fields=["cancel_requested_by"])
    who, reason = job.cancel_requested_by_id, _("Canceled while running.")
    return _end_canceled(job, rows, JobStatus.RUNNING, SYSTEM, who, error=reason)


def _end_canceled(
    job: ReportJob, rows: Any, from_status: JobStatus, origin: Origin, who: Any, **facts: Any
) -> bool:
    """`who` asked for it; whoever waits for the job is told if that was not they."""
    with transaction.atomic(using=database()):
        is_won = rows.move(
            from_status,
            JobStatus.CANCELED,
            finished_at=DatabaseNow(),
            lease_until=None,
            cancel_requested_by=who,
            is_unread=job.is_for_somebody and who != job.requested_by_id,
            **facts,
        )
        if is_won:
            record_end(AuditAction.CANCELED, job, origin)
    return bool(is_won)


def expire(job: ReportJob) -> bool:
    """End the life of a finished job's file; `remove_leftovers` takes it away."""
    with transaction.atomic(using=database()):
        rows = ReportJob.objects.filter(pk=job.pk).unlocked()
        is_won = rows.move(JobStatus.SUCCEEDED, JobStatus.EXPIRED)
        if is_won:
            _record_expiry(job)
    return bool(is_won)


def _record_expiry(job: ReportJob) -> None:
    """A file whose row was changed is not kept for good for that. But that is said."""
    reason = None
    if job.file_key and not signing.is_file_of(job):
        reason = _("The record of this export was changed.")
        logger.error("job=%s event=expired_by_changed_record", job.pk)
    log.record(
        AuditAction.EXPIRED,
        origin=SYSTEM,
        job=job,
        file_key=job.file_key or None,
        reason=reason,
    )


def delete_file(job: ReportJob, origin: Origin) -> bool:
    """End the life of a job's file now, since its person wants that. False if there is none."""
    with transaction.atomic(using=database()):
        is_won = ReportJob.objects.filter(pk=job.pk, file_key__gt="").move(
            JobStatus.SUCCEEDED, JobStatus.EXPIRED
        )
        if is_won:
            log.record(
                AuditAction.DELETED,
                origin=origin,
                job=job,
                file_key=job.file_key,
                filename=job.filename,
            )
    # If the storage fails, a sweep removes it.
    transaction.on_commit(lambda: remove_leftovers(job), using=database(), robust=True)
    return bool(is_won)


def mark_file_lost(job: ReportJob) -> bool:
    """End the life of a job's file that is no longer there."""
    reason = _("Its file is missing in the storage.")
    with transaction.atomic(using=database()):
        is_won = ReportJob.objects.filter(pk=job.pk).unlocked().move(
            JobStatus.SUCCEEDED, JobStatus.EXPIRED, cause=FailureCause.FILE_LOST, error=reason
        )  # fmt: skip
        if is_won:
            log.record(
                AuditAction.EXPIRED, origin=SYSTEM, job=job, file_key=job.file_key, reason=reason
            )
    return bool(is_won)


def remove_leftovers(job: ReportJob) -> None:
    """Remove the file that a job without one still names. What its row says of it stays signed."""
    files.remove_of(job)
    before, facts = job.signature, {"file_key": "", "manifest_key": ""}
    if signing.is_file_of(job):
        facts["signature"] = sign_finished(job, facts)
    with transaction.atomic(using=database()):
        rows = ReportJob.objects.filter(pk=job.pk, signature=before).with_leftovers().unlocked()
        rows.update(**facts)


def note_broken_seal(job: ReportJob, reason: str) -> None:
    """Show on a job's page that its file is gone or changed, until it is found whole again."""
    ReportJob.objects.filter(pk=job.pk, status=JobStatus.SUCCEEDED).update(
        error=reason, verified_file_stamp=""
    )


def record_download(job: ReportJob, origin: Origin, **facts: Any) -> None:
    """Record that a file, or a part of it, is handed out. `facts` go into the entry."""
    with transaction.atomic(using=database()):
        _record_use(job, origin, **facts)
    send_on_commit(signals.job_downloaded, job, user=origin.user)


def record_question(job: ReportJob, origin: Origin, *, question: str, **facts: Any) -> None:
    """Record that somebody who may have a file asked about it and got none of its bytes, such as by
    HEAD. No receiver is told of a download."""
    _record_use(job, origin, bytes=0, question=question, **facts)


def _record_use(job: ReportJob, origin: Origin, **facts: Any) -> None:
    log.record(
        AuditAction.DOWNLOADED,
        origin=origin,
        job=job,
        file_key=job.file_key,
        filename=job.filename,
        **facts,
    )


def record_broken_download(job: ReportJob, origin: Origin, sent: int) -> None:
    """Record that a download ended after so many bytes: its reader left, or the file was short."""
    log.record(AuditAction.BROKEN_OFF, origin=origin, job=job, bytes=sent)


def in_language_of(job: ReportJob) -> Any:
    """A context in which reasons are told as the person who asked reads them."""
    return translation.override(job.language or settings.LANGUAGE_CODE)


def authority_of(job: ReportJob) -> Authority:
    """In whose name a job runs. Raises ReportDenied if that person is gone."""
    if job.authority == AuthorityKind.SYSTEM:
        return Authority.system()
    if job.requested_by is None:
        raise ReportDenied(_("The person who asked for this export no longer exists."))
    return Authority.of(job.requested_by)


def origin_of(job: ReportJob) -> Origin:
    return Origin(user=job.requested_by)


def record_end(action: AuditAction, job: ReportJob, origin: Origin) -> None:
    """Write the entry of a job that has just ended, and tell whoever listens after the commit."""
    job.refresh_from_db()
    _forget_secrets(job)
    log.record(
        action,
        origin=origin,
        job=job,
        requested_by=str(job.requested_by_id) if job.requested_by_id else None,
        rows=job.rows_done,
        bytes=job.bytes,
        attempt=job.attempt,
        sha256=job.sha256 or None,
        file_key=job.file_key or None,
        filename=job.filename or None,
        masked=job.masked_columns or None,
        losses=job.loss_counts or None,
        reason=job.error or None,
    )
    send_on_commit(signals.job_finished, job)


def _forget_secrets(job: ReportJob) -> None:
    """Take the secret parameters out of the row of a job that has ended: it runs no more. What was
    signed stays signed."""
    spec = stored_spec(job.spec)
    secrets = secret_values(registry.find(job.report), spec["parameters"] or {})
    if not secrets:
        return
    sort = next((s for s in (signing.file_text, signing.request_text)
                 if signing.is_signed(s(job), job.signature)), None)  # fmt: skip
    hidden = {name: [file_metadata.HIDDEN] for name in secrets}
    job.spec = {**job.spec, "parameters": {**spec["parameters"], **hidden}}
    if sort is not None:
        job.signature = signing.sign(sort(job))
    ReportJob.objects.filter(pk=job.pk).update(spec=job.spec, signature=job.signature)


def send_on_commit(signal: Any, job: ReportJob, **arguments: Any) -> None:
    transaction.on_commit(
        lambda: signal.send_robust(sender=ReportJob, job=job, **arguments),
        using=database(),
        robust=True,
    )
