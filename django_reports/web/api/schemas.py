"""JSON Schemas of what a program may ask and what it is told."""

import json
import re
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_reports.definitions.base import Report
from django_reports.definitions.parameters import parameter_names

Schema = dict[str, Any]

WHOLE = re.compile(r"-?\d+\.0+")

# By class; a subclass comes before its base.
_TYPES: list[tuple[type[forms.Field], Schema]] = [
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
    fields = parameter_fields(report)
    schema: Schema = {
        "type": "object",
        "properties": {name: field_schema(field) for name, field in fields.items()},
        "additionalProperties": False,
    }
    required = [name for name, field in fields.items() if _is_needed(field)]
    return {**schema, "required": required} if required else schema


def parameter_fields(report: Report) -> dict[str, forms.Field]:
    """What a report's parameters take, by the names under which it is sent.

    A field whose widget has several parts takes several; the form says what is wrong with the
    whole.
    """
    found: dict[str, forms.Field] = {}
    for name, field in (report.parameters.base_fields if report.parameters else {}).items():
        names = parameter_names({name: field})
        if names == [name]:
            found[name] = field
            continue
        parts = getattr(field, "fields", [])  # of a MultiValueField
        if len(parts) != len(names):
            is_date = isinstance(field.widget, forms.SelectDateWidget)
            part = forms.IntegerField if is_date else forms.CharField
            parts = [part(required=False) for _name in names]
        found |= zip(names, parts, strict=True)
    return found


def dates_in_parts(report: Report) -> list[list[str]]:
    """The parts of each date that is sent in parts, by name. Half a date Django reads as none."""
    fields = report.parameters.base_fields if report.parameters else {}
    return [
        parameter_names({name: field})
        for name, field in fields.items()
        if isinstance(field.widget, forms.SelectDateWidget)
    ]


def field_schema(field: forms.Field) -> Schema:
    """The schema of one field of a form."""
    schema = _values_of(field)
    if field.label:
        schema["title"] = str(field.label)
    if field.help_text:
        schema["description"] = str(field.help_text)
    if _is_json(field.initial):  # what a page offers; who leaves it out does not get it
        schema["examples"] = [field.initial]
    return schema


class Number(str):
    """A number of JSON as it was written, which a float might round."""

    __slots__ = ()
    __repr__ = str.__str__


def type_problem(field: forms.Field, value: Any, shown: str) -> str:
    """What is wrong with the JSON type of a field's value; empty if nothing is. `shown` is the
    value in words.

    Everything else is for the form to say, which has better words.
    """
    schema = field_schema(field)
    items = schema.get("items")
    if "format" in schema and isinstance(value, str) and not value.strip():
        return _("Leave it out, or send null, for no value.")
    if value is None or not _fits(value, schema):
        message = "" if value is None else _("Send %(wanted)s, not %(value)s.")
    elif items is None or all(_fits(part, items) for part in value):
        message = ""
    else:
        message, schema = _("Each value must be %(wanted)s, in %(value)s."), items
    wanted = " / ".join(
        str(words) for kind, words in TYPE_WORDS.items() if kind in _kinds_of(schema)
    )
    return message and message % {"wanted": wanted, "value": shown}


def _values_of(field: forms.Field) -> Schema:
    if _takes_several(field):
        items: Schema = {"type": "string"}
        if isinstance(field, forms.ModelMultipleChoiceField):
            items = {"type": ["string", "integer"]}
        elif isinstance(field, forms.ChoiceField):
            items = {"enum": _choices_of(field)}
        several: Schema = {"type": "array", "items": items}
        return several | ({"minItems": 1} if field.required else {"type": ["array", "null"]})
    if isinstance(field, forms.ChoiceField) and not isinstance(field, forms.ModelChoiceField):
        choices = _choices_of(field)
        return {"enum": choices if field.required else [*choices, None]}
    if isinstance(field, forms.BooleanField):
        return {"const": True} if _is_needed(field) else {"type": ["boolean", "null"]}
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


def _is_needed(field: forms.Field) -> bool:
    """Whether the field must have a value. A NullBooleanField takes none, whatever it says."""
    return field.required and not isinstance(field, forms.NullBooleanField)


def _takes_several(field: forms.Field) -> bool:
    """Whether the field reads all values of its name; others would read the last one only."""
    return (
        isinstance(field, forms.MultipleChoiceField | forms.ModelMultipleChoiceField)
        or getattr(field.widget, "allow_multiple_selected", False)
        or isinstance(field.widget, forms.MultipleHiddenInput)
    )


def _choices_of(field: Any) -> list[str | int]:
    """The values of a choice field, those in groups included."""
    values: list[str | int] = []
    for value, label in field.choices:
        if isinstance(label, list | tuple):
            values += [_as_sent(inner) for inner, _label in label]
        else:
            values.append(_as_sent(value))
    return [value for value in values if value != "" or not field.required]


def _as_sent(value: Any) -> str | int:
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    return "" if value is None else str(value)


TYPE_WORDS = {
    "string": gettext_lazy("a string"),
    "integer": gettext_lazy("an integer"),
    "number": gettext_lazy("a number"),
    "boolean": gettext_lazy("true or false"),
    "array": gettext_lazy("a list"),
    "object": gettext_lazy("an object"),
}


def _fits(value: Any, schema: Schema) -> bool:
    return not _kinds_of(schema).isdisjoint(json_types_of(value))


def _kinds_of(schema: Schema) -> set[str]:
    """The JSON types that a schema allows."""
    if "type" in schema:
        return {schema["type"]} if isinstance(schema["type"], str) else set(schema["type"])
    values = [schema["const"]] if "const" in schema else schema["enum"]
    return {min(json_types_of(value)) for value in values}  # of a whole number: integer


def json_types_of(value: Any) -> set[str]:
    """Its JSON types: every integer is a number, too, and 1.0 is an integer."""
    match value:
        case None:
            return {"null"}
        case bool():
            return {"boolean"}
        case int():
            return {"integer", "number"}
        case Number():
            return {"integer", "number"} if WHOLE.fullmatch(value) else {"number"}
        case str():
            return {"string"}
        case list():
            return {"array"}
    return {"object"}


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
