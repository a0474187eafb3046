"""Kinds: how a column's values are written. Data, so that every writer can realize them.

A kind gives each writer one function per column, chosen once and then called per value: `to_text`
for text formats, `to_cell` for spreadsheets, `to_json` and `to_arrow` for programs. None of them
is ever called with None. Only text goes through `escape` (the formula guard of a text writer);
numbers never do.
"""

from django_reports.definitions.kinds.base import (
    Cell,
    Escape,
    Kind,
    Rendering,
    ToArrow,
    ToCell,
    ToJson,
    ToText,
    kind_for_type,
    unescaped,
)
from django_reports.definitions.kinds.lookup import KINDS, kind_for_field, register_kind
from django_reports.definitions.kinds.nested import Auto, Choice, Json, List, Range
from django_reports.definitions.kinds.values import (
    ARROW_DIGITS,
    Binary,
    Boolean,
    Date,
    DateTime,
    Decimal,
    Duration,
    File,
    Float,
    Integer,
    Text,
    Time,
    Uuid,
)

__all__ = [
    "ARROW_DIGITS",
    "KINDS",
    "Auto",
    "Binary",
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
    "List",
    "Range",
    "Rendering",
    "Text",
    "Time",
    "ToArrow",
    "ToCell",
    "ToJson",
    "ToText",
    "Uuid",
    "kind_for_field",
    "kind_for_type",
    "register_kind",
    "unescaped",
]
