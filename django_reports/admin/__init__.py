"""The admin: exports from changelists, and the pages for jobs, report permissions and the audit
log.
"""

from django_reports.admin.audit import AuditEntryAdmin
from django_reports.admin.jobs import ReportJobAdmin
from django_reports.admin.mixin import ReportAdminMixin
from django_reports.admin.report_permissions import GroupReportPermissionAdmin

__all__ = [
    "AuditEntryAdmin",
    "GroupReportPermissionAdmin",
    "ReportAdminMixin",
    "ReportJobAdmin",
]
