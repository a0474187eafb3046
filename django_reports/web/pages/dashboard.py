"""The dashboard: the figures of the last days, as charts with their tables."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from django_reports.access.permissions import may_see_dashboard
from django_reports.core.formatting import grouped
from django_reports.definitions.registry import registry
from django_reports.exceptions import ReportDenied
from django_reports.jobs import statistics
from django_reports.jobs.statistics import Day, Figures, Share
from django_reports.models import HangingProcess
from django_reports.web.display import format_time
from django_reports.web.page_context import StaffPageContext
from django_reports.web.responses.base import answer_json, forbidden, wants_json

TEMPLATE = "django_reports/dashboard.html"

# A chart's own units, whatever its size on the screen.
WIDTH, HEIGHT = 720, 160
GAP = 4


@dataclass(frozen=True)
class Bar:
    """A day's bar; `bad_height` of it, from the top, is for what failed."""

    x: int
    y: int
    height: int
    bad_height: int
    words: str

    @property
    def rest_y(self) -> int:
        return self.y + self.bad_height

    @property
    def rest_height(self) -> int:
        return self.height - self.bad_height


@dataclass(frozen=True)
class Chart:
    key: str
    title: str
    summary: str
    bars: list[Bar]
    highest: int
    width: int = WIDTH // statistics.DAYS - GAP
    view_box: str = f"0 0 {WIDTH} {HEIGHT}"


def page(request: HttpRequest) -> HttpResponseBase:
    """The dashboard; to a program its figures."""
    if not may_see_dashboard(request.user):
        return forbidden(request, ReportDenied(_("You may not see the figures of all exports.")))
    found = statistics.latest()
    if wants_json(request):
        return answer_json(_as_json(found))
    place = StaffPageContext(request)
    context = {
        "title": _("Figures of all exports"),
        "figures": found,
        "tiles": _tiles(found),
        "charts": _charts(found),
        "people": found.people,
        "reports": [(registry.label_of(share.name), share) for share in found.reports],
        "hanging": [
            (registry.label_of(record.report), record) for record in HangingProcess.objects.alive()
        ],
    }
    trail = [(place.url("catalog"), _("Reports"))]
    return TemplateResponse(request, TEMPLATE, place.context(request, trail, **context))


def _tiles(found: Figures) -> list[tuple[str, str]]:
    return [
        (_("Exports"), grouped(found.exports)),
        (_("Rows"), grouped(found.rows)),
        (pgettext("share of the exports", "Failed"), _percent(found.failed, found.ended)),
        (pgettext("share of the exports", "Run again"), _percent(found.reruns, found.exports)),
        (_("Half took at most"), _duration(found.median)),
        (_("95 of 100 took at most"), _duration(found.slowest)),
    ]


def _percent(part: int, whole: int) -> str:
    return f"{part / whole * 100:.1f} %" if whole else "-"


def _duration(value: Any) -> str:
    if value is None:
        return "-"
    seconds = value.total_seconds()
    if seconds < 1:
        return _("less than a second")
    return format_time(round(seconds))


def _charts(found: Figures) -> list[Chart]:
    exports = _chart(
        found, "exports", _("Exports per day"), lambda day: day.exports, lambda day: day.failed
    )
    return [exports, _chart(found, "rows", _("Rows per day"), lambda day: day.rows, lambda day: 0)]


def _chart(
    found: Figures,
    key: str,
    title: str,
    value: Callable[[Day], int],
    bad: Callable[[Day], int],
) -> Chart:
    highest = max(value(day) for day in found.days)
    bars = []
    for number, day in enumerate(found.days):
        height = _scaled(value(day), highest)
        bars.append(
            Bar(
                x=number * WIDTH // statistics.DAYS + GAP // 2,
                y=HEIGHT - height,
                height=height,
                bad_height=min(height, _scaled(bad(day), highest)),
                words=_format_day(day),
            )
        )
    best = max(found.days, key=value)
    summary = _("The highest is %(value)s, on %(date)s.") % {
        "value": grouped(highest),
        "date": date_format(best.date),
    }
    return Chart(key, title, summary if highest else _("There was none."), bars, highest)


def _scaled(value: int, highest: int) -> int:
    """A height; whatever there is at all can be seen."""
    return max(2, value * HEIGHT // highest) if value else 0


def _format_day(day: Day) -> str:
    exports = ngettext("%(n)s export", "%(n)s exports", day.exports) % {"n": grouped(day.exports)}
    rows = ngettext("%(n)s row", "%(n)s rows", day.rows) % {"n": grouped(day.rows)}
    failed = ngettext("%(n)s failed", "%(n)s failed", day.failed) % {"n": grouped(day.failed)}
    return f"{date_format(day.date)}: {exports}, {failed}, {rows}"


def _as_json(found: Figures) -> dict[str, Any]:
    def seconds(value: Any) -> float | None:
        return None if value is None else value.total_seconds()

    def shares(listed: Any, key: str) -> list[dict[str, Any]]:
        return [_share(share, key) for share in listed]

    return {
        "made_at": found.made_at.isoformat(),
        "days": [{**vars(day), "date": day.date.isoformat()} for day in found.days],
        "people": shares(found.people, "person"),
        "reports": shares(found.reports, "report"),
        "ended": found.ended,
        "reruns": found.reruns,
        "median_seconds": seconds(found.median),
        "p95_seconds": seconds(found.slowest),
        "stored_files": found.stored_files,
        "stored_bytes": found.stored_bytes,
    }


def _share(share: Share, key: str) -> dict[str, Any]:
    facts = {name: value for name, value in vars(share).items() if name != "name"}
    return {key: share.name, **facts}
