"""What can be done with one job: watch, download, cancel, run again.

Each view takes a job's key and the place where it stands. A job that its reader may not see
answers like one that never was.
"""

import io
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.cache import get_conditional_response
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from django_reports import audit, delivery, jobs, runners, storage
from django_reports.exceptions import (
    FileUnavailable,
    ReportDenied,
    ReportError,
    StorageUnavailable,
)
from django_reports.models import ReportJob
from django_reports.permissions import (
    Authority,
    downloadable,
    may_cancel,
    visible_jobs,
    why_not_download,
)
from django_reports.statuses import AuditAction, Delivery, JobStatus
from django_reports.views.api import RETRY_AFTER, accepted, etag_of, job_as_json, problem_of
from django_reports.views.places import Place, Trail
from django_reports.views.requests import (
    answer_json,
    not_found,
    origin_of,
    problem,
    refused,
    send_file,
    wants_json,
)
from django_reports.views.words import losses_in_words, progress_in_words, report_in_words

TEMPLATE = "django_reports/job.html"


def page(request: HttpRequest, key: UUID, place: Place) -> HttpResponseBase:
    """A job's page; to a program its state, and the way to its file once there is one."""
    job = _find(request, key)
    if job is None:
        return _missing(request, key)
    links = links_of(request, job, place)
    if wants_json(request):
        if "download" in links:
            return answer_json(
                job_as_json(job, links), 303, headers={"Location": links["download"]}
            )
        return _state(request, job, links)
    context = {
        "title": str(job),
        "job": job,
        "report_label": report_in_words(job),
        "format_label": job.format.upper(),
        "progress": progress_in_words(job),
        "is_background": job.delivery == Delivery.BACKGROUND,
        "is_waiting_for_engine": job.is_active
        and job.enqueued_at is None
        and job.started_at is None,
        "links": links,
        "rerun_of": _seen_rerun_of(request, job, place),
        "losses": losses_in_words(job),
    }
    return TemplateResponse(request, TEMPLATE, place.context(request, _trail(place), **context))


def status(request: HttpRequest, key: UUID, place: Place) -> HttpResponseBase:
    """A job's state and progress as JSON, whoever asks."""
    job = _find(request, key)
    if job is None:
        return _missing(request, key, is_for_program=True)
    return _state(request, job, links_of(request, job, place))


def _state(request: HttpRequest, job: ReportJob, links: dict[str, str]) -> HttpResponseBase:
    if job.is_active:
        runners.get_runner().nudge()
    value = job_as_json(job, links)
    response = answer_json(value, headers={"ETag": etag_of(value)})
    if job.is_active:
        response["Retry-After"] = RETRY_AFTER
    found = get_conditional_response(request, etag=response["ETag"], response=response)
    if found is not None and found is not response and "Retry-After" in response:
        found.headers["Retry-After"] = response["Retry-After"]
    return found or response


def download(request: HttpRequest, key: UUID, place: Place) -> HttpResponseBase:
    """A job's file, to somebody who may still have it. Every attempt is recorded."""
    job = _find(request, key)
    if job is None:
        return _missing(request, key)
    if lacking := why_not_download(request.user, job):
        reason = _("You may no longer download this export.")
        return _refuse(request, job, place, reason, 403, lacking=lacking)
    if job.status == JobStatus.EXPIRED:
        return _refuse(request, job, place, _("This export has expired. Export it again."), 410)
    if not job.has_file:
        return _refuse(request, job, place, _("This export has no file to download."), 404)
    if request.method == "HEAD":  # a question about the file is no download of it
        return send_file(request, job, io.BytesIO())
    try:
        file = storage.open_file(job)
    except FileUnavailable as error:
        code = 503 if isinstance(error, StorageUnavailable) else 404
        return _refuse(request, job, place, str(error), code)
    try:
        jobs.record_download(job, origin_of(request))
        return send_file(request, job, file)
    except BaseException:
        file.close()
        raise


def cancel(request: HttpRequest, key: UUID, place: Place) -> HttpResponseBase:
    """Cancel a job, or say why that is not possible."""
    job = _find(request, key)
    if job is None:
        return _missing(request, key)
    back = place.job_url(job)
    if request.method != "POST":
        return HttpResponseRedirect(back)
    if job.is_active and not may_cancel(request.user, job):
        return _refuse(request, job, place, _("You may not cancel this export."), 403)
    is_canceled = jobs.cancel(job, origin_of(request))
    job.refresh_from_db()
    why_not = (
        _("It is downloaded at once; break the download off to cancel it.")
        if job.is_active
        else _("This export has ended already; there is nothing to cancel.")
    )
    if wants_json(request):
        if not is_canceled:
            return problem(409, why_not)
        code = 202 if job.is_active else 200
        return answer_json(job_as_json(job, links_of(request, job, place)), code)
    if is_canceled:
        messages.success(request, _("The export is being canceled."))
    else:
        messages.warning(request, why_not)
    return HttpResponseRedirect(back)


def rerun(request: HttpRequest, key: UUID, place: Place) -> HttpResponseBase:
    """Make the same export again, in the background and in the name of whoever asks."""
    job = _find(request, key)
    if job is None:
        return _missing(request, key)
    if request.method != "POST":
        return HttpResponseRedirect(place.job_url(job))
    if job.is_active:
        return _refuse(request, job, place, _("This export has not ended yet."), 409)
    try:
        made = delivery.rerun(job, Authority.of(request.user), origin_of(request))
    except ReportError as error:
        if wants_json(request):
            return problem_of(error)
        is_denied = isinstance(error, ReportDenied)
        code = HTTPStatus.FORBIDDEN if is_denied else HTTPStatus.BAD_REQUEST
        return _refused(request, job, place, str(error), code)
    if wants_json(request):
        return accepted(made, links_of(request, made, place))
    return HttpResponseRedirect(place.job_url(made))


def links_of(
    request: HttpRequest, job: ReportJob, place: Place, *, has_file: bool | None = None
) -> dict[str, str]:
    """Where a job is, and what this person may do with it now.

    `has_file` says whether there is a file for them, where that is known already.
    """
    names = ["status"]
    if has_file is None:
        has_file = bool(downloadable(request.user, [job]))
    if has_file:
        names.append("download")
    if job.delivery == Delivery.BACKGROUND and may_cancel(request.user, job):
        names.append("cancel")
    if not job.is_active:
        names.append("rerun")
    return {"self": place.job_url(job), **{name: place.job_url(job, name) for name in names}}


def _find(request: HttpRequest, key: UUID) -> ReportJob | None:
    return visible_jobs(request.user).filter(pk=key).first()


def _seen_rerun_of(request: HttpRequest, job: ReportJob, place: Place) -> tuple[str, str] | None:
    """Address and name of the job that this one repeats, if this person may see it."""
    older = _find(request, job.rerun_of_id) if job.rerun_of_id else None
    return None if older is None else (place.job_url(older), str(older))


def _missing(request: HttpRequest, key: UUID, *, is_for_program: bool = False) -> HttpResponseBase:
    """A foreign job and one that never was answer alike; the audit log tells them apart."""
    foreign = ReportJob.objects.filter(pk=key).first()
    if foreign is not None:
        _record_denial(request, foreign, status=404, lacking="grant")
    error = Http404(_("There is no such export."))
    return problem(404, str(error)) if is_for_program else not_found(request, error)


def _refuse(
    request: HttpRequest, job: ReportJob, place: Place, reason: str, code: int, **facts: Any
) -> HttpResponseBase:
    """Record a refusal and say it, with a way back."""
    _record_denial(request, job, status=code, reason=reason, **facts)
    return _refused(request, job, place, reason, HTTPStatus(code))


def _refused(
    request: HttpRequest, job: ReportJob, place: Place, reason: str, status: HTTPStatus
) -> HttpResponseBase:
    surroundings = place.context(request, _trail(place))
    return refused(request, reason, place.job_url(job), status, surroundings)


def _trail(place: Place) -> Trail:
    return [(place.jobs_url(), str(capfirst(ReportJob._meta.verbose_name_plural)))]


def _record_denial(request: HttpRequest, job: ReportJob, **data: Any) -> None:
    what = request.resolver_match.url_name if request.resolver_match else None
    audit.record(AuditAction.DENIED, origin=origin_of(request), job=job, what=what, **data)
