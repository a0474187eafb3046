"""Kinds: how a column's values are written. Data, so that every writer can realise them.

A kind gives each writer one function per column, chosen once and then called per value:
`to_text` for text formats, `to_cell` for typed ones. Neither is ever called with None.
Only text goes through `escape` (the formula guard of a text writer); numbers never do.
"""

from django_reports.kinds.base import Cell, Escape, Kind, Rendering, ToCell, ToText
from django_reports.kinds.lookup import (
    KINDS,
    Auto,
    kind_for_field,
    kind_for_type,
    register_kind,
)
from django_reports.kinds.values import (
    Boolean,
    Choice,
    Date,
    DateTime,
    Decimal,
    Duration,
    File,
    Float,
    Integer,
    Json,
    Text,
    Time,
    Uuid,
)

__all__ = [
    "KINDS",
    "Auto",
    "Boolean",
    "Cell",
    "Choice",
    "Date",
    "DateTime",
    "Decimal",
    "Duration",
    "Escape",
    "File",
    "Float",
    "Integer",
    "Json",
    "Kind",
    "Rendering",
    "Text",
    "Time",
    "ToCell",
    "ToText",
    "Uuid",
    "kind_for_field",
    "kind_for_type",
    "register_kind",
]
