from django.contrib import admin

from django_reports.admin import ReportAdminMixin
from tests.projects.members.models import Member


@admin.register(Member)
class MemberAdmin(ReportAdminMixin, admin.ModelAdmin):
    list_display = ["email", "is_staff", "password"]
    list_filter = ["groups"]
    ordering = ["email"]
