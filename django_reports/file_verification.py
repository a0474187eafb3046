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


def verify(*, with_files: bool = True, also: Iterable[Anchor] = ()) -> Verified:
    """Verify the log, against its anchors and `also` others, then the kept files."""
    verified = Verified()
    try:
        verify_log(verified, also)
        if with_files:
            with ExitStack() as cursors:
                _verify_files(verified, cursors)
    except Wrong as error:
        verified.wrong = str(error)
    return verified


def _verify_files(verified: Verified, cursors: ExitStack) -> None:
    """That each kept file is the one of which the log tells that it was made."""
    kept = ReportJob.objects.filter(status=JobStatus.SUCCEEDED, file_key__gt="")
    for job in read_rows(kept.order_by("created_at"), cursors):
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
