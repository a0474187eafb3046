"""Export: a spec made concrete for one authority, ready to be counted, previewed and written."""

import datetime as dt
import unicodedata
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.http import QueryDict
from django.utils import timezone, translation
from django.utils.text import slugify
from django.utils.translation import gettext as _

from django_reports import about, audit, copying, quotas, texts
from django_reports.audit import Origin
from django_reports.columns import BoundColumn, Label
from django_reports.conf import get_settings
from django_reports.copying import CannotCopy
from django_reports.exceptions import (
    InvalidParameters,
    InvalidSpec,
    ReportDenied,
    ReportError,
    RowLimitExceeded,
)
from django_reports.models import ReportJob
from django_reports.permissions import Authority, Grant, authorise, columns_for, hidden_columns
from django_reports.pipeline import Meter, Table, blocks
from django_reports.policies import EVERYTHING
from django_reports.registry import registry
from django_reports.reports import ModelReport, Report, ReportContext
from django_reports.selections import Selection, selection_kind
from django_reports.sources import IterableSource, QuerySetSource, Source
from django_reports.specs import ExportSpec
from django_reports.statuses import AuditAction
from django_reports.writers import Writer, all_writers, plain_format, writer_for
from django_reports.writers.lines import Finish


@dataclass(frozen=True)
class Section:
    """One table of an export: what it is called, what it holds, where its rows come from."""

    title: str
    columns: list[BoundColumn]
    source: Source

    def table(self, *rows: Any) -> Table:
        return Table(self.columns, self.title, *rows)


@dataclass(frozen=True)
class Export:
    """Made by `prepare`. Use it inside `localised`: labels and filters speak one language.

    `columns` are those of all sections, one section after the other.
    """

    spec: ExportSpec
    report: Report
    authority: Authority
    grant: Grant
    context: ReportContext
    columns: list[BoundColumn]
    writer_class: type[Writer]
    parameters: forms.Form | None
    rows_left: int | None  # of the person's quota

    @property
    def max_rows(self) -> int | None:
        """How many rows it may have: the limit of the grant, or what is left of the quota."""
        return min(
            (n for n in (self.grant.max_rows, self.rows_left) if n is not None), default=None
        )

    def too_many_rows(self, limit: int) -> ReportError:
        """The error to raise for more rows than `max_rows`."""
        if self.grant.max_rows is not None and limit >= self.grant.max_rows:
            return RowLimitExceeded(limit)
        return quotas.exceeded(limit, self.grant)

    @cached_property
    def sections(self) -> list[Section]:
        made = []
        for key, report in self.report.get_sections().items():
            columns = [column for column in self.columns if column.section == key]
            if columns:
                title = str(report.get_label())
                made.append(Section(title, columns, self._source(report, columns)))
        return made

    def _source(self, report: Report, columns: list[BoundColumn]) -> Source:
        if isinstance(report, ModelReport):
            selection = self.spec.selection
            queryset = selection_kind(selection).queryset(selection, report, self.context)
            alias = get_settings().DATABASE
            chosen: str | None = queryset._db  # type: ignore[attr-defined]
            if alias is not None and chosen is None:
                queryset = queryset.using(alias)
            return QuerySetSource(report.filter_queryset(queryset, self.context), columns)
        return IterableSource(lambda: report.rows(self.context), columns)

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
        """At most `limit` rows of a section, the fastest way to the file."""
        rendering, columns, source = self.spec.rendering, section.columns, section.source
        try:
            lines = self._lines(section, writer, limit)
        except CannotCopy:
            pass
        else:
            return section.table(iter(lines), partial(_write_lines, lines.finish))
        if writer.line_format is not None:
            reader = texts.reader(source, columns, rendering)
            if reader is not None:
                return section.table(reader.rows(limit), partial(_write_texts, reader.texts))
        return section.table(source.read(limit))

    def _lines(self, section: Section, writer: Writer, limit: int | None = None) -> copying.Lines:
        rendering, line_format = self.spec.rendering, writer.line_format
        return copying.lines(section.source, section.columns, rendering, line_format, limit)

    def slowed_by(self) -> list[CannotCopy | None]:
        """For each section what keeps the database from writing the file's lines, if anything."""
        found: list[CannotCopy | None] = []
        with self.snapshot():
            writer = self.writer()
            for section in self.sections:
                try:
                    found.append(next(iter(self._lines(section, writer).slowed_by), None))
                except CannotCopy as reason:
                    found.append(reason)
            writer.close()
        return found

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """A context in which every query of every section sees one state of its database."""
        with ExitStack() as stack:
            for section in self.sections:
                stack.enter_context(section.source.snapshot())
            yield

    @property
    def filename(self) -> str:
        """A dated name that is safe everywhere: "flights-2013-01-31.csv"."""
        name = slugify(str(self.report.get_label()), allow_unicode=True)
        day = self.context.now.astimezone(self.context.time_zone).date()
        stem = unicodedata.normalize("NFC", name or slugify(self.spec.report) or "export")
        return f"{stem[:100]}-{day.isoformat()}.{self.writer_class.extension}"

    def columns_as_made(self) -> list[dict[str, Any]]:
        """What the job keeps of its columns, to ask again when its file is downloaded.

        And where formulas were not escaped: whoever opens the file should know.
        """
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
        return blocks(
            tables,
            writer,
            meter,
            check=check,
            max_rows=self.max_rows,
            too_many=self.too_many_rows,
        )

    def writer(self) -> Writer:
        """To be made when the rows are about to be read: the file tells that time."""
        first = self.sections[0]
        return self.writer_class(
            first.columns,
            self.spec.rendering,
            first.title,
            layout=self.spec.layout,
            about=about.facts(
                self.report,
                self.context,
                selection=self.spec.selection,
                parameters=self.parameters,
                columns=self.columns,
                hidden=hidden_columns(self.authority, self.report),
            ),
        )


def _write_lines(finish: Finish, writer: Writer, lines: list[bytes]) -> bytes:
    return writer.write_lines(lines, finish)


def _write_texts(
    to_texts: Callable[[list[Any]], Sequence[Sequence[str]]], writer: Writer, rows: list[Any]
) -> bytes:
    return writer.write_texts(to_texts(rows))


def formats(grant: Grant = EVERYTHING) -> list[tuple[str, Label]]:
    """The formats that a grant lets one choose from, with their labels."""
    return [
        (writer.format, writer.label)
        for writer in all_writers()
        if grant.allows_format(writer.format)
    ]


def plain_formats(grant: Grant = EVERYTHING) -> list[tuple[str, Label]]:
    """The formats without the compressed ones."""
    return [(name, label) for name, label in formats(grant) if name == plain_format(name)]


def purpose_of(format_name: str) -> str:
    """What a format is good for, in one line. Raises InvalidSpec for one that there is not."""
    return str(writer_for(format_name).purpose)


def cautions_of(format_name: str, rows: int | None, largest_key: int | None) -> list[str]:
    """What to know before about so many rows are written in a format."""
    return writer_for(format_name).cautions(rows, largest_key)


def option_names_of(format_name: str) -> Sequence[str]:
    """Which options a format heeds. Raises InvalidSpec for one that there is not."""
    return writer_for(format_name).option_names


def content_type_of(spec: ExportSpec) -> str:
    """What a file made to this spec is sent as. Raises InvalidSpec for a format that is gone."""
    return writer_for(spec.format).content_type_with(spec.options)


def _writer_class(spec: ExportSpec, columns: Sequence[BoundColumn]) -> type[Writer]:
    """The writer of the wanted format; for several sections one that can hold them, too.

    Raises InvalidSpec, and FormatLimitExceeded for what the format cannot hold.
    """
    found = writer_for(spec.format)
    if any(column.section for column in columns) and not found.supports_sections:
        legal = [writer.format for writer in all_writers() if writer.supports_sections]
        if f"{spec.format}.zip" not in legal:
            raise InvalidSpec(
                _("A file of the format %(format)s cannot hold the sections of this report.")
                % {"format": spec.format},
                field="format",
                legal=legal,
            )
        found = writer_for(f"{spec.format}.zip")
    for name in spec.options.to_json():
        if name not in found.option_names and name != "profile":
            raise InvalidSpec(
                _("Files of the format %(format)s have no %(option)s.")
                % {"format": found.format, "option": name},
                field=name,
                legal=found.option_names,
            )
    for _section, part in groupby(columns, lambda column: column.section):
        found.check(list(part), spec.options)
    return found


@contextmanager
def localised(spec: ExportSpec) -> Iterator[None]:
    """Language and time zone of the person who asked, wherever the work is done."""
    with translation.override(spec.language), timezone.override(ZoneInfo(spec.time_zone)):
        yield


def prepare(
    spec: ExportSpec,
    authority: Authority,
    origin: Origin,
    *,
    now: dt.datetime | None = None,
    job: ReportJob | None = None,
) -> Export:
    """Authorise and resolve a spec, of a `job` if there is one already.

    Raises ReportDenied (recorded in the audit log) and InvalidSpec.
    """
    report = registry.get(spec.report)
    if report.get_identifier() != spec.report:
        spec = replace(spec, report=report.get_identifier())
    if report.sections and spec.selection != Selection():
        raise InvalidSpec(
            _("A report of several sections is made of all their rows."), field="selection"
        )
    grant = authorise(authority, report, spec.selection, origin)
    try:
        columns = columns_for(authority, report, spec.columns)
    except ReportDenied as error:
        record_denial(spec, origin, error)
        raise
    columns.sort(key=_position_of_section(report))
    columns = _renamed(columns, spec.labels)
    writer_class = _writer_class(spec, columns)
    _check_format(spec, grant, origin)
    parameters = bound_parameters(report, spec)
    return Export(
        spec=replace(spec, format=writer_class.format),
        report=report,
        authority=authority,
        grant=grant,
        context=ReportContext(
            user=authority.user,
            parameters=dict(parameters.cleaned_data) if parameters else {},
            time_zone=ZoneInfo(spec.time_zone),
            language=spec.language,
            now=now or timezone.now(),
        ),
        columns=columns,
        writer_class=writer_class,
        parameters=parameters,
        rows_left=quotas.rows_left(authority.user, grant, but=job),
    )


def _renamed(columns: Sequence[BoundColumn], labels: Mapping[str, str]) -> list[BoundColumn]:
    """The columns with their new names. Raises InvalidSpec for a name that two would have."""
    known = {column.key: column for column in columns}
    for key, label in labels.items():
        if key not in known:
            raise InvalidSpec(
                _("There is no column %(name)s in this export to give a name to.")
                % {"name": repr(key)},
                field="labels",
                legal=known,
            )
        section = known[key].section
        others = (c for c in columns if c.section == section and c.key != key)
        taken = {name for c in others for name in (c.name, str(c.label), labels.get(c.key))}
        if label in taken:
            raise InvalidSpec(
                _("Two columns would be called %(label)s.") % {"label": repr(label)},
                field="labels",
            )
    return [replace(column, renamed=labels.get(column.key, "")) for column in columns]


def _check_format(spec: ExportSpec, grant: Grant, origin: Origin) -> None:
    """Raises InvalidSpec for a format that the grants leave out, after it has been recorded."""
    if grant.allows_format(spec.format):
        return
    error = InvalidSpec(
        _("You may not export in the format %(format)s.") % {"format": spec.format},
        field="format",
        legal=[name for name, _label in formats(grant)],
    )
    record_denial(spec, origin, error)
    raise error


def _position_of_section(report: Report) -> Callable[[BoundColumn], int]:
    positions = {key: at for at, key in enumerate(report.get_sections())}
    return lambda column: positions[column.section]


def record_denial(spec: ExportSpec, origin: Origin, error: ReportError) -> None:
    """Write into the audit log why an export was refused."""
    audit.record(
        AuditAction.DENIED,
        origin=origin,
        report=spec.report,
        what="generate",
        reason=str(error),
    )


def parameter_names(fields: Mapping[str, forms.Field]) -> list[str]:
    """Under which names the values of a form's fields are sent: some widgets have several."""
    names: list[str] = []
    for name, field in fields.items():
        widget = field.widget
        if isinstance(widget, forms.MultiWidget):
            suffixes: list[str] = getattr(widget, "widgets_names")  # noqa: B009 - not in its stubs
            names += [name + suffix for suffix in suffixes]
        elif isinstance(widget, forms.SelectDateWidget):
            parts = (widget.year_field, widget.month_field, widget.day_field)
            names += [part % name for part in parts]
        else:
            names.append(name)
    return names


def is_valid(form: forms.Form) -> bool:
    """Whether a report's form is. A key of more than 64 bits, at which SQLite raises, is not."""
    try:
        return form.is_valid()
    except OverflowError:
        form.add_error(None, _("A number is too large for the database."))
        return False


def bound_parameters(report: Report, spec: ExportSpec) -> forms.Form | None:
    """The report's form, valid, if it has one.

    Raises InvalidParameters, also for a name that it lacks.
    """
    form_class = report.parameters
    legal = parameter_names(form_class.base_fields) if form_class else []
    for name in spec.parameters:
        if name not in legal:
            raise InvalidParameters(
                {name: [f"unknown; the legal ones are: {', '.join(legal) or '-'}."]}
            )
    if form_class is None:
        return None
    data = QueryDict(mutable=True)
    for name, values in spec.parameters.items():
        data.setlist(name, list(values))
    form = form_class(data)
    if not is_valid(form):
        raise InvalidParameters(
            {name: [str(message) for message in messages] for name, messages in form.errors.items()}
        )
    return form
