"""The end of what is kept: entries, what they say of people, job rows. Unset means forever.

Each end is an entry itself. By it, verification knows what may be missing.
"""

import datetime as dt
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q, QuerySet

from django_reports import audit
from django_reports.audit import SYSTEM
from django_reports.checkpoints import database
from django_reports.clock import DatabaseNow, database_now
from django_reports.conf import get_settings
from django_reports.models import QUOTA_DAY, AuditCheckpoint, AuditEntry, Removal, ReportJob
from django_reports.statuses import ACTIVE, AuditAction


@dataclass
class Purged:
    """How many entries were removed, how many emptied of personal data, how many jobs removed."""

    entries: int = 0
    emptied: int = 0
    jobs: int = 0


def purge() -> Purged:
    conf, now = get_settings(), database_now(database())
    purged = Purged()
    if conf.AUDIT_RETENTION is not None:
        purged.entries = purge_entries(now - conf.AUDIT_RETENTION)
    if conf.PERSONAL_DATA_RETENTION is not None:
        purged.emptied = purge_personal_data(now - conf.PERSONAL_DATA_RETENTION)
    if conf.JOB_RETENTION is not None:
        purged.jobs = purge_jobs(now - max(conf.JOB_RETENTION, QUOTA_DAY))
    return purged


def _entries() -> "QuerySet[AuditEntry]":
    """Past the model's own queryset, which lets nobody change an entry."""
    return QuerySet(AuditEntry, using=database())


def purge_entries(before: dt.datetime) -> int:
    """Cut off the head of the log, up to the last checkpoint that was made before a moment.

    That checkpoint stays: it is what the rest of the chain hangs on.
    """
    points = AuditCheckpoint.objects.all()
    last = points.filter(created_at__lt=before).order_by("number").last()
    if last is None:
        return 0
    with transaction.atomic(using=database()):
        if not points.filter(pk=last.pk, cut_at=None).update(cut_at=DatabaseNow()):
            return 0  # by somebody else, or in an earlier sweep
        head = _entries().filter(position__lte=last.last_position)
        count = head.count()
        _record(Removal.ENTRIES, before, count, last.last_position)
        head.delete()
        points.filter(number__lt=last.number).delete()
    return count


def purge_personal_data(before: dt.datetime) -> int:
    """Empty what entries from before a moment say of people; their keys stay."""
    of_somebody = Q(actor_key__gt="") | Q(address__isnull=False) | Q(user_agent__gt="")
    is_there = Q(actor_label__gt="") | Q(address__isnull=False) | Q(user_agent__gt="")
    old = _entries().filter(of_somebody, is_there, created_at__lt=before)
    with transaction.atomic(using=database()):
        count = old.update(actor_label="", address=None, user_agent="")
        if count:
            _record(Removal.PERSONAL_DATA, before, count)
    return count


def purge_jobs(before: dt.datetime) -> int:
    """Remove the rows of jobs that ended before a moment and have no file."""
    ended = ReportJob.objects.exclude(status__in=ACTIVE)
    old = ended.filter(finished_at__lt=before, file_key="")
    with transaction.atomic(using=old.db):
        count: int = old.count()
        if count:
            _record(Removal.JOBS, before, count)
            old.delete()
    return count


def _record(what: Removal, before: dt.datetime, count: int, through: int | None = None) -> None:
    audit.record(
        AuditAction.PURGED,
        origin=SYSTEM,
        what=what,
        before=before.isoformat(),
        count=count,
        through=through,
    )
