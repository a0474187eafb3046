"""ExportSpec: the frozen description of one export. It says what is wanted, not which keys."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.utils.translation import gettext as _

from django_reports.exceptions import InvalidSpec
from django_reports.kinds import Rendering
from django_reports.selections import Selection
from django_reports.statuses import Profile


@dataclass(frozen=True)
class Options:
    """How the file is written, the same at every door."""

    profile: Profile = Profile.SPREADSHEET

    def __post_init__(self) -> None:
        if self.profile not in Profile.values:
            raise InvalidSpec(
                _("There is no profile %(profile)s.") % {"profile": repr(self.profile)},
                field="profile",
                legal=Profile.values,
            )
        object.__setattr__(self, "profile", Profile(self.profile))

    def to_json(self) -> dict[str, Any]:
        return {"profile": self.profile.value}


@dataclass(frozen=True)
class ExportSpec:
    """What is wanted. `columns` None means: all that the person may see, as declared.

    `parameters` are the raw values of the report's form, so that they are cleaned again at every
    run. `time_zone` is an IANA name. Raises InvalidSpec for what can be told without the report.
    """

    report: str
    format: str = "csv"
    columns: tuple[str, ...] | None = None
    options: Options = field(default_factory=Options)
    parameters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    selection: Selection = field(default_factory=Selection)
    time_zone: str = field(default_factory=lambda: settings.TIME_ZONE)
    language: str = field(default_factory=lambda: settings.LANGUAGE_CODE)

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
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise InvalidSpec(
                _("There is no time zone %(zone)s; give an IANA name such as Europe/Berlin.")
                % {"zone": repr(self.time_zone)},
                field="time_zone",
            ) from error

    @property
    def rendering(self) -> Rendering:
        return Rendering(self.options.profile, ZoneInfo(self.time_zone), self.language)

    def to_json(self) -> dict[str, Any]:
        return {
            "report": self.report,
            "format": self.format,
            "columns": None if self.columns is None else list(self.columns),
            "options": self.options.to_json(),
            "parameters": {name: list(values) for name, values in self.parameters.items()},
            "selection": self.selection.to_json(),
            "time_zone": self.time_zone,
            "language": self.language,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "ExportSpec":
        """The inverse of `to_json`. Raises InvalidSpec for a value that is not one of its kind."""
        try:
            columns = value["columns"]
            if not isinstance(columns, list | None):
                raise TypeError(f"columns must be a list, not {columns!r}")
            for name, values in value["parameters"].items():
                if not isinstance(values, list):
                    raise TypeError(f"parameter {name!r} must be a list, not {values!r}")
            return cls(
                report=value["report"],
                format=value["format"],
                columns=None if columns is None else tuple(columns),
                options=Options(**value["options"]),
                parameters=value["parameters"],
                selection=Selection.from_json(value["selection"]),
                time_zone=value["time_zone"],
                language=value["language"],
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InvalidSpec(
                _("This is no description of an export: %(error)s.") % {"error": repr(error)}
            ) from error
