"""Formats, as the services and the entry points ask about them: who may choose which, what each can
do.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from django.utils.translation import gettext as _

from django_reports.access.policies import EVERYTHING, EffectivePermissions
from django_reports.definitions.columns import BoundColumn, Label
from django_reports.definitions.specs import ExportSpec, Options, stored_spec
from django_reports.engine.writers import Writer, all_writers, plain_format, writer_for
from django_reports.exceptions import InvalidSpec


def offered_formats(effective: EffectivePermissions = EVERYTHING) -> list[tuple[str, Label]]:
    """The formats that a report permission lets one choose from, with their labels."""
    return [
        (writer.format, writer.label)
        for writer in all_writers()
        if effective.allows_format(writer.format)
    ]


def plain_formats(effective: EffectivePermissions = EVERYTHING) -> list[tuple[str, Label]]:
    """The formats without the compressed ones."""
    return [
        (name, label) for name, label in offered_formats(effective) if name == plain_format(name)
    ]


def purpose_of(format_name: str) -> str:
    """What a format is good for, in one line. Raises InvalidSpec for one that there is not."""
    return str(writer_for(format_name).purpose)


def cautions_of(format_name: str, rows: int | None, largest_key: int | None) -> list[str]:
    """What to know before about so many rows are written in a format."""
    return writer_for(format_name).cautions(rows, largest_key)


def option_names_of(format_name: str) -> Sequence[str]:
    """Which options a format heeds. Raises InvalidSpec for one that there is not."""
    return writer_for(format_name).option_names


def content_type_of(spec: ExportSpec) -> str:
    """What a file made to this spec is sent as. Raises InvalidSpec for a format that is gone."""
    return writer_for(spec.format).content_type_with(spec.options)


def stored_content_type(spec: Any) -> str:
    """What a file is sent as that was made to this spec, as JSON, whatever can be made now."""
    known = stored_spec(spec)
    try:
        return writer_for(known["format"] or "").content_type_with(
            Options.of(**known["options"] or {})
        )
    except InvalidSpec:
        return "application/octet-stream"


def writer_class_for(spec: ExportSpec, columns: Sequence[BoundColumn]) -> type[Writer]:
    """The writer of the wanted format; for several sections one that can hold them, too.

    Raises InvalidSpec, and FormatLimitExceeded for what the format cannot hold.
    """
    found = writer_for(spec.format)
    if any(column.section for column in columns) and not found.supports_sections:
        legal = [writer.format for writer in all_writers() if writer.supports_sections]
        if f"{spec.format}.zip" not in legal:
            raise InvalidSpec(
                _("A file of the format %(format)s cannot hold the sections of this report.")
                % {"format": spec.format},
                field="format",
                legal=legal,
            )
        found = writer_for(f"{spec.format}.zip")
    for name in spec.options.to_json():
        if name not in found.option_names and name != "profile":
            raise InvalidSpec(
                _("Files of the format %(format)s have no %(option)s.")
                % {"format": found.format, "option": name},
                field=name,
                legal=found.option_names,
            )
    for _section, part in groupby(columns, lambda column: column.section):
        found.check(list(part), spec.options)
    return found
