"""Parameters of a report as a program sends them: kept as typed, refused at their name."""

import pytest
from django import forms

from django_reports.models import ReportJob
from tests.entry_points.helpers import make
from tests.entry_points.staff import ORDERS, PROBLEM, Program, assert_problem, page_of
from tests.shop.models import Customer
from tests.shop.reports import OrderFilterForm, Orders

pytestmark = pytest.mark.django_db


class ManyForm(forms.Form):
    text = forms.CharField(required=False, max_length=10)
    whole = forms.IntegerField(required=False, max_value=100)
    exact = forms.DecimalField(required=False, max_digits=6, decimal_places=2)
    yes = forms.BooleanField(required=False)
    maybe = forms.NullBooleanField(required=False)
    day = forms.DateField(required=False)
    some = forms.MultipleChoiceField(required=False, choices=[("a", "A"), ("b", "B")])
    level = forms.TypedChoiceField(required=False, choices=[(1, "One"), (2, "Two")], coerce=int)
    customer = forms.ModelChoiceField(Customer.objects.order_by("pk"), required=False)
    customers = forms.ModelMultipleChoiceField(Customer.objects.order_by("pk"), required=False)


@pytest.fixture
def many(monkeypatch):
    monkeypatch.setattr(Orders, "parameters", ManyForm)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({}, {}),
        ({"text": "ä € 🙂"}, {"text": ["ä € 🙂"]}),
        ({"text": ""}, {"text": [""]}),
        ({"text": None, "whole": None, "some": None}, {}),
        ({"whole": 7}, {"whole": ["7"]}),
        ({"whole": 7.0}, {"whole": ["7.0"]}),
        ({"whole": -0}, {"whole": ["0"]}),
        ({"exact": 1.10}, {"exact": ["1.1"]}),
        ({"exact": 12}, {"exact": ["12"]}),
        ({"yes": True, "maybe": False}, {"yes": ["true"], "maybe": ["false"]}),
        ({"day": "2026-01-31"}, {"day": ["2026-01-31"]}),
        ({"some": ["a", "b"]}, {"some": ["a", "b"]}),
        ({"some": []}, {}),
        ({"level": 2}, {"level": ["2"]}),
    ],
)
def test_values_are_kept_as_they_would_be_typed(alice, orders, many, given, kept):
    assert Program(alice).post(ORDERS, {"parameters": given}).status_code == 202
    assert ReportJob.objects.get().spec["parameters"] == kept


def test_rows_of_models_by_their_keys(alice, orders, many):
    first, second = Customer.objects.values_list("pk", flat=True)
    wanted = {"customer": first, "customers": [first, str(second)]}
    assert Program(alice).post(ORDERS, {"parameters": wanted}).status_code == 202


def test_a_number_is_not_rounded_on_its_way(alice, orders, monkeypatch):
    """As a float it would be 1234567890123456.8."""
    body = b'{"parameters": {"minimum": 1234567890123456.78}}'
    assert Program(alice).post(ORDERS, body).status_code == 202
    assert ReportJob.objects.get().spec["parameters"] == {"minimum": ["1234567890123456.78"]}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("bogus", "x", ["'bogus'", "text, whole, exact"]),
        ("bogus", None, ["'bogus'", "text, whole"]),
        ("bogus", [], ["'bogus'", "text, whole"]),
        ("", "x", ["''", "text, whole"]),
        ("text", 7, "Send a string, not 7."),
        ("text", True, "Send a string, not True."),
        ("text", ["x"], "Send a string, not ['x']."),
        ("text", ["x", "y"], "Send a string"),
        ("text", {"x": 1}, "Send a string"),
        ("text", "x" * 11, "at most 10 characters"),
        ("text", "a\0b", "Null characters are not allowed."),
        ("whole", "7", "Send an integer, not '7'."),
        ("whole", 7.5, "Send an integer, not 7.5."),
        ("whole", True, "Send an integer, not True."),
        ("whole", 101, "less than or equal to 100"),
        ("whole", 10**4000, "less than or equal to 100"),
        ("exact", "1.1", "Send a number, not '1.1'."),
        ("exact", 1.111, "no more than 2 decimal places"),
        ("exact", 1e300, "no more than 6 digits"),
        ("yes", "true", "Send true or false, not 'true'."),
        ("yes", 1, "Send true or false, not 1."),
        ("maybe", "x", "Send true or false"),
        ("day", "31/31/2026", "Enter a valid date."),
        ("day", 20260131, "Send a string"),
        ("day", "", "Leave it out, or send null, for no value."),
        ("day", " ", "Leave it out, or send null, for no value."),
        ("some", "a", "Send a list, not 'a'."),
        ("some", ["a", "x"], "x is not one of the available choices"),
        ("some", ["a", 1], "Each value must be a string, in ['a', 1]."),
        ("some", ["a", None], "Each value must be a string"),
        ("some", [["a"]], "Each value must be a string"),
        ("level", "2", "Send an integer, not '2'."),
        ("level", 3, "3 is not one of the available choices"),
        ("customer", 10**40, "not one of the available choices"),
        ("customer", "x", "not one of the available choices"),
        ("customer", "\0", ""),
        ("customers", ["x"], "not a valid value"),
        ("customers", [0], "not one of the available choices"),
    ],
)
def test_wrong_values_are_told_at_their_parameter(alice, orders, many, name, value, words):
    answer = Program(alice).post(ORDERS, {"parameters": {name: value}})
    assert_problem(answer, 422, **{f"parameters.{name}": words})
    assert not ReportJob.objects.exists()


class PartsForm(forms.Form):
    when = forms.SplitDateTimeField(required=False)
    day = forms.DateField(required=False, widget=forms.SelectDateWidget)


def test_a_field_of_several_parts_is_sent_part_by_part(alice, orders, monkeypatch):
    monkeypatch.setattr(Orders, "parameters", PartsForm)
    program = Program(alice)
    day = {"day_year": 2026, "day_month": 1, "day_day": 31}
    good = {"when_0": "2026-01-31", "when_1": "12:00", **day}
    assert program.post(ORDERS, {"parameters": good}).status_code == 202
    assert ReportJob.objects.get().spec["parameters"] == {
        name: [str(value)] for name, value in good.items()
    }
    noon = program.post(ORDERS, {"parameters": {"when_0": "2026-01-31", "when_1": "noon"}})
    assert_problem(noon, 422, **{"parameters.when": "Enter a valid time."})
    half = program.post(ORDERS, {"parameters": {"day_year": 2026, "day_month": None}})
    parts = "A date needs all of day_year, day_month, day_day."
    assert_problem(half, 422, **{"parameters.day_year": parts})
    none = program.post(ORDERS, {"parameters": {"day_year": 2026, "day_month": 2, "day_day": 30}})
    assert_problem(none, 422, **{"parameters.day": "Enter a valid date."})
    whole = program.post(ORDERS, {"parameters": {"when": "2026-01-31 12:00"}})
    assert_problem(whole, 422, **{"parameters.when": ["'when'", "when_0, when_1, day_year"]})


def test_a_key_that_no_database_has_is_no_error_of_the_server(alice, orders, many):
    """SQLite takes 64 bits; others compare it, and find nothing."""
    answer = Program(alice).post(ORDERS, {"parameters": {"customers": [10**40]}})
    assert (answer.status_code, answer["Content-Type"]) == (422, PROBLEM)


def test_what_is_needed_and_missing(alice, orders, monkeypatch):
    class NeededForm(forms.Form):
        region = forms.CharField()
        sure = forms.BooleanField()

    monkeypatch.setattr(Orders, "parameters", NeededForm)
    for parameters in ({}, {"region": None, "sure": None}, {"region": "", "sure": False}):
        answer = Program(alice).post(ORDERS, {"parameters": parameters})
        required = "This field is required."
        errors = {"parameters.region": required, "parameters.sure": required}
        assert_problem(answer, 422, **errors)


def test_a_report_without_parameters(alice, orders, monkeypatch):
    monkeypatch.setattr(Orders, "parameters", None)
    answer = Program(alice).post(ORDERS, {"parameters": {"region": "n"}})
    assert_problem(answer, 422, **{"parameters.region": ["'region'", "Choose from: -."]})


def test_run_again_with_a_parameter_that_is_gone(alice, orders, monkeypatch):
    monkeypatch.setattr(Orders, "parameters", ManyForm)
    job = make(alice, parameters={"text": ["x"]})
    monkeypatch.setattr(Orders, "parameters", OrderFilterForm)
    answer = Program(alice).post(page_of(job, "rerun"))
    assert_problem(answer, 422, **{"parameters.text": "region, minimum"})
