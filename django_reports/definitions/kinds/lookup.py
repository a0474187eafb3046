"""Which kind a value has: by its model field, or by its Python type."""

import datetime as dt
from collections.abc import Callable, Mapping
from decimal import Decimal as PyDecimal
from typing import Any
from uuid import UUID

from django.db import models
from django.db.backends.base.operations import BaseDatabaseOperations
from django.utils.functional import Promise

from django_reports.definitions.kinds.base import BY_TYPE, Kind
from django_reports.definitions.kinds.nested import Auto, Choice, Json, List, Range
from django_reports.definitions.kinds.values import (
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

BY_TYPE.update(
    {
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
        list: List(),
        tuple: List(),
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


def _integer(field: Any) -> Kind:
    limits = BaseDatabaseOperations.integer_field_ranges.get(field.get_internal_type())
    return Integer(max_digits=max(len(str(abs(limit))) for limit in limits) if limits else None)


def _related(field: Any) -> Kind:
    if isinstance(field.remote_field.model, str):  # a model that is missing, as Django's checks say
        return Auto()
    return kind_for_field(field.target_field) or Auto()


def _generated(field: Any) -> Kind:
    return kind_for_field(field.output_field) or Auto()


def _array(field: Any) -> Kind:
    return List(kind_for_field(field.base_field) or Auto())


def _range(field: Any) -> Kind:
    return Range(kind_for_field(field.base_field) or Auto())


for _field_class, _kind in (
    (models.CharField, Text()),
    (models.TextField, Text()),
    (models.GenericIPAddressField, Text()),
    (models.FilePathField, Text()),
    (models.FloatField, Float()),
    (models.BooleanField, Boolean()),
    (models.DateField, Date()),
    (models.DateTimeField, DateTime()),
    (models.TimeField, Time()),
    (models.DurationField, Duration()),
    (models.UUIDField, Uuid()),
    (models.JSONField, Json()),
    (models.FileField, File()),
    (models.CompositePrimaryKey, Json()),
):
    register_kind(_field_class, _kind)
register_kind(models.IntegerField, _integer)
register_kind(
    models.DecimalField,
    lambda field: Decimal(field.decimal_places, max_digits=field.max_digits),
)
register_kind(models.ForeignKey, _related)
register_kind(models.GeneratedField, _generated)

try:
    from django.contrib.postgres import fields as postgres
    from django.contrib.postgres.search import SearchQueryField, SearchVectorField
except ImportError:  # without psycopg there are no such fields
    pass
else:
    register_kind(postgres.ArrayField, _array)
    register_kind(postgres.HStoreField, Json())
    register_kind(postgres.RangeField, _range)
    register_kind(SearchVectorField, Text())
    register_kind(SearchQueryField, Text())

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
        List(),
        Range(),
        Binary(),
        File(),
    )
}
