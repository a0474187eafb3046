"""The end of what is kept: entries, what they say of people, job rows. Unset means forever.

Each end is an entry itself. By it, verification knows what may be missing. All ends come in
batches, the oldest first, so that none locks much or takes long.
"""

import datetime as dt
import logging
from collections.abc import Iterator

from django.db import transaction
from django.db.models import Q, QuerySet

from django_reports.audit import log
from django_reports.audit.chain import database, is_ours, unexplained_cut
from django_reports.audit.log import SYSTEM
from django_reports.core.choices import ACTIVE, AuditAction
from django_reports.core.clock import DatabaseNow, database_now
from django_reports.core.conf import get_settings
from django_reports.models import QUOTA_DAY, AuditCheckpoint, AuditEntry, Removal, ReportJob

logger = logging.getLogger(__name__)

BATCH = 5000  # entries or jobs that are removed at once


def purge() -> Iterator[int]:
    """Purge what the settings say. Yields how many entries or jobs each batch concerned."""
    conf, now = get_settings(), database_now(database())
    if conf.AUDIT_RETENTION is not None:
        while count := purge_entries(now - conf.AUDIT_RETENTION):
            yield count
    if conf.PERSONAL_DATA_RETENTION is not None:
        while count := purge_personal_data(now - conf.PERSONAL_DATA_RETENTION):
            yield count
    if conf.JOB_RETENTION is not None:
        while count := purge_jobs(now - max(conf.JOB_RETENTION, QUOTA_DAY)):
            yield count


def _entries() -> "QuerySet[AuditEntry]":
    """Past the model's own queryset, which lets nobody change an entry."""
    return QuerySet(AuditEntry, using=database())


def purge_entries(before: dt.datetime) -> int:
    """Cut off a batch from the head of the log, up to a checkpoint made before a moment.

    That checkpoint stays: it is what the rest of the chain hangs on. Returns how many are gone.
    One that was changed is no word on how old the entries are: by it, nothing is removed.
    """
    points = AuditCheckpoint.objects.all()
    old = points.filter(created_at__lt=before, cut_at=None).order_by("number")
    first = old.first()
    if first is None:
        return 0
    last = old.filter(last_position__lt=first.first_position + BATCH).last() or first
    if not is_ours(last):
        logger.error("checkpoint=%s event=changed: no entries are removed", last.number)
        return 0
    if (cut := unexplained_cut()) is not None:  # what is missing would be covered up
        logger.error("checkpoint=%s event=cut_by_others: no entries are removed", cut.number)
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
    old = _entries().filter(of_somebody, is_there, created_at__lt=before).order_by("pk")
    with transaction.atomic(using=database()):
        batch = list(old.values_list("pk", flat=True)[:BATCH])
        count = _entries().filter(pk__in=batch).update(actor_label="", address=None, user_agent="")
        if count:
            _record(Removal.PERSONAL_DATA, before, count)
    return count


def purge_jobs(before: dt.datetime) -> int:
    """Remove the rows of jobs that ended before a moment and have no file."""
    ended = ReportJob.objects.exclude(status__in=ACTIVE)
    old = ended.filter(finished_at__lt=before, file_key="").order_by("finished_at")
    with transaction.atomic(using=old.db):
        batch = list(old.values_list("pk", flat=True)[:BATCH])
        if batch:
            _record(Removal.JOBS, before, len(batch))
            ReportJob.objects.filter(pk__in=batch).delete()
    return len(batch)


def _record(what: Removal, before: dt.datetime, count: int, through: int | None = None) -> None:
    log.record(
        AuditAction.PURGED,
        origin=SYSTEM,
        what=what,
        before=before.isoformat(),
        count=count,
        through=through,
    )
