"""The report that follows an admin's list: the columns that it shows each user."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.contrib.admin import ModelAdmin
from django.db.models import QuerySet

from django_reports.admin.changelists import KIND, replay_of, whole_list
from django_reports.admin.list_columns import Shown, shown_by
from django_reports.core.choices import Profile
from django_reports.definitions.base import ModelReport, ReportContext
from django_reports.definitions.columns import BoundColumn, Column, Label


class ListReport(ModelReport):
    """What the list of a ModelAdmin shows whoever asks: its rows, and its columns."""

    is_in_catalog = False
    columns_vary = True

    def __init__(self, model_admin: "ModelAdmin[Any]") -> None:
        self.model_admin = model_admin
        self.model = model_admin.model  # type: ignore[misc]

    def get_identifier(self) -> str:
        return f"{self.model_admin.admin_site.name}.{self.model_admin.opts.label_lower}"

    def get_declared_columns(self) -> list[Column]:
        return []

    def get_columns(self, context: ReportContext | None = None) -> list[BoundColumn]:
        return self._shown(context).columns

    def get_left_out(self, context: ReportContext | None = None) -> Sequence[Label]:
        return self._shown(context).left_out

    def get_queryset(self, context: ReportContext) -> "QuerySet[Any]":
        if context.user is None:
            return super().get_queryset(context)
        return replay_of(self._of_list(context)).rows()

    def _of_list(self, context: ReportContext) -> ReportContext:
        """Of whoever asks without the list, the list without a filter."""
        if context.selection.kind == KIND:
            return context
        return replace(context, selection=whole_list(self.model_admin))

    def _shown(self, context: ReportContext | None) -> Shown:
        """What the list shows the user; without one, what the ModelAdmin declares."""
        is_spreadsheet = context is not None and context.profile is Profile.SPREADSHEET
        if context is None or context.user is None:
            declared = self.model_admin.list_display
            names = declared if isinstance(declared, list | tuple) else ()
            return shown_by(self.model_admin, names, is_spreadsheet=is_spreadsheet)
        with context.filter_locale.active():  # a list may show each language other columns
            replay = replay_of(self._of_list(context))
            list_display = replay.list_display()
        shown = shown_by(replay.model_admin, list_display, is_spreadsheet=is_spreadsheet)
        columns = [
            replace(column, from_instance=replay.checked(column.from_instance))
            if column.from_instance
            else column
            for column in shown.columns
        ]
        return shown._replace(columns=columns)
