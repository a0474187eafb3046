"""What a person chooses of a file, whichever rows it holds: kept with a job or under a name."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django_reports.core.localization import active_locale, current_zone
from django_reports.definitions.columns import BoundColumn, Label
from django_reports.definitions.specs import ExportSpec, Options, stored_spec
from django_reports.engine.writers import all_writers, plain_format, writer_for
from django_reports.exceptions import InvalidSpec

# The keys of a spec that are chosen for any rows alike.
_KEPT = ("format", "columns", "labels", "options", "time_zone", "language")
# What an export that is made again keeps besides.
_KEPT_AGAIN = ("filter_time_zone", "filter_language")


def choices_of(spec: ExportSpec) -> dict[str, Any]:
    """The choices in a spec, as JSON."""
    return choices_in(spec.to_json())


def choices_in(stored: Any) -> dict[str, Any]:
    """The choices in a spec's JSON. A file in the language or time zone of its page is what a
    person gets who chooses none."""
    spec = stored_spec(stored)
    not_chosen = [
        name for name in ("time_zone", "language") if spec[name] == spec[f"filter_{name}"]
    ]
    return {name: spec[name] for name in _KEPT if name not in not_chosen}


def first_choices(report: str, formats: Sequence[tuple[str, Label]]) -> ExportSpec:
    """Where a person starts who has never exported a report."""
    active = active_locale()
    return ExportSpec(
        report=report,
        format=formats[0][0] if formats else "csv",
        time_zone=current_zone(),
        language=active.language,
        filter_time_zone=active.time_zone,
        filter_language=active.language,
    )


def drop_unavailable(
    choices: Any,
    report: str,
    columns: Sequence[BoundColumn],
    formats: Sequence[tuple[str, Label]],
) -> tuple[ExportSpec, list[str]]:
    """Choices that were made once, as far as they can be made by this person now.

    And what of them cannot: names of columns and of a format.
    """
    start = first_choices(report, formats)
    known = stored_spec(choices)
    kept = {name: known[name] for name in (*_KEPT, *_KEPT_AGAIN) if known[name] is not None}
    try:
        spec = ExportSpec.from_json({**start.to_json(), **kept})
    except InvalidSpec as error:  # an option, a language or a time zone that is no longer there
        return start, [str(error.field or "")]
    names = [column.key for column in columns]
    left_out = [name for name in spec.columns or () if name not in names]
    chosen = tuple(name for name in spec.columns or () if name in names)
    if not _is_offered(spec.format, formats):
        left_out.append(spec.format)
        spec = replace(spec, format=start.format)
    in_file = chosen or names
    heeded = ("profile", *writer_for(spec.format).option_names)
    options = {name: value for name, value in spec.options.to_json().items() if name in heeded}
    return (
        replace(
            spec,
            columns=chosen or None,
            options=Options.of(**options),
            labels={name: label for name, label in spec.labels.items() if name in in_file},
        ),
        left_out,
    )


def _is_offered(name: str, formats: Sequence[tuple[str, Label]]) -> bool:
    is_known = any(writer.format == name for writer in all_writers())
    return is_known and plain_format(name) in dict(formats)
