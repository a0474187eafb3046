"""The list of exports: one's own and those of others, narrowed down and page by page."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from django_reports.access.permissions import readable, visible_jobs
from django_reports.models import ReportJob
from django_reports.web.api import endpoints
from django_reports.web.display import (
    describe_pace,
    describe_progress,
    describe_remedy,
    describe_report,
    format_duration,
)
from django_reports.web.page_context import StaffPageContext
from django_reports.web.pages import jobs
from django_reports.web.pages.filters import JobFilters, newest_of, reports_among
from django_reports.web.pages.paging import BoundedPaginator
from django_reports.web.progress import places_in_queue
from django_reports.web.responses.base import answer_json, problem, wants_json

JOBS_PER_PAGE = 50
TEMPLATE = "django_reports/jobs.html"


def page(request: HttpRequest) -> HttpResponseBase:
    """The list; with ?others=1 of all exports that this person may see."""
    return _page(request, StaffPageContext(request))


def _page(request: HttpRequest, place: StaffPageContext) -> HttpResponseBase:
    seen = visible_jobs(request.user)
    is_with_others = "others" in request.GET
    all_of_them = seen if is_with_others else seen.filter(requested_by=request.user.pk)
    is_for_program = wants_json(request)
    reports = {} if is_for_program else reports_among(all_of_them)
    filters = JobFilters(request.GET, reports=list(reports))
    paginator = BoundedPaginator(
        filters.apply(all_of_them).select_related("requested_by"), JOBS_PER_PAGE
    )
    if is_for_program and not filters.is_valid():
        errors = {name: [str(one) for one in found] for name, found in filters.errors.items()}
        words = " ".join(f"{name}: {' '.join(found)}" for name, found in errors.items())
        return problem(422, words, errors=errors)
    shown = paginator.get_page(request.GET.get("page"))
    may_read = readable(request.user, shown)
    places = places_in_queue(shown)
    links = {
        job.pk: jobs.links_of(request, job, place, is_readable=job.pk in may_read) for job in shown
    }
    if is_for_program:
        following = request.GET.copy()
        if shown.has_next():
            following["page"] = str(shown.next_page_number())
        return answer_json(
            {
                "jobs": [
                    endpoints.job_as_json(
                        job,
                        links[job.pk],
                        places.get(job.pk),
                        is_readable=job.pk in may_read,
                    )
                    for job in shown
                ],
                "next": f"{place.jobs_url()}?{following.urlencode()}" if shown.has_next() else None,
            }
        )
    context = {
        "title": _("Exports"),
        "jobs": [
            _line(job, links[job.pk], places.get(job.pk), is_readable=job.pk in may_read)
            for job in shown
        ],
        "filters": filters,
        "page_of_jobs": shown,
        "paginator": paginator,
        "is_with_others": is_with_others,
        "has_others": is_with_others or _has_others(request, seen),
    }
    trail = [(place.url("catalog"), _("Reports"))]
    return TemplateResponse(request, TEMPLATE, place.context(request, trail, **context))


def _line(
    job: ReportJob, links: dict[str, str], place: int | None, *, is_readable: bool
) -> dict[str, Any]:
    return {
        "job": job,
        "is_readable": is_readable,
        "report_label": describe_report(job),
        "progress": describe_progress(job, is_readable=is_readable),
        "pace": describe_pace(job, place, is_readable=is_readable) if job.is_active else "",
        "duration": format_duration(job),
        "remedy": describe_remedy(job),
        "links": links,
    }


def _has_others(request: HttpRequest, seen: "QuerySet[ReportJob]") -> bool:
    """Whether there is an export of somebody else among the newest that this person may see."""
    return newest_of(seen).exclude(requested_by=request.user.pk).exists()
