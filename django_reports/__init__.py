"""Reports and exports for Django: declare once, export from every door."""

from django_reports.columns import Column
from django_reports.registry import register
from django_reports.reports import ModelReport, Report, ReportContext

__version__ = "0.1.0"
__all__ = ["Column", "ModelReport", "Report", "ReportContext", "register"]
