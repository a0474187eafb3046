"""Reports: what can be exported, declared once."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias
from zoneinfo import ZoneInfo

from django import forms
from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model, QuerySet
from django.utils.text import camel_case_to_spaces, capfirst

from django_reports.columns import (
    BoundColumn,
    Column,
    ColumnError,
    Label,
    bind,
    is_secret_looking,
)
from django_reports.kinds import kind_for_field

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractUser, AnonymousUser

    User: TypeAlias = AbstractUser | AnonymousUser
else:  # importable before the apps are loaded
    User = Any
DeliveryChoice = Literal["auto", "immediate", "background"]
DELIVERY_CHOICES = ("auto", "immediate", "background")


@dataclass(frozen=True)
class ReportContext:
    """For whom and when rows are made.

    `user` is None only where the system asks. `now` is frozen at the moment of asking, so that a
    rerun gives the same relative dates.
    """

    user: User | None
    parameters: Mapping[str, Any]
    time_zone: ZoneInfo
    language: str
    now: dt.datetime


class Report:
    """A report whose rows come from `rows()`: aggregates, external sources.

    It has no model whose view permission could be asked for, so it must name a `permission`.
    """

    identifier: ClassVar[str] = ""
    aliases: ClassVar[Sequence[str]] = ()
    label: ClassVar[Label] = ""
    description: ClassVar[Label] = ""
    category: ClassVar[Label] = ""
    delivery: ClassVar[DeliveryChoice] = "auto"
    columns: ClassVar[Sequence[str | Column]] = ()
    parameters: ClassVar[type[forms.Form] | None] = None
    permission: ClassVar[str | None] = None
    model: ClassVar[type[Model] | None] = None
    # Instead of columns and rows: other reports, each of which is a sheet, or a file of a ZIP.
    sections: "ClassVar[Sequence[type[Report]]]" = ()
    # Whether it can be asked for by its name alone: not where its rows are an admin list's.
    is_in_catalogue: ClassVar[bool] = True
    # What a list shows and a report that follows it cannot have; said on the page.
    left_out: ClassVar[Sequence[str]] = ()

    def rows(self, context: ReportContext) -> Iterable[Mapping[str, Any]]:
        """The rows, each a mapping from column name to value. May be a generator."""
        raise NotImplementedError(f"{type(self).__name__} must define rows(context)")

    # What follows is asked by the services; a report seldom needs to change it.

    def get_identifier(self) -> str:
        """The stable key: `identifier`, or app label and class name in lower case."""
        if self.identifier:
            return self.identifier
        app = apps.get_containing_app_config(type(self).__module__)
        label = app.label if app else self.model._meta.app_label if self.model else "reports"
        return f"{label}.{type(self).__name__.lower()}"

    def get_label(self) -> Label:
        return self.label or capfirst(camel_case_to_spaces(type(self).__name__))

    def get_declared_columns(self) -> list[Column]:
        return [Column(c) if isinstance(c, str) else c for c in self.columns]

    def get_columns(self) -> list[BoundColumn]:
        """The columns with labels, kinds and sources settled, in the declared order.

        Raises ColumnError; the system checks have said so before.
        """
        if self.sections:
            return [
                replace(column, section=key, section_label=section.get_label())
                for key, section in self.get_sections().items()
                for column in section.get_columns()
            ]
        return [bind(column, self.model) for column in self.get_declared_columns()]

    def get_sections(self) -> "dict[str, Report]":
        """The sections by the key that stands before the names of their columns.

        That is the last part of a section's identifier. Without sections, the report itself.
        """
        if not self.sections:
            return {"": self}
        made = [section() for section in self.sections]
        return {section.get_identifier().rpartition(".")[2]: section for section in made}


class ModelReport(Report):
    """A report whose rows are those of a model.

    Without `columns` it has every field of the model that does not look like a secret.
    """

    model: ClassVar[type[Model]]

    def get_queryset(self, context: ReportContext) -> "QuerySet[Any]":
        """The rows where no door brings its own: the model's default manager."""
        return self.model._default_manager.all()

    def filter_queryset(self, queryset: "QuerySet[Any]", context: ReportContext) -> "QuerySet[Any]":
        """Narrow the rows to those that this person may have. Applied at every door."""
        return queryset

    def rows(self, context: ReportContext) -> Iterable[Mapping[str, Any]]:
        raise TypeError("a ModelReport is read through its queryset, not through rows()")

    def get_label(self) -> Label:
        return self.label or capfirst(self.model._meta.verbose_name_plural or "")

    def get_declared_columns(self) -> list[Column]:
        return super().get_declared_columns() or [
            Column(name) for name in default_column_names(self.model)
        ]


def default_column_names(model: type[Model]) -> list[str]:
    """The model's own fields that can be written and do not look like secrets."""
    return [
        f.name
        for f in model._meta.concrete_fields
        if kind_for_field(f) is not None and not is_secret_looking(f.name)
    ]


def exportable_names(model: type[Model], names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Of `names` (a list_display), those that are columns, and those that are not.

    What is computed by a method cannot be a column by itself: what it reads is not known, and
    reading it would cost queries per row.
    """
    columns: list[str] = []
    left_out: list[str] = []
    for name in names:
        try:
            bind(Column(name), model)
        except (ColumnError, FieldDoesNotExist):
            left_out.append(name)
            continue
        (left_out if is_secret_looking(name) else columns).append(name)
    return columns, left_out
