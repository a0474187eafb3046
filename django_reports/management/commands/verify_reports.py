"""verify_reports: whether the audit log and the kept files are what was written."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_reports.audit import sealing
from django_reports.audit.anchors import TextAnchor
from django_reports.audit.chain import Obstructed
from django_reports.jobs import file_verification
from django_reports.models import AuditEntry


class Command(BaseCommand):
    help = (
        "Verifies the audit log, its checkpoints and the kept files, names the first thing that "
        "is wrong, and ends with 1 if there is one. With --file it says which export a file is. "
        "With --accept it goes on with a log that an anchor contradicts, after a backup was "
        "restored, say."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--file", metavar="PATH", help="say which export this file is")
        parser.add_argument(
            "--checkpoints",
            metavar="PATH",
            help="also compare with the checkpoints that this file holds, one on a line",
        )
        parser.add_argument(
            "--accept",
            metavar="REASON",
            help="have the anchors go on from the log as it is, and record why",
        )
        parser.add_argument("--no-files", action="store_true", help="do not read the kept files")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["file"] is not None:
            self._find(options["file"])
            return
        if options["accept"] is not None:
            self._accept(options["accept"])
            return
        verified = file_verification.verify(
            with_files=not options["no_files"], also=self._file_anchors(options["checkpoints"])
        )
        wrong = verified.wrong
        counts = {n: count for n, count in vars(verified).items() if isinstance(count, int)}
        self.stdout.write(" ".join(f"{name}={count}" for name, count in counts.items()))
        for note in verified.notes:
            self.stdout.write(f"not checked: {note}")
        if wrong:
            raise CommandError(wrong)

    def _accept(self, reason: str) -> None:
        if not reason.strip():
            raise CommandError("--accept needs a reason, which is recorded.")
        try:
            entry = sealing.accept(reason, files=file_verification.vanished())
        except Obstructed as error:
            raise CommandError(str(error)) from error
        if entry is None:
            raise CommandError("No anchor contradicts the audit log: there is nothing to accept.")
        names = ", ".join(entry.data["anchors"]) or "no anchor"
        self.stdout.write(f"The log goes on as it is. Told: {names}.")

    def _file_anchors(self, path: str | None) -> list[TextAnchor]:
        if path is None:
            return []
        try:
            with open(path) as lines:
                return [TextAnchor(path, lines)]
        except OSError as error:
            raise CommandError(f"{path!r} cannot be read: {error.strerror}.") from error
        except (ValueError, KeyError, TypeError) as error:
            raise CommandError(f"{path!r} holds something else than checkpoints.") from error

    def _find(self, path: str) -> None:
        try:
            with open(path, "rb") as file:
                sha256 = file_verification.digest_of(file)
        except OSError as error:
            raise CommandError(f"{path!r} cannot be read: {error.strerror}.") from error
        found = list(file_verification.exports_of(sha256))
        if not found:
            raise CommandError(f"{path!r} is no export that was made here: SHA-256 {sha256}.")
        for entry in found:
            self.stdout.write(_describe_export(entry))


def _describe_export(entry: AuditEntry) -> str:
    """An export in one line, for whoever has its file in hand."""
    asked = AuditEntry.objects.filter(job_key=entry.job_key, action="requested").first() or entry
    facts = {
        "report": entry.report,
        "job": entry.job_key,
        "by": asked.actor_label or asked.actor_key,
        "made": entry.created_at.isoformat(timespec="seconds"),
        "rows": entry.data.get("rows"),
        "bytes": entry.data.get("bytes"),
        "file": entry.data.get("filename"),
        "entry": entry.key,
    }
    return " ".join(f"{name}={_plain(value)}" for name, value in facts.items())


def _plain(value: object) -> str:
    """A value that stays on its line, and one word."""
    text = str(value)
    return text if text.isprintable() and " " not in text else repr(text)
