"""The auditor's page: who may export what, and why."""

from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from django_reports.access.permissions import may_see_rights
from django_reports.access.review import Right, people, report_permissions, rights_of
from django_reports.audit import log, sealing
from django_reports.core.choices import AuditAction
from django_reports.exceptions import ReportDenied
from django_reports.web.page_context import StaffPageContext
from django_reports.web.responses.base import answer_json, forbidden, origin_of, wants_json

TEMPLATE = "django_reports/rights.html"
PER_PAGE = 50


def page(request: HttpRequest) -> HttpResponseBase:
    """By person, paged by people; with ?by=group by report permission."""
    if not may_see_rights(request.user):
        log.record(
            AuditAction.DENIED, origin=origin_of(request), what="rights",
            status=HTTPStatus.FORBIDDEN, lacking="permission",
        )  # fmt: skip
        return forbidden(request, ReportDenied(_("You may not see who may export what.")))
    place = StaffPageContext(request)
    is_by_group = request.GET.get("by") == "group"
    listed: Any = report_permissions() if is_by_group else people()
    paginator = Paginator(listed, PER_PAGE)
    shown = paginator.get_page(request.GET.get("page"))
    found = [] if is_by_group else list(rights_of(list(shown)))
    if wants_json(request):
        following = request.GET.copy()
        if shown.has_next():
            following["page"] = str(shown.next_page_number())
        rows = (
            [{**permission.facts(), "members": permission.members} for permission in shown]
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
        "report_permissions": shown if is_by_group else [],
        "rights": found,
        "page_of_rights": shown,
        "paginator": paginator,
    }
    trail = [(place.url("catalog"), _("Reports"))]
    return TemplateResponse(request, TEMPLATE, place.context(request, trail, **context))


def _as_json(right: Right) -> dict[str, Any]:
    effective = right.effective
    return {
        "person": right.person,
        "report": right.report.get_identifier(),
        "may_export": right.may_export,
        "has_permission": right.has_permission,
        "max_rows": effective.max_rows,
        "max_rows_per_day": effective.max_rows_per_day,
        "max_concurrent_jobs": effective.max_concurrent_jobs,
        "formats": None if effective.formats is None else sorted(effective.formats),
        "why": right.reasons,
    }
