"""JSON Schemas of what a program may ask and what it is told."""

import json
from typing import Any

from django import forms

from django_reports.reports import Report

Schema = dict[str, Any]

# By class; a subclass comes before its base.
_TYPES: list[tuple[type[forms.Field], Schema]] = [
    (forms.BooleanField, {"type": "boolean"}),
    (forms.FloatField, {"type": "number"}),
    (forms.DecimalField, {"type": "number"}),
    (forms.IntegerField, {"type": "integer"}),
    (forms.DateTimeField, {"type": "string", "format": "date-time"}),
    (forms.DateField, {"type": "string", "format": "date"}),
    (forms.UUIDField, {"type": "string", "format": "uuid"}),
    (forms.EmailField, {"type": "string", "format": "email"}),
    (forms.URLField, {"type": "string", "format": "uri"}),
    (forms.ModelChoiceField, {"type": ["string", "integer"]}),
]


def parameters_schema(report: Report) -> Schema:
    """The parameters of a report as an object's schema."""
    fields = report.parameters.base_fields if report.parameters else {}
    schema: Schema = {
        "type": "object",
        "properties": {name: field_schema(field) for name, field in fields.items()},
        "additionalProperties": False,
    }
    required = [name for name, field in fields.items() if field.required]
    return {**schema, "required": required} if required else schema


def field_schema(field: forms.Field) -> Schema:
    """The schema of one field of a form."""
    schema = _values_of(field)
    if field.label:
        schema["title"] = str(field.label)
    if field.help_text:
        schema["description"] = str(field.help_text)
    if _is_json(field.initial):
        schema["default"] = field.initial
    return schema


def _values_of(field: forms.Field) -> Schema:
    if isinstance(field, forms.ModelMultipleChoiceField):
        return {"type": "array", "items": {"type": ["string", "integer"]}, **_at_least_one(field)}
    if isinstance(field, forms.MultipleChoiceField):
        items = {"enum": _choices_of(field)}
        return {"type": "array", "items": items, **_at_least_one(field)}
    if isinstance(field, forms.ChoiceField) and not isinstance(field, forms.ModelChoiceField):
        choices = _choices_of(field)
        return {"enum": choices if field.required else [*choices, None]}
    known = (dict(schema) for kind, schema in _TYPES if isinstance(field, kind))
    schema: Schema = next(known, {"type": "string"})
    if schema["type"] == "string":
        schema |= _lengths_of(field)
    elif schema["type"] in ("integer", "number"):
        limits = {"minimum": "min_value", "maximum": "max_value"}
        for word, name in limits.items():
            limit = getattr(field, name, None)
            if limit is not None and not callable(limit):
                schema[word] = limit if isinstance(limit, int) else float(limit)
    if not field.required:
        types = schema["type"]
        schema["type"] = [*(types if isinstance(types, list) else [types]), "null"]
    return schema


def _choices_of(field: Any) -> list[str]:
    """The values of a choice field, those in groups included, as they are sent."""
    values: list[str] = []
    for value, label in field.choices:
        if isinstance(label, list | tuple):
            values += [str(inner) for inner, _label in label]
        else:
            values.append("" if value is None else str(value))
    return [value for value in values if value != "" or not field.required]


def _at_least_one(field: forms.Field) -> Schema:
    return {"minItems": 1} if field.required else {}


def _lengths_of(field: Any) -> Schema:
    lengths: Schema = {"minLength": 1} if field.required else {}
    if getattr(field, "min_length", None) is not None and field.required:
        lengths["minLength"] = max(1, field.min_length)
    if getattr(field, "max_length", None) is not None:
        lengths["maxLength"] = field.max_length
    return lengths


def _is_json(value: Any) -> bool:
    """Whether a form's initial value can be told as it is: not a callable, not a model's object."""
    if value is None or callable(value):
        return False
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True
