"""Export: a spec made concrete for one authority, ready to be counted, previewed and written."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _

from django_reports.access import quotas
from django_reports.access.command_origins import command_facts
from django_reports.access.permissions import (
    Authority,
    EffectivePermissions,
    authorize,
    columns_for,
    hidden_columns,
    hidden_lookups,
)
from django_reports.audit import log
from django_reports.audit.log import Origin
from django_reports.core.choices import AuditAction
from django_reports.core.conf import get_settings
from django_reports.definitions.base import ModelReport, Report, ReportContext
from django_reports.definitions.columns import BoundColumn
from django_reports.definitions.parameters import bound_parameters
from django_reports.definitions.querysets import filtered
from django_reports.definitions.registry import UnknownReport
from django_reports.definitions.selections import Selection, find_report, selection_kind
from django_reports.definitions.specs import ExportSpec
from django_reports.engine import driver_text, postgres_copy
from django_reports.engine.pipeline import Meter, Table, Write, blocks, write_rows
from django_reports.engine.postgres_copy import CannotCopy
from django_reports.engine.rows import IterableSource, QuerySetSource, Source
from django_reports.engine.writers import Writer
from django_reports.engine.writers.names import file_stem, safe_filename
from django_reports.exceptions import (
    InvalidSpec,
    ReportDenied,
    ReportError,
    RowLimitExceeded,
)
from django_reports.exports import file_metadata
from django_reports.exports.formats import offered_formats, writer_class_for
from django_reports.models import ReportJob


@dataclass(frozen=True)
class Section:
    """One table of an export: what it is called, what it holds, where its rows come from."""

    title: str
    columns: list[BoundColumn]
    source: Source

    def table(self, rows: Iterable[Any], write: Write = write_rows) -> Table:
        return Table(self.columns, self.title, rows, write)


class Strategy(Enum):
    """What makes a file of rows. The values are how a report's author is told."""

    COPY = "written by PostgreSQL (COPY)"
    TEXTS = "written by Python, a column at a time"
    ROWS = "written by Python"
    INSTANCES = "written by Python from model instances, the slowest way"


class StrategyReason(NamedTuple):
    """How rows get into a file, and what keeps them from a faster one: the first column of them."""

    by: Strategy
    reason: str = ""
    column: BoundColumn | None = None

    def __str__(self) -> str:
        if self.by is Strategy.COPY and self.column:
            return f"{self.by.value}, but for columns of Python: {self.column.key}: {self.reason}"
        told = f"{self.by.value}: {self.reason}" if self.reason else self.by.value
        return f"{told}; by itself: {self.column.key}" if self.column else told


@dataclass(frozen=True)
class Export:
    """Made by `prepare`. It chooses rows in one language and time zone and writes them in another
    (`spec.locales`), whichever are active; errors are in the reader's.

    `columns` are those of all sections, one section after the other.
    """

    spec: ExportSpec
    report: Report
    authority: Authority
    effective: EffectivePermissions
    context: ReportContext
    columns: list[BoundColumn]
    writer_class: type[Writer]
    parameters: forms.Form | None
    rows_left: int | None  # of the person's quota

    @property
    def max_rows(self) -> int | None:
        """How many rows it may have: the limit of the report permission, or what is left of the
        quota.
        """
        return min(
            (n for n in (self.effective.max_rows, self.rows_left) if n is not None), default=None
        )

    def too_many_rows(self, limit: int) -> ReportError:
        """The error to raise for more rows than `max_rows`."""
        if self.effective.max_rows is not None and limit >= self.effective.max_rows:
            return RowLimitExceeded(limit)
        return quotas.exceeded(limit, self.effective)

    @cached_property
    def sections(self) -> list[Section]:
        made = []
        for key, report in self.report.get_sections().items():
            columns = [column for column in self.columns if column.section == key]
            if columns:
                with self.spec.locales.file.active():
                    title = str(report.get_label())
                with self.spec.locales.filter.active():
                    source = self._source(report, columns)
                made.append(Section(title, columns, source))
        return made

    def _source(self, report: Report, columns: list[BoundColumn]) -> Source:
        if isinstance(report, ModelReport):
            selection = self.spec.selection
            queryset = selection_kind(selection).queryset(selection, report, self.context)
            alias = get_settings().DATABASE
            chosen: str | None = queryset._db  # type: ignore[attr-defined]
            if alias is not None and chosen is None:
                queryset = queryset.using(alias)
            queryset = filtered(report, queryset, self.context)
            return QuerySetSource(queryset, columns, self.spec.locales)
        return IterableSource(lambda: report.rows(self.context), columns, self.spec.locales)

    @property
    def is_countable(self) -> bool:
        return all(section.source.is_countable for section in self.sections)

    def count(self, bound: int | None = None) -> int:
        """How many rows there are in all sections, counted no further than `bound`."""
        counted = 0
        for section in self.sections:
            left = None if bound is None else bound - counted
            if left == 0:
                break
            counted += section.source.count(left)
        return counted

    def tables(self, writer: Writer) -> list[Table]:
        """The sections with their rows, to be read in `snapshot`, the fastest way to the file."""
        return [self.table(section, writer) for section in self.sections]

    def table(self, section: Section, writer: Writer, limit: int | None = None) -> Table:
        """At most `limit` rows of a section, the fastest way to the file. They are to be taken
        in the language and time zone of the file."""
        with self.spec.locales.file.active():
            return self._table(section, writer, limit)

    def _table(self, section: Section, writer: Writer, limit: int | None) -> Table:
        try:
            lines = self._lines(section, writer, limit)
        except CannotCopy:
            reader = self._reader(section, writer)
            if reader is None:
                return section.table(section.source.read(limit))
            return section.table(reader.rows(limit), reader.write)
        return section.table(iter(lines), lines.write)

    def _lines(
        self, section: Section, writer: Writer, limit: int | None = None
    ) -> postgres_copy.Lines:
        rendering, line_format = self.spec.rendering, writer.line_format
        return postgres_copy.lines(section.source, section.columns, rendering, line_format, limit)

    def _reader(self, section: Section, writer: Writer) -> driver_text.Reader | None:
        if writer.line_format is None:
            return None
        return driver_text.reader(section.source, section.columns, self.spec.rendering)

    def ways(self) -> list[StrategyReason]:
        """How the rows of each section get into the file."""
        with self.snapshot():
            writer = self.writer()
            with self.spec.locales.file.active():
                found = [self._way(section, writer) for section in self.sections]
            writer.close()
        return found

    def _way(self, section: Section, writer: Writer) -> StrategyReason:
        source = section.source
        if isinstance(source, QuerySetSource) and (one := source.by_instances):
            asking = ", ".join(column.key for column in source.that_query())
            told = f"{one.key} is computed of each"
            return StrategyReason(
                Strategy.INSTANCES, f"{told}; a query for each row: {asking}" if asking else told
            )
        try:
            lines = self._lines(section, writer)
        except CannotCopy as why:
            reader = self._reader(section, writer)
            if reader is None:
                return StrategyReason(Strategy.ROWS, str(why))
            return StrategyReason(Strategy.TEXTS, str(why), next(iter(reader.by_python), None))
        first = next(iter(lines.slowed_by), None)
        return (
            StrategyReason(Strategy.COPY, str(first), first.column)
            if first
            else StrategyReason(Strategy.COPY)
        )

    @contextmanager
    def snapshot(self, seconds: float | None = None) -> Iterator[None]:
        """A context in which every query of every section sees one state of its database.

        The databases let it read for so many seconds; None leaves their limits as they are.
        """
        with ExitStack() as stack:
            for section in self.sections:
                stack.enter_context(section.source.snapshot(seconds))
            yield

    @property
    def filename(self) -> str:
        """A dated name that is safe everywhere: "flights-2013-01-31.csv". Whatever tells of the
        file, a header say, has it from here."""
        with self.spec.locales.file.active():
            stem = file_stem(str(self.report.get_label()), self.spec.report)
        day = self.context.now.astimezone(self.context.time_zone).date()
        return safe_filename(f"{stem}-{day.isoformat()}.{self.writer_class.extension}")

    def exported_columns(self) -> list[dict[str, Any]]:
        """What the job keeps of its columns, to ask again when its file is downloaded.

        And where formulas were not escaped: whoever opens the file should know.
        """
        with self.spec.locales.file.active():
            return [
                {
                    "name": column.key,
                    "label": column.full_label,
                    "renamed": column.renamed or None,
                    "permission": column.permission,
                    "masked": column.masked,
                    "mask": column.mask_name,
                    "escape_formulas": column.escape_formulas,
                }
                for column in self.columns
            ]

    def blocks(
        self,
        tables: Sequence[Table],
        writer: Writer,
        meter: Meter,
        check: Callable[[], None] = lambda: None,
    ) -> Generator[bytes]:
        """The file, written in its language and time zone."""
        written = blocks(
            tables,
            writer,
            meter,
            check=check,
            max_rows=self.max_rows,
            too_many=self.too_many_rows,
        )
        return self.spec.locales.file.iterate(written)

    def writer(self) -> Writer:
        """To be made when the rows are about to be read: the file tells that time."""
        with self.spec.locales.file.active():
            return self._writer()

    def _writer(self) -> Writer:
        first = self.sections[0]
        return self.writer_class(
            first.columns,
            self.spec.rendering,
            first.title,
            layout=self.spec.layout,
            about=file_metadata.facts(
                self.report,
                self.context,
                spec=self.spec,
                parameters=self.parameters,
                columns=self.columns,
                hidden=hidden_columns(self.authority, self.report, self.context),
            ),
        )


def prepare(
    spec: ExportSpec,
    authority: Authority,
    origin: Origin,
    *,
    now: dt.datetime | None = None,
    job: ReportJob | None = None,
) -> Export:
    """Authorize and resolve a spec, of a `job` if there is one already.

    Raises ReportDenied (recorded in the audit log) and InvalidSpec.
    """
    report = find_report(spec.selection, spec.report)
    if report is None:
        raise UnknownReport(spec.report)
    if report.get_identifier() != spec.report:
        spec = replace(spec, report=report.get_identifier())
    if report.sections and spec.selection != Selection():
        raise InvalidSpec(
            _("A report of several sections is made of all their rows."), field="selection"
        )
    effective = authorize(authority, report, spec.selection, origin)
    context = ReportContext(
        user=authority.user,
        parameters={},
        time_zone=ZoneInfo(spec.time_zone),
        language=spec.language,
        now=now or timezone.now(),
        selection=spec.selection,
        filter_locale=spec.locales.filter,
        profile=spec.options.profile,
    )
    with spec.locales.filter.active():  # a list that is built for them is used for rows, too
        columns = _columns(report, spec, authority, origin, context)
        _check_lookups(report, spec, authority, origin, context)
    writer_class = writer_class_for(spec, columns)
    _check_format(spec, effective, origin)
    parameters = bound_parameters(report, spec)
    return Export(
        spec=replace(spec, format=writer_class.format),
        report=report,
        authority=authority,
        effective=effective,
        context=replace(context, parameters=dict(parameters.cleaned_data) if parameters else {}),
        columns=columns,
        writer_class=writer_class,
        parameters=parameters,
        rows_left=quotas.rows_left(authority.user, effective, but=job),
    )


def _check_lookups(
    report: Report, spec: ExportSpec, authority: Authority, origin: Origin, context: ReportContext
) -> None:
    """Raises ReportDenied for rows that were chosen by what may not be seen, after recording it."""
    if hidden := hidden_lookups(authority, report, context):
        error = ReportDenied(
            _(
                "This list cannot be exported: its address filters by %(names)s, which is neither "
                "a filter of the list nor a column that you may export."
            )
            % {"names": ", ".join(hidden)}
        )
        record_denial(spec, origin, error)
        raise error


def _columns(
    report: Report,
    spec: ExportSpec,
    authority: Authority,
    origin: Origin,
    context: ReportContext,
) -> list[BoundColumn]:
    """The columns of the file: those of one section after the other, with their new names."""
    try:
        columns = columns_for(authority, report, spec.columns, context)
    except ReportDenied as error:
        record_denial(spec, origin, error)
        raise
    position = {key: at for at, key in enumerate(report.get_sections())}
    columns.sort(key=lambda column: position[column.section])
    return _renamed(columns, spec.labels)


def _renamed(columns: Sequence[BoundColumn], labels: Mapping[str, str]) -> list[BoundColumn]:
    """Return the columns with their new names. Raises InvalidSpec for a name that is used twice."""
    known = {column.key: column for column in columns}
    for key in labels:
        if key not in known:
            raise InvalidSpec(
                _("There is no column %(name)s in this export to give a name to.")
                % {"name": repr(key)},
                field="labels",
                legal=known,
            )
    for problem in label_problems(columns, labels).values():
        raise InvalidSpec(problem, field="labels")
    return [replace(column, renamed=labels.get(column.key, "")) for column in columns]


def label_problems(columns: Sequence[BoundColumn], labels: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with new names, by column: another column of the table has the name."""
    if not labels:
        return {}
    names = {c.key: {c.name, str(c.label), labels.get(c.key)} for c in columns}
    count = Counter((c.section, name) for c in columns for name in names[c.key])
    problems = {}
    for column in columns:
        label = labels.get(column.key)
        if label and count[column.section, label] > 1:  # its own, and another's
            problems[column.key] = _("“%(label)s” is used twice. Choose another name.") % {
                "label": label
            }
    return problems


def _check_format(spec: ExportSpec, effective: EffectivePermissions, origin: Origin) -> None:
    """Raises InvalidSpec for a format that the report permissions leave out, after it has been
    recorded.
    """
    if effective.allows_format(spec.format):
        return
    error = InvalidSpec(
        _("You may not export in the format %(format)s.") % {"format": spec.format},
        field="format",
        legal=[name for name, _label in offered_formats(effective)],
    )
    record_denial(spec, origin, error)
    raise error


def record_denial(spec: ExportSpec, origin: Origin, error: ReportError) -> None:
    """Write into the audit log why an export was refused."""
    log.record(
        AuditAction.DENIED,
        origin=origin,
        report=spec.report,
        what="generate",
        reason=str(error),
        **command_facts(origin),
    )
