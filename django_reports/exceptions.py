"""Everything that this app raises on purpose, with messages for the person who reads them."""

from collections.abc import Iterable, Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_reports.core.formatting import grouped


class ReportError(Exception):
    """Base of all errors of this app.

    What is raised while a file is written, in its language, is read in another: a lazy message and
    the `params` that stand in it are put together by `str()`. `reference` is that of the line in
    the server's log, where the error stands for another one.
    """

    reference = ""

    def __init__(
        self, message: str | Promise = "", params: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(message)
        self.params = params

    def __str__(self) -> str:
        message = super().__str__()
        return message if self.params is None else message % self.params


class InvalidSpec(ReportError):
    """A request names what is not there; the message names the value and the legal ones."""

    def __init__(self, message: str, *, field: str = "", legal: Iterable[str] = ()) -> None:
        legal = list(legal)
        if legal:
            message = _("%(message)s Choose from: %(legal)s.") % {
                "message": message,
                "legal": ", ".join(legal),
            }
        super().__init__(message)
        self.field = field


class InvalidParameters(InvalidSpec):
    """The report's parameters do not validate. `errors` maps each parameter to its messages."""

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        self.errors = errors
        super().__init__(
            " ".join(f"{name}: {' '.join(messages)}" for name, messages in errors.items()),
            field="parameters",
        )


class ReportDenied(ReportError):
    """The person may not do this. An unknown and an ungranted report read alike."""


class RowLimitExceeded(ReportError):
    """The export holds more rows than the person's report permissions allow. Nothing is cut."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit

    def __str__(self) -> str:
        return ngettext(
            "This export has more than %(limit)s row, which is your limit. Narrow it down.",
            "This export has more than %(limit)s rows, which is your limit. Narrow it down.",
            self.limit,
        ) % {"limit": grouped(self.limit)}


class QuotaExceeded(ReportError):
    """The person has so many exports, or rows of a day, that this one would be too much."""


class SelectionNotReplayable(ReportError):
    """A changelist cannot be rebuilt without its request, so its export would hold other rows."""


class InvalidQuerySet(ReportError):
    """A report's or an admin's code gives rows that cannot be exported; says what to write."""


class UnsupportedValue(ReportError):
    """A value has no defined way into a file."""


class FormatLimitExceeded(ReportError):
    """The chosen format cannot hold this export; the message names one that can."""


class ReportFailed(ReportError):
    """The report itself raised: its code, its query, or what it needs to be written.

    `cause` is a FailureCause. `job_key` is the job that is recorded as failed, if there is one.
    """

    def __init__(self, message: str, *, cause: str = "error", job_key: str = "") -> None:
        super().__init__(message)
        self.cause = cause
        self.job_key = job_key


class IdempotencyKeyReused(ReportError):
    """A program asked for another export under a key that it has used already."""


class FileUnavailable(ReportError):
    """The file of a job cannot be had."""


class ChecksumMismatch(FileUnavailable):
    """The file of a job is missing, or is not the one that was made."""


class StorageUnavailable(FileUnavailable):
    """The storage of a file failed; another time it may not."""


class IllegalTransition(ReportError):
    """A job was told to take a step that the state machine does not have."""


class AttemptStopped(ReportError):
    """Base of the reasons for which a running attempt gives up its work."""


class Canceled(AttemptStopped):
    """Somebody asked for the job to be canceled."""


class LeaseLost(AttemptStopped):
    """Another attempt owns the job now; this one must leave no trace."""


class DeadlineExceeded(AttemptStopped):
    """The attempt ran longer than JOB_TIMEOUT."""


class SnapshotTooOld(AttemptStopped):
    """Rows were read from one state of the database for longer than SNAPSHOT_MAX_AGE."""


class Requeued(AttemptStopped):
    """The worker is shutting down; the job goes back into the queue."""
