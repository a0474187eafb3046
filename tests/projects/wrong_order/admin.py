from django.contrib import admin

from django_reports.admin import ReportAdminMixin
from tests.shop.models import Line


@admin.register(Line)
class LineAdmin(admin.ModelAdmin, ReportAdminMixin):
    """ModelAdmin calls no further bases: there is neither a button nor an action."""
