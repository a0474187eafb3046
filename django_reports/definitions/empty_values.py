"""What stands where there is no value, in files for spreadsheets."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django_reports.definitions.columns import BoundColumn, Label
from django_reports.definitions.kinds import Boolean, Choice
from django_reports.definitions.kinds.nested import Empty, WithEmpty


def with_empty(column: BoundColumn, empty: Label = "") -> BoundColumn:
    """A field's column as spreadsheets show it where there is no value.

    That is the label of its choices for none (`__empty__`), else the text `empty`, if any.
    """
    is_field = column.compute is None and isinstance(column.sources[0], str)
    if not is_field or isinstance(column.kind, Boolean):
        return column
    labels = dict(column.kind.labels) if isinstance(column.kind, Choice) else {}
    none = labels.get(None, empty)
    blank = "" if "" in labels else empty  # a label that the kind itself writes
    if not (str(none) or str(blank)):
        return column
    name = str(column.sources[0])

    def value(row: Mapping[str, Any]) -> Any:
        found = row[name]
        if found is None or found == "":  # texts in the language that is active then
            return Empty(none if found is None else blank) or found
        return found

    return replace(column, compute=value, kind=WithEmpty(column.kind))
