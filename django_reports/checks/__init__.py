"""System checks. Each message has an id of its own, and a remedy.

Importing this package registers them.
"""

from django_reports.checks import (
    audit,
    databases,
    report_permissions,
    reports,
    settings,
    sites,
    storage,
)

__all__ = ["audit", "databases", "report_permissions", "reports", "settings", "sites", "storage"]
