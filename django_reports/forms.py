"""The form with which a person chooses how an export is made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.forms.boundfield import BoundField
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from django_reports.columns import BoundColumn, Label
from django_reports.exceptions import InvalidSpec
from django_reports.exports import option_names_of, parameter_names
from django_reports.selections import Selection
from django_reports.specs import CHOICES, ExportSpec, Options
from django_reports.statuses import Profile
from django_reports.writers import COMPRESSIONS

PARAMETERS_PREFIX = "parameter"


@dataclass(frozen=True)
class ColumnChoice:
    """One line of the list of columns: its tick, its position, what it is."""

    column: BoundColumn
    is_chosen: bool
    position: BoundField


# The options besides the profile, as they are called on the page.
OPTION_LABELS = {
    "delimiter": _("Separator"),
    "encoding": _("Encoding"),
    "line_end": _("Line end"),
    "header": _("Header"),
    "decimal": _("Decimal mark"),
    "quoting": _("Quotation marks"),
}
COMPRESSION_LABELS = {"gz": _("gzip (.gz)"), "zip": _("ZIP (.zip)")}


class ExportForm(forms.Form):
    """Columns and their order, format and options.

    An option that the chosen format does not have is left aside. The order is a number per column,
    so that it works without a script and by keyboard.
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

    compression = forms.ChoiceField(
        label=_("Compression"),
        choices=[("", _("None")), *((name, COMPRESSION_LABELS[name]) for name in COMPRESSIONS)],
        required=False,
    )
    time_zone = forms.ChoiceField(label=_("Time zone"), required=False)
    language = forms.ChoiceField(label=_("Language"), required=False)

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        *,
        columns: Sequence[BoundColumn],
        formats: Sequence[tuple[str, Label]],
        **kwargs: Any,
    ) -> None:
        super().__init__(data, **kwargs)
        self._columns = list(columns)
        self._field("format").choices = formats
        self._field("format").initial = formats[0][0] if formats else None
        for name, label in OPTION_LABELS.items():
            choices = [("", _("As usual")), *CHOICES[name].choices]
            self.fields[name] = forms.ChoiceField(label=label, choices=choices, required=False)
        zone, language = timezone.get_current_timezone_name(), translation.get_language()
        self._field("time_zone").choices = [(z, z) for z in sorted({zone, *available_timezones()})]
        self._field("time_zone").initial = zone
        known = dict(settings.LANGUAGES)
        # Of en-us LANGUAGES may know en only; what is active stays a choice.
        self._field("language").choices = {language: _name_of(language), **known}.items()
        self._field("language").initial = language
        self._field("columns").choices = [(c.key, c.full_label) for c in self._columns]
        self._field("columns").initial = [c.key for c in self._columns]
        for index, column in enumerate(self._columns):
            self.fields[f"position_{index}"] = forms.IntegerField(
                label=_("Position of %(column)s") % {"column": column.full_label},
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
            ColumnChoice(column, column.key in chosen, self[f"position_{index}"])
            for index, column in enumerate(self._columns)
        ]

    @property
    def details(self) -> list[BoundField]:
        """The fields that most people leave as they are."""
        names = ("compression", *OPTION_LABELS, "time_zone", "language")
        return [self[name] for name in names]

    @property
    def has_detail_errors(self) -> bool:
        return any(field.errors for field in self.details)

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        if cleaned.get("format") and cleaned.get("compression"):
            try:
                option_names_of(self._format)
            except InvalidSpec as error:
                self.add_error("compression", str(error))
        return cleaned

    @property
    def _format(self) -> str:
        parts = (self.cleaned_data["format"], self.cleaned_data["compression"])
        return ".".join(part for part in parts if part)

    def chosen_columns(self) -> tuple[str, ...]:
        """The ticked columns by position; those without one, or with the same, as declared."""
        ticked = set(self.cleaned_data["columns"])
        ordered = sorted(
            (self.cleaned_data.get(f"position_{index}") or index + 1, index, column.key)
            for index, column in enumerate(self._columns)
            if column.key in ticked
        )
        return tuple(name for _position, _index, name in ordered)

    def spec(
        self, report: str, selection: Selection, parameters: Mapping[str, Sequence[str]]
    ) -> ExportSpec:
        """What was chosen; time zone and language are the person's own if nothing was."""
        heeded = option_names_of(self._format)
        options = {
            name: value
            for name in ("profile", *OPTION_LABELS)
            if (value := self.cleaned_data[name]) and (name in heeded or name == "profile")
        }
        return ExportSpec(
            report=report,
            format=self._format,
            columns=self.chosen_columns(),
            options=Options.of(**options),
            parameters=parameters,
            selection=selection,
            time_zone=self.cleaned_data["time_zone"] or timezone.get_current_timezone_name(),
            language=self.cleaned_data["language"] or translation.get_language(),
        )


def _name_of(language: str) -> str:
    try:
        return str(translation.get_language_info(language)["name_local"])
    except KeyError:
        return language


def raw_parameters(form: forms.Form) -> dict[str, list[str]]:
    """What was typed into a report's own form, by name and without the page's prefix."""
    raw: dict[str, list[str]] = {}
    for name in parameter_names(form.fields):
        key = form.add_prefix(name)
        values = form.data.getlist(key) if hasattr(form.data, "getlist") else []
        if values:
            raw[name] = [str(value) for value in values]
    return raw
