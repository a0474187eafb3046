from django.contrib import admin
from safedelete.admin import SafeDeleteAdmin

from django_reports.admin import ReportAdminMixin
from tests.projects.foreign_querysets import reports
from tests.projects.foreign_querysets.models import Article, Car, Note, Offer, Page, Secret, Vehicle


@admin.register(Article)
class ArticleAdmin(ReportAdminMixin, admin.ModelAdmin):
    reports = [reports.Articles]
    list_display = ["title", "name", "section"]


@admin.register(Page)
class PageAdmin(ReportAdminMixin, admin.ModelAdmin):
    reports = [reports.Pages]


@admin.register(Vehicle)
class VehicleAdmin(ReportAdminMixin, admin.ModelAdmin):
    reports = [reports.Vehicles]


@admin.register(Car)
class CarAdmin(ReportAdminMixin, admin.ModelAdmin):
    reports = [reports.Cars]


@admin.register(Note)
class NoteAdmin(ReportAdminMixin, SafeDeleteAdmin):
    reports = [reports.Notes]


@admin.register(Offer)
class OfferAdmin(ReportAdminMixin, admin.ModelAdmin):
    reports = [reports.Offers]


@admin.register(Secret)
class SecretAdmin(ReportAdminMixin, admin.ModelAdmin):
    reports = [reports.Secrets]
