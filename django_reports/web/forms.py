"""The form with which a person chooses how an export is made."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from django import forms
from django.conf import settings
from django.forms.boundfield import BoundField
from django.forms.utils import flatatt
from django.utils import translation
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _

from django_reports.core.choices import Profile
from django_reports.core.formatting import grouped
from django_reports.core.localization import (
    Locale,
    all_zones,
    current_language,
    current_zone,
    normalize_language,
    normalize_zone,
)
from django_reports.definitions.columns import BoundColumn, Label
from django_reports.definitions.parameters import parameter_names
from django_reports.definitions.selections import Selection
from django_reports.definitions.specs import CHOICES, LABEL_LENGTH, ExportSpec, Options, is_label
from django_reports.engine.writers import COMPRESSIONS, plain_format
from django_reports.exceptions import InvalidSpec
from django_reports.exports.formats import option_names_of, purpose_of
from django_reports.exports.prepare import label_problems

PARAMETERS_PREFIX = "parameter"
FIELDS_PER_COLUMN = 3  # its tick, its position and its name
OTHER_FIELDS = 100  # that the page may have besides, and the ticked rows that it carries along


class PlainSelect(forms.Select):
    """A select of hundreds of options: Django renders a template for each."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        others = flatatt(self.build_attrs(self.attrs, attrs))
        options = format_html_join(
            "\n",
            '<option value="{}"{}>{}</option>',
            (
                (key, mark_safe(" selected") if key == value else "", label)
                for key, label in self.choices
            ),
        )
        return format_html('<select name="{}"{}>{}</select>', name, others, options)


class LanguageField(forms.ChoiceField):
    """A language in any spelling: pages were made while another one was active, or in "en-US"."""

    def to_python(self, value: Any) -> str:
        return normalize_language(value) or super().to_python(value)

    def valid_value(self, value: Any) -> bool:
        return normalize_language(value) is not None


class ZoneField(forms.ChoiceField):
    """A time zone by its IANA name, in any spelling."""

    def to_python(self, value: Any) -> str:
        return normalize_zone(value) or super().to_python(value)

    def valid_value(self, value: Any) -> bool:
        return normalize_zone(value) is not None


@dataclass(frozen=True)
class ColumnChoice:
    """One line of the list of columns: its tick, its position, its name, what it is.

    `label` is None where there are too many columns to rename any.
    """

    column: BoundColumn
    is_chosen: bool
    position: BoundField
    label: BoundField | None


@dataclass(frozen=True)
class FormatChoice:
    """One format: what it is called, what it is good for."""

    name: str
    label: Label
    purpose: str
    is_chosen: bool


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
    """Columns and their order, format and options; `start` is what is chosen at first. The page
    has `carried` fields that are none of them.

    An option that the chosen format does not have is left aside. The order is a number per column,
    so that it works without a script and by keyboard.
    """

    format = forms.ChoiceField(label=_("Format"), widget=forms.RadioSelect)
    profile = forms.ChoiceField(label=_("Made for"), choices=Profile, widget=forms.RadioSelect)
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
    time_zone = ZoneField(label=_("Time zone"), required=False, widget=PlainSelect)
    language = LanguageField(label=_("Language"), required=False, widget=PlainSelect)

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        *,
        columns: Sequence[BoundColumn],
        formats: Sequence[tuple[str, Label]],
        start: ExportSpec,
        carried: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(data, **kwargs)
        self._columns = list(columns)
        self._start = start
        self._carried = carried
        self._field("format").choices = formats
        for name, label in OPTION_LABELS.items():
            choices = [("", _("As usual")), *CHOICES[name].choices]
            self.fields[name] = forms.ChoiceField(label=label, choices=choices, required=False)
        self._field("time_zone").choices = _zone_choices(start)
        self._field("language").choices = _language_choices(start)
        self._field("columns").choices = [(c.key, c.full_label) for c in self._columns]
        for name, value in self.data_of(start).items():
            if name in self.fields:
                self._field(name).initial = value
        self._add_fields_of_columns(start)

    def _add_fields_of_columns(self, start: ExportSpec) -> None:
        """A position for each column, and a name, where the page may have so many fields.

        Raises InvalidSpec where it may not even have the positions: nobody could send it.
        """
        order = self._order(start)
        limit = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
        columns = len(self._columns)
        if limit is not None and (FIELDS_PER_COLUMN - 1) * columns + self._carried > limit:
            raise InvalidSpec(
                _(
                    "This page would have more fields than the site takes at once (%(limit)s). "
                    "Tick fewer rows, or all rows of the list, or ask whoever runs the site to "
                    "raise DATA_UPLOAD_MAX_NUMBER_FIELDS."
                )
                % {"limit": grouped(limit)}
            )
        fields = FIELDS_PER_COLUMN * columns + OTHER_FIELDS + self._carried
        can_rename = limit is None or fields <= limit
        for index, column in enumerate(self._columns):
            self.fields[f"position_{index}"] = forms.IntegerField(
                label=_("Position of %(column)s") % {"column": column.full_label},
                min_value=1,
                max_value=len(self._columns),
                required=False,
                initial=order.index(column.key) + 1,
            )
            if can_rename:
                self.fields[f"label_{column.key}"] = _LabelField(
                    label=_("New name of %(column)s") % {"column": column.full_label},
                    max_length=LABEL_LENGTH,
                    required=False,
                    initial=start.labels.get(column.key, ""),
                    widget=forms.TextInput(attrs={"placeholder": column.label}),
                )

    def at_first(self) -> "ExportForm":
        """The form as it was before anything was typed."""
        return self._with_data(None)

    def with_columns(self, spec: ExportSpec | None) -> "ExportForm":
        """The form as it was sent, but with the columns of a spec, or with none."""
        sent: Any = self.data
        data = sent.copy()
        columns = {"columns": []} if spec is None else self.columns_of(spec)
        for name, value in columns.items():
            data.setlist(name, value if isinstance(value, list) else [str(value)])
        form = self._with_data(data)
        form.errors.pop("columns", None)  # that none is ticked is what was asked for
        return form

    def _with_data(self, data: Any) -> "ExportForm":
        formats = self._field("format").choices
        return type(self)(
            data,
            columns=self._columns,
            formats=formats,
            start=self._start,
            carried=self._carried,
        )

    @property
    def filter_locale(self) -> Locale:
        """In which its rows are chosen."""
        return self._start.locales.filter

    @property
    def is_complete(self) -> bool:
        """Whether there is enough in it for a spec."""
        return not self.is_bound or (self.is_valid() and bool(self.cleaned_data.get("columns")))

    def _field(self, name: str) -> Any:
        return self.fields[name]

    def _order(self, spec: ExportSpec) -> list[str]:
        """All columns: first the chosen ones as they are ordered, then the others as declared."""
        chosen = list(spec.columns or ())
        return [*chosen, *(c.key for c in self._columns if c.key not in chosen)]

    def data_of(self, spec: ExportSpec) -> dict[str, Any]:
        """A spec's choices as the values of the fields."""
        plain = plain_format(spec.format)
        return {
            "format": plain,
            "compression": spec.format.removeprefix(plain).removeprefix("."),
            **dict.fromkeys(OPTION_LABELS, ""),
            **spec.options.to_json(),
            "time_zone": spec.time_zone,
            "language": spec.language,
            **self.columns_of(spec),
        }

    def columns_of(self, spec: ExportSpec) -> dict[str, Any]:
        """The part of it that is about columns: which, in which order, under which names."""
        order = self._order(spec)
        positions = {
            f"position_{index}": order.index(column.key) + 1
            for index, column in enumerate(self._columns)
        }
        names = {f"label_{c.key}": spec.labels.get(c.key, "") for c in self._columns}
        chosen = spec.columns or tuple(c.key for c in self._columns)
        return {"columns": list(chosen), **positions, **names}

    @property
    def column_choices(self) -> list[ColumnChoice]:
        """The lines of the list of columns, by position."""
        chosen = set(self["columns"].value() or ())
        labels = [self._bound(f"label_{column.key}") for column in self._columns]
        lines = [
            ColumnChoice(column, column.key in chosen, self[f"position_{index}"], label)
            for index, (column, label) in enumerate(zip(self._columns, labels, strict=True))
        ]
        return sorted(lines, key=lambda line: _number(line.position.value(), len(lines)))

    def _bound(self, name: str) -> BoundField | None:
        return self[name] if name in self.fields else None

    @property
    def format_choices(self) -> list[FormatChoice]:
        """The formats, each with one line about it."""
        chosen = self["format"].value()
        return [
            FormatChoice(name, label, purpose_of(name), name == chosen)
            for name, label in self._field("format").choices
        ]

    @property
    def details(self) -> list[BoundField]:
        """The fields that most people leave as they are."""
        names = ("compression", *OPTION_LABELS, "time_zone", "language")
        return [self[name] for name in names]

    @property
    def has_detail_errors(self) -> bool:
        return any(field.errors for field in (self["profile"], *self.details))

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        if cleaned.get("format") and cleaned.get("compression"):
            try:
                option_names_of(self._format)
            except InvalidSpec as error:
                self.add_error("compression", str(error))
        chosen = [column for column in self._columns if column.key in cleaned.get("columns", ())]
        labels = {column.key: cleaned.get(f"label_{column.key}", "") for column in chosen}
        for key, problem in label_problems(chosen, labels).items():
            self.add_error(f"label_{key}", problem)
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
        """What was chosen, or what is chosen at first. Time zone and language of the file are those
        in which its rows are chosen if nothing else was."""
        if not self.is_bound:
            columns = self._start.columns or tuple(column.key for column in self._columns)
            return replace(self._start, columns=columns, selection=selection, parameters=parameters)
        heeded = option_names_of(self._format)
        options = {
            name: value
            for name in ("profile", *OPTION_LABELS)
            if (value := self.cleaned_data[name]) and (name in heeded or name == "profile")
        }
        columns = self.chosen_columns()
        labels = {name: self.cleaned_data.get(f"label_{name}", "") for name in columns}
        return ExportSpec(
            report=report,
            format=self._format,
            columns=columns,
            options=Options.of(**options),
            parameters=parameters,
            selection=selection,
            time_zone=self.cleaned_data["time_zone"] or current_zone(),
            language=self.cleaned_data["language"] or current_language(),
            labels={name: label for name, label in labels.items() if label},
            filter_time_zone=self._start.filter_time_zone,
            filter_language=self._start.filter_language,
        )


class _LabelField(forms.CharField):
    """Another name for a column; empty for none."""

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if text and not is_label(text):
            raise forms.ValidationError(_("Give one line of text."), code="invalid")
        return text


def _number(value: Any, default: int) -> int:
    """A position as it was typed, whatever that is."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else default


def _zone_choices(start: ExportSpec) -> list[tuple[str, str]]:
    # Beside all others what is in no list, such as localtime.
    names = sorted({current_zone(), start.time_zone} - all_zones())
    return [(name, name) for name in (*names, *sorted(all_zones()))]


def _language_choices(start: ExportSpec) -> list[tuple[str, Any]]:
    """The project's languages; of en-us they may know en only: what is active stays a choice."""
    known = {normalize_language(code) or code: name for code, name in settings.LANGUAGES}
    active = (current_language(), start.language)
    others = {code: _name_of(code) for code in active if code not in known}
    return [*others.items(), *known.items()]


def _name_of(language: str) -> str:
    try:
        return str(translation.get_language_info(language)["name_local"])
    except KeyError:
        return language


def keep_writable(form: forms.Form) -> forms.Form:
    """Have half characters, which JSON may spell out, stand on a page as they were spelled."""
    for field in form.fields.values():
        if isinstance(field, forms.JSONField):
            field.prepare_value = partial(_spelled_out, field.prepare_value)  # type: ignore[method-assign]
    return form


def _spelled_out(prepare: Callable[[Any], Any], value: Any) -> Any:
    text = prepare(value)
    return text.encode(errors="backslashreplace").decode() if isinstance(text, str) else text


def raw_parameters(form: forms.Form) -> dict[str, list[str]]:
    """What was typed into a report's own form, by name and without the page's prefix."""
    raw: dict[str, list[str]] = {}
    for name in parameter_names(form.fields):
        key = form.add_prefix(name)
        values = form.data.getlist(key) if hasattr(form.data, "getlist") else []
        if values:
            raw[name] = [str(value) for value in values]
    return raw
