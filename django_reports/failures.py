"""Why an export failed, as a cause that pages know a remedy for, and in words."""

import datetime as dt
import errno

from django.utils.translation import gettext as _

from django_reports.conf import get_settings
from django_reports.exceptions import (
    AttemptStopped,
    DeadlineExceeded,
    FileUnavailable,
    FormatLimitExceeded,
    InvalidSpec,
    QuotaExceeded,
    ReportDenied,
    ReportError,
    RowLimitExceeded,
    SelectionNotReplayable,
    SnapshotTooOld,
    StorageUnavailable,
)
from django_reports.registry import UnknownReport, registry
from django_reports.statuses import FailureCause


def failure_of(error: BaseException) -> tuple[FailureCause, str]:
    """Why an export failed, and in words for the person who asked. Details are for the log."""
    if isinstance(error, DeadlineExceeded):
        time = _duration(get_settings().TIMEOUT)
        return FailureCause.TIMEOUT, _("Timed out after %(time)s.") % {"time": time}
    if isinstance(error, SnapshotTooOld):
        return FailureCause.SNAPSHOT, _(
            "Reading took longer than the %(time)s for which one state of the data is kept."
        ) % {"time": _duration(get_settings().SNAPSHOT_MAX_AGE)}
    cause = error.__cause__ if isinstance(error, StorageUnavailable) else error
    if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
        words = _("Storage full: there is no space left for the file.")
        return FailureCause.STORAGE_FULL, words
    if isinstance(error, UnknownReport) and registry.find(error.identifier) is None:
        return FailureCause.REPORT_GONE, _("This report no longer exists.")
    if isinstance(error, ReportDenied):
        words = _("No longer permitted: %(reason)s") % {"reason": error}
        return FailureCause.DENIED, words
    if isinstance(error, ReportError) and not isinstance(error, AttemptStopped):
        return _cause_of(error), str(error)
    words = _("The report failed with an error (%(name)s). The server's log has the details.")
    return FailureCause.ERROR, words % {"name": type(error).__name__}


def _cause_of(error: ReportError) -> FailureCause:
    causes: dict[type[ReportError], FailureCause] = {
        RowLimitExceeded: FailureCause.ROW_LIMIT,
        QuotaExceeded: FailureCause.QUOTA,
        FileUnavailable: FailureCause.STORAGE,
        InvalidSpec: FailureCause.SPEC,
        SelectionNotReplayable: FailureCause.SPEC,
        FormatLimitExceeded: FailureCause.FORMAT,
    }
    found = (cause for kind, cause in causes.items() if isinstance(error, kind))
    return next(found, FailureCause.ERROR)


def _duration(value: dt.timedelta) -> str:
    return str(value)
