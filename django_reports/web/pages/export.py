"""The page between: what is exported and what will happen, which columns, which format."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from django_reports.access.permissions import (
    Authority,
    columns_for,
    context_of,
    effective_permissions,
    groups_of,
    hidden_columns,
    permissions_read_once,
)
from django_reports.core.choices import Execution
from django_reports.definitions.base import Report
from django_reports.definitions.columns import BoundColumn, Label
from django_reports.definitions.parameters import is_valid
from django_reports.definitions.registry import registry
from django_reports.definitions.selections import Selection
from django_reports.definitions.specs import CHOICES, ExportSpec, stored_spec
from django_reports.engine.writers import all_writers
from django_reports.exceptions import (
    InvalidParameters,
    ReportDenied,
    ReportError,
    ReportFailed,
)
from django_reports.exports.failures import translate_errors
from django_reports.exports.formats import plain_formats
from django_reports.exports.saved_options import choices_in, drop_unavailable, first_choices
from django_reports.jobs import dispatch
from django_reports.jobs.dispatch import Plan, Preview
from django_reports.models import ReportJob
from django_reports.web.forms import PARAMETERS_PREFIX, ExportForm, keep_writable, raw_parameters
from django_reports.web.pages import presets
from django_reports.web.pages.forecasts import (
    cautions,
    cautions_of_preview,
    describe_course,
    format_row_count,
    format_size,
)
from django_reports.web.pages.presets import PresetError
from django_reports.web.responses.base import denied, failed, origin_of, stream
from django_reports.web.responses.streaming import is_async

SUBMIT = "_export"  # the name of the page's own button: only with it is anything exported
ANYWAY = "anyway"  # its value where an identical export was pointed out already
PREVIEW = "_preview"
UPDATE = "_update"  # shows the page again, for what was typed
COLUMNS = "_columns"  # ticks "all", "none", or those of the "last" time
FROM = "from"  # in the address: the job whose choices stand there at first
KEPT = "#reports-kept"  # at the end of the address: what was typed there before was not done
SEEN = "_seen"  # the identical export that was pointed out
PREVIEW_ROWS = 10
BUTTONS = (
    *(SUBMIT, PREVIEW, UPDATE, COLUMNS),
    *(presets.SAVE, presets.APPLY, presets.RENAME, presets.DELETE),
)
TEMPLATE = "django_reports/export.html"


@dataclass(frozen=True)
class ExportPage:
    """Where the page stands: the entry point that shows it fills this in.

    `subject` says in words what is exported, `action` is where the page posts to, and `hidden`
    are form fields that carry the selection along. `offers` are the reports (identifier, label)
    that can be made from the same place, chosen by `report_field`. `address` shows the same page
    anew, where one does: it knows of no ticked rows. `start` is a spec, as JSON,
    of what is chosen and typed at first, and `start_is_own` says whether this person chose it;
    without it, it is what they chose the last time.
    """

    report: Report
    selection: Selection
    subject: str
    action: str
    address: str
    back: str
    job_url: Callable[[ReportJob], str]
    hidden: Sequence[tuple[str, str]] = ()
    offers: Sequence[tuple[str, str]] = ()
    report_field: str = ""
    left_out: Sequence[Label] = ()
    context: Mapping[str, Any] | None = None
    start: Mapping[str, Any] | None = None
    start_is_own: bool = False


@dataclass
class Screen:
    """The page as it is about to be shown. `notes` are told above it, `duplicate` is an identical
    export about which the person is asked, `last` is what they chose the last time."""

    request: HttpRequest
    page: ExportPage
    form: ExportForm
    parameters: forms.Form | None
    notes: list[str] = field(default_factory=list)
    error: Exception | None = None
    status: int = 200
    has_failed: bool = False
    preview: Preview | None = None
    duplicate: ReportJob | None = None
    last: Mapping[str, Any] | None = None

    @property
    def authority(self) -> Authority:
        return Authority.of(self.request.user)

    @property
    def is_valid(self) -> bool:
        return self.form.is_valid() and (self.parameters is None or self.parameters.is_valid())

    @property
    def is_sent(self) -> bool:
        """Whether anything was typed, here or for another export before."""
        return self.request.method == "POST" or (
            self.parameters is not None and self.parameters.is_bound
        )

    def clean_parameters(self) -> None:
        if self.parameters is not None:
            with self.form.filter_locale.active():  # dates are read as they were typed
                is_valid(self.parameters)

    def note(self, error: Exception) -> None:
        """Show an error above the page or, of a parameter, at its field. Where the report has
        failed, or its database has refused a value, it is not asked again."""
        self.status = max(self.status, 500 if isinstance(error, ReportFailed) else 400)
        self.has_failed = bool(getattr(error, "reference", ""))
        form = self.parameters
        if isinstance(error, InvalidParameters) and form is not None and not form.errors:
            for name, messages in error.errors.items():
                form.add_error(name if name in form.fields else None, messages)
        else:
            self.error = self.error or error

    def spec(self) -> ExportSpec:
        raw = raw_parameters(self.parameters) if self.parameters is not None else {}
        return self.form.spec(self.page.report.get_identifier(), self.page.selection, raw)


def export(request: HttpRequest, page: ExportPage) -> HttpResponseBase:
    """Show the page, or do what its buttons say: an export is a download or a job's page."""
    return _guarded(request, page, lambda: _answer(request, page))


def _guarded(
    request: HttpRequest, page: ExportPage, answer: Callable[[], HttpResponseBase]
) -> HttpResponseBase:
    """What `answer` returns, or why there is none."""
    spec = ExportSpec(page.report.get_identifier(), selection=page.selection)
    try:
        with permissions_read_once(), translate_errors(spec, origin_of(request)):
            return answer()
    except ReportDenied as error:
        return denied(request, error, page.back, page.context)
    except ReportError as error:
        return failed(request, error, page.back, page.context)


def _answer(request: HttpRequest, page: ExportPage) -> HttpResponseBase:
    pressed = (name for name in BUTTONS if request.method == "POST" and name in request.POST)
    button = next(pressed, None)
    screen = _screen(request, page, button)
    spec = ExportSpec(page.report.get_identifier(), selection=page.selection)
    try:
        with translate_errors(spec, origin_of(request)) if screen.is_sent else nullcontext():
            screen.clean_parameters()
            answer = _do(screen, button)
    except ReportDenied:
        raise
    except ReportError as error:
        screen.note(error)
    else:
        if answer is not None:
            return answer
    return _render(screen)


class _Response(TemplateResponse):
    """The page, whose parameters are a project's code: what that raises while the page is made
    from its template is answered like what it raises before."""

    def __init__(self, screen: Screen, context: dict[str, Any]) -> None:
        super().__init__(screen.request, TEMPLATE, context, status=screen.status)
        self._asked = (screen.request, screen.page)

    def render(self) -> Any:
        answer = _guarded(*self._asked, super().render)
        for name, value in self.items():
            answer.headers.setdefault(name, value)
        return answer


def _screen(request: HttpRequest, page: ExportPage, button: str | None) -> Screen:
    """The page's form: as it was sent with one of its buttons, or as it is at first."""
    authority = Authority.of(request.user)
    columns = columns_for(authority, page.report, None, context_of(authority, page.selection))
    formats = plain_formats(effective_permissions(request.user, page.report))
    identifier = page.report.get_identifier()
    last = _last_choices(request, page.report)
    notes: list[str] = []
    error: Exception | None = None
    data = request.POST if button else None
    typed: Any = data
    start = first_choices(identifier, formats)
    chosen: Mapping[str, Any] | None = None
    are_own = page.start_is_own
    if page.start is not None:
        chosen = page.start
        typed = data or _as_typed(page.start["parameters"] or {})
    elif last is not None:
        chosen = {**choices_in(last), "columns": None, "labels": {}}
    if button == presets.APPLY:
        try:
            preset = presets.wanted(request, page.report, button)
            chosen, data = preset.choices, None
            are_own = preset.owner_id == request.user.pk
            notes.append(_("Your preset “%(name)s” is chosen.") % {"name": preset.name})
        except PresetError as found:
            error = found
    if chosen is not None:
        start, gone = drop_unavailable(chosen, identifier, columns, formats)
        if gone and (button == presets.APPLY or page.start is not None):
            notes.append(_describe_left_out(gone, authority, page, are_own=are_own))
    form = ExportForm(data, columns=columns, formats=formats, start=start, carried=len(page.hidden))
    if button == COLUMNS:
        form = form.with_columns(_columns_of(request.POST[COLUMNS], start, last, columns, formats))
    parameters = None
    if page.report.parameters is not None:
        with form.filter_locale.active():  # dates are read as they were typed
            parameters = keep_writable(page.report.parameters(typed, prefix=PARAMETERS_PREFIX))
    status = 200 if error is None else 400
    return Screen(request, page, form, parameters, notes, error, status, last=last)


def _describe_left_out(
    names: Sequence[str], authority: Authority, page: ExportPage, *, are_own: bool
) -> str:
    """What of somebody's choices is not there. Of another person's, no column is named that this
    page does not name anyway."""
    hidden = hidden_columns(authority, page.report, context_of(authority, page.selection))
    formats = [writer.format for writer in all_writers()]
    known = {*(column.key for column in hidden), *formats, *CHOICES}
    told = [name for name in names if are_own or name in known]
    if len(told) < len(names):
        told.append(_("other columns"))
    return _("Left out, since you may not export it or it is no longer there: %(names)s.") % {
        "names": ", ".join(told)
    }


def _do(screen: Screen, button: str | None) -> HttpResponseBase | None:
    """What a button says; None if the page is to be shown again. Raises what `deliver` raises, and
    PresetError."""
    request, report = screen.request, screen.page.report
    if button == presets.RENAME:
        screen.notes.append(presets.rename(request, report))
    elif button == presets.DELETE:
        screen.notes.append(presets.delete(request, report))
    elif button in (SUBMIT, PREVIEW, presets.SAVE):
        if not (screen.form.is_valid() if button == presets.SAVE else screen.is_valid):
            screen.status = 400
        elif button == presets.SAVE:
            screen.notes.append(presets.save(request, report, screen.spec()))
        elif button == PREVIEW:
            origin = origin_of(request)
            screen.preview = dispatch.preview(
                screen.spec(), screen.authority, origin, rows=PREVIEW_ROWS
            )
        else:
            return _deliver(screen)
    return None


def _deliver(screen: Screen) -> HttpResponseBase | None:
    """The download, or the way to the job's page; None to ask about an identical export first."""
    request, spec, authority = screen.request, screen.spec(), screen.authority
    origin = origin_of(request)
    if request.POST[SUBMIT] != ANYWAY:
        duplicate = dispatch.identical(spec, authority, origin)
        is_new = duplicate is not None and request.POST.get(SEEN) != str(duplicate.pk)
        if is_new and dispatch.plan(spec, authority, origin).execution == Execution.BACKGROUND:
            screen.duplicate = duplicate
            return None
    answer = dispatch.deliver(spec, authority, origin, holds_thread=not is_async(request))
    if isinstance(answer, ReportJob):
        return HttpResponseRedirect(screen.page.job_url(answer))
    return stream(request, answer)


def _last_choices(request: HttpRequest, report: Report) -> Mapping[str, Any] | None:
    """What this person chose the last time that they exported this report."""
    names = registry.names_of(report)
    own = ReportJob.objects.filter(requested_by=request.user.pk, report__in=names)
    newest = own.order_by("-created_at").values_list("spec", flat=True)
    spec = newest.first()
    return None if spec is None else stored_spec(spec)


def _as_typed(parameters: Mapping[str, Sequence[str]]) -> QueryDict:
    """A spec's parameters as its report's form on this page would send them."""
    data = QueryDict(mutable=True)
    for name, values in parameters.items():
        data.setlist(f"{PARAMETERS_PREFIX}-{name}", list(values))
    return data


def _columns_of(
    which: str,
    start: ExportSpec,
    last: Mapping[str, Any] | None,
    columns: Sequence[BoundColumn],
    formats: Sequence[tuple[str, Label]],
) -> ExportSpec | None:
    """A spec with the columns that a button asks for; None for none of them."""
    if which == "last" and last is not None:
        return drop_unavailable(last, start.report, columns, formats)[0]
    return None if which == "none" else replace(start, columns=None, labels={})


def _render(screen: Screen) -> HttpResponseBase:
    request, page = screen.request, screen.page
    made: Plan | None = None
    try:
        made = None if screen.has_failed else _plan(screen)
    except ReportDenied:
        raise
    except ReportError as error:
        # Else nothing is typed yet, or what is typed is told at its field.
        if error.reference or not isinstance(error, InvalidParameters):
            screen.note(error)
    duplicate = screen.duplicate or (made.identical if made is not None else None)
    context = {
        **(page.context or {}),
        "page": page,
        "title": _("Export %(report)s") % {"report": page.report.get_label()},
        "form": screen.form,
        "parameters": screen.parameters,
        "plan": made,
        "rows": format_row_count(made) if made else "",
        "size": format_size(made) if made else "",
        "course": describe_course(made) if made else "",
        "formats": [
            (choice, cautions(made, choice.name) if made else [])
            for choice in screen.form.format_choices
        ],
        "error": screen.error,
        "notes": screen.notes,
        "is_asked": screen.duplicate is not None,
        "duplicate": duplicate,
        "duplicate_url": page.job_url(duplicate) if duplicate else "",
        "preview": screen.preview,
        "preview_cautions": cautions_of_preview(screen.preview, screen.spec())
        if screen.preview
        else [],
        "presets": presets.presets_of(request, page.report),
        "groups": groups_of(request.user),
        "has_last": screen.last is not None,
        "submit": SUBMIT,
        "may_submit": made is None or not made.is_over_limit or screen.parameters is not None,
    }
    response = _Response(screen, context)
    if request.method == "POST" and screen.preview is None:
        # Without a copy of its own a browser that goes back here would want to send it all again.
        response["Cache-Control"] = "private, no-cache"
    return response


def _plan(screen: Screen) -> Plan:
    """What would be exported as it is chosen now; of what is not valid, as it was at first."""
    form = screen.form
    if not form.is_complete:
        form = form.at_first()
    raw = raw_parameters(screen.parameters) if screen.parameters is not None else {}
    spec = form.spec(screen.page.report.get_identifier(), screen.page.selection, raw)
    return dispatch.plan(spec, screen.authority, origin_of(screen.request))
