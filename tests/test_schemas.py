"""Fields of forms as JSON Schemas."""

import datetime as dt
from decimal import Decimal

import pytest
from django import forms
from django.utils.translation import gettext_lazy as _

from django_reports.web.api.schemas import field_schema, parameters_schema
from tests.shop.models import Customer, Region
from tests.shop.reports import Orders

CHOICES = [("n", "North"), ("s", "South")]
GROUPS = [("", "-"), ("Cold", [("n", "North")]), ("Warm", [("s", "South"), (7, "Seven")])]
STRING = {"type": "string", "minLength": 1}


@pytest.mark.parametrize(
    ("field", "required", "optional"),
    [
        (forms.CharField, STRING, {"type": ["string", "null"]}),
        (forms.SlugField, STRING, {"type": ["string", "null"]}),
        (forms.IntegerField, {"type": "integer"}, {"type": ["integer", "null"]}),
        (forms.FloatField, {"type": "number"}, {"type": ["number", "null"]}),
        (forms.DecimalField, {"type": "number"}, {"type": ["number", "null"]}),
        (forms.BooleanField, {"const": True}, {"type": ["boolean", "null"]}),
        (forms.NullBooleanField, {"type": ["boolean", "null"]}, {"type": ["boolean", "null"]}),
        (
            forms.DateField,
            {**STRING, "format": "date"},
            {"type": ["string", "null"], "format": "date"},
        ),
        (
            forms.DateTimeField,
            {**STRING, "format": "date-time"},
            {"type": ["string", "null"], "format": "date-time"},
        ),
        (forms.TimeField, STRING, {"type": ["string", "null"]}),
        (forms.DurationField, STRING, {"type": ["string", "null"]}),
        (forms.JSONField, STRING, {"type": ["string", "null"]}),
        (
            forms.UUIDField,
            {**STRING, "format": "uuid"},
            {"type": ["string", "null"], "format": "uuid"},
        ),
        (
            forms.EmailField,
            {**STRING, "format": "email", "maxLength": 320},
            {"type": ["string", "null"], "format": "email", "maxLength": 320},
        ),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_fields(field, required, optional):
    assert field_schema(field()) == required
    assert field_schema(field(required=False)) == optional


@pytest.mark.parametrize(
    ("field", "schema"),
    [
        (forms.CharField(min_length=3, max_length=5), {**STRING, "minLength": 3, "maxLength": 5}),
        (
            forms.CharField(min_length=3, required=False),  # nothing at all is fine, too
            {"type": ["string", "null"]},
        ),
        (
            forms.IntegerField(min_value=0, max_value=9),
            {"type": "integer", "minimum": 0, "maximum": 9},
        ),
        (forms.DecimalField(min_value=Decimal("0.5")), {"type": "number", "minimum": 0.5}),
        (forms.FloatField(max_value=1.5), {"type": "number", "maximum": 1.5}),
        (forms.IntegerField(min_value=lambda: 3), {"type": "integer"}),
        (forms.RegexField(r"^a+$"), STRING),
        (forms.ChoiceField(choices=CHOICES), {"enum": ["n", "s"]}),
        (forms.ChoiceField(choices=Region), {"enum": ["n", "s"]}),
        (forms.ChoiceField(choices=lambda: CHOICES), {"enum": ["n", "s"]}),
        (forms.ChoiceField(choices=CHOICES, required=False), {"enum": ["n", "s", None]}),
        (forms.ChoiceField(choices=GROUPS), {"enum": ["n", "s", 7]}),
        (forms.ChoiceField(choices=GROUPS, required=False), {"enum": ["", "n", "s", 7, None]}),
        (forms.TypedChoiceField(choices=[(1, "One"), (2, "Two")], coerce=int), {"enum": [1, 2]}),
        (
            forms.TypedChoiceField(choices=[(True, "Yes"), (False, "No")], coerce=bool),
            {"enum": ["True", "False"]},
        ),
        (
            forms.MultipleChoiceField(choices=CHOICES),
            {"type": "array", "items": {"enum": ["n", "s"]}, "minItems": 1},
        ),
        (
            forms.TypedMultipleChoiceField(choices=[(1, "One")], coerce=int, required=False),
            {"type": ["array", "null"], "items": {"enum": [1]}},
        ),
        (
            forms.CharField(widget=forms.SelectMultiple, required=False),
            {"type": ["array", "null"], "items": {"type": "string"}},
        ),
        (forms.ModelChoiceField(Customer.objects.all()), {"type": ["string", "integer"]}),
        (
            forms.ModelChoiceField(Customer.objects.all(), required=False),
            {"type": ["string", "integer", "null"]},
        ),
        (
            forms.ModelMultipleChoiceField(Customer.objects.all()),
            {"type": "array", "items": {"type": ["string", "integer"]}, "minItems": 1},
        ),
    ],
)
def test_what_fields_are_told_to_take(field, schema):
    assert field_schema(field) == schema


@pytest.mark.parametrize(
    ("initial", "told"),
    [
        (3, {"examples": [3]}),
        (Region.NORTH, {"examples": ["n"]}),
        (None, {}),
        (lambda: 3, {}),
        (dt.date(2026, 1, 31), {}),
        (Decimal(3), {}),
    ],
)
def test_what_a_page_offers_is_an_example(initial, told):
    """Not a default: whoever leaves it out does not get it."""
    schema = field_schema(forms.CharField(initial=initial))
    assert {name: value for name, value in schema.items() if name not in STRING} == told


def test_words_of_a_field():
    field = forms.CharField(label=_("Region"), help_text=_("Where it is."))
    assert field_schema(field) == {**STRING, "title": "Region", "description": "Where it is."}


def test_a_report_without_parameters_takes_none():
    class Bare(Orders):
        parameters = None

    assert parameters_schema(Bare()) == {
        "type": "object", "properties": {}, "additionalProperties": False
    }  # fmt: skip


class PartsForm(forms.Form):
    when = forms.SplitDateTimeField(required=False)
    day = forms.DateField(required=False, widget=forms.SelectDateWidget)
    text = forms.CharField(required=False, widget=forms.SplitDateTimeWidget)
    plain = forms.CharField()


def test_a_field_of_several_parts_is_told_part_by_part():
    class Parts(Orders):
        parameters = PartsForm

    schema = parameters_schema(Parts())
    assert schema["required"] == ["plain"]
    assert schema["properties"] == {
        "when_0": {"type": ["string", "null"], "format": "date"},
        "when_1": {"type": ["string", "null"]},
        "day_year": {"type": ["integer", "null"]},
        "day_month": {"type": ["integer", "null"]},
        "day_day": {"type": ["integer", "null"]},
        "text_0": {"type": ["string", "null"]},
        "text_1": {"type": ["string", "null"]},
        "plain": STRING,
    }
