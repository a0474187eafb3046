"""The page between: what is exported and what will happen, which columns, which format."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from django_reports.delivery import Plan, deliver, plan
from django_reports.exceptions import (
    InvalidParameters,
    ReportDenied,
    ReportError,
    ReportFailed,
)
from django_reports.exports import is_valid, plain_formats
from django_reports.forms import PARAMETERS_PREFIX, ExportForm, raw_parameters
from django_reports.models import ReportJob
from django_reports.permissions import Authority, columns_for, grant_of
from django_reports.reports import Report
from django_reports.selections import Selection
from django_reports.specs import ExportSpec
from django_reports.views.requests import forbidden, origin_of, stream
from django_reports.views.streaming import is_async

SUBMIT = "_export"  # the name of the page's own button: only with it is anything exported
TEMPLATE = "django_reports/export.html"


@dataclass(frozen=True)
class ExportPage:
    """Where the page stands: the door that shows it fills this in.

    `subject` says in words what is exported, `action` is where the page posts to, and `hidden`
    are form fields that carry the selection along. `offers` are the reports (identifier, label)
    that can be made from the same place, chosen by `report_field`.
    """

    report: Report
    selection: Selection
    subject: str
    action: str
    back: str
    job_url: Callable[[ReportJob], str]
    hidden: Sequence[tuple[str, str]] = ()
    offers: Sequence[tuple[str, str]] = ()
    report_field: str = ""
    left_out: Sequence[str] = ()
    context: Mapping[str, Any] | None = None


def export(request: HttpRequest, page: ExportPage) -> HttpResponseBase:
    """Show the page, or with its button pressed, export: a download or a job's page."""
    is_submitted = request.method == "POST" and SUBMIT in request.POST
    data = request.POST if is_submitted else None
    authority = Authority.of(request.user)
    try:
        form = ExportForm(
            data,
            columns=columns_for(authority, page.report, None),
            formats=plain_formats(grant_of(request.user, page.report)),
        )
        parameters = _parameters_form(page.report, data)
        if not is_submitted:
            return _render(request, page, form, parameters)
        if not form.is_valid() or (parameters is not None and not is_valid(parameters)):
            return _render(request, page, form, parameters, status=400)
        answer = deliver(
            _spec(page, form, parameters),
            authority,
            origin_of(request),
            holds_thread=not is_async(request),
        )
    except ReportDenied as error:
        return forbidden(request, error)
    except ReportFailed as error:
        return _render(request, page, form, parameters, error=error, status=500)
    except ReportError as error:
        return _render(request, page, form, parameters, error=error, status=400)
    if isinstance(answer, ReportJob):
        return HttpResponseRedirect(page.job_url(answer))
    return stream(request, answer)


def _parameters_form(report: Report, data: Any) -> forms.Form | None:
    if report.parameters is None:
        return None
    return report.parameters(data, prefix=PARAMETERS_PREFIX)


def _spec(page: ExportPage, form: ExportForm, parameters: forms.Form | None) -> ExportSpec:
    raw = raw_parameters(parameters) if parameters is not None else {}
    return form.spec(page.report.get_identifier(), page.selection, raw)


def _render(
    request: HttpRequest,
    page: ExportPage,
    form: ExportForm,
    parameters: forms.Form | None,
    *,
    error: ReportError | None = None,
    status: int = 200,
) -> HttpResponseBase:
    made: Plan | None = None
    try:
        made = _plan(request, page, form, parameters)
    except InvalidParameters:
        pass  # nothing is typed yet, or what is typed is told at its field
    except ReportDenied as denied:
        return forbidden(request, denied)
    except ReportError as found:
        error, status = error or found, max(status, 400)
    context = {
        **(page.context or {}),
        "page": page,
        "title": _("Export %(report)s") % {"report": page.report.get_label()},
        "form": form,
        "parameters": parameters,
        "plan": made,
        "error": error,
        "submit": SUBMIT,
        "may_submit": (made is not None and not made.is_over_limit) or parameters is not None,
    }
    return TemplateResponse(request, TEMPLATE, context, status=status)


def _plan(
    request: HttpRequest, page: ExportPage, form: ExportForm, parameters: forms.Form | None
) -> Plan:
    """What would be exported if everything were left as it is."""
    spec = ExportSpec(
        report=page.report.get_identifier(),
        format=form.fields["format"].initial or "csv",
        parameters=raw_parameters(parameters) if parameters is not None else {},
        selection=page.selection,
        time_zone=timezone.get_current_timezone_name(),
        language=translation.get_language(),
    )
    return plan(spec, Authority.of(request.user), origin_of(request))
