"""Execution: a spec is planned, then answered at once or turned into a job."""

import hashlib
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.db import IntegrityError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_reports.access.permissions import Authority, hidden_columns
from django_reports.audit import log
from django_reports.audit.log import Origin
from django_reports.core.choices import AuditAction, Execution
from django_reports.core.conf import get_settings
from django_reports.core.formatting import grouped
from django_reports.definitions.columns import BoundColumn
from django_reports.definitions.registry import registry
from django_reports.definitions.specs import ExportSpec
from django_reports.engine.pipeline import Meter, Table
from django_reports.engine.query_estimates import PATIENCE, TookTooLong, statement_timeout
from django_reports.engine.spooling import NotNow
from django_reports.engine.writers import Writer
from django_reports.exceptions import IdempotencyKeyReused, InvalidSpec, ReportDenied
from django_reports.exports import estimates, file_metadata
from django_reports.exports.estimates import Estimate
from django_reports.exports.failures import translate_errors
from django_reports.exports.prepare import Export, prepare, record_denial
from django_reports.jobs import lifecycle, runners
from django_reports.jobs.detached import check_detached
from django_reports.jobs.immediate import ImmediateExport, answer, pass_through
from django_reports.models import ReportJob

TRIES = 3  # to find the job that another request for the same has just written


@dataclass(frozen=True)
class RowCount:
    """`n` rows, or more than `n` where it is not exact. None: nobody can tell."""

    n: int | None
    is_exact: bool

    def __str__(self) -> str:
        if self.n is None:
            return _("an unknown number of rows")
        text = ngettext("%(n)s row", "%(n)s rows", self.n) % {"n": grouped(self.n)}
        return text if self.is_exact else _("more than %(rows)s") % {"rows": text}

    def is_more_than(self, limit: int) -> bool:
        """Whether there are certainly more rows than `limit`."""
        if self.n is None:
            return False
        return self.n > limit or (self.n == limit and not self.is_exact)


@dataclass(frozen=True)
class Plan:
    """What would happen to a spec, told before anything runs."""

    export: Export
    rows: RowCount
    execution: Execution
    reason: str
    hidden: list[BoundColumn]
    warnings: list[str]
    estimate: Estimate
    identical: ReportJob | None  # an export of the same by this person, whose file is there

    @property
    def masked(self) -> list[BoundColumn]:
        return [column for column in self.export.columns if column.masked]

    @property
    def is_over_limit(self) -> bool:
        limit = self.export.max_rows
        return limit is not None and self.rows.is_more_than(limit)


P = ParamSpec("P")
R = TypeVar("R")
_Step = Callable[Concatenate[ExportSpec, Authority, Origin, P], R]


def _translated(step: _Step[P, R]) -> _Step[P, R]:
    """A step whose errors are this app's, whatever the report raises."""

    @wraps(step)
    def translated(
        spec: ExportSpec, authority: Authority, origin: Origin, /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        with translate_errors(spec, origin):
            return step(spec, authority, origin, *args, **kwargs)

    return translated


@_translated
def plan(spec: ExportSpec, authority: Authority, origin: Origin) -> Plan:
    """Authorize a spec and say what it would give, counting no further than it matters.

    Raises ReportDenied and InvalidSpec, and ReportFailed for an error of the report itself.
    """
    export = prepare(spec, authority, origin)
    rows = _counted_soon(export)
    estimate = _estimate(export, rows)
    execution, reason = _decide(export, rows, estimate)
    made = Plan(
        export=export,
        rows=rows,
        execution=execution,
        reason=reason,
        hidden=hidden_columns(authority, export.report, export.context),
        warnings=[],
        estimate=estimate,
        identical=lifecycle.find_finished_duplicate(export),
    )
    if made.is_over_limit:
        assert export.max_rows is not None
        made.warnings.append(str(export.too_many_rows(export.max_rows)))
    return made


def _count(export: Export) -> RowCount:
    """The rows, counted up to the threshold or the person's limit, whichever is higher."""
    if not export.is_countable:
        return RowCount(None, is_exact=False)
    bound = max(get_settings().STREAM_MAX_ROWS, export.max_rows or 0)
    counted = export.count(bound + 1)
    return RowCount(min(counted, bound), is_exact=counted <= bound)


def _estimate(export: Export, rows: RowCount) -> Estimate:
    """Of more rows than were counted the database's guess, if it is of more as well."""
    if rows.is_exact or not export.is_countable:
        return estimates.estimate(export, rows.n)
    guess = estimates.estimated_rows(export)
    is_likely = guess is not None and guess > (rows.n or 0)
    return estimates.estimate(export, guess if is_likely else None)


def _counted_soon(export: Export) -> RowCount:
    """The rows for the export page, which looks for rare ones in a large table for a moment only.

    Nothing is known of them then.
    """
    try:
        with ExitStack() as stack:
            for alias in {section.source.alias for section in export.sections}:
                if alias is not None:
                    stack.enter_context(statement_timeout(alias, PATIENCE))
            return _count(export)
    except TookTooLong:
        return RowCount(None, is_exact=False)


def _decide(export: Export, rows: RowCount, estimate: Estimate) -> tuple[Execution, str]:
    threshold = get_settings().STREAM_MAX_ROWS
    if not export.effective.can_download:
        return Execution.BACKGROUND, _(
            "You may not download it, so it is made in the background, for those who may."
        )
    if export.report.execution == "background":
        return Execution.BACKGROUND, _("This report is always made in the background.")
    if export.report.execution == "immediate":
        return Execution.IMMEDIATE, _("This report is always downloaded at once.")
    if rows.n is None and export.is_countable:
        if estimate.rows is not None and estimate.rows > threshold:
            return Execution.BACKGROUND, _("It is too large to wait for.")
        return Execution.IMMEDIATE, _("It is made at once, unless it turns out to be too large.")
    if rows.n is None:
        return Execution.IMMEDIATE, _("It is downloaded while it is made.")
    if rows.is_exact and rows.n <= threshold:
        return Execution.IMMEDIATE, _("It is small enough to be downloaded at once.")
    return Execution.BACKGROUND, _("It is too large to wait for.")


@dataclass(frozen=True)
class PreviewTable:
    """The first rows of a section, as they will stand in the file. `header` None: without one."""

    title: str
    header: list[str] | None
    rows: list[list[str]]


@dataclass(frozen=True)
class Preview:
    """`content` is the file as it would be if there were no more rows than these."""

    content: bytes
    tables: list[PreviewTable]
    losses: dict[str, int]


@_translated
def preview(spec: ExportSpec, authority: Authority, origin: Origin, *, rows: int) -> Preview:
    """Write the first rows of each section and record that they were seen. Raises as `plan`."""
    export = prepare(spec, authority, origin)
    left = export.max_rows
    tables: list[Table] = []
    writer = export.writer()
    with spec.locales.file.active(), export.snapshot():
        for section in export.sections:
            found = list(section.source.read(rows if left is None else min(rows, left)))
            left = None if left is None else left - len(found)
            tables.append(section.table(found))
    with spec.locales.file.active():
        shown = [_preview_table(table, writer) for table in tables]
    content = b"".join(export.blocks(tables, writer, Meter()))
    log.record(
        AuditAction.PREVIEWED,
        origin=origin,
        report=export.spec.report,
        spec=file_metadata.without_secrets(export.spec.to_json(), export.report),
        rows=sum(len(table.rows) for table in shown),
    )
    return Preview(content, shown, dict(writer.losses))


def _preview_table(table: Table, writer: Writer) -> PreviewTable:
    looks = type(writer)(table.columns, writer.rendering, table.title, layout=writer.layout)
    rows = [looks.shown(row) for row in table.rows]
    looks.close()
    return PreviewTable(table.title, looks.header, rows)


@_translated
def identical(spec: ExportSpec, authority: Authority, origin: Origin) -> ReportJob | None:
    """A file of the same export that this person has already. Raises as `plan`."""
    return lifecycle.find_finished_duplicate(prepare(spec, authority, origin))


@_translated
def deliver(
    spec: ExportSpec, authority: Authority, origin: Origin, *, holds_thread: bool = False
) -> ImmediateExport | ReportJob:
    """Answer a spec: an immediate export if it is small, else a job for the background.

    `holds_thread` says that a slow reader would keep one of this process's threads busy; of such
    answers there are STREAMS_PER_PROCESS at most, and further ones become jobs.

    Who may not download gets no file in any way: their export is a job, whatever its size.

    Raises ReportDenied, InvalidSpec, RowLimitExceeded and QuotaExceeded, and ReportFailed for
    an error of the report itself before its first block.
    """
    export = prepare(spec, authority, origin)
    if export.report.execution != "background" and export.effective.can_download:
        is_fixed = export.report.execution == "immediate"
        bound = None if is_fixed else get_settings().STREAM_MAX_ROWS
        with suppress(NotNow):
            return answer(export, origin, bound=bound, holds_thread=holds_thread)
    return _background(export, origin)


@_translated
def export_now(
    spec: ExportSpec,
    authority: Authority,
    origin: Origin,
    *,
    on_progress: Callable[[int, int | None], None] | None = None,
) -> ImmediateExport:
    """Make an export of any size in this process, from one snapshot, row by row.

    For callers that read as fast as they can, such as the command: while they do, a database
    connection is busy. `on_progress` is told the rows done and, if they can be counted, expected;
    without it they are not counted. Raises as `deliver` does, and ReportDenied for somebody who may
    not download.
    """
    export = prepare(spec, authority, origin)
    if not export.effective.can_download:
        error = ReportDenied(_("You may have this report exported, but not download its files."))
        record_denial(spec, origin, error)
        raise error
    if export.max_rows is not None:
        _count_within_limit(export, origin)
    expected = export.count() if on_progress and export.is_countable else None

    def tell(meter: Meter) -> None:
        if on_progress is not None:
            on_progress(meter.rows, expected)

    return pass_through(export, origin, watch=tell)


@_translated
def enqueue(
    spec: ExportSpec, authority: Authority, origin: Origin, *, idempotency_key: str = ""
) -> ReportJob:
    """Have an export made in the background, whatever its size.

    The same request by the same person under the same `idempotency_key` gives the job that it gave
    the first time; another request under it raises IdempotencyKeyReused. Only if the first answer
    was an active job with a key already, the further one is not kept. Else raises as `deliver`
    does.
    """
    export = prepare(spec, authority, origin)
    digest = hashlib.sha256(idempotency_key.encode()).hexdigest() if idempotency_key else None
    return _background(export, origin, idempotency_key=digest)


def rerun(job: ReportJob, authority: Authority, origin: Origin) -> ReportJob:
    """Have the same export made again, in the name of whoever asks now. Raises as `deliver`.

    Raises ReportDenied where it has secret parameters: they are not kept.
    """
    spec = ExportSpec.from_json(job.spec)
    user = authority.user
    is_own = job.requester_key == (str(user.pk) if user else "")
    is_forgotten = any(file_metadata.HIDDEN in values for values in spec.parameters.values())
    is_secret = not is_own and file_metadata.has_secrets(spec, registry.find(spec.report))
    if is_forgotten or is_secret:
        words = (
            _("This export has a secret parameter, which is not kept. Export the report anew.")
            if is_own
            else _(
                "This export has a secret parameter of the person who asked for it. Export the "
                "report yourself, with your own."
            )
        )
        error = ReportDenied(words)
        record_denial(spec, origin, error)
        raise error
    with translate_errors(spec, origin):
        try:
            export = prepare(spec, authority, origin)
        except InvalidSpec as error:
            if is_own or error.field not in ("columns", "labels"):
                raise
            # Where columns vary, whoever asks now may not even know that there are such.
            words = _("This export has columns that you may not export.")
            raise InvalidSpec(words, field="columns") from error
        return _background(export, origin, rerun_of=job)


def _asked_before(export: Export, digest: str | None) -> ReportJob | None:
    """The job that was asked for under this idempotency key."""
    if digest is None:
        return None
    assert export.authority.user is not None
    wanted = export.spec.to_json()
    job: ReportJob | None = ReportJob.objects.filter(
        requested_by=export.authority.user.pk, idempotency_key=digest
    ).first()
    if job is not None and _asked(job.spec, job, export) != _asked(wanted, job, export):
        raise IdempotencyKeyReused(
            _("This idempotency key was used for another export already; choose a new one.")
        )
    return job


def _asked(spec: Any, job: ReportJob, export: Export) -> Any:
    """What was asked for; of a job that has ended without the secrets, which it no longer has."""
    return spec if job.is_active else file_metadata.without_secrets(spec, export.report)


def _background(
    export: Export,
    origin: Origin,
    *,
    idempotency_key: str | None = None,
    rerun_of: ReportJob | None = None,
) -> ReportJob:
    """Write a job for the background; the same export by the same person is made once at a time."""
    for tries_left in reversed(range(TRIES)):
        if first := _asked_before(export, idempotency_key):
            return first
        try:
            if active := lifecycle.find_active_duplicate(export):
                lifecycle.ask_again(active, origin, idempotency_key)
                return active
            rows = _count_within_limit(export, origin)
            check_detached(export)
            job = lifecycle.create(
                export,
                execution=Execution.BACKGROUND,
                origin=origin,
                rows=rows.n if rows.is_exact else None,
                rerun_of=rerun_of,
                idempotency_key=idempotency_key,
            )
        except IntegrityError:  # asked twice at once: the other was faster
            if not tries_left:
                raise
            continue
        runners.submit(job)
        return job
    raise AssertionError("there is a last try")


def _count_within_limit(export: Export, origin: Origin) -> RowCount:
    """Count as far as it matters. Raises RowLimitExceeded or QuotaExceeded, after it
    has been recorded."""
    rows = _count(export)
    limit = export.max_rows
    if limit is not None and rows.is_more_than(limit):
        error = export.too_many_rows(limit)
        record_denial(export.spec, origin, error)
        raise error
    return rows
