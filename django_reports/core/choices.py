"""The states and words that records, services and screens share."""

from collections.abc import Mapping

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class JobStatus(TextChoices):
    QUEUED = "queued", _("Waiting")
    RUNNING = "running", _("Running")
    SUCCEEDED = "succeeded", _("Finished")
    FAILED = "failed", _("Failed")
    CANCELED = "canceled", _("Canceled")
    EXPIRED = "expired", _("Expired")


# The whole state machine. RUNNING → QUEUED is a job handed back, or one whose lease was lost.
TRANSITIONS: Mapping[JobStatus, frozenset[JobStatus]] = {
    JobStatus.QUEUED: frozenset({JobStatus.RUNNING, JobStatus.CANCELED}),
    JobStatus.RUNNING: frozenset(
        {JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELED, JobStatus.QUEUED}
    ),
    JobStatus.SUCCEEDED: frozenset({JobStatus.EXPIRED}),
    JobStatus.FAILED: frozenset(),
    JobStatus.CANCELED: frozenset(),
    JobStatus.EXPIRED: frozenset(),
}
ACTIVE = frozenset({JobStatus.QUEUED, JobStatus.RUNNING})


class FailureCause(TextChoices):
    """Why an export failed, or lost its file; what can be done about it follows from that."""

    TIMEOUT = "timeout", _("It took too long")
    SNAPSHOT = "snapshot", _("It read one state of the data for too long")
    ROW_LIMIT = "row_limit", _("It has more rows than allowed")
    QUOTA = "quota", _("It is more than the quota allows")
    STORAGE_FULL = "storage_full", _("The storage is full")
    STORAGE = "storage", _("The storage failed")
    REPORT_GONE = "report_gone", _("The report is gone")
    DENIED = "denied", _("It is no longer permitted")
    SPEC = "spec", _("What was chosen is no longer there")
    FORMAT = "format", _("The format cannot hold it")
    KILLED = "killed", _("Its worker died")
    CONNECTION = "connection", _("It lost its database")
    CONFLICT = "conflict", _("The database preferred another")
    INTERRUPTED = "interrupted", _("The process that sent it ended")
    ERROR = "error", _("The report has an error")
    FILE_LOST = "file_lost", _("Its file is gone")


# What ends an attempt, but need not end the next one.
LOST_TO = frozenset({FailureCause.CONNECTION, FailureCause.CONFLICT})


class Execution(TextChoices):
    IMMEDIATE = "immediate", _("Downloaded at once")
    BACKGROUND = "background", _("Made in the background")


class AuthorityKind(TextChoices):
    USER = "user", _("A person")
    SYSTEM = "system", _("The system")


class Profile(TextChoices):
    MACHINE = "machine", _("For programs (names, ISO dates, raw values)")
    SPREADSHEET = "spreadsheet", _("For spreadsheets (labels, local time)")


class Delimiter(TextChoices):
    COMMA = "comma", _("Comma")
    SEMICOLON = "semicolon", _("Semicolon")
    TAB = "tab", _("Tab")

    @property
    def character(self) -> str:
        return {"comma": ",", "semicolon": ";", "tab": "\t"}[self.value]


class LineEnd(TextChoices):
    CRLF = "crlf", _("Windows (CR LF)")
    LF = "lf", _("Unix (LF)")


class Header(TextChoices):
    NAMES = "names", _("Names")
    LABELS = "labels", _("Labels")
    NONE = "none", _("None")


class DecimalMark(TextChoices):
    POINT = "point", _("Point (1.5)")
    COMMA = "comma", _("Comma (1,5)")

    @property
    def character(self) -> str:
        return {"point": ".", "comma": ","}[self.value]


class Quoting(TextChoices):
    MINIMAL = "minimal", _("Where needed")
    ALL = "all", _("Every value")


class Encoding(TextChoices):
    """The encodings of text formats, by the names that Python gives them.

    All keep ASCII as it is and no byte of ASCII ever stands for a part of another character that
    means something in CSV.
    """

    UTF_8 = "utf-8", "UTF-8"
    UTF_8_SIG = "utf-8-sig", _("UTF-8 with byte order mark")
    CP1252 = "cp1252", _("Western European (Windows-1252)")
    ISO_8859_1 = "iso-8859-1", _("Western European (ISO-8859-1)")
    ISO_8859_15 = "iso-8859-15", _("Western European (ISO-8859-15)")
    CP1250 = "cp1250", _("Central European (Windows-1250)")
    CP1251 = "cp1251", _("Cyrillic (Windows-1251)")
    CP1253 = "cp1253", _("Greek (Windows-1253)")
    CP1254 = "cp1254", _("Turkish (Windows-1254)")
    CP1255 = "cp1255", _("Hebrew (Windows-1255)")
    CP1256 = "cp1256", _("Arabic (Windows-1256)")
    CP1257 = "cp1257", _("Baltic (Windows-1257)")
    SHIFT_JIS = "shift_jis", _("Japanese (Shift JIS)")
    CP932 = "cp932", _("Japanese (Windows-932)")
    EUC_JP = "euc_jp", _("Japanese (EUC-JP)")
    GB18030 = "gb18030", _("Chinese (GB 18030)")
    BIG5 = "big5", _("Chinese (Big5)")
    CP949 = "cp949", _("Korean (Windows-949)")


class Visibility(TextChoices):
    """Whose jobs a report permission lets a person see besides their own."""

    NONE = "none", _("Nobody else's")
    GROUP = "group", _("Those of the same group")
    TENANT = "tenant", _("Those of the same tenant")
    ALL = "all", _("Everybody's")


class AuditAction(TextChoices):
    REQUESTED = "requested", _("Requested")
    PREVIEWED = "previewed", _("Previewed")
    STARTED = "started", _("Started")
    FINISHED = "finished", _("Finished")
    FAILED = "failed", _("Failed")
    CANCEL_REQUESTED = "cancel_requested", _("Cancel requested")
    CANCELED = "canceled", _("Canceled")
    LINKED = "linked", _("Link made")
    DOWNLOADED = "downloaded", _("Downloaded")
    BROKEN_OFF = "broken_off", _("Download broken off")
    DENIED = "denied", _("Denied")
    DELETED = "deleted", _("File deleted")
    EXPIRED = "expired", _("Expired")
    REPORT_PERMISSION_CHANGED = "report_permission_changed", _("Report permission changed")
    PERMISSION_CHANGED = "permission_changed", _("Account, group or permission changed")
    PURGED = "purged", _("Purged")
    LOG_CONTRADICTED = "log_contradicted", _("Audit log found changed")
    LOG_ACCEPTED = "log_accepted", _("Audit log accepted as it is")
