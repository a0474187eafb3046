from django.contrib import admin

from django_reports.admin import ReportAdminMixin
from tests.projects.atomic.reports import Broken, Flat
from tests.shop.models import Line


@admin.register(Line)
class LineAdmin(ReportAdminMixin, admin.ModelAdmin):
    reports = [Broken, Flat]
