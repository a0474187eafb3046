"""Whether the kept files, like the log, are what was written."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Any

from django.utils.translation import gettext as _

from django_reports.audit.anchors import Anchor
from django_reports.audit.verification import Verified, Wrong, read_rows, verify_log
from django_reports.core.choices import AuditAction, JobStatus
from django_reports.engine.pipeline import BLOCK
from django_reports.exceptions import FileUnavailable
from django_reports.jobs import files
from django_reports.models import AuditEntry, ReportJob

BATCH = 1000  # exports whose ends are looked for at once
_ENDING = (AuditAction.EXPIRED, AuditAction.DELETED)


def verify(*, with_files: bool = True, also: Iterable[Anchor] = ()) -> Verified:
    """Verify the log, against its anchors and `also` others, then the kept files."""
    verified = Verified()
    try:
        expected = _Files()
        verify_log(verified, also, follow=expected.follow)
        if with_files:
            with ExitStack() as cursors:
                _verify_files(verified, cursors)
        if keys := expected.vanished():
            raise Wrong(
                _("The file of export %(job)s is gone, and no entry tells of its end.")
                % {"job": keys[0]}
            )
    except Wrong as error:
        verified.wrong = str(error)
    return verified


def _verify_files(verified: Verified, cursors: ExitStack) -> None:
    """That each kept file is the one of which the log tells that it was made."""
    for job in read_rows(_jobs_with_files().order_by("created_at"), cursors):
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


def _jobs_with_files() -> Any:
    return ReportJob.objects.filter(status=JobStatus.SUCCEEDED, file_key__gt="")


class _Files:
    """Which files are to be there, as the entries of the log tell one after another."""

    def __init__(self) -> None:
        self._open: set[str] = set()  # exports that made one, as far as was read; a few
        self._gone: set[str] = set()
        self._accepted: set[str] = set()

    def follow(self, entry: Any) -> None:
        match entry.action:
            case AuditAction.FINISHED:
                if "file_key" in entry.data:
                    self._open.add(entry.job_key)
                    if len(self._open) >= BATCH:
                        self._close()
            case AuditAction.EXPIRED | AuditAction.DELETED:
                self._open.discard(entry.job_key)
            case AuditAction.LOG_ACCEPTED:
                self._accepted.update(entry.data.get("files", ()))

    def vanished(self) -> list[str]:
        """The exports whose files are in no row, while no entry tells that they ended. Without
        those that somebody has accepted."""
        self._close()
        return sorted(self._gone - self._accepted)

    def _close(self) -> None:
        # First the rows: an end is told in the transaction that takes the file from its row.
        kept = map(str, _jobs_with_files().filter(pk__in=self._open).values_list("pk", flat=True))
        if gone := self._open.difference(kept):
            ends = AuditEntry.objects.filter(job_key__in=gone, action__in=_ENDING)
            self._gone |= gone.difference(ends.values_list("job_key", flat=True))
        self._open.clear()


def vanished() -> list[str]:
    """As the method, of the whole log."""
    expected = _Files()
    actions = (AuditAction.FINISHED, *_ENDING, AuditAction.LOG_ACCEPTED)
    for entry in AuditEntry.objects.filter(action__in=actions).order_by("id").iterator():
        expected.follow(entry)
    return expected.vanished()


def _sha256_of(job: ReportJob) -> str:
    with files.open_file(job) as file:
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
