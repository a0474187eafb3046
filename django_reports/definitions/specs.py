"""ExportSpec: the frozen description of one export. It says what is wanted, not which keys."""

import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import TextChoices
from django.utils.formats import get_format
from django.utils.translation import gettext as _

from django_reports.core.choices import (
    DecimalMark,
    Delimiter,
    Encoding,
    Header,
    LineEnd,
    Profile,
    Quoting,
)
from django_reports.core.localization import (
    Locale,
    Locales,
    normalize_filter_zone,
    normalize_language,
    normalize_zone,
)
from django_reports.definitions.kinds import Rendering
from django_reports.definitions.selections import Selection, is_selection
from django_reports.exceptions import InvalidSpec

LABEL_LENGTH = 200  # characters of a column's new name at most
# Control characters, half characters, and what else ends a line.
_UNWRITABLE = ("Cc", "Cs", "Zl", "Zp")

# Every option and what it may be.
CHOICES: Mapping[str, type[TextChoices]] = {
    "profile": Profile,
    "delimiter": Delimiter,
    "encoding": Encoding,
    "line_end": LineEnd,
    "header": Header,
    "decimal": DecimalMark,
    "quoting": Quoting,
}


@dataclass(frozen=True)
class Layout:
    """Options with nothing left open: what a writer goes by."""

    profile: Profile
    delimiter: Delimiter
    encoding: Encoding
    line_end: LineEnd
    header: Header
    decimal: DecimalMark
    quoting: Quoting


@dataclass(frozen=True)
class Options:
    """How the file is written, the same at every entry point.

    What is None follows the profile and, for spreadsheets, the language; `settled` says how.
    Raises InvalidSpec for a value that is none of an option's.
    """

    profile: Profile = Profile.SPREADSHEET
    delimiter: Delimiter | None = None
    encoding: Encoding | None = None
    line_end: LineEnd | None = None
    header: Header | None = None
    decimal: DecimalMark | None = None
    quoting: Quoting | None = None

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            value = getattr(self, name)
            if value is None and name != "profile":
                continue
            if value not in choices.values:
                raise InvalidSpec(
                    _("There is no %(option)s %(value)s.") % {"option": name, "value": repr(value)},
                    field=name,
                    legal=choices.values,
                )
            object.__setattr__(self, name, choices(value))

    @classmethod
    def of(cls, /, **values: Any) -> "Options":
        """Options from what was typed. Raises InvalidSpec also for an option that is none."""
        for name in values:
            if name not in CHOICES:
                raise InvalidSpec(
                    _("There is no option %(name)s.") % {"name": repr(name)},
                    field="options",
                    legal=CHOICES,
                )
        return cls(**values)

    def settled(self, language: str) -> Layout:
        """What is chosen, and what follows from it.

        Spreadsheets get what they expect in a country of that language: where numbers have a
        decimal comma, they split lines at semicolons.
        """
        is_spreadsheet = self.profile is Profile.SPREADSHEET
        with_comma = is_spreadsheet and _has_decimal_comma(language)
        return Layout(
            profile=self.profile,
            delimiter=self.delimiter or (Delimiter.SEMICOLON if with_comma else Delimiter.COMMA),
            encoding=self.encoding or (Encoding.UTF_8_SIG if is_spreadsheet else Encoding.UTF_8),
            line_end=self.line_end or LineEnd.CRLF,
            header=self.header or (Header.LABELS if is_spreadsheet else Header.NAMES),
            decimal=self.decimal or (DecimalMark.COMMA if with_comma else DecimalMark.POINT),
            quoting=self.quoting or Quoting.MINIMAL,
        )

    def to_json(self) -> dict[str, str]:
        """What was chosen; what was left open stays so."""
        values = {name: getattr(self, name) for name in CHOICES}
        return {name: str(value.value) for name, value in values.items() if value is not None}


def is_label(label: Any) -> bool:
    """Whether a column may be called so in a file: one line, that is not too long."""
    return (
        isinstance(label, str)
        and bool(label.strip())
        and len(label) <= LABEL_LENGTH
        and not any(unicodedata.category(character) in _UNWRITABLE for character in label)
    )


def _has_decimal_comma(language: str) -> bool:
    return bool(get_format("DECIMAL_SEPARATOR", language, use_l10n=True) == ",")


def _language(field: str, code: Any) -> str:
    """Raises InvalidSpec."""
    language = normalize_language(code)
    if language is None:
        raise InvalidSpec(
            _("There is no language %(language)s.") % {"language": repr(code)},
            field=field,
            legal=[code for code, _name in settings.LANGUAGES],
        )
    return language


_ZONES = {"time_zone": normalize_zone, "filter_time_zone": normalize_filter_zone}


def _zone(field: str, name: Any, normalize: Callable[[Any], str | None]) -> str:
    """Raises InvalidSpec."""
    zone = normalize(name)
    if zone is None:
        raise InvalidSpec(
            _("There is no time zone %(zone)s; give an IANA name such as Europe/Berlin.")
            % {"zone": repr(name)},
            field=field,
        )
    return zone


@dataclass(frozen=True)
class ExportSpec:
    """What is wanted. `columns` None means: all that the person may see, as declared.

    `labels` are other names of columns in the file, by the columns' own.
    `parameters` are the raw values of the report's form, so that they are cleaned again at every
    run. `time_zone` (an IANA name) and `language` are those of the file; `filter_time_zone` and
    `filter_language` are those in which its rows were chosen. Raises InvalidSpec for what can be
    told without the report.
    """

    report: str
    format: str = "csv"
    columns: tuple[str, ...] | None = None
    options: Options = field(default_factory=Options)
    parameters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    selection: Selection = field(default_factory=Selection)
    time_zone: str = field(default_factory=lambda: settings.TIME_ZONE)
    language: str = field(default_factory=lambda: settings.LANGUAGE_CODE)
    labels: Mapping[str, str] = field(default_factory=dict)
    filter_time_zone: str = field(default_factory=lambda: settings.TIME_ZONE)
    filter_language: str = field(default_factory=lambda: settings.LANGUAGE_CODE)

    def __post_init__(self) -> None:
        if self.columns is not None:
            object.__setattr__(self, "columns", tuple(self.columns))
            if not self.columns:
                raise InvalidSpec(_("Choose at least one column."), field="columns")
            doubled = {name for name, count in Counter(self.columns).items() if count > 1}
            if doubled:
                raise InvalidSpec(
                    _("Column %(name)s is asked for twice.") % {"name": min(doubled)},
                    field="columns",
                )
        for name, label in self.labels.items():
            if not is_label(label):
                raise InvalidSpec(
                    _("Column %(name)s cannot be called %(label)s: give one line of text.")
                    % {"name": repr(name), "label": repr(label)[:100]},
                    field="labels",
                )
        for name in ("language", "filter_language"):
            object.__setattr__(self, name, _language(name, getattr(self, name)))
        for name, normalize in _ZONES.items():
            object.__setattr__(self, name, _zone(name, getattr(self, name), normalize))

    @property
    def locales(self) -> Locales:
        return Locales(
            filter=Locale(self.filter_language, self.filter_time_zone),
            file=Locale(self.language, self.time_zone),
        )

    @property
    def layout(self) -> Layout:
        return self.options.settled(self.language)

    @property
    def rendering(self) -> Rendering:
        return Rendering(
            self.options.profile,
            ZoneInfo(self.time_zone),
            self.language,
            decimal_mark=self.layout.decimal.character,
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "report": self.report,
            "format": self.format,
            "columns": None if self.columns is None else list(self.columns),
            "labels": dict(self.labels),
            "options": self.options.to_json(),
            "parameters": {name: list(values) for name, values in self.parameters.items()},
            "selection": self.selection.to_json(),
            "time_zone": self.time_zone,
            "language": self.language,
            "filter_time_zone": self.filter_time_zone,
            "filter_language": self.filter_language,
        }

    @classmethod
    def from_json(cls, value: Any) -> "ExportSpec":
        """The inverse of `to_json`, of any JSON. Raises InvalidSpec for what is no spec."""
        if not isinstance(value, dict):
            raise _no_description(repr(value)[:100])
        for name, fits in _SHAPES.items():
            if name not in value:
                raise _no_description(_("%(name)s is missing") % {"name": name})
            if not fits(value[name]):
                told = "" if name == "parameters" else f": {value[name]!r}"  # they may be secret
                raise _no_description(f"{name}{told}"[:100])
        return cls(
            **{
                **{name: value[name] for name in _SHAPES},
                "options": Options.of(**value["options"]),
                "selection": Selection.from_json(value["selection"]),
            }
        )


def _no_description(problem: str) -> InvalidSpec:
    return InvalidSpec(_("This is no description of an export: %(error)s.") % {"error": problem})


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _each(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """A test of an object's values."""
    return lambda value: isinstance(value, dict) and all(map(fits, value.values()))


# The keys of a spec's JSON, and what each must be.
_SHAPES: Mapping[str, Callable[[Any], bool]] = {
    "report": _is_text,
    "format": _is_text,
    "columns": lambda value: value is None or _are_texts(value),
    "labels": _each(_is_text),
    "options": _each(_is_text),
    "parameters": _each(_are_texts),
    "selection": is_selection,
    "time_zone": _is_text,
    "language": _is_text,
    "filter_time_zone": _is_text,
    "filter_language": _is_text,
}


def stored_spec(value: Any) -> dict[str, Any]:
    """Return what a record has of a spec, by all of its keys; None for what is no such thing.

    Records may be older than the code, or tampered with: use this wherever one is shown.
    """
    known = value if isinstance(value, dict) else {}
    return {
        name: known[name] if name in known and fits(known[name]) else None
        for name, fits in _SHAPES.items()
    }
