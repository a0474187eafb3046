from django_reports.models.audit import AuditCheckpoint, AuditEntry, Removal
from django_reports.models.favorites import Favorite
from django_reports.models.hanging import HangingProcess
from django_reports.models.jobs import ReportJob
from django_reports.models.leftovers import Leftover
from django_reports.models.permissions import (
    ALL_REPORTS,
    GroupReportPermission,
    PermissionSnapshot,
)
from django_reports.models.presets import Preset
from django_reports.models.quotas import QUOTA_DAY, QuotaLock

__all__ = [
    "ALL_REPORTS",
    "QUOTA_DAY",
    "AuditCheckpoint",
    "AuditEntry",
    "Favorite",
    "GroupReportPermission",
    "HangingProcess",
    "Leftover",
    "PermissionSnapshot",
    "Preset",
    "QuotaLock",
    "Removal",
    "ReportJob",
]
