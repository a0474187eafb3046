"""What doors over HTTP share: who is asking, and how answers are dressed."""

import ipaddress
from http import HTTPStatus
from typing import Any, TypeVar

from django.http import FileResponse, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.urls import get_resolver
from django.utils.http import content_disposition_header

from django_reports.audit import Origin
from django_reports.delivery import ImmediateExport
from django_reports.exports import content_type_of
from django_reports.models import ReportJob

R = TypeVar("R", bound=HttpResponseBase)


def origin_of(request: HttpRequest) -> Origin:
    """The person behind a request, and the address the server saw."""
    try:
        address = str(ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")))
    except ValueError:  # a Unix socket has none
        address = None
    return Origin(
        user=request.user,
        address=address,
        user_agent=request.META.get("HTTP_USER_AGENT", ""),
    )


def stream(export: ImmediateExport) -> StreamingHttpResponse:
    """An immediate export as an answer that is sent while it is made."""
    response = StreamingHttpResponse(export, content_type=export.content_type)
    response["X-Accel-Buffering"] = "no"
    return _as_private_download(response, export.job)


def send_file(job: ReportJob, file: Any) -> FileResponse:
    """A finished job's file."""
    response = FileResponse(file, content_type=content_type_of(job.format))
    response["Content-Length"] = str(job.bytes)
    return _as_private_download(response, job)


def _as_private_download(response: R, job: ReportJob) -> R:
    response["Content-Disposition"] = content_disposition_header(True, job.filename) or "attachment"
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


def _error_page(request: HttpRequest, status: int, error: Exception) -> HttpResponseBase:
    handler: Any = get_resolver().resolve_error_handler(status)
    response: HttpResponseBase = handler(request, exception=error)
    return response


def bad_request(request: HttpRequest, error: Exception, back: str) -> HttpResponseBase:
    """A page that says what cannot be done, with a way back."""
    return refused(request, str(error), back, HTTPStatus.BAD_REQUEST)


def refused(request: HttpRequest, reason: str, back: str, status: HTTPStatus) -> HttpResponseBase:
    """A page that says why something was refused, with a way back."""
    context = {"title": status.phrase, "reason": reason, "back": back}
    return render(request, "django_reports/refused.html", context, status=status)
