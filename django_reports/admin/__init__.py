"""The admin: exports from changelists, and the pages for jobs, grants and the audit log."""

from django_reports.admin.audit import AuditEntryAdmin
from django_reports.admin.grants import GroupReportPermissionAdmin
from django_reports.admin.jobs import ReportJobAdmin
from django_reports.admin.mixin import ReportAdminMixin

__all__ = [
    "AuditEntryAdmin",
    "GroupReportPermissionAdmin",
    "ReportAdminMixin",
    "ReportJobAdmin",
]
