"""Delivery: a spec is planned, then answered at once or turned into a job."""

import logging
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_reports import audit, jobs, runners
from django_reports.audit import Origin
from django_reports.columns import BoundColumn, Row
from django_reports.conf import get_settings
from django_reports.exceptions import ReportError, ReportFailed, RowLimitExceeded
from django_reports.exports import Export, localised, prepare
from django_reports.models import ReportJob
from django_reports.permissions import Authority, hidden_columns
from django_reports.pipeline import Meter
from django_reports.sources import Source, Spool
from django_reports.specs import ExportSpec
from django_reports.statuses import AuditAction, Delivery
from django_reports.writers import Writer

logger = logging.getLogger("django_reports.delivery")


@dataclass(frozen=True)
class RowCount:
    """`n` rows, or more than `n` where it is not exact. None: nobody can tell."""

    n: int | None
    is_exact: bool

    def __str__(self) -> str:
        if self.n is None:
            return _("an unknown number of rows")
        text = ngettext("%(n)s row", "%(n)s rows", self.n) % {"n": f"{self.n:,}"}
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
    delivery: Delivery
    reason: str
    hidden: list[BoundColumn]
    warnings: list[str]

    @property
    def masked(self) -> list[BoundColumn]:
        return [column for column in self.export.columns if column.masked]

    @property
    def is_over_limit(self) -> bool:
        limit = self.export.grant.max_rows
        return limit is not None and self.rows.is_more_than(limit)


def plan(spec: ExportSpec, authority: Authority, origin: Origin) -> Plan:
    """Authorise a spec and say what it would give, counting no further than it matters.

    Raises ReportDenied and InvalidSpec.
    """
    with localised(spec):
        export = prepare(spec, authority, origin)
        rows = _count(export)
        delivery, reason = _decide(export, rows)
        made = Plan(
            export=export,
            rows=rows,
            delivery=delivery,
            reason=reason,
            hidden=hidden_columns(authority, export.report),
            warnings=[],
        )
        if made.is_over_limit:
            assert export.grant.max_rows is not None
            made.warnings.append(str(RowLimitExceeded(export.grant.max_rows)))
        return made


def _count(export: Export) -> RowCount:
    """The rows, counted up to the threshold or the person's limit, whichever is higher."""
    if not export.source.is_countable:
        return RowCount(None, is_exact=False)
    bound = max(get_settings().STREAM_MAX_ROWS, export.grant.max_rows or 0)
    counted = export.source.count(bound + 1)
    return RowCount(min(counted, bound), is_exact=counted <= bound)


def _decide(export: Export, rows: RowCount) -> tuple[Delivery, str]:
    threshold = get_settings().STREAM_MAX_ROWS
    if export.report.delivery == "background":
        return Delivery.BACKGROUND, _("This report is always made in the background.")
    if export.report.delivery == "immediate":
        return Delivery.IMMEDIATE, _("This report is always downloaded at once.")
    if rows.n is None:
        return Delivery.IMMEDIATE, _("It is downloaded while it is made.")
    if rows.is_exact and rows.n <= threshold:
        return Delivery.IMMEDIATE, _("It is small enough to be downloaded at once.")
    return Delivery.BACKGROUND, _("It is too large to wait for.")


class ImmediateExport:
    """An export as the answer to this very request: iterate it for the file's bytes.

    An iterator with `close()`: whoever stops early closes it, and the job says that the reader
    left. An error in the middle is recorded and raised, so that the transfer breaks visibly.
    """

    def __init__(self, export: Export, job: ReportJob, made: "_FirstBlock") -> None:
        self.job = job
        self.filename = job.filename
        self.content_type = export.writer_class.content_type
        self.meter = made.meter
        self._spec = export.spec
        self._writer = made.writer
        self._rest = made.rest
        self._blocks = chain(made.first, made.rest)
        self._sent = 0  # bytes; those that were ready but never fetched did not leave
        self._is_over = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        # The server asks after the view has returned: the view's language is gone by then.
        try:
            with localised(self._spec):
                block = next(self._blocks)
        except StopIteration:
            self._end(partial(jobs.finish_immediate, losses=dict(self._writer.losses)))
            raise
        except BaseException as error:
            # What this app says on purpose needs no traceback.
            is_told = isinstance(error, ReportError)
            logger.log(
                logging.WARNING if is_told else logging.ERROR,
                "job=%s event=broken_off error=%s",
                self.job.pk,
                error,
                exc_info=not is_told,
            )
            self._end(partial(jobs.fail_immediate, error=error))
            raise
        self._sent += len(block)
        return block

    def close(self) -> None:
        """Called by the server in any case; after the last block there is nothing left to do."""
        self._end(jobs.abandon_immediate)

    def _end(self, record: Callable[[ReportJob, Meter], None]) -> None:
        if self._is_over:
            return
        self._is_over = True
        with localised(self._spec):
            self._rest.close()
            self.meter.size = self._sent
            record(self.job, self.meter)


class _TooManyRows(Exception):
    """What was to be answered at once is too large for that."""


@dataclass(frozen=True)
class _FirstBlock:
    """An opened export: its first block (or none, of an empty file), and how to get the rest."""

    first: list[bytes]
    rest: Generator[bytes]
    writer: Writer
    meter: Meter


def _open(
    export: Export, *, bound: int | None, drain: bool, watch: Callable[[Meter], None]
) -> _FirstBlock:
    """Begin an export. What goes wrong up to its first block is raised here.

    More rows than `bound` raise _TooManyRows. With `drain`, the rows of a queryset are read at
    once, so that no slow reader holds the database connection.
    """
    rows = _rows(export, bound=bound, drain=drain)
    writer = export.writer()
    meter = Meter()

    def check() -> None:
        # A format that is made whole before it is sent must not keep the person waiting.
        if bound is not None and meter.rows > bound and not writer.supports_streaming:
            raise _TooManyRows
        watch(meter)

    rest = export.blocks(rows, writer, meter, check)
    return _FirstBlock(list(islice(rest, 1)), rest, writer, meter)


def _rows(export: Export, *, bound: int | None, drain: bool) -> Iterable[Row]:
    source = export.source
    if not source.is_countable:
        return source.read()
    if not drain:
        return _read_in_snapshot(source)
    limit = export.grant.max_rows
    known = [n for n in (bound, limit) if n is not None]
    with source.snapshot():
        # One bounded SELECT is count, rows and snapshot at once.
        spool = Spool(source.read(min(known) + 1 if known else None))
    if known and spool.count > min(known):
        spool.close()
        if limit is not None and spool.count > limit:
            raise RowLimitExceeded(limit)
        raise _TooManyRows
    return spool


def _read_in_snapshot(source: Source) -> Iterator[Row]:
    with source.snapshot():
        yield from source.read()


def deliver(spec: ExportSpec, authority: Authority, origin: Origin) -> ImmediateExport | ReportJob:
    """Answer a spec: an immediate export if it is small, else a job for the background.

    Raises ReportDenied, InvalidSpec and RowLimitExceeded, and ReportFailed for an error of the
    report itself before its first block.
    """
    with localised(spec):
        export = prepare(spec, authority, origin)
        if export.report.delivery != "background":
            is_fixed = export.report.delivery == "immediate"
            bound = None if is_fixed else get_settings().STREAM_MAX_ROWS
            with suppress(_TooManyRows):
                return _immediate(export, origin, bound=bound, drain=True)
        return _background(export, origin)


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
    without it they are not counted. Raises as `deliver` does.
    """
    with localised(spec):
        export = prepare(spec, authority, origin)
        if export.grant.max_rows is not None:
            _count_within_limit(export, origin)
        expected = export.source.count() if on_progress and export.source.is_countable else None

        def tell(meter: Meter) -> None:
            if on_progress is not None:
                on_progress(meter.rows, expected)

        return _immediate(export, origin, bound=None, drain=False, watch=tell)


def enqueue(spec: ExportSpec, authority: Authority, origin: Origin) -> ReportJob:
    """Have an export made in the background, whatever its size. Raises as `deliver` does."""
    with localised(spec):
        return _background(prepare(spec, authority, origin), origin)


def _immediate(
    export: Export,
    origin: Origin,
    *,
    bound: int | None,
    drain: bool,
    watch: Callable[[Meter], None] = lambda meter: None,
) -> ImmediateExport:
    record = partial(jobs.create, export, delivery=Delivery.IMMEDIATE, origin=origin)
    # Rows that are not drained keep their read-only transaction open: the record comes before.
    job = None if drain else record()
    try:
        made = _open(export, bound=bound, drain=drain, watch=watch)
    except _TooManyRows:
        raise
    except RowLimitExceeded as error:
        _deny_rows(export, origin, error)
        if job is not None:
            jobs.fail_immediate(job, Meter(), error)
        raise
    except Exception as error:
        job = job or record()
        jobs.fail_immediate(job, Meter(), error)
        if isinstance(error, ReportError):
            raise
        logger.exception("job=%s event=failed", job.pk)
        raise ReportFailed(job.error, job_key=str(job.pk)) from error
    return ImmediateExport(export, job or record(), made)


def _background(export: Export, origin: Origin) -> ReportJob:
    rows = _count_within_limit(export, origin)
    job = jobs.create(
        export,
        delivery=Delivery.BACKGROUND,
        origin=origin,
        rows_expected=rows.n if rows.is_exact else None,
    )
    runners.submit(job)
    return job


def _count_within_limit(export: Export, origin: Origin) -> RowCount:
    """Count as far as it matters. Raises RowLimitExceeded, after it has been recorded."""
    rows = _count(export)
    limit = export.grant.max_rows
    if limit is not None and rows.is_more_than(limit):
        error = RowLimitExceeded(limit)
        _deny_rows(export, origin, error)
        raise error
    return rows


def _deny_rows(export: Export, origin: Origin, error: RowLimitExceeded) -> None:
    audit.record(
        AuditAction.DENIED,
        origin=origin,
        report=export.spec.report,
        what="generate",
        reason=str(error),
    )
