"""The admin page for the audit log. It needs Django's permission to view audit entries."""

import json
from typing import Any

from django.contrib import admin, messages
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from django_reports.admin.lists import ReadOnlyAdmin, ReportFilter
from django_reports.audit import sealing
from django_reports.models import AuditEntry


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "action", "actor_label", "report", "export", "address")
    list_filter = ("action", ReportFilter, "created_at")
    search_fields = ("actor_label", "=actor_key", "report", "=job_key", "=address", "=request_id")
    indexed_parameters = ("action__exact", "report")
    fields = (
        "created_at",
        "action",
        "actor_label",
        "actor_key",
        "report",
        "job_key",
        "holder",
        "address",
        "user_agent",
        "request_id",
        "details",
        "key",
        "position",
    )
    readonly_fields = fields

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        for concern in sealing.concerns():
            messages.error(request, concern)
        return super().changelist_view(request, extra_context)

    def key_conditions(self, text: str) -> list[Q]:
        return [Q(job_key=text), Q(actor_key=text)] if text else []

    @admin.display(description=_("export"), ordering="job_key")
    def export(self, entry: AuditEntry) -> str | SafeString:
        """The start of the job's key, with a link to its page."""
        if not entry.job_key:
            return ""
        url = reverse(
            "admin:django_reports_reportjob_change",
            args=[entry.job_key],
            current_app=self.admin_site.name,
        )
        return format_html('<a href="{}">{}</a>', url, entry.job_key[:8])

    @admin.display(description=_("details"))
    def details(self, entry: AuditEntry) -> SafeString:
        text = json.dumps(entry.data, indent=2, ensure_ascii=False, sort_keys=True)
        return format_html("<pre>{}</pre>", text)
