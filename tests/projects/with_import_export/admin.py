from django.contrib import admin
from import_export.admin import (
    ExportActionMixin,
    ImportExportActionModelAdmin,
    ImportExportMixin,
    ImportExportModelAdmin,
)

from django_reports.admin import ReportAdminMixin
from tests.projects.with_import_export.models import Book, Film, Play, Song


class Listed:
    list_display = ["title", "year"]
    list_filter = ["year"]


@admin.register(Book)
class BookAdmin(ReportAdminMixin, Listed, ImportExportModelAdmin):
    pass


@admin.register(Film)
class FilmAdmin(ImportExportMixin, ReportAdminMixin, Listed, admin.ModelAdmin):
    pass


@admin.register(Song)
class SongAdmin(ReportAdminMixin, Listed, ImportExportActionModelAdmin):
    """Both have an action."""


@admin.register(Play)
class PlayAdmin(ExportActionMixin, ReportAdminMixin, Listed, admin.ModelAdmin):
    """Both have an action, the other way round."""
