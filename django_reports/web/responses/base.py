"""What entry points over HTTP share: who is asking and in which language, and how answers are
dressed.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, TypeVar

from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import redirect_to_login
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    JsonResponse,
    StreamingHttpResponse,
)
from django.shortcuts import render
from django.urls import get_resolver
from django.utils.cache import patch_vary_headers
from django.utils.http import content_disposition_header
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from django_reports.audit.log import Origin
from django_reports.engine.writers.names import safe_filename
from django_reports.exceptions import ReportFailed
from django_reports.jobs.immediate import ImmediateExport
from django_reports.models import ReportJob
from django_reports.web.display import WHOM_TO_ASK
from django_reports.web.responses.client import address_of, request_id_of
from django_reports.web.responses.streaming import stream_export

R = TypeVar("R", bound=HttpResponseBase)


def origin_of(request: HttpRequest) -> Origin:
    """The person behind a request, and where it came from."""
    return Origin(
        user=request.user,
        address=address_of(request),
        user_agent=request.headers.get("User-Agent", ""),
        request_id=request_id_of(request),
        language=get_language() or "",
    )


def wants_json(request: HttpRequest) -> bool:
    """Whether a program asks: it prefers JSON to a page, or sends it and takes whatever comes."""
    kinds = ["text/html", "application/json", "application/problem+json"]
    if request.content_type == "application/json":
        kinds.reverse()
    preferred = request.get_preferred_type(kinds)
    return preferred is not None and preferred.endswith("json")


def answer_json(
    value: Any, status: int = 200, *, headers: Mapping[str, str] | None = None
) -> JsonResponse:
    """JSON for one person, which caches ask about before they give it again."""
    response = JsonResponse(value, status=status, headers=headers)
    response.headers.setdefault("Cache-Control", "private, no-cache")
    patch_vary_headers(response, ["Accept"])
    return response


def problem(
    status: int,
    detail: str,
    *,
    errors: Mapping[str, list[str]] | None = None,
    reference: str = "",
    headers: Mapping[str, str] | None = None,
) -> JsonResponse:
    """An error as a program reads it (RFC 9457)."""
    value: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if errors:
        value["errors"] = errors
    if reference:
        value["reference"] = reference
    response = answer_json(value, status, headers=headers)
    response["Content-Type"] = "application/problem+json"
    return response


def stream(request: HttpRequest, export: ImmediateExport) -> StreamingHttpResponse:
    """An immediate export as an answer that is sent while it is made."""
    response = stream_export(request, export)
    response["X-Accel-Buffering"] = "no"
    return as_private_download(response, export.job)


def as_private_download(response: R, job: ReportJob) -> R:
    """Give a file's answer what keeps it private, and its name."""
    name = content_disposition_header(True, safe_filename(job.filename))
    response["Content-Disposition"] = name or "attachment"
    response["Cache-Control"] = "private, no-store"
    response["X-Content-Type-Options"] = "nosniff"
    response["X-Export-Job-Id"] = str(job.pk)
    return response


def not_found(request: HttpRequest, error: Exception) -> HttpResponseBase:
    """The project's 404 page. Not raised: that would roll back what was recorded."""
    return _error_page(request, 404, error)


def forbidden(request: HttpRequest, error: Exception) -> HttpResponseBase:
    """The project's 403 page, returned and not raised."""
    return _error_page(request, 403, error)


def denied(
    request: HttpRequest, error: Exception, back: str, surroundings: Mapping[str, Any] | None
) -> HttpResponseBase:
    """A page that says what is not permitted, and whom to ask."""
    return refused(
        request, str(error), back, HTTPStatus.FORBIDDEN, surroundings, remedy=WHOM_TO_ASK
    )


def failed(
    request: HttpRequest, error: Exception, back: str, surroundings: Mapping[str, Any] | None = None
) -> HttpResponseBase:
    """A page, or a problem, that says why nothing can be shown of a report."""
    is_ours = isinstance(error, ReportFailed)
    status = HTTPStatus.INTERNAL_SERVER_ERROR if is_ours else HTTPStatus.BAD_REQUEST
    return refused(request, str(error), back, status, surroundings)


def log_in_again(request: HttpRequest, back: str, login_url: str) -> HttpResponseBase:
    """To the login, for somebody who pressed a button and is not logged in any more."""
    words = _("You were logged out meanwhile, so nothing was done. Log in to try it again.")
    messages.warning(request, words, fail_silently=True)
    return redirect_to_login(back, login_url, REDIRECT_FIELD_NAME)


def _error_page(request: HttpRequest, status: int, error: Exception) -> HttpResponseBase:
    if wants_json(request):
        return problem(status, str(error))
    handler: Any = get_resolver().resolve_error_handler(status)
    response: HttpResponseBase = handler(request, exception=error)
    return response


def refused(
    request: HttpRequest,
    reason: str,
    back: str,
    status: HTTPStatus,
    surroundings: Mapping[str, Any] | None = None,
    *,
    remedy: str = "",
) -> HttpResponse:
    """A page that says why something was refused and what can be done about it, with a way back;
    or a problem, to a program."""
    if wants_json(request):
        return problem(status, reason)
    context = {
        **(surroundings or {}),
        "title": status.phrase,
        "reason": reason,
        "remedy": remedy,
        "back": back,
    }
    return render(request, "django_reports/refused.html", context, status=status)
