from django.contrib import admin

from django_reports.admin import ReportAdminMixin
from tests.ordered.models import Product


@admin.register(Product)
class ProductAdmin(ReportAdminMixin, admin.ModelAdmin):
    list_display = ["id", "brand", "maker", "owner", "size"]
