"""Quotas: how much a person may export in a day and at once, exact also for requests at once.

What counts are the person's jobs, of all reports. An export holds the rows that it is expected to
have from the moment it is recorded, so that others cannot take them; of how many it had in the end
its row in the database tells.
"""

from django.db import IntegrityError, router, transaction
from django.db.models import Case, F, Q, Sum, Value, When
from django.db.models.functions import Greatest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_reports.access.policies import EffectivePermissions
from django_reports.core.choices import ACTIVE, Execution, JobStatus
from django_reports.core.clock import DatabaseNow
from django_reports.core.formatting import grouped
from django_reports.core.users import User
from django_reports.exceptions import QuotaExceeded
from django_reports.models import QUOTA_DAY, QuotaLock, ReportJob


def rows_left(
    user: User | None, effective: EffectivePermissions, *, but: ReportJob | None = None
) -> int | None:
    """The rows that are left of a person's day, not counting one job; None if there is no limit.

    It may be less by the time it is used: only `reserve` is certain.
    """
    if user is None or effective.max_rows_per_day is None:
        return None
    return max(0, effective.max_rows_per_day - _rows_used(user, but))


def ensure_lock(user: User | None, effective: EffectivePermissions) -> None:
    """Have the row to be locked, before the transaction that locks it.

    Inserted there by many at once, some databases would see a deadlock.
    """
    if user is not None and _is_limited(effective):
        QuotaLock.objects.get_or_create(person_key=str(user.pk))


def reserve(
    user: User | None,
    effective: EffectivePermissions,
    *,
    execution: Execution,
    rows: int | None,
    limit: int | None,
) -> int:
    """Count what a person has, and return how many rows the export that is asked for holds.

    `rows` is how many it has, if that is known, and `limit` where it would be stopped. For the
    transaction in which the export is recorded. Raises QuotaExceeded.
    """
    if user is None or not _is_limited(effective):
        return rows or 0
    _lock(user)
    if execution is Execution.BACKGROUND and effective.max_concurrent_jobs is not None:
        active = ReportJob.objects.background().filter(requested_by=user.pk, status__in=ACTIVE)
        if active.count() >= effective.max_concurrent_jobs:
            raise QuotaExceeded(
                _(
                    "You have %(limit)s exports waiting or being made, and may have no more at "
                    "once. Wait for one of them, or cancel one."
                )
                % {"limit": grouped(effective.max_concurrent_jobs)}
            )
    left = rows_left(user, effective)
    if left is None:
        return rows or 0
    # A job is stopped at what it holds; what is sent already cannot be taken back.
    wanted = rows if rows is not None else left if execution is Execution.BACKGROUND else limit
    if wanted is None or wanted > left or (rows is None and not left):
        raise exceeded(left, effective)
    return wanted


def finalize(job: ReportJob, effective: EffectivePermissions, rows: int) -> None:
    """Make certain that a job's rows are still within the quota if they are more than it held.

    For the transaction in which its file appears. Raises QuotaExceeded.
    """
    if job.requested_by is None or effective.max_rows_per_day is None or rows <= job.rows_reserved:
        return
    _lock(job.requested_by)
    left = rows_left(job.requested_by, effective, but=job)
    if left is not None and rows > left:
        raise exceeded(left, effective)


def exceeded(left: int, effective: EffectivePermissions) -> QuotaExceeded:
    return QuotaExceeded(
        gettext_lazy(
            "Of the %(quota)s rows that you may export in 24 hours, %(left)s are left: too few."
        ),
        {"quota": grouped(effective.max_rows_per_day or 0), "left": grouped(left)},
    )


def _is_limited(effective: EffectivePermissions) -> bool:
    return effective.max_rows_per_day is not None or effective.max_concurrent_jobs is not None


def _lock(user: User) -> None:
    """Until the end of the transaction, nobody else counts this person's exports.

    By an UPDATE, which every database understands: SQLite knows no other lock.
    """
    row = QuotaLock.objects.filter(person_key=str(user.pk))
    if row.update(asked_at=DatabaseNow()):
        return
    try:
        with transaction.atomic(using=router.db_for_write(QuotaLock)):
            QuotaLock.objects.create(person_key=str(user.pk))
    except IntegrityError:
        row.update(asked_at=DatabaseNow())


def _rows_used(user: User, but: ReportJob | None) -> int:
    """The rows of what a person asked for within a day, and of what is still being made."""
    is_recent = Q(created_at__gt=DatabaseNow(-QUOTA_DAY)) | Q(status__in=ACTIVE)
    jobs = ReportJob.objects.filter(is_recent, requested_by=user.pk)
    if but is not None:
        jobs = jobs.exclude(pk=but.pk)
    nothing_left = Q(
        execution=Execution.BACKGROUND, status__in=(JobStatus.FAILED, JobStatus.CANCELED)
    )
    rows = Case(
        When(Q(status__in=ACTIVE), then=Greatest("rows_reserved", "rows_done")),
        When(nothing_left, then=Value(0)),
        default=F("rows_done"),
    )
    return int(jobs.aggregate(rows=Sum(rows))["rows"] or 0)
