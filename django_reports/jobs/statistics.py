"""Figures of the last days' exports, added up by the database in a fixed number of queries.

However many exports there are, no more comes into memory than days, and a few names.
"""

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db.models import (
    Case,
    Count,
    DurationField,
    ExpressionWrapper,
    F,
    Q,
    Sum,
    Value,
    When,
    Window,
)
from django.db.models.functions import RowNumber
from django.utils import timezone

from django_reports.core.choices import JobStatus
from django_reports.models import ReportJob

DAYS = 30
NAMES = 10  # of people, and of reports
FRESH = 300  # seconds for which they are kept
CACHE_KEY = "django_reports.statistics"


@dataclass(frozen=True)
class Day:
    date: dt.date
    exports: int = 0
    failed: int = 0
    made: int = 0  # those that succeeded
    reruns: int = 0
    rows: int = 0


@dataclass(frozen=True)
class Share:
    """What a person, or a report, has of all exports."""

    name: str
    exports: int
    rows: int
    bytes: int


@dataclass(frozen=True)
class Figures:
    """`median` and `slowest` are durations of exports that succeeded: half of them, and 95 of a
    hundred, took no longer. None: there was none."""

    made_at: dt.datetime
    days: Sequence[Day]
    people: Sequence[Share]
    reports: Sequence[Share]
    median: dt.timedelta | None
    slowest: dt.timedelta | None
    stored_files: int
    stored_bytes: int

    @property
    def exports(self) -> int:
        return self._sum("exports")

    @property
    def failed(self) -> int:
        return self._sum("failed")

    @property
    def ended(self) -> int:
        """Those of which it is known whether they failed."""
        return self._sum("failed") + self._sum("made")

    @property
    def reruns(self) -> int:
        return self._sum("reruns")

    @property
    def rows(self) -> int:
        return self._sum("rows")

    def _sum(self, name: str) -> int:
        return sum(getattr(day, name) for day in self.days)


def latest() -> Figures:
    """The figures of now or of a few minutes ago: adding them up looks at every export of DAYS."""
    found: Figures = cache.get_or_set(CACHE_KEY, collect, FRESH)  # type: ignore[assignment]
    return found


def collect() -> Figures:
    """Add up the exports that were asked for in the last DAYS days, today among them.

    The indexes `reports_job_newest` and `reports_job_file` hold all that is read of them.
    """
    dates = _dates()
    jobs = ReportJob.objects.filter(created_at__gte=_beginning(dates[0])).order_by()
    days = _days(jobs, dates)
    median, slowest = _percentiles(jobs, sum(day.made for day in days), 0.5, 0.95)
    kept = ReportJob.objects.filter(status=JobStatus.SUCCEEDED, file_key__gt="")
    stored = kept.aggregate(files=Count("file_key"), bytes=Sum("bytes"))
    return Figures(
        made_at=timezone.now(),
        days=days,
        people=_shares(jobs, "requested_by_text"),
        reports=_shares(jobs, "report"),
        median=median,
        slowest=slowest,
        stored_files=stored["files"],
        stored_bytes=stored["bytes"] or 0,
    )


_MADE = (JobStatus.SUCCEEDED, JobStatus.EXPIRED)


def _days(jobs: Any, dates: Sequence[dt.date]) -> list[Day]:
    """By the days of TIME_ZONE, also where the database knows no time zones."""
    cases = [
        When(created_at__gte=_beginning(date), then=Value(number))
        for number, date in reversed(list(enumerate(dates)))
    ]
    sums = (
        jobs.annotate(day=Case(*cases))
        .values("day")
        .annotate(
            exports=Count("pk"),
            failed=Count("pk", filter=Q(status=JobStatus.FAILED)),
            made=Count("pk", filter=Q(status__in=_MADE)),
            reruns=Count("pk", filter=Q(rerun_of__isnull=False)),
            rows=Sum("rows_done"),
        )
    )
    found = {row.pop("day"): row for row in sums}
    return [Day(date, **found.get(number, {})) for number, date in enumerate(dates)]


def _shares(jobs: Any, field: str) -> list[Share]:
    """Those with the most rows."""
    sums = (
        jobs.values_list(field)
        .annotate(exports=Count("pk"), rows=Sum("rows_done"), bytes=Sum("bytes"))
        .order_by("-rows", field)
    )
    return [Share(*row) for row in sums[:NAMES]]


def _percentiles(jobs: Any, count: int, *parts: float) -> list[dt.timedelta | None]:
    """The durations that these parts of all that were made do not exceed: the nearest ranks."""
    took = ExpressionWrapper(F("finished_at") - F("started_at"), output_field=DurationField())
    made = jobs.filter(status__in=_MADE, started_at__isnull=False, finished_at__isnull=False)
    ranked = made.annotate(took=took, rank=Window(RowNumber(), order_by="took"))
    ranks = [max(1, math.ceil(part * count)) for part in parts]
    found = dict(ranked.filter(rank__in=ranks).values_list("rank", "took"))
    return [found.get(rank) for rank in ranks]


def _dates() -> list[dt.date]:
    today = timezone.localdate(timezone=timezone.get_default_timezone()) if settings.USE_TZ else (
        timezone.now().date()
    )  # fmt: skip
    return [today - dt.timedelta(days=back) for back in reversed(range(DAYS))]


def _beginning(date: dt.date) -> dt.datetime:
    midnight = dt.datetime.combine(date, dt.time())
    if not settings.USE_TZ:
        return midnight
    return timezone.make_aware(midnight, timezone.get_default_timezone())
