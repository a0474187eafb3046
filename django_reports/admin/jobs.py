"""The admin pages for exports: a list, a page with progress, download and cancel."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from django_reports import audit
from django_reports.admin.lists import FormatFilter, ReadOnlyAdmin, ReportFilter
from django_reports.admin.urls import job_url, jobs_url, page_context
from django_reports.models import ReportJob
from django_reports.permissions import may_cancel, may_download, sees_reports, visible_jobs
from django_reports.registry import registry
from django_reports.statuses import AuditAction, Delivery
from django_reports.views import jobs as views
from django_reports.views.requests import not_found, origin_of

TEMPLATE = "django_reports/job.html"


@admin.register(ReportJob)
class ReportJobAdmin(ReadOnlyAdmin):
    """Shows everybody just the exports that are theirs to see."""

    list_display = (
        "filename",
        "report_label",
        "requested_by_text",
        "status",
        "rows_done",
        "size",
        "created_at",
        "expires_at",
    )
    list_filter = ("status", "delivery", FormatFilter, ReportFilter, "created_at")
    search_fields = ("filename", "report", "requested_by_text", "=id")

    @admin.display(description=_("report"), ordering="report")
    def report_label(self, job: ReportJob) -> str:
        report = registry.find(job.report)
        return str(report.get_label()) if report else job.report

    @admin.display(description=_("size"), ordering="bytes")
    def size(self, job: ReportJob) -> str:
        return filesizeformat(job.bytes)

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Any]":
        return visible_jobs(request.user)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return sees_reports(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is None:
            return sees_reports(request.user)
        return visible_jobs(request.user).filter(pk=obj.pk).exists()

    def get_urls(self) -> list[Any]:
        name = "django_reports_reportjob"
        wrap = self.admin_site.admin_view
        return [
            path("<uuid:key>/", wrap(self.job_view)),
            path("<uuid:key>/change/", wrap(self.job_view), name=f"{name}_change"),
            path("<uuid:key>/status/", wrap(self.status_view), name=f"{name}_status"),
            path("<uuid:key>/download/", wrap(self.download_view), name=f"{name}_download"),
            path("<uuid:key>/cancel/", wrap(self.cancel_view), name=f"{name}_cancel"),
            *super().get_urls(),
        ]

    def job_view(self, request: HttpRequest, key: UUID) -> HttpResponseBase:
        job = self._find(request, key)
        if job is None:
            return self._missing(request, key)
        report = registry.find(job.report)
        return TemplateResponse(
            request,
            TEMPLATE,
            {
                **page_context(
                    self.admin_site,
                    request,
                    [(jobs_url(self.admin_site), str(capfirst(self.opts.verbose_name_plural)))],
                ),
                "title": str(job),
                "job": job,
                "report_label": report.get_label() if report else job.report,
                "format_label": job.format.upper(),
                "progress": views.progress_text(job),
                "is_background": job.delivery == Delivery.BACKGROUND,
                "is_waiting_for_engine": job.is_active
                and job.enqueued_at is None
                and job.started_at is None,
                "status_url": job_url(self.admin_site, job, "status"),
                "download_url": (
                    job_url(self.admin_site, job, "download")
                    if job.has_file and may_download(request.user, job)
                    else None
                ),
                "cancel_url": (
                    job_url(self.admin_site, job, "cancel")
                    if job.delivery == Delivery.BACKGROUND and may_cancel(request.user, job)
                    else None
                ),
                "losses": views.losses_in_words(job),
            },
        )

    def status_view(self, request: HttpRequest, key: UUID) -> HttpResponseBase:
        job = self._find(request, key)
        return self._missing(request, key) if job is None else views.status(job)

    def download_view(self, request: HttpRequest, key: UUID) -> HttpResponseBase:
        job = self._find(request, key)
        if job is None:
            return self._missing(request, key)
        return views.download(request, job, back=job_url(self.admin_site, job))

    def cancel_view(self, request: HttpRequest, key: UUID) -> HttpResponseBase:
        job = self._find(request, key)
        if job is None:
            return self._missing(request, key)
        return views.cancel(request, job, back=job_url(self.admin_site, job))

    def _find(self, request: HttpRequest, key: UUID) -> ReportJob | None:
        return visible_jobs(request.user).filter(pk=key).first()

    def _missing(self, request: HttpRequest, key: UUID) -> HttpResponseBase:
        """A foreign job and one that never was answer alike; the audit log tells them apart."""
        foreign = ReportJob.objects.filter(pk=key).first()
        if foreign is not None:
            audit.record(
                AuditAction.DENIED,
                origin=origin_of(request),
                job=foreign,
                what=request.resolver_match.url_name if request.resolver_match else None,
            )
        return not_found(request, Http404(f"No export {key}."))
