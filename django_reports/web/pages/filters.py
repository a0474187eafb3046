"""What a list of exports is narrowed down by, on the page and by programs."""

import datetime as dt
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_reports.core.choices import JobStatus
from django_reports.definitions.parameters import IN_CALENDAR
from django_reports.definitions.registry import registry
from django_reports.models import ReportJob

NEWEST = 1000  # exports that are looked at for which reports there are
WINDOW = 10_000  # exports among which it is searched: the newest ones of the period
DAY = "%Y-%m-%d"  # as browsers send it, whatever the language


class JobFilters(forms.Form):
    """All are optional. Their names are those of the query string."""

    q = forms.CharField(
        label=gettext_lazy("Search"),
        max_length=200,
        required=False,
        widget=forms.TextInput({"type": "search"}),
    )
    status = forms.ChoiceField(
        label=gettext_lazy("State"),
        choices=[("", gettext_lazy("Any")), *JobStatus.choices],
        required=False,
    )
    report = forms.CharField(label=gettext_lazy("Report"), max_length=200, required=False)
    since = forms.DateField(
        label=gettext_lazy("From"),
        input_formats=[DAY],
        required=False,
        validators=IN_CALENDAR,
        widget=forms.DateInput({"type": "date"}, format=DAY),
    )
    until = forms.DateField(
        label=gettext_lazy("Until"),
        input_formats=[DAY],
        required=False,
        validators=IN_CALENDAR,
        widget=forms.DateInput({"type": "date"}, format=DAY),
    )

    def __init__(self, data: Any, *, reports: list[str]) -> None:
        super().__init__(data, auto_id="reports-filter-%s")
        labels = {name: registry.label_of(name) for name in reports}
        asked = data.get("report")
        if asked and asked not in labels:  # it may be older than those that were looked at
            labels[asked] = asked
        choices = sorted(labels.items(), key=lambda choice: choice[1].casefold())
        self.fields["report"].widget = forms.Select(choices=[("", _("Any")), *choices])

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        since, until = values.get("since"), values.get("until")
        if since and until and until < since:
            self.add_error("until", _("The end lies before the beginning."))
        return values

    @property
    def is_used(self) -> bool:
        return any(self.data.get(name) for name in self.fields)

    def apply(self, jobs: "QuerySet[ReportJob]") -> "QuerySet[ReportJob]":
        """The jobs that are meant, of the newest WINDOW ones of the period; none if it is wrong."""
        if not self.is_valid():
            return jobs.none()
        values = self.cleaned_data
        if values["since"]:
            jobs = jobs.filter(created_at__gte=_midnight(values["since"]))
        if values["until"]:
            jobs = jobs.filter(created_at__lt=_midnight(values["until"] + dt.timedelta(days=1)))
        if values["status"] or values["report"] or values["q"]:
            jobs = newest_of(jobs)
        if values["status"]:
            jobs = jobs.filter(status=values["status"])
        if values["report"]:
            jobs = jobs.filter(report__in=_names_of(values["report"]))
        return jobs.filter(_matching(values["q"])) if values["q"] else jobs


def reports_among(jobs: "QuerySet[ReportJob]") -> dict[str, Any]:
    """The reports of the newest NEWEST jobs, with when each was asked for last: one query."""
    found: dict[str, Any] = {}
    newest = jobs.order_by("-created_at").values_list("report", "created_at")
    for name, created_at in newest[:NEWEST]:
        found.setdefault(name, created_at)
    return found


def newest_of(rows: "QuerySet[Any]") -> "QuerySet[Any]":
    """Without those behind the first WINDOW: else what is rare would be sought in all there are."""
    moments = rows.order_by("-created_at").values_list("created_at", flat=True)
    oldest = next(iter(moments[WINDOW : WINDOW + 1]), None)
    return rows if oldest is None else rows.filter(created_at__gt=oldest)


def _matching(text: str) -> Q:
    """A part of the file's name, of the person's, or of the report's; or a job's key."""
    text = text.strip()
    wanted = text.casefold()
    reports = [
        name
        for report in registry
        if wanted in str(report.get_label()).casefold()
        for name in registry.names_of(report)
    ]
    found = (
        Q(filename__icontains=text)
        | Q(report__icontains=text)
        | Q(requested_by_text__icontains=text)
        | Q(report__in=reports)
    )
    try:
        return found | Q(pk=UUID(text))
    except ValueError:
        return found


def _names_of(identifier: str) -> list[str]:
    report = registry.find(identifier)
    return registry.names_of(report) if report else [identifier]


def _midnight(day: dt.date) -> dt.datetime:
    moment = dt.datetime.combine(day, dt.time())
    return timezone.make_aware(moment) if settings.USE_TZ else moment
