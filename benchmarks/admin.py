"""The list whose export is measured: fields, a foreign key, and two columns that it computes."""

from django.contrib import admin
from django.utils.html import format_html

from benchmarks.models import Order
from django_reports.admin import ReportAdminMixin


@admin.register(Order)
class OrderAdmin(ReportAdminMixin, admin.ModelAdmin):
    rows = 0  # how many at most; a way sets it
    ordering = ["pk"]
    list_display = [
        "number",
        "customer",
        "customer__email",
        "region",
        "status",
        "total",
        "is_gift",
        "placed_at",
        "due_on",
        "note",
        "margin",
        "badge",
    ]

    def get_queryset(self, request):
        return super().get_queryset(request).filter(id__lte=OrderAdmin.rows)

    def margin(self, order):
        return order.total - (order.cost or 0)

    def badge(self, order):
        return format_html("<b>{}</b> &ndash; {}", order.number, order.get_region_display())
