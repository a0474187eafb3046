"""Which kind a value has: by its model field, or by its Python type."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal as PyDecimal
from typing import Any
from uuid import UUID

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from django_reports.exceptions import UnsupportedValue
from django_reports.kinds.base import Cell, Escape, Kind, Rendering, ToCell, ToText
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


@dataclass(frozen=True)
class Auto(Kind):
    """For values whose kind nobody declared: each by its own Python type, none by `str()`."""

    name = "auto"

    def to_text(self, rendering: Rendering, escape: Escape) -> ToText:
        texts: dict[type, ToText] = {}

        def text(value: Any) -> str:
            python_type = type(value)
            if python_type not in texts:
                texts[python_type] = kind_for_type(python_type).to_text(rendering, escape)
            return texts[python_type](value)

        return text

    def to_cell(self, rendering: Rendering) -> ToCell:
        cells: dict[type, ToCell] = {}

        def cell(value: Any) -> Cell:
            python_type = type(value)
            if python_type not in cells:
                cells[python_type] = kind_for_type(python_type).to_cell(rendering)
            return cells[python_type](value)

        return cell


# Looked up along the type's bases; bool before int, datetime before date by that order.
_BY_TYPE: dict[type, Kind] = {
    str: Text(),
    Promise: Text(),
    bool: Boolean(),
    int: Integer(),
    float: Float(),
    PyDecimal: Decimal(),
    dt.datetime: DateTime(),
    dt.date: Date(),
    dt.time: Time(),
    dt.timedelta: Duration(),
    UUID: Uuid(),
    dict: Json(),
    list: Json(),
    tuple: Json(),
}


def kind_for_type(python_type: type) -> Kind:
    """The kind of a Python type. Raises UnsupportedValue for one that has no defined way."""
    for base in python_type.__mro__:
        if base in _BY_TYPE:
            return _BY_TYPE[base]
    raise UnsupportedValue(
        _(
            "A value of type %(type)s has no defined way into a file. "
            "Give the column a kind=, or return one of: %(legal)s."
        )
        % {
            "type": python_type.__name__,
            "legal": ", ".join(base.__name__ for base in _BY_TYPE if base is not Promise),
        }
    )


FieldKind = Callable[[Any], Kind]
_BY_FIELD: dict[type, FieldKind] = {}


def register_kind(field_class: type, kind: Kind | FieldKind) -> None:
    """Say how a model field class (and those derived from it) is written.

    `kind` is a Kind, or a function that gets the field and returns one.
    """
    if isinstance(kind, Kind):
        fixed = kind
        _BY_FIELD[field_class] = lambda field: fixed
    else:
        _BY_FIELD[field_class] = kind


def kind_for_field(field: Any) -> Kind | None:
    """The kind of a model field; None for a field class that nobody registered."""
    for base in type(field).__mro__:
        if base in _BY_FIELD:
            kind = _BY_FIELD[base](field)
            labels = tuple(getattr(field, "flatchoices", None) or ())
            return Choice(kind, labels) if labels else kind
    return None


def _related(field: Any) -> Kind:
    return kind_for_field(field.target_field) or Auto()


def _generated(field: Any) -> Kind:
    return kind_for_field(field.output_field) or Auto()


for _field_class, _kind in (
    (models.CharField, Text()),
    (models.TextField, Text()),
    (models.GenericIPAddressField, Text()),
    (models.FilePathField, Text()),
    (models.IntegerField, Integer()),
    (models.FloatField, Float()),
    (models.BooleanField, Boolean()),
    (models.DateField, Date()),
    (models.DateTimeField, DateTime()),
    (models.TimeField, Time()),
    (models.DurationField, Duration()),
    (models.UUIDField, Uuid()),
    (models.JSONField, Json()),
    (models.FileField, File()),
):
    register_kind(_field_class, _kind)
register_kind(models.DecimalField, lambda field: Decimal(field.decimal_places))
register_kind(models.ForeignKey, _related)
register_kind(models.GeneratedField, _generated)

KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Auto(),
        Text(),
        Integer(),
        Decimal(),
        Float(),
        Boolean(),
        Date(),
        DateTime(),
        Time(),
        Duration(),
        Uuid(),
        Json(),
        File(),
    )
}
