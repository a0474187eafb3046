"""The staff pages: catalog, reports, exports. Programs get JSON at the same addresses."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import wraps
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from django.conf import global_settings, settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import redirect_to_login
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
)
from django.middleware.csrf import CsrfViewMiddleware, logger
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, reverse
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.utils.decorators import decorator_from_middleware
from django.utils.log import log_response
from django.utils.translation import gettext as _

from django_reports.access.permissions import (
    Authority,
    authorize,
    may_enter,
    may_export,
    may_view,
    permissions_read_once,
)
from django_reports.access.signed_urls import with_host
from django_reports.core.localization import active_locale, normalize_filter_zone
from django_reports.definitions.base import Report
from django_reports.definitions.registry import UnknownReport, registry
from django_reports.definitions.selections import Selection, describe_selection
from django_reports.definitions.specs import ExportSpec, stored_spec
from django_reports.exceptions import ReportDenied, ReportError
from django_reports.exports.failures import translate_errors
from django_reports.exports.file_metadata import parameters_to_show
from django_reports.jobs import dispatch
from django_reports.web.api import endpoints
from django_reports.web.api.openapi import document
from django_reports.web.display import WHOM_TO_ASK
from django_reports.web.page_context import StaffPageContext, page_at
from django_reports.web.pages import catalog as catalog_page
from django_reports.web.pages import jobs, links, lists
from django_reports.web.pages.dashboard import page as dashboard_page
from django_reports.web.pages.export import FROM, KEPT, ExportPage, export
from django_reports.web.pages.permissions import page as rights_page
from django_reports.web.responses import downloads
from django_reports.web.responses.base import (
    answer_json,
    failed,
    forbidden,
    log_in_again,
    not_found,
    origin_of,
    problem,
    refused,
    wants_json,
)
from django_reports.web.responses.errors import find, missing

View = Callable[..., HttpResponseBase]


class CsrfProblem(CsrfViewMiddleware):
    """Django's check, but a person is told what to do, and a program in its own words.

    It leaves requests alone that Django's would: middleware that authenticates without a cookie
    sets `request.csrf_processing_done`.
    """

    def _reject(self, request: HttpRequest, reason: str) -> Any:
        if wants_json(request):
            return problem(403, _("CSRF verification failed: %(reason)s") % {"reason": reason})
        if settings.CSRF_FAILURE_VIEW != global_settings.CSRF_FAILURE_VIEW:
            return super()._reject(request, reason)  # type: ignore[misc]
        response = _out_of_date(request, reason)
        told = (reason, request.path)
        log_response("Forbidden (%s): %s", *told, response=response, request=request, logger=logger)
        return response


def _out_of_date(request: HttpRequest, reason: str) -> HttpResponse:
    words = _("You have logged in or out since this page was opened, so nothing was done.")
    remedy = _(
        "Go back and press the button once more. If that does not help, tell whoever runs this "
        "site: %(reason)s"
    ) % {"reason": reason}
    around = StaffPageContext(request).context(request, [])
    return refused(request, words, _page_of(request), HTTPStatus.FORBIDDEN, around, remedy=remedy)


def staff_view(*methods: str, is_open: bool = False) -> Callable[[View], View]:
    """A view for staff: others are asked to log in, or refused. Never kept by a shared cache.

    One that `is_open` finds out by itself who is there.
    """

    def decorate(view: View) -> View:
        checked = decorator_from_middleware(CsrfProblem)(view)

        @wraps(view)
        def guarded(request: HttpRequest, **arguments: Any) -> HttpResponseBase:
            with permissions_read_once():
                response = _refuse(request, methods, is_open) or checked(request, **arguments)
            if not response.has_header("Cache-Control"):
                patch_cache_control(response, private=True, no_cache=True, no_store=True)
            patch_vary_headers(response, ["Accept", "Cookie"])
            return response

        # Django's own checks of the same come first and would answer programs with a page.
        guarded.csrf_exempt = True  # type: ignore[attr-defined]
        guarded.login_required = False  # type: ignore[attr-defined]
        return guarded

    return decorate


def _refuse(request: HttpRequest, methods: Sequence[str], is_open: bool) -> HttpResponseBase | None:
    """Why a request goes no further; None if it may."""
    if request.method not in methods:
        if wants_json(request):
            detail = _("Send %(methods)s, not %(method)s.") % {
                "methods": ", ".join(methods),
                "method": request.method,
            }
            return problem(405, detail, headers={"Allow": ", ".join(methods)})
        return HttpResponseNotAllowed(methods)
    if is_open:
        return None
    if not request.user.is_authenticated:
        if wants_json(request):
            detail = _("Log in, or send what the site's authentication asks for.")
            return problem(401, detail, headers={"WWW-Authenticate": "Session"})
        return _ask_to_log_in(request)
    if not may_enter(request.user):
        return forbidden(request, ReportDenied(_("These pages are for staff.")))
    return None


def _ask_to_log_in(request: HttpRequest) -> HttpResponseBase:
    url = _login_url()
    is_elsewhere = bool(urlsplit(url).netloc)
    back = _page_of(request)
    back = with_host(back, request) if is_elsewhere else back
    if request.method == "POST":
        return log_in_again(request, back, url)
    return redirect_to_login(back, url, REDIRECT_FIELD_NAME)


def _page_of(request: HttpRequest) -> str:
    """The address of a page, or of that whose button was pressed."""
    match = request.resolver_match
    if request.method != "POST" or match is None:
        return request.get_full_path()
    if match.url_name == "report":
        # Not quite the address that was posted to: else a link there would open nothing anew.
        mark = "&" if request.GET else "?"
        return f"{request.get_full_path()}{mark}{KEPT}"
    place = StaffPageContext(request)
    key = match.kwargs.get("key")
    return place.url("job", key) if key else place.url("catalog")


def _login_url() -> str:
    """LOGIN_URL if the project has a page there or elsewhere on the web, else the admin's."""
    url = resolve_url(settings.LOGIN_URL)
    if not urlsplit(url).netloc and page_at(url) is None:
        with suppress(NoReverseMatch):
            return reverse("admin:login")
    return url


@staff_view("GET", "HEAD")
def catalog(request: HttpRequest) -> HttpResponseBase:
    """The reports that this person sees, by category; with a link to those they may have made."""
    return catalog_page.page(request)


@staff_view("POST")
def favorite(request: HttpRequest, *, identifier: str) -> HttpResponseBase:
    """Put a report on top of this person's catalog, or take it from there."""
    try:
        return catalog_page.mark(request, _find(request, identifier))
    except UnknownReport as error:
        return not_found(request, error)


@staff_view("GET", "HEAD", "POST")
def report(request: HttpRequest, *, identifier: str) -> HttpResponseBase:
    """One report's form; to a program its description, and where to ask for it."""
    place = StaffPageContext(request)
    try:
        found = _find(request, identifier)
    except UnknownReport as error:
        if wants_json(request):
            return not_found(request, error)
        back = place.url("catalog")
        around = place.context(request, [(back, _("Reports"))])
        return refused(request, str(error), back, HTTPStatus.NOT_FOUND, around, remedy=WHOM_TO_ASK)
    if wants_json(request):
        return _answer_program(request, found, place)
    selection, start, action = Selection(), None, place.url("report", identifier)
    is_own = False
    locale = active_locale()
    if FROM in request.GET:
        key = _key_of(request.GET[FROM])
        older = find(request, key)
        if older is None or registry.find(older.report) is not found:
            return missing(request, key)  # never other rows than those that were meant
        is_own = older.requested_by_id == request.user.pk
        start = {**stored_spec(older.spec), "parameters": parameters_to_show(older.spec, found)}
        action = f"{action}?{urlencode({FROM: key})}"
        zone = normalize_filter_zone(start["filter_time_zone"])
        locale = replace(locale, time_zone=zone or locale.time_zone)
    try:
        if start is not None:
            selection = Selection.from_json(start["selection"])
        spec = ExportSpec(identifier, selection=selection)
        with translate_errors(spec, origin_of(request)), locale.active():
            subject = describe_selection(selection, found, request.user)
    except ReportError as error:  # the list that was meant, or its filters, are no longer there
        return failed(request, error, place.url("catalog"))
    return export(
        request,
        ExportPage(
            report=found,
            selection=selection,
            subject=subject,
            action=action,
            address=action,
            start=start,
            start_is_own=is_own,
            back=place.url("catalog"),
            job_url=place.job_url,
            context=place.context(request, [(place.url("catalog"), _("Reports"))]),
        ),
    )


def _answer_program(
    request: HttpRequest, found: Report, place: StaffPageContext
) -> HttpResponseBase:
    authority, origin = Authority.of(request.user), origin_of(request)
    try:
        with translate_errors(ExportSpec(found.get_identifier()), origin):
            if request.method != "POST":
                return answer_json(endpoints.report_as_json(found, authority))
            spec = endpoints.spec_of(request, found)
        key = endpoints.idempotency_key_of(request)
        job = dispatch.enqueue(spec, authority, origin, idempotency_key=key)
    except ReportError as error:
        return endpoints.problem_of(error)
    return endpoints.accepted(jobs.as_json(request, job, place))


def _find(request: HttpRequest, identifier: str) -> Report:
    """Raises UnknownReport, for an unknown report and for one that is not this person's alike."""
    found = registry.get(identifier)
    if not found.is_in_catalog:
        raise UnknownReport(identifier)
    if may_view(request.user, found):
        return found  # what they may do with it is asked when they do it
    try:
        authorize(Authority.of(request.user), found, Selection(), origin_of(request))
    except UnknownReport as error:  # in the words in which it was asked, alias or not
        raise UnknownReport(identifier) from error
    return found


@staff_view("GET", "HEAD")
def openapi(request: HttpRequest) -> HttpResponseBase:
    """What a program may ask here and in this person's name, as an OpenAPI document."""
    authority = Authority.of(request.user)
    base = StaffPageContext(request).url("catalog").rstrip("/") or "/"
    found = catalog_page.listed(request.user, may_export)
    return answer_json(document(found, authority, base))


@staff_view("GET", "HEAD")
def own_jobs(request: HttpRequest) -> HttpResponseBase:
    """This person's exports, newest first; with ?others=1 all that they may see."""
    return lists.page(request)


@staff_view("GET", "HEAD")
def rights(request: HttpRequest) -> HttpResponseBase:
    """For auditors: who may export what, and why."""
    return rights_page(request)


@staff_view("GET", "HEAD")
def dashboard(request: HttpRequest) -> HttpResponseBase:
    """For those who may: what the exports of the last days add up to."""
    return dashboard_page(request)


@staff_view("GET", "HEAD")
def job(request: HttpRequest, *, key: str) -> HttpResponseBase:
    return jobs.page(request, _key_of(key), StaffPageContext(request))


@staff_view("GET", "HEAD")
def job_status(request: HttpRequest, *, key: str) -> HttpResponseBase:
    return jobs.status(request, _key_of(key), StaffPageContext(request))


@staff_view("GET", "HEAD")
def job_download(request: HttpRequest, *, key: str) -> HttpResponseBase:
    return downloads.download(request, _key_of(key), StaffPageContext(request))


@staff_view("GET", "HEAD")
def job_manifest(request: HttpRequest, *, key: str) -> HttpResponseBase:
    return jobs.manifest(request, _key_of(key), StaffPageContext(request))


@staff_view("POST")
def job_link(request: HttpRequest, *, key: str) -> HttpResponseBase:
    return links.make(request, _key_of(key), StaffPageContext(request))


@staff_view("GET", "HEAD", is_open=True)
def job_signed(request: HttpRequest, *, key: str, token: str) -> HttpResponseBase:
    return links.follow(request, _key_of(key), token, StaffPageContext(request))


@staff_view("POST")
def job_cancel(request: HttpRequest, *, key: str) -> HttpResponseBase:
    return jobs.cancel(request, _key_of(key), StaffPageContext(request))


@staff_view("POST")
def job_email(request: HttpRequest, *, key: str) -> HttpResponseBase:
    return jobs.email(request, _key_of(key), StaffPageContext(request))


@staff_view("POST")
def job_discard(request: HttpRequest, *, key: str) -> HttpResponseBase:
    return jobs.discard(request, _key_of(key), StaffPageContext(request))


@staff_view("POST")
def job_rerun(request: HttpRequest, *, key: str) -> HttpResponseBase:
    return jobs.rerun(request, _key_of(key), StaffPageContext(request))


def _key_of(text: str) -> UUID:
    """A job's key; of what is none, one that no job has, so that it is answered like one."""
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)
