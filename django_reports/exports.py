"""Export: a spec made concrete for one authority, ready to be counted, previewed and written."""

import datetime as dt
import unicodedata
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.http import QueryDict
from django.utils import timezone, translation
from django.utils.text import slugify
from django.utils.translation import gettext as _

from django_reports import audit
from django_reports.audit import Origin
from django_reports.columns import BoundColumn, Label, Row
from django_reports.exceptions import InvalidParameters, ReportDenied, ReportError
from django_reports.permissions import Authority, Grant, authorise, columns_for
from django_reports.pipeline import Meter, blocks
from django_reports.registry import registry
from django_reports.reports import ModelReport, Report, ReportContext
from django_reports.selections import selection_kind
from django_reports.sources import IterableSource, QuerySetSource, Source
from django_reports.specs import ExportSpec
from django_reports.statuses import AuditAction
from django_reports.writers import Writer, all_writers, writer_for


@dataclass(frozen=True)
class Export:
    """Made by `prepare`. Use it inside `localised`: labels and filters speak one language."""

    spec: ExportSpec
    report: Report
    authority: Authority
    grant: Grant
    context: ReportContext
    columns: list[BoundColumn]
    writer_class: type[Writer]

    @cached_property
    def source(self) -> Source:
        if isinstance(self.report, ModelReport):
            queryset = selection_kind(self.spec.selection).queryset(
                self.spec.selection, self.report, self.context
            )
            return QuerySetSource(self.report.filter_queryset(queryset, self.context), self.columns)
        return IterableSource(lambda: self.report.rows(self.context), self.columns)

    @property
    def filename(self) -> str:
        """A dated name that is safe everywhere: "flights-2013-01-31.csv"."""
        name = slugify(str(self.report.get_label()), allow_unicode=True)
        day = self.context.now.astimezone(self.context.time_zone).date()
        stem = unicodedata.normalize("NFC", name or slugify(self.spec.report) or "export")
        return f"{stem[:100]}-{day.isoformat()}.{self.writer_class.extension}"

    def columns_as_made(self) -> list[dict[str, Any]]:
        """What the job keeps of its columns, to ask again when its file is downloaded."""
        return [
            {
                "name": column.name,
                "label": str(column.label),
                "permission": column.permission,
                "masked": column.masked,
            }
            for column in self.columns
        ]

    def blocks(
        self,
        rows: Iterable[Row],
        writer: Writer,
        meter: Meter,
        check: Callable[[], None] = lambda: None,
    ) -> Generator[bytes]:
        return blocks(rows, writer, meter, check=check, max_rows=self.grant.max_rows)

    def writer(self) -> Writer:
        return self.writer_class(self.columns, self.spec.rendering, str(self.report.get_label()))


def formats() -> list[tuple[str, Label]]:
    """The formats that there are, with their labels."""
    return [(writer.format, writer.label) for writer in all_writers()]


def content_type_of(job_format: str) -> str:
    """What a file of this format is sent as. Raises InvalidSpec for a format that is gone."""
    return writer_for(job_format).content_type


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
) -> Export:
    """Authorise and resolve a spec.

    Raises ReportDenied (recorded in the audit log) and InvalidSpec.
    """
    report = registry.get(spec.report)
    if report.get_identifier() != spec.report:
        spec = replace(spec, report=report.get_identifier())
    grant = authorise(authority, report, spec.selection, origin)
    try:
        columns = columns_for(authority, report, spec.columns)
    except ReportDenied as error:
        record_denial(spec, origin, error)
        raise
    return Export(
        spec=spec,
        report=report,
        authority=authority,
        grant=grant,
        context=ReportContext(
            user=authority.user,
            parameters=clean_parameters(report, spec),
            time_zone=ZoneInfo(spec.time_zone),
            language=spec.language,
            now=now or timezone.now(),
        ),
        columns=columns,
        writer_class=writer_for(spec.format),
    )


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


def clean_parameters(report: Report, spec: ExportSpec) -> dict[str, Any]:
    """The report's form, cleaned. Raises InvalidParameters, also for a name that it lacks."""
    form_class = report.parameters
    legal = parameter_names(form_class.base_fields) if form_class else []
    for name in spec.parameters:
        if name not in legal:
            raise InvalidParameters(
                {name: [f"unknown; the legal ones are: {', '.join(legal) or '-'}."]}
            )
    if form_class is None:
        return {}
    data = QueryDict(mutable=True)
    for name, values in spec.parameters.items():
        data.setlist(name, list(values))
    form = form_class(data)
    if not is_valid(form):
        raise InvalidParameters(
            {name: [str(message) for message in messages] for name, messages in form.errors.items()}
        )
    return dict(form.cleaned_data)
