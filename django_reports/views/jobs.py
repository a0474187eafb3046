"""What can be done with one job: watch, download, cancel.

Each function takes a job that its reader may see (the doors start from `visible_jobs`), and the
page to go back to.
"""

from http import HTTPStatus

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext_lazy

from django_reports import audit, jobs, runners, storage
from django_reports.exceptions import FileUnavailable
from django_reports.models import ReportJob
from django_reports.permissions import may_cancel, may_download
from django_reports.statuses import AuditAction, JobStatus
from django_reports.views.requests import origin_of, refused, send_file


def status(job: ReportJob) -> JsonResponse:
    """A job's state and progress."""
    if job.is_active:
        runners.get_runner().nudge()
    response = JsonResponse(
        {
            "id": str(job.pk),
            "status": job.status,
            "label": str(job.get_status_display()),
            "is_active": job.is_active,
            "rows_done": job.rows_done,
            "rows_expected": job.rows_expected,
            "percent": job.percent,
            "progress": progress_text(job),
            "error": job.error,
        }
    )
    response["Cache-Control"] = "private, no-store"
    return response


def progress_text(job: ReportJob) -> str:
    """How far a job is, in words."""
    if job.status == JobStatus.QUEUED:
        return _("Waiting to be started")
    if job.rows_expected is None:
        return _("%(done)s rows") % {"done": f"{job.rows_done:,}"}
    return _("%(done)s of %(expected)s rows") % {
        "done": f"{job.rows_done:,}",
        "expected": f"{job.rows_expected:,}",
    }


def download(request: HttpRequest, job: ReportJob, back: str) -> HttpResponseBase:
    """A job's file, to somebody who may still have it. Every attempt is recorded."""
    if not may_download(request.user, job):
        return _refuse(request, job, back, _("You may no longer download this export."), 403)
    if job.status == JobStatus.EXPIRED:
        return _refuse(request, job, back, _("This export has expired. Export it again."), 410)
    if not job.has_file:
        return _refuse(request, job, back, _("This export has no file to download."), 404)
    try:
        file = storage.open_file(job)
    except FileUnavailable as error:
        return _refuse(request, job, back, str(error), 404)
    try:
        jobs.record_download(job, origin_of(request))
        return send_file(job, file)
    except BaseException:
        file.close()
        raise


def cancel(request: HttpRequest, job: ReportJob, back: str) -> HttpResponseBase:
    """Cancel a job, or say why that is not possible."""
    if request.method != "POST":
        return HttpResponseRedirect(back)
    if job.is_active and not may_cancel(request.user, job):
        return _refuse(request, job, back, _("You may not cancel this export."), 403)
    if jobs.cancel(job, origin_of(request)):
        messages.success(request, _("The export is being canceled."))
    else:
        messages.warning(request, _("This export has ended already; there is nothing to cancel."))
    return HttpResponseRedirect(back)


def _refuse(
    request: HttpRequest, job: ReportJob, back: str, reason: str, code: int
) -> HttpResponseBase:
    """Record a refusal and say it, with a way back."""
    audit.record(
        AuditAction.DENIED,
        origin=origin_of(request),
        job=job,
        what=request.resolver_match.url_name if request.resolver_match else None,
        status=code,
        reason=reason,
    )
    return refused(request, reason, back, HTTPStatus(code))


def losses_in_words(job: ReportJob) -> list[str]:
    """What the format could not hold as it was."""
    texts = {
        "replaced_characters": ngettext_lazy(
            "%(count)s character that the format cannot hold was replaced by �.",
            "%(count)s characters that the format cannot hold were replaced by �.",
            "count",
        ),
        "shortened_texts": ngettext_lazy(
            "%(count)s text was longer than a cell can hold and was shortened.",
            "%(count)s texts were longer than a cell can hold and were shortened.",
            "count",
        ),
    }
    return [str(texts[name] % {"count": count}) for name, count in job.losses.items()]
