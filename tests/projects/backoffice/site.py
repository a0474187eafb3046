from django.contrib import admin

from django_reports.admin import AuditEntryAdmin, ReportAdminMixin, ReportJobAdmin
from django_reports.models import AuditEntry, ReportJob
from tests.shop.models import Customer, Order
from tests.shop.reports import Orders


class BackOffice(admin.AdminSite):
    site_header = "The back office"


class OrderAdmin(ReportAdminMixin, admin.ModelAdmin):
    reports = [Orders]
    list_filter = ["is_paid"]


class CustomerAdmin(ReportAdminMixin, admin.ModelAdmin):
    """Its report follows its list."""

    list_display = ["name", "email"]


site = BackOffice(name="backoffice")
site.register(Order, OrderAdmin)
site.register(Customer, CustomerAdmin)
site.register(ReportJob, ReportJobAdmin)
site.register(AuditEntry, AuditEntryAdmin)
