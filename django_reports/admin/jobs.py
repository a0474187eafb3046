"""The admin pages for exports: a list, a page with progress, download and cancel."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.template.defaultfilters import filesizeformat
from django.urls import path
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from django_reports.access.permissions import readable, sees_reports, visible_jobs
from django_reports.admin.lists import BoundedChangeList, FormatFilter, ReadOnlyAdmin, ReportFilter
from django_reports.core.formatting import grouped
from django_reports.models import ReportJob
from django_reports.web.display import describe_report
from django_reports.web.page_context import AdminPageContext
from django_reports.web.pages import jobs as views
from django_reports.web.pages import links
from django_reports.web.responses import downloads


class JobChangeList(BoundedChangeList):
    """Notes of which jobs its reader may know the content."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        jobs = list(self.result_list)
        may_read = readable(request.user, jobs)
        for job in jobs:
            job.is_readable = job.pk in may_read
        self.result_list = jobs


@admin.register(ReportJob)
class ReportJobAdmin(ReadOnlyAdmin):
    """Shows everybody just the exports that are theirs to see."""

    list_display = (
        "filename",
        "report_label",
        "requested_by_text",
        "status",
        "rows",
        "size",
        "created_at",
        "expires_at",
    )
    list_filter = ("status", "execution", FormatFilter, ReportFilter, "created_at")
    search_fields = ("filename", "report", "requested_by_text", "=id")
    indexed_parameters = ("status__exact", "report")

    @admin.display(description=_("report"), ordering="report")
    def report_label(self, job: ReportJob) -> str:
        return describe_report(job)

    @admin.display(description=_("rows"))
    def rows(self, job: ReportJob) -> str:
        return grouped(job.rows_done) if job.is_readable else ""  # type: ignore[attr-defined]

    @admin.display(description=_("size"))
    def size(self, job: ReportJob) -> str:
        return filesizeformat(job.bytes) if job.is_readable else ""  # type: ignore[attr-defined]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return JobChangeList

    def key_conditions(self, text: str) -> list[Q]:
        try:
            return [Q(pk=UUID(text))]
        except ValueError:
            return []

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Any]":
        return visible_jobs(request.user)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return True  # what there is to see, the permission to view says

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is None:
            return sees_reports(request.user)
        return visible_jobs(request.user).filter(pk=obj.pk).exists()

    def get_urls(self) -> list[Any]:
        pages = {"change": views.page, "status": views.status, "manifest": views.manifest,
                 "download": downloads.download,
                 "link": links.make, "cancel": views.cancel, "email": views.email,
                 "discard": views.discard, "rerun": views.rerun}  # fmt: skip
        return [
            path("<uuid:key>/", self._at_this_site(views.page)),
            *(
                path(
                    f"<uuid:key>/{name}/",
                    self._at_this_site(view),
                    name=f"django_reports_reportjob_{name}",
                )
                for name, view in pages.items()
            ),
            path(
                "<uuid:key>/signed/<str:token>/",
                self._signed,
                name="django_reports_reportjob_signed",
            ),
            *super().get_urls(),
        ]

    @method_decorator([login_not_required, require_safe, never_cache])
    def _signed(self, request: HttpRequest, key: UUID, token: str) -> HttpResponseBase:
        """Open to everybody: a link says in whose name it is followed."""
        return links.follow(request, key, token, AdminPageContext(self.admin_site))

    def _at_this_site(self, view: Any) -> Any:
        def at_this_site(request: HttpRequest, key: UUID) -> HttpResponseBase:
            response: HttpResponseBase = view(request, key, AdminPageContext(self.admin_site))
            return response

        return self.admin_site.admin_view(at_this_site)
