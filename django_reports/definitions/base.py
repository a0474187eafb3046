"""Reports: what can be exported, declared once."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal
from zoneinfo import ZoneInfo

from django import forms
from django.apps import apps
from django.db.models import Model, QuerySet
from django.utils.text import camel_case_to_spaces, capfirst
from django.utils.translation import gettext as _

from django_reports.core.choices import Profile
from django_reports.core.localization import Locale, active_locale
from django_reports.core.users import User
from django_reports.definitions.columns import BoundColumn, Column, Label, bind, is_secret_looking
from django_reports.definitions.empty_values import with_empty
from django_reports.definitions.kinds import kind_for_field
from django_reports.exceptions import InvalidSpec

ExecutionChoice = Literal["auto", "immediate", "background"]
EXECUTION_CHOICES = ("auto", "immediate", "background")


@dataclass(frozen=True)
class Selection:
    """`kind` is a registered one: "all", "keys" or, from the admin, "changelist"."""

    kind: str = "all"
    data: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **self.data}

    @classmethod
    def from_json(cls, value: Any) -> "Selection":
        """The inverse of `to_json`, of any JSON. Raises InvalidSpec for what is no selection."""
        if not is_selection(value):
            raise InvalidSpec(
                _("There is no selection %(kind)s.") % {"kind": repr(value)[:100]},
                field="selection",
            )
        rest = dict(value)
        return cls(kind=rest.pop("kind"), data=rest)


def is_selection(value: Any) -> bool:
    """Whether a JSON value has the shape of a selection, of whichever kind."""
    return isinstance(value, dict) and isinstance(value.get("kind"), str)


@dataclass(frozen=True)
class ReportContext:
    """For whom and when rows are made.

    `user` is None only where the system asks. `now` is frozen at the moment of asking, so that a
    rerun gives the same relative dates. `selection` says which rows are wanted, `filter_locale` in
    which language and time zone they are chosen, `profile` for whom the file is. `memo` is shared
    by everything that is asked for one export: columns and rows.
    """

    user: User | None
    parameters: Mapping[str, Any]
    time_zone: ZoneInfo
    language: str
    now: dt.datetime
    selection: Selection = field(default_factory=Selection)
    filter_locale: Locale = field(default_factory=active_locale)
    profile: Profile = Profile.MACHINE
    memo: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)


class Report:
    """A report whose rows come from `rows()`: aggregates, external sources.

    It has no model whose view permission could be asked for, so it must name a `permission`.
    """

    identifier: ClassVar[str] = ""
    aliases: ClassVar[Sequence[str]] = ()
    label: ClassVar[Label] = ""
    description: ClassVar[Label] = ""
    category: ClassVar[Label] = ""
    execution: ClassVar[ExecutionChoice] = "auto"
    columns: ClassVar[Sequence[str | Column]] = ()
    parameters: ClassVar[type[forms.Form] | None] = None
    permission: ClassVar[str | None] = None
    model: ClassVar[type[Model] | None] = None
    # Instead of columns and rows: other reports, each of which is a sheet, or a file of a ZIP.
    sections: "ClassVar[Sequence[type[Report]]]" = ()
    # Whether it can be asked for by its name alone: not where its rows are an admin list's.
    is_in_catalog: ClassVar[bool] = True
    # Whether `get_columns` gives each user other columns; without a user, nobody knows them all.
    columns_vary: ClassVar[bool] = False

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

    def get_columns(self, context: ReportContext | None = None) -> list[BoundColumn]:
        """The columns with labels, kinds and sources settled, in the declared order.

        `context` says for which user, selection and profile; its parameters are empty, for they
        are cleaned later. None asks for all columns, as the system checks do. A report that gives
        each user other columns sets `columns_vary`.

        Raises ColumnError; the system checks have said so before.
        """
        if self.sections:
            return [
                replace(column, section=key, section_label=section.get_label())
                for key, section in self.get_sections().items()
                for column in section.get_columns(context)
            ]
        columns = [bind(column, self.model) for column in self.get_declared_columns()]
        is_spreadsheet = context is not None and context.profile is Profile.SPREADSHEET
        return [with_empty(column) for column in columns] if is_spreadsheet else columns

    def get_left_out(self, context: ReportContext | None = None) -> Sequence[Label]:
        """What the list that a report follows shows and the file lacks; named on the page."""
        return ()

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
        """The rows where no entry point brings its own: the model's default manager."""
        return self.model._default_manager.all()

    def filter_queryset(self, queryset: "QuerySet[Any]", context: ReportContext) -> "QuerySet[Any]":
        """Narrow the rows to those that this person may have. Applied at every entry point."""
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
