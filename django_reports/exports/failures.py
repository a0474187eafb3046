"""Why an export failed, as a cause that pages know a remedy for, and in words.

The one place that turns what a report's code or a database raises into errors of this app.
"""

import datetime as dt
import errno
import logging
import secrets
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from django.core.exceptions import PermissionDenied, SuspiciousOperation, ValidationError
from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_reports.access.command_origins import command_facts
from django_reports.audit import log
from django_reports.audit.log import Origin
from django_reports.core.choices import LOST_TO, AuditAction, FailureCause
from django_reports.core.conf import get_settings
from django_reports.core.database_errors import (
    is_conflict,
    is_lost_connection,
    is_refused_value,
    is_timeout,
    savepoints,
)
from django_reports.core.logs import get_logger
from django_reports.definitions.base import Report
from django_reports.definitions.parameters import (
    redacted_errors,
    secret_values,
    tells_any,
    unsaid,
)
from django_reports.definitions.registry import UnknownReport, registry
from django_reports.definitions.selections import Selection
from django_reports.definitions.specs import ExportSpec, stored_spec
from django_reports.exceptions import (
    DeadlineExceeded,
    FileUnavailable,
    FormatLimitExceeded,
    InvalidParameters,
    InvalidSpec,
    QuotaExceeded,
    ReportDenied,
    ReportError,
    ReportFailed,
    RowLimitExceeded,
    SelectionNotReplayable,
    SnapshotTooOld,
    StorageUnavailable,
)
from django_reports.exports.file_metadata import without_secrets

logger = get_logger(__name__)

T = TypeVar("T")


@contextmanager
def translate_errors(spec: ExportSpec, origin: Origin) -> Iterator[None]:
    """Turn whatever a report raises while it is resolved, counted or shown into a ReportError.

    A ReportFailed is recorded in the audit log. Transactions of the caller go on, with what was
    recorded inside, such as a denial. Where a job tells of the failure, it does that itself.
    """
    told: ReportError | None = None
    try:
        with savepoints():
            try:
                yield
            except ReportError as error:
                told = _without_secrets(error, spec.to_json())
    except Exception as error:
        translated = as_report_error(error, spec.to_json(), report=spec.report)
        _record(translated, spec, origin)
        raise translated from error
    if told is not None:
        raise told


def of_each(reports: Iterable[Report], ask: Callable[[Report], T]) -> list[T]:
    """What `ask` returns for each report, but those that raise ReportDenied.

    One whose code raises anything else is left out, too, and logged: the others are told.
    """
    answers: list[T] = []
    waiting = deque(reports)
    while waiting:
        try:
            with savepoints():  # one for all, until one of them fails
                while waiting:
                    report = waiting.popleft()
                    answers.append(ask(report))
        except (ReportDenied, PermissionDenied):
            continue
        except Exception:
            logger.exception("report=%s event=left_out", report.get_identifier())
    return answers


def _record(error: ReportError, spec: ExportSpec, origin: Origin) -> None:
    if isinstance(error, ReportFailed):
        log.record(
            AuditAction.FAILED,
            origin=origin,
            report=spec.report,
            reason=str(error),
            reference=error.reference,
            spec=without_secrets(spec.to_json(), registry.find(spec.report)),
            **command_facts(origin),
        )
    elif isinstance(error, ReportDenied):
        log.record(
            AuditAction.DENIED,
            origin=origin,
            report=spec.report,
            what="generate",
            reason=str(error),
            **command_facts(origin),
        )


def as_report_error(error: BaseException, spec: Any, **facts: Any) -> ReportError:
    """Return what to tell of an error, and log what that leaves out, with `facts`.

    `spec` is JSON: with parameters or a selection in it, a value that a database refuses is the
    reader's to change, and the result is an InvalidSpec; else the report has failed.
    """
    if isinstance(error, ReportError):
        return _without_secrets(error, spec)
    if isinstance(error, PermissionDenied):
        denied = ReportDenied(str(error) or _("You may not export these rows."))
        return _without_secrets(denied, spec)
    reference = secrets.token_hex(4)
    translated = _refused_input(error, stored_spec(spec), reference) or _failure(error, reference)
    translated.reference = reference
    logger.log(
        logging.ERROR if isinstance(translated, ReportFailed) else logging.WARNING,
        "reference=%s event=failed %s",
        reference,
        " ".join(f"{name}={value}" for name, value in facts.items()),
        exc_info=error,
    )
    return translated


def _without_secrets(error: ReportError, spec: Any) -> ReportError:
    """An error whose words everybody may read, whatever a report's code has put into them."""
    if not tells_any(str(error), _secrets_of(stored_spec(spec))):
        return error
    if isinstance(error, InvalidParameters):
        return InvalidParameters({name: [unsaid()] for name in error.errors})
    error.args, error.params = (unsaid(),), None
    return error


def _secrets_of(spec: dict[str, Any]) -> dict[str, Any]:
    return secret_values(registry.find(spec["report"] or ""), spec["parameters"] or {})


def _refused_input(
    error: BaseException, spec: dict[str, Any], reference: str
) -> InvalidSpec | None:
    """The error of what somebody typed or selected; None if it is not certainly theirs."""
    parameters = spec["parameters"] or {}
    is_selected = spec["selection"] not in (None, Selection().to_json())
    is_refused = is_refused_value(error) or isinstance(error, Http404 | SuspiciousOperation)
    if not is_refused or not (parameters or is_selected):
        return None
    words = _(
        "A value that was given cannot be used here. Change it and try again. "
        "(Reference: %(reference)s)"
    ) % {"reference": reference}
    named = error.message_dict if hasattr(error, "error_dict") else {}  # type: ignore[attr-defined]
    if named and named.keys() <= parameters.keys():
        return InvalidParameters(
            redacted_errors(registry.find(spec["report"] or ""), parameters, named)
        )
    if isinstance(error, ValidationError) and not _secrets_of(spec):
        words = f"{' '.join(error.messages)} {words}"
    if len(parameters) == 1 and not is_selected:
        return InvalidParameters({name: [words] for name in parameters})
    return InvalidSpec(words, field="parameters" if parameters else "selection")


def _failure(error: BaseException, reference: str) -> ReportFailed:
    if isinstance(error, SystemExit | KeyboardInterrupt):  # as gunicorn ends a worker
        words = _("The process that sent it was ended, by the server's timeout say.")
        return ReportFailed(words, cause=FailureCause.INTERRUPTED)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ReportFailed(_storage_full(), cause=FailureCause.STORAGE_FULL)
    if is_lost_connection(error):
        return ReportFailed(_lost(FailureCause.CONNECTION), cause=FailureCause.CONNECTION)
    if is_conflict(error):
        return ReportFailed(_lost(FailureCause.CONFLICT), cause=FailureCause.CONFLICT)
    if is_timeout(error):
        words = _("The database ended a query that took longer than it allows.")
        return ReportFailed(words, cause=FailureCause.TIMEOUT)
    words = _(
        "The report failed with an error (%(name)s). The server's log has the details under the "
        "reference %(reference)s."
    )
    return ReportFailed(words % {"name": _name_of(error), "reference": reference})


def _name_of(error: BaseException) -> str:
    """Python makes a RuntimeError of a StopIteration that would have ended a generator of ours."""
    cause = error.__cause__
    is_stopped = isinstance(error, RuntimeError) and isinstance(cause, StopIteration)
    return type(cause if is_stopped else error).__name__


def _storage_full() -> str:
    return _("Storage full: there is no space left for the file.")


def _lost(cause: str) -> str:
    if cause == FailureCause.CONNECTION:
        return _("The connection to the database was lost.")
    return _("The database ended it for the sake of another transaction.")


def describe_lost(cause: str, count: int) -> str:
    """Why a job is given up of which so many attempts were lost, the last one to this cause."""
    if cause not in LOST_TO:
        return ngettext(
            "Killed or out of memory, %(count)s time.",
            "Killed or out of memory, %(count)s times.",
            count,
        ) % {"count": count}
    tried = ngettext(
        "It was tried %(count)s time.", "It was tried %(count)s times.", count
    ) % {"count": count}  # fmt: skip
    return f"{_lost(cause)} {tried}"


def failure_of(error: ReportError) -> tuple[FailureCause, str]:
    """Why an export failed, and in words for the person who asked. Details are for the log."""
    if isinstance(error, ReportFailed):
        return FailureCause(error.cause), str(error)
    if isinstance(error, DeadlineExceeded):
        time = _duration(get_settings().JOB_TIMEOUT)
        return FailureCause.TIMEOUT, _("Timed out after %(time)s.") % {"time": time}
    if isinstance(error, SnapshotTooOld):
        return FailureCause.SNAPSHOT, _(
            "Reading took longer than the %(time)s for which one state of the data is kept."
        ) % {"time": _duration(get_settings().SNAPSHOT_MAX_AGE)}
    cause = error.__cause__ if isinstance(error, StorageUnavailable) else None
    if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
        return FailureCause.STORAGE_FULL, _storage_full()
    if isinstance(error, UnknownReport) and registry.find(error.identifier) is None:
        return FailureCause.REPORT_GONE, _("This report no longer exists.")
    if isinstance(error, ReportDenied):
        words = _("No longer permitted: %(reason)s") % {"reason": error}
        return FailureCause.DENIED, words
    return _cause_of(error), str(error)


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
