"""The auditor's page: who may export what, and why."""

from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from django_reports.access.permissions import may_see_rights
from django_reports.access.review import Right, grants, people, rights_of
from django_reports.audit import log, sealing
from django_reports.core.choices import AuditAction
from django_reports.exceptions import ReportDenied
from django_reports.web.page_context import StaffPlace
from django_reports.web.responses.base import answer_json, forbidden, origin_of, wants_json

TEMPLATE = "django_reports/rights.html"
PER_PAGE = 50


def page(request: HttpRequest) -> HttpResponseBase:
    """By person, paged by people; with ?by=group by grant."""
    if not may_see_rights(request.user):
        log.record(
            AuditAction.DENIED, origin=origin_of(request), what="rights",
            status=HTTPStatus.FORBIDDEN, lacking="permission",
        )  # fmt: skip
        return forbidden(request, ReportDenied(_("You may not see who may export what.")))
    place = StaffPlace(request)
    is_by_group = request.GET.get("by") == "group"
    listed: Any = grants() if is_by_group else people()
    paginator = Paginator(listed, PER_PAGE)
    shown = paginator.get_page(request.GET.get("page"))
    found = [] if is_by_group else list(rights_of(list(shown)))
    if wants_json(request):
        following = request.GET.copy()
        if shown.has_next():
            following["page"] = str(shown.next_page_number())
        rows = (
            [{**grant.facts(), "members": grant.members} for grant in shown]
            if is_by_group
            else [_as_json(right) for right in found]
        )
        url = f"{place.url('rights')}?{following.urlencode()}"
        return answer_json({"rights": rows, "next": url if shown.has_next() else None})
    for concern in sealing.concerns():
        messages.error(request, concern, fail_silently=True)
    context = {
        "title": _("Who may export what"),
        "is_by_group": is_by_group,
        "grants": shown if is_by_group else [],
        "rights": found,
        "page_of_rights": shown,
        "paginator": paginator,
    }
    trail = [(place.url("catalogue"), _("Reports"))]
    return TemplateResponse(request, TEMPLATE, place.context(request, trail, **context))


def _as_json(right: Right) -> dict[str, Any]:
    grant = right.grant
    return {
        "person": right.person,
        "report": right.report.get_identifier(),
        "may_generate": right.may_generate,
        "has_permission": right.has_permission,
        "max_rows": grant.max_rows,
        "rows_per_day": grant.rows_per_day,
        "jobs_at_once": grant.jobs_at_once,
        "formats": None if grant.formats is None else sorted(grant.formats),
        "why": right.reasons,
    }
