"""The form with which a person chooses how an export is made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from django_reports.columns import BoundColumn
from django_reports.exports import formats, parameter_names
from django_reports.selections import Selection
from django_reports.specs import ExportSpec, Options
from django_reports.statuses import Profile

PARAMETERS_PREFIX = "parameter"


@dataclass(frozen=True)
class ColumnChoice:
    """One line of the list of columns: its tick, its position, what it is."""

    column: BoundColumn
    is_chosen: bool
    position: BoundField


class ExportForm(forms.Form):
    """Columns and their order, format and profile.

    The order is a number per column, so that it works without a script and by keyboard.
    """

    format = forms.ChoiceField(label=_("Format"), widget=forms.RadioSelect)
    profile = forms.ChoiceField(
        label=_("Made for"), choices=Profile, widget=forms.RadioSelect, initial=Profile.SPREADSHEET
    )
    columns = forms.MultipleChoiceField(
        label=_("Columns"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one column.")},
    )

    def __init__(
        self, data: Mapping[str, Any] | None, *, columns: Sequence[BoundColumn], **kwargs: Any
    ) -> None:
        super().__init__(data, **kwargs)
        self._columns = list(columns)
        self._field("format").choices = formats()
        self._field("format").initial = formats()[0][0]
        self._field("columns").choices = [(c.name, str(c.label)) for c in self._columns]
        self._field("columns").initial = [c.name for c in self._columns]
        for index, column in enumerate(self._columns):
            self.fields[f"position_{index}"] = forms.IntegerField(
                label=_("Position of %(column)s") % {"column": column.label},
                min_value=1,
                max_value=len(self._columns),
                required=False,
                initial=index + 1,
            )

    def _field(self, name: str) -> Any:
        return self.fields[name]

    @property
    def column_choices(self) -> list[ColumnChoice]:
        """The lines of the list of columns, in the declared order."""
        chosen = set(self["columns"].value() or ())
        return [
            ColumnChoice(column, column.name in chosen, self[f"position_{index}"])
            for index, column in enumerate(self._columns)
        ]

    def chosen_columns(self) -> tuple[str, ...]:
        """The ticked columns by position; those without one, or with the same, as declared."""
        ticked = set(self.cleaned_data["columns"])
        ordered = sorted(
            (self.cleaned_data.get(f"position_{index}") or index + 1, index, column.name)
            for index, column in enumerate(self._columns)
            if column.name in ticked
        )
        return tuple(name for _position, _index, name in ordered)

    def spec(
        self, report: str, selection: Selection, parameters: Mapping[str, Sequence[str]]
    ) -> ExportSpec:
        """What was chosen, in the person's language and time zone."""
        return ExportSpec(
            report=report,
            format=self.cleaned_data["format"],
            columns=self.chosen_columns(),
            options=Options(profile=self.cleaned_data["profile"]),
            parameters=parameters,
            selection=selection,
            time_zone=timezone.get_current_timezone_name(),
            language=translation.get_language(),
        )


def raw_parameters(form: forms.Form) -> dict[str, list[str]]:
    """What was typed into a report's own form, by name and without the page's prefix."""
    raw: dict[str, list[str]] = {}
    for name in parameter_names(form.fields):
        key = form.add_prefix(name)
        values = form.data.getlist(key) if hasattr(form.data, "getlist") else []
        if values:
            raw[name] = [str(value) for value in values]
    return raw
