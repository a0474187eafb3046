"""The reports of this app about itself. Like every other they need a report permission and a
permission.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from django_reports.access.review import people, rights_of
from django_reports.core.choices import AuditAction
from django_reports.definitions.base import ModelReport, Report, ReportContext
from django_reports.definitions.columns import Column
from django_reports.definitions.parameters import IN_CALENDAR
from django_reports.definitions.registry import register
from django_reports.models import AuditEntry

CHUNK = 200  # people whose rights are looked up together


class AuditFilterForm(forms.Form):
    since = forms.DateTimeField(label=_("Since"), required=False, validators=IN_CALENDAR)
    until = forms.DateTimeField(label=_("Before"), required=False, validators=IN_CALENDAR)
    action = forms.MultipleChoiceField(label=_("Action"), choices=AuditAction, required=False)
    who = forms.CharField(label=_("Who"), required=False)


@register
class Audit(ModelReport):
    """The audit log. That it was exported is in it, too."""

    identifier = "django_reports.audit"
    label = _("Audit log")
    category = _("Reports and exports")
    model = AuditEntry
    columns = (
        "id",
        "created_at",
        "action",
        "actor_label",
        "actor_key",
        "report",
        "job_key",
        "address",
        "user_agent",
        "request_id",
        "data",
    )
    parameters = AuditFilterForm

    def filter_queryset(self, queryset: "QuerySet[Any]", context: ReportContext) -> "QuerySet[Any]":
        wanted = context.parameters
        if wanted["since"]:
            queryset = queryset.filter(created_at__gte=wanted["since"])
        if wanted["until"]:
            queryset = queryset.filter(created_at__lt=wanted["until"])
        if wanted["action"]:
            queryset = queryset.filter(action__in=wanted["action"])
        if wanted["who"]:
            queryset = queryset.filter(actor_label=wanted["who"])
        return queryset


@register
class Rights(Report):
    """Who may export what, and why: a row for each person and report, by the people's keys.

    Whoever comes or goes meanwhile keeps nobody else out, and names may change.
    """

    identifier = "django_reports.rights"
    label = _("Rights to exports")
    category = _("Reports and exports")
    permission = "django_reports.view_groupreportpermission"
    columns = (
        Column("person", label=_("Person")),
        Column("report", label=_("Report")),
        Column("may_view", label=_("Sees it"), kind="boolean"),
        Column("may_export", label=_("May export"), kind="boolean"),
        Column("may_download", label=_("May download"), kind="boolean"),
        Column("has_permission", label=_("Has Django's permission"), kind="boolean"),
        Column("max_rows", label=_("Row limit"), kind="integer"),
        Column("max_rows_per_day", label=_("Rows per day"), kind="integer"),
        Column("max_concurrent_jobs", label=_("Exports at once"), kind="integer"),
        Column("formats", label=_("Formats"), kind="text"),
        Column("why", label=_("Why"), kind="text"),
    )

    def rows(self, context: ReportContext) -> Iterable[Mapping[str, Any]]:
        found = people().order_by("pk")
        left = found
        while chunk := list(left[:CHUNK]):
            left = found.filter(pk__gt=chunk[-1].pk)
            for right in rights_of(chunk):
                effective = right.effective
                yield {
                    "person": right.person,
                    "report": right.report.get_identifier(),
                    "may_view": effective.can_view and right.has_permission,
                    "may_export": right.may_export,
                    "may_download": effective.can_download and right.has_permission,
                    "has_permission": right.has_permission,
                    "max_rows": effective.max_rows,
                    "max_rows_per_day": effective.max_rows_per_day,
                    "max_concurrent_jobs": effective.max_concurrent_jobs,
                    "formats": ", ".join(sorted(effective.formats or ())),
                    "why": "; ".join(right.reasons),
                }
