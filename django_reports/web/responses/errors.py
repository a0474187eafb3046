"""Who may see a job, and what is said and recorded where one, or its file, is not to be had."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from django_reports.access.permissions import visible_job
from django_reports.audit import log
from django_reports.core.choices import AuditAction
from django_reports.models import ReportJob
from django_reports.web.page_context import PageContext, Trail
from django_reports.web.responses.base import not_found, origin_of, problem, refused


def find(request: HttpRequest, key: UUID) -> ReportJob | None:
    """The job of a key, if it is this person's to see."""
    return visible_job(request.user, key)


def missing(
    request: HttpRequest,
    key: UUID,
    *,
    is_for_program: bool = False,
    lacking: str | None = "grant",
    **data: Any,
) -> HttpResponseBase:
    """A foreign job and one that never was answer alike; the audit log tells them apart."""
    foreign = ReportJob.objects.filter(pk=key).first()
    if foreign is not None:
        record_denial(request, foreign, status=404, lacking=lacking, **data)
    error = Http404(_("There is no such export."))
    return problem(404, str(error)) if is_for_program else not_found(request, error)


def job_action(
    act: Callable[[HttpRequest, ReportJob, PageContext], HttpResponseBase],
) -> Callable[[HttpRequest, UUID, PageContext], HttpResponseBase]:
    """A view that does something with a job, asked by POST; else it leads to the job's page."""

    @wraps(act)
    def view(request: HttpRequest, key: UUID, place: PageContext) -> HttpResponseBase:
        job = find(request, key)
        if job is None:
            return missing(request, key)
        if request.method != "POST":
            return HttpResponseRedirect(place.job_url(job))
        return act(request, job, place)

    return view


def refuse(
    request: HttpRequest, job: ReportJob, place: PageContext, reason: str, code: int, **data: Any
) -> HttpResponseBase:
    """Record a refusal and say it, with a way back."""
    record_denial(request, job, status=code, reason=reason, **data)
    return refused_at(request, job, place, reason, HTTPStatus(code))


def refused_at(
    request: HttpRequest, job: ReportJob, place: PageContext, reason: str, status: HTTPStatus
) -> HttpResponseBase:
    """Say a refusal that has been recorded, with a way back to the job's page."""
    surroundings = place.context(request, trail(place))
    return refused(request, reason, place.job_url(job), status, surroundings)


def trail(place: PageContext) -> Trail:
    """What lies above a job's pages."""
    return [(place.jobs_url(), str(capfirst(ReportJob._meta.verbose_name_plural)))]


def record_denial(request: HttpRequest, job: ReportJob, **data: Any) -> None:
    what = request.resolver_match.url_name if request.resolver_match else None
    log.record(AuditAction.DENIED, origin=origin_of(request), job=job, what=what, **data)
