"""A job's file, to somebody who may still have it. Every attempt is recorded."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _

from django_reports.access.permissions import download_denial_reason
from django_reports.exceptions import ChecksumMismatch, FileUnavailable, StorageUnavailable
from django_reports.jobs import files, lifecycle
from django_reports.models import ReportJob
from django_reports.web.page_context import PageContext
from django_reports.web.responses.base import origin_of
from django_reports.web.responses.errors import find, missing, refuse
from django_reports.web.responses.senders import send, way_of


def download(request: HttpRequest, key: UUID, place: PageContext) -> HttpResponseBase:
    """A job's file, by whoever is logged in."""
    job = find(request, key)
    if job is None:
        return missing(request, key)
    return hand_out(request, job, place)


def hand_out(
    request: HttpRequest, job: ReportJob, place: PageContext, **facts: Any
) -> HttpResponseBase:
    """The file of a job that this person may see, or why they do not get it.

    `facts` go into the audit entry.
    """
    if why_not := refusal_of(request, job):
        return refuse(request, job, place, **why_not, **facts)
    try:
        file = files.open_file(job)
    except FileUnavailable as error:
        if isinstance(error, ChecksumMismatch):
            lifecycle.note_broken_seal(job, str(error))
        code = 503 if isinstance(error, StorageUnavailable) else 404
        return refuse(request, job, place, str(error), code, **facts)
    try:
        response = send(request, job, file)
        _record(request, job, response, **facts)
    except BaseException:
        file.close()
        raise
    return response


def refusal_of(request: HttpRequest, job: ReportJob) -> dict[str, Any]:
    """Why this person does not get the file of a job that they may see; empty if they do."""
    if lacking := download_denial_reason(request.user, job):
        reason = _("You may no longer download this export.")
        return {"reason": reason, "code": 403, "lacking": lacking}
    if job.has_expired:
        return {"reason": _("This export has expired. Export it again."), "code": 410}
    if not job.has_file:
        return {"reason": _("This export has no file to download."), "code": 404}
    return {}


def _record(request: HttpRequest, job: ReportJob, response: HttpResponseBase, **facts: Any) -> None:
    if request.method != "GET" or response.status_code not in (200, 206, 302):
        # A question about the file: none of its bytes is in the answer.
        question = f"{request.method} {response.status_code}"
        lifecycle.record_question(job, origin_of(request), question=question, **facts)
        return
    way = way_of(job)
    part = response.headers.get("Content-Range", "").removeprefix("bytes ")
    lifecycle.record_download(
        job,
        origin_of(request),
        bytes=int(response.headers["Content-Length"]) if way == "django" else job.bytes,
        range=part or None,
        handed_to=None if way == "django" else way,
        **facts,
    )
