"""Lists with mistakes that Django's own checks name, registered before all models are there."""

from django.contrib import admin
from django.db import models

from django_reports import ModelReport, register
from django_reports.admin import ReportAdminMixin


class Thing(models.Model):
    missing = models.ForeignKey("nowhere.Missing", models.CASCADE)


@register
class Things(ModelReport):
    model = Thing


@admin.register(Thing)
class ThingAdmin(ReportAdminMixin, admin.ModelAdmin):
    list_display = ["missing", "unknown"]


class Other(models.Model):
    pass


@admin.register(Other)
class OtherAdmin(ReportAdminMixin, admin.ModelAdmin):
    list_display = 10
