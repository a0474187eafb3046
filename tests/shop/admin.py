from django.contrib import admin

from django_reports.admin import ReportAdminMixin
from tests.shop.models import Customer, Order
from tests.shop.reports import Numbers, Orders, SlowNumbers


@admin.register(Order)
class OrderAdmin(ReportAdminMixin, admin.ModelAdmin):
    reports = [Orders, Numbers, SlowNumbers]
    list_display = ["number", "customer", "region", "total"]
    list_filter = ["region", "is_paid"]
    search_fields = ["number", "customer__name"]
    list_select_related = ["customer"]


@admin.register(Customer)
class CustomerAdmin(ReportAdminMixin, admin.ModelAdmin):
    list_display = ["name", "email", "shout", "api_token"]

    def shout(self, customer):
        return customer.name.upper()
