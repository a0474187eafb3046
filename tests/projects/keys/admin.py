from django.contrib import admin

from django_reports.admin import ReportAdminMixin
from tests.projects.keys.models import Article, Parcel
from tests.projects.keys.reports import Articles, Parcels


@admin.register(Parcel)
class ParcelAdmin(ReportAdminMixin, admin.ModelAdmin):
    reports = [Parcels]
    list_filter = ["weight"]


@admin.register(Article)
class ArticleAdmin(ReportAdminMixin, admin.ModelAdmin):
    reports = [Articles]
    search_fields = ["code"]
