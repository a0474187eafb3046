"""The catalog: what a person may export, found by category, by search or as a favorite."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from django_reports.access.permissions import (
    Authority,
    columns_for,
    may_export,
    may_see_dashboard,
    may_see_rights,
    may_view,
)
from django_reports.core.users import User
from django_reports.definitions.base import Report
from django_reports.definitions.registry import registry
from django_reports.exports.failures import of_each
from django_reports.models import Favorite, ReportJob
from django_reports.web.api import endpoints
from django_reports.web.page_context import StaffPageContext
from django_reports.web.pages.filters import reports_among
from django_reports.web.responses.base import answer_json, wants_json

TEMPLATE = "django_reports/catalog.html"


@dataclass(frozen=True)
class Offer:
    """A report in a person's catalog, with what is told of it (`api.summary_of`). `url` is None
    if they may see it and not export it."""

    report: Report
    summary: Mapping[str, str]
    url: str | None
    favorite_url: str
    is_favorite: bool
    last_run: Any = None

    def matches(self, text: str) -> bool:
        """Whether every word of a search stands somewhere in what is told of the report."""
        where = " ".join(self.summary.values()).casefold()
        return all(word in where for word in text.casefold().split())


def page(request: HttpRequest) -> HttpResponseBase:
    """The reports that this person sees; those that they marked stand on top."""
    place = StaffPageContext(request)
    offers = _offers(request, place)
    searched = request.GET.get("q", "").strip()
    found = [offer for offer in offers if offer.matches(searched)]
    if wants_json(request):
        return answer_json({"reports": [_as_json(offer, place) for offer in found]})
    categories: dict[str, list[Offer]] = {}
    for offer in found:
        if offer.is_favorite:
            continue
        categories.setdefault(offer.summary["category"], []).append(offer)
    context = {
        "title": _("Reports"),
        "favorites": [offer for offer in found if offer.is_favorite],
        "categories": sorted(categories.items()),
        "searched": searched,
        "has_reports": bool(offers),
        "jobs_url": place.jobs_url(),
        "dashboard_url": place.url("dashboard") if may_see_dashboard(request.user) else None,
        "rights_url": place.url("rights") if may_see_rights(request.user) else None,
    }
    return TemplateResponse(request, TEMPLATE, place.context(request, [], **context))


def mark(request: HttpRequest, report: Report) -> HttpResponseBase:
    """Make a report a favorite; with favorite=0, make it none. Twice is no harm."""
    wanted = request.POST.get("favorite", "1") != "0"
    user: Any = request.user
    mine = Favorite.objects.filter(user=user, report__in=registry.names_of(report))
    if not wanted:
        mine.delete()
    elif not mine.exists():
        Favorite.objects.get_or_create(user=user, report=report.get_identifier())
    if wants_json(request):
        return answer_json({"identifier": report.get_identifier(), "is_favorite": wanted})
    return HttpResponseRedirect(StaffPageContext(request).url("catalog"))


def listed(user: User, may: Callable[[Any, Report], bool]) -> list[Report]:
    """The reports that can be asked for by name and that this person may see, or make."""
    registry.load()
    return [report for report in registry if report.is_in_catalog and may(user, report)]


def _offers(request: HttpRequest, place: StaffPageContext) -> list[Offer]:
    """As many queries for many reports as for one."""
    user: Any = request.user
    marked = set(Favorite.objects.filter(user=user).values_list("report", flat=True))
    last_runs = reports_among(ReportJob.objects.filter(requested_by=user.pk))

    def offer(report: Report) -> Offer:
        columns_for(Authority.of(user), report, None)  # else it is none
        names = registry.names_of(report)
        identifier = report.get_identifier()
        runs = [last_runs[name] for name in names if name in last_runs]
        return Offer(
            report,
            endpoints.summary_of(report),
            place.url("report", identifier) if may_export(user, report) else None,
            place.url("favorite", identifier),
            not marked.isdisjoint(names),
            max(runs, default=None),
        )

    return of_each(listed(user, may_view), offer)


def _as_json(offer: Offer, place: StaffPageContext) -> dict[str, Any]:
    return {
        **offer.summary,
        "is_favorite": offer.is_favorite,
        "url": place.url("report", offer.report.get_identifier()),
    }
