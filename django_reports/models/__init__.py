from django_reports.models.audit import AuditEntry
from django_reports.models.jobs import ReportJob
from django_reports.models.permissions import ALL_REPORTS, GroupReportPermission
from django_reports.models.quotas import QuotaLock

__all__ = ["ALL_REPORTS", "AuditEntry", "GroupReportPermission", "QuotaLock", "ReportJob"]
