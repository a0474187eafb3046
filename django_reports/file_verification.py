"""Whether the kept files, like the log, are what was written."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Any

from django.utils.translation import gettext as _

from django_reports import storage
from django_reports.anchors import Anchor
from django_reports.exceptions import FileUnavailable
from django_reports.models import AuditEntry, ReportJob
from django_reports.pipeline import BLOCK
from django_reports.statuses import AuditAction, JobStatus
from django_reports.verification import Verified, Wrong, read_rows, verify_log

BATCH = 500  # exports whose ends are looked for at once


def verify(*, with_files: bool = True, also: Iterable[Anchor] = ()) -> Verified:
    """Verify the log, against its anchors and `also` others, then the kept files."""
    verified = Verified()
    try:
        verify_log(verified, also)
        if with_files:
            with ExitStack() as cursors:
                _verify_files(verified, cursors)
        _verify_ends()
    except Wrong as error:
        verified.wrong = str(error)
    return verified


def _verify_files(verified: Verified, cursors: ExitStack) -> None:
    """That each kept file is the one of which the log tells that it was made."""
    for job in read_rows(_kept().order_by("created_at"), cursors):
        made = AuditEntry.objects.filter(job_key=str(job.pk), action=AuditAction.FINISHED).first()
        told = made.data.get("sha256") if made else None
        words = {"job": job.pk, "file": repr(job.filename)}
        if told is None:
            raise Wrong(_("Export %(job)s has the file %(file)s; no entry tells of it.") % words)
        if told != job.sha256:
            raise Wrong(_("Export %(job)s has another SHA-256 than its entry tells.") % words)
        try:
            found = _sha256_of(job)
        except FileUnavailable as error:
            raise Wrong(
                _("The file %(file)s of export %(job)s: %(error)s") % {**words, "error": error}
            ) from error
        if found != told:
            raise Wrong(
                _("The file %(file)s of export %(job)s is not the one that was made.") % words
            )
        verified.files += 1


def _kept() -> Any:
    return ReportJob.objects.filter(status=JobStatus.SUCCEEDED, file_key__gt="")


def vanished() -> Iterator[str]:
    """The keys of the exports of which the log tells that a file was made, and not that it ended,
    and whose rows no longer name one; without those that somebody has accepted."""
    entries = AuditEntry.objects.all()
    made = entries.filter(action=AuditAction.FINISHED, data__has_key="file_key").order_by("id")
    ends = entries.filter(action__in=(AuditAction.EXPIRED, AuditAction.DELETED))
    known = {
        key
        for data in entries.filter(action=AuditAction.LOG_ACCEPTED).values_list("data", flat=True)
        for key in data.get("files", ())
    }
    last = 0
    while batch := dict(made.filter(pk__gt=last).values_list("pk", "job_key")[:BATCH]):
        last = max(batch)
        # First the rows: an end is told in the transaction that takes the file from its row.
        kept = map(str, _kept().filter(pk__in=batch.values()).values_list("pk", flat=True))
        if gone := set(batch.values()).difference(kept, known):
            told = ends.filter(job_key__in=gone).values_list("job_key", flat=True)
            yield from sorted(gone.difference(told))


def _verify_ends() -> None:
    if key := next(vanished(), None):
        raise Wrong(
            _("The file of export %(job)s is gone, and no entry tells of its end.") % {"job": key}
        )


def _sha256_of(job: ReportJob) -> str:
    with storage.open_file(job) as file:
        return digest_of(file)


def digest_of(file: Any) -> str:
    """The SHA-256 of an open file."""
    found = hashlib.sha256()
    while block := file.read(BLOCK):
        found.update(block)
    return found.hexdigest()


def exports_of(sha256: str) -> Iterator[AuditEntry]:
    """The entries of the exports that made a file of this SHA-256, newest first."""
    made = AuditEntry.objects.filter(action=AuditAction.FINISHED)
    yield from made.filter(data__sha256=sha256).order_by("-id")
