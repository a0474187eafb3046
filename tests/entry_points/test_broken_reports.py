"""Code of a report that raises while a page is made of it: said like every other failure, and the
other reports are told as ever."""

import logging
from io import StringIO

import pytest
from django import forms
from django.core.management import call_command
from django.utils.text import format_lazy

from django_reports import Column, ModelReport
from tests.entry_points.helpers import EXPORT, browse, text_of
from tests.entry_points.staff import CATALOG, OPENAPI, Program, assert_problem
from tests.entry_points.test_failures import (
    ADDRESS,
    assert_recorded,
    broken,
    previewed,
    reference_in,
)
from tests.shop.models import Order
from tests.shop.reports import Orders

pytestmark = pytest.mark.django_db

NONSENSE = Order.objects.extra(where=["nonsense = 1"])
BROKEN_TEXT = format_lazy("{missing}")


class Widget(forms.TextInput):
    def render(self, *args, **kwargs):
        broken()


class Choice(forms.ModelChoiceField):
    def label_from_instance(self, obj):
        broken()


FIELDS = {
    "choices": forms.ChoiceField(choices=broken, required=False),
    "rows": forms.ModelChoiceField(NONSENSE, required=False),
    # Prefetched rows are read by no cursor, which the log's traceback would keep open.
    "labels": Choice(Order.objects.prefetch_related("lines"), required=False),
    "initial": forms.CharField(initial=broken, required=False),
    "widget": forms.CharField(widget=Widget, required=False),
    "help": forms.CharField(help_text=BROKEN_TEXT, required=False),
    "queried choices": forms.ChoiceField(choices=lambda: [(r.pk, r) for r in NONSENSE]),
}


def form_of(where):
    return type("Form", (forms.Form,), {"text": FIELDS[where]})


@pytest.fixture
def report(declare):
    @declare
    class Broken(ModelReport):
        identifier = "shop.odd"
        model = Order
        columns = ("id", "number", Column("made", value=len, fields=["number"]))

    return Broken


@pytest.mark.parametrize("press", [None, previewed])
@pytest.mark.parametrize("where", FIELDS)
def test_form_that_fails_while_its_page_is_made(
    alice, orders, report, monkeypatch, caplog, where, press
):
    monkeypatch.setattr(report, "parameters", form_of(where))
    answer = browse(alice).get(ADDRESS) if press is None else press(alice)
    text = text_of(answer)
    assert answer.status_code == 500
    assert '<a href="/reports/">Back</a>' in text
    assert "private" in answer["Cache-Control"]
    assert_recorded(reference_in(text), caplog)


def test_form_that_fails_on_the_page_of_a_list(alice, orders, monkeypatch, caplog):
    monkeypatch.setattr(Orders, "parameters", form_of("widget"))
    answer = browse(alice).get(EXPORT)
    assert answer.status_code == 500
    assert_recorded(reference_in(text_of(answer)), caplog)


def test_middleware_has_a_say_in_the_page(alice, orders, settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.Adding"]
    assert "<title>Added" in text_of(browse(alice).get("/reports/shop.orders/"))


class Adding:
    """A middleware that has a say in what a template gets."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_template_response(self, request, response):
        response.context_data["title"] = "Added"
        return response


@pytest.mark.parametrize(
    "changed",
    [{"get_columns": broken}, {"description": BROKEN_TEXT}, {"columns": ["nothing"]}],
    ids=lambda changed: next(iter(changed)),
)
def test_report_that_cannot_be_told_is_left_out_of_the_catalog(
    root, report, monkeypatch, caplog, changed
):
    assert ADDRESS in text_of(browse(root).get(CATALOG))
    for name, value in changed.items():
        monkeypatch.setattr(report, name, value)
    for answer in (browse(root).get(CATALOG), Program(root).get(CATALOG)):
        text = text_of(answer)
        assert (answer.status_code, ADDRESS in text) == (200, False)
        assert "/reports/shop.orders/" in text
    assert left_out(caplog) == ["shop.odd", "shop.odd"]


@pytest.mark.parametrize("where", ["choices", "queried choices", "help"])
def test_report_whose_form_cannot_be_told_is_left_out_of_the_document(
    root, report, monkeypatch, caplog, where
):
    monkeypatch.setattr(report, "parameters", form_of(where))
    paths = Program(root).get(OPENAPI).json()["paths"]
    assert ("/shop.odd/" in paths, "/shop.orders/" in paths) == (False, True)
    assert left_out(caplog) == ["shop.odd"]
    assert ADDRESS in text_of(browse(root).get(CATALOG))
    answer = Program(root).get(ADDRESS)
    assert_problem(answer, 500, "The report failed with an error")
    assert_recorded(answer.json()["reference"], caplog)


def test_report_that_cannot_be_told_is_said_by_the_command(report, monkeypatch):
    monkeypatch.setattr(report, "get_columns", broken)
    out, err = StringIO(), StringIO()
    call_command("list_reports", "--columns", stdout=out, stderr=err)
    assert "shop.orders\t" in out.getvalue()
    assert "shop.odd" not in out.getvalue()
    assert err.getvalue().startswith("shop.odd\tcannot be told, it raised KeyError: ")


def left_out(caplog):
    """The reports that the log says were left out, with the traceback."""
    lines = [r for r in caplog.records if "event=left_out" in r.getMessage()]
    assert all(line.levelno == logging.ERROR and line.exc_info for line in lines)
    return [line.getMessage().split()[0].removeprefix("report=") for line in lines]
