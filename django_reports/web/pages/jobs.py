"""What can be done with one job: watch, cancel, run again.

Each view takes a job's key and the place where it stands. A job that its reader may not see
answers like one that never was.
"""

from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _

from django_reports.access.permissions import (
    Authority,
    download_denial_reason,
    effective_permissions,
    may_cancel,
    readable,
    was_changed,
)
from django_reports.audit import signing
from django_reports.core.choices import Execution, JobStatus
from django_reports.definitions.registry import registry
from django_reports.exceptions import (
    ReportDenied,
    ReportError,
    ReportFailed,
)
from django_reports.jobs import dispatch, files, lifecycle, notifications, runners
from django_reports.jobs.manifests import manifest_of
from django_reports.models import ReportJob
from django_reports.web.api.endpoints import RETRY_AFTER, accepted, etag_of, job_as_json, problem_of
from django_reports.web.display import (
    describe_losses,
    describe_pace,
    describe_progress,
    describe_remedy,
    describe_report,
    format_duration,
)
from django_reports.web.page_context import PageContext
from django_reports.web.pages.export import FROM
from django_reports.web.progress import places_in_queue
from django_reports.web.responses.base import answer_json, origin_of, problem, wants_json
from django_reports.web.responses.errors import (
    find,
    job_action,
    missing,
    record_denial,
    refuse,
    refused_at,
    trail,
)

TEMPLATE = "django_reports/job.html"


def page(request: HttpRequest, key: UUID, place: PageContext) -> HttpResponseBase:
    """A job's page; to a program its state, and the way to its file once there is one."""
    job = find(request, key)
    if job is None:
        return missing(request, key)
    if wants_json(request):
        value = as_json(request, job, place)
        if "download" in value["links"]:
            return answer_json(value, 303, headers={"Location": value["links"]["download"]})
        return _state(request, job, value)
    is_readable = job.pk in readable(request.user, [job])
    is_own = job.requested_by_id == request.user.pk
    if job.is_unread and is_own and request.method == "GET":
        notifications.note_seen(job)  # this page says it
    label = describe_report(job)
    context = {
        "title": str(job),
        "tab_title": f"{_state_in_title(job)} · {label}",
        "job": job,
        "report_label": label,
        "is_readable": is_readable,
        "error": files.RECORD_CHANGED if was_changed(job) else job.error,
        "pace": describe_pace(job, places_in_queue([job]).get(job.pk), is_readable=is_readable),
        "duration": format_duration(job),
        "remedy": describe_remedy(job),
        "canceled_by": _canceled_by(request, job),
        "email": notifications.address_of(request.user),
        "format_label": job.format.upper(),
        "progress": describe_progress(job, is_readable=is_readable),
        "is_background": job.execution == Execution.BACKGROUND,
        "is_waiting_for_engine": job.is_active
        and job.enqueued_at is None
        and job.started_at is None,
        "links": links_of(request, job, place, is_readable=is_readable),
        "rerun_of": _seen_rerun_of(request, job, place),
        "losses": describe_losses(job.loss_counts) if is_readable else [],
    }
    return TemplateResponse(request, TEMPLATE, place.context(request, trail(place), **context))


def manifest(request: HttpRequest, key: UUID, place: PageContext) -> HttpResponseBase:
    """What is known of the file that was made, as JSON, whoever asks."""
    job = find(request, key)
    if job is None:
        return missing(request, key, is_for_program=True)
    if lacking := download_denial_reason(request.user, job):
        reason = _("You may no longer download this export.")
        record_denial(request, job, status=403, reason=reason, lacking=lacking)
        return problem(403, reason)
    if not job.sha256:
        return problem(404, _("This export has no file yet, and will have none if it has ended."))
    if not signing.is_file_of(job):
        return problem(404, str(files.RECORD_CHANGED))
    return answer_json(manifest_of(job))


def status(request: HttpRequest, key: UUID, place: PageContext) -> HttpResponseBase:
    """A job's state and progress as JSON, whoever asks."""
    job = find(request, key)
    if job is None:
        return missing(request, key, is_for_program=True)
    return _state(request, job, as_json(request, job, place))


def as_json(request: HttpRequest, job: ReportJob, place: PageContext) -> dict[str, Any]:
    """A job's state as this person may read it."""
    is_readable = job.pk in readable(request.user, [job])
    links = links_of(request, job, place, is_readable=is_readable)
    return job_as_json(job, links, places_in_queue([job]).get(job.pk), is_readable=is_readable)


def _state(request: HttpRequest, job: ReportJob, value: dict[str, Any]) -> HttpResponseBase:
    if job.is_active:
        runners.get_runner().nudge()
    response = answer_json(value, headers={"ETag": etag_of(value)})
    if job.is_active:
        response["Retry-After"] = RETRY_AFTER
    found = get_conditional_response(request, etag=response["ETag"], response=response)
    if found is not None and found is not response and "Retry-After" in response:
        found.headers["Retry-After"] = response["Retry-After"]
    return found or response


@job_action
def cancel(request: HttpRequest, job: ReportJob, place: PageContext) -> HttpResponseBase:
    """Cancel a job, or say why that is not possible."""
    if job.is_active and not may_cancel(request.user, job):
        return refuse(request, job, place, _("You may not cancel this export."), 403)
    is_canceled = lifecycle.cancel(job, origin_of(request))
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
        return answer_json(as_json(request, job, place), code)
    if is_canceled:
        messages.success(request, _("The export is being canceled."))
    else:
        messages.warning(request, why_not)
    return HttpResponseRedirect(place.job_url(job))


@job_action
def email(request: HttpRequest, job: ReportJob, place: PageContext) -> HttpResponseBase:
    """Note that the person wants a mail when their job ends; with wanted=0, that they do not."""
    if job.is_active and not notifications.can_be_mailed(job, request.user):
        return refuse(request, job, place, _("You cannot be told of this export by e-mail."), 403)
    is_wanted = request.POST.get("wanted", request.GET.get("wanted")) != "0"
    why_not = _("This export has ended already; there is nothing to tell by e-mail.")
    is_noted = notifications.wish_email(job, wanted=is_wanted)
    if wants_json(request):
        if not is_noted:
            return problem(409, why_not)
        job.refresh_from_db()
        return answer_json(as_json(request, job, place))
    if not is_noted:
        messages.warning(request, why_not)
    return HttpResponseRedirect(place.job_url(job))


@job_action
def discard(request: HttpRequest, job: ReportJob, place: PageContext) -> HttpResponseBase:
    """Delete the file of one's own job before its time."""
    if job.requested_by_id != request.user.pk:
        return refuse(request, job, place, _("You may not delete this file."), 403)
    is_deleted = lifecycle.delete_file(job, origin_of(request))
    if not is_deleted:
        return refused_at(
            request, job, place, _("This export has no file to delete."), HTTPStatus.CONFLICT
        )
    job.refresh_from_db()
    if wants_json(request):
        return answer_json(as_json(request, job, place))
    messages.success(request, _("The file is deleted."))
    return HttpResponseRedirect(place.job_url(job))


@job_action
def rerun(request: HttpRequest, job: ReportJob, place: PageContext) -> HttpResponseBase:
    """Make the same export again, in the background and in the name of whoever asks."""
    if job.is_active:
        return refuse(request, job, place, _("This export has not ended yet."), 409)
    try:
        made = dispatch.rerun(job, Authority.of(request.user), origin_of(request))
    except ReportError as error:
        if wants_json(request):
            return problem_of(error)
        code = HTTPStatus.BAD_REQUEST
        if isinstance(error, ReportDenied):
            code = HTTPStatus.FORBIDDEN
        elif isinstance(error, ReportFailed):
            code = HTTPStatus.INTERNAL_SERVER_ERROR
        return refused_at(request, job, place, str(error), code)
    if wants_json(request):
        return accepted(as_json(request, made, place))
    return HttpResponseRedirect(place.job_url(made))


def links_of(
    request: HttpRequest, job: ReportJob, place: PageContext, *, is_readable: bool
) -> dict[str, str]:
    """Where a job is, and what this person may do with it now.

    `is_readable` says whether they may know of its content, and so have its file if there is one.
    """
    names = ["status"]
    if is_readable and job.has_file:
        names += ["download", "link"]
    if job.has_file and job.requested_by_id == request.user.pk:
        names.append("discard")
    if is_readable and job.sha256:
        names.append("manifest")
    is_asked = job.cancel_requested_at is not None
    if job.execution == Execution.BACKGROUND and not is_asked and may_cancel(request.user, job):
        names.append("cancel")
    if notifications.can_be_mailed(job, request.user):
        names.append("email")
    if not job.is_active:
        names.append("rerun")
    links = {"self": place.job_url(job), **{name: place.job_url(job, name) for name in names}}
    if (change := None if job.is_active else _change_url(request, job, place)) is not None:
        links["change"] = change
    return links


def _state_in_title(job: ReportJob) -> str:
    """A job's state, short enough for a tab."""
    if job.status == JobStatus.RUNNING and job.percent is not None:
        return f"{job.percent} %"
    return str(job.get_status_display())


def _canceled_by(request: HttpRequest, job: ReportJob) -> str:
    """Who canceled a job, for everybody but themselves."""
    who = job.cancel_requested_by if job.status == JobStatus.CANCELED else None
    return "" if who is None or who.pk == request.user.pk else str(who.get_username())


def _seen_rerun_of(
    request: HttpRequest, job: ReportJob, place: PageContext
) -> tuple[str, str] | None:
    """Address and name of the job that this one repeats, if this person may see it."""
    older = find(request, job.rerun_of_id) if job.rerun_of_id else None
    return None if older is None else (place.job_url(older), str(older))


def _change_url(request: HttpRequest, job: ReportJob, place: PageContext) -> str | None:
    """The page of a job's report on which its choices and its selection stand already, if the
    report can be asked for by name."""
    report = registry.find(job.report)
    if report is None or not report.is_in_catalog:
        return None
    if not effective_permissions(request.user, report).can_export:
        return None
    address = place.report_url(report.get_identifier())
    return address and f"{address}?{urlencode({FROM: job.pk})}"
