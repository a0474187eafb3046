"""The catalog and a report's page: what is offered, chosen and made there."""

import io
import re

import pytest
from django import forms
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from openpyxl import load_workbook

from django_reports import Column
from django_reports.models import AuditEntry, ReportJob
from tests.conftest import VIEW
from tests.entry_points.helpers import actions, browse, lines_of, run, text_of, unbounded_counts
from tests.entry_points.staff import CATALOG, JOBS, NUMBERS, ORDERS, page_of, pressed
from tests.shop.models import Customer
from tests.shop.reports import Numbers, Orders, SlowNumbers

pytestmark = pytest.mark.django_db


def offered(user):
    """The catalog as its reader sees it: headings and links in their order."""
    content = text_of(browse(user).get(CATALOG)).split('id="content-main"')[1]
    return re.findall(r"<h2[^>]*>([^<]*)</h2>|<div><a href=\"([^\"]*)\">([^<]*)</a>", content)


def heading(text):
    return (text, "", "")


def link(address, label):
    return ("", address, label)


# The catalog


def test_reports_by_category(alice, monkeypatch):
    monkeypatch.setattr(Orders, "category", "Sales")
    monkeypatch.setattr(SlowNumbers, "category", "Math & more")
    assert offered(alice) == [
        link(NUMBERS, "Numbers"),
        heading("Math &amp; more"),
        link("/reports/shop.slow_numbers/", "Slow numbers"),
        heading("Sales"),
        link(ORDERS, "Orders"),
    ]


def test_a_description_is_shown_as_text(alice, monkeypatch):
    monkeypatch.setattr(Orders, "description", "All <b>orders</b>.")
    assert '<p class="help">All &lt;b&gt;orders&lt;/b&gt;.</p>' in text_of(
        browse(alice).get(CATALOG)
    )


def test_only_what_one_may_have(make_person, dave):
    person = make_person("mia", *VIEW, report="shop.orders")
    assert offered(person) == [link(ORDERS, "Orders")]
    assert offered(dave) == []


def test_an_old_name_in_a_grant_offers_the_report(make_person):
    person = make_person("mia", *VIEW, report="shop.old_orders")
    assert offered(person) == [link(ORDERS, "Orders")]


def test_whoever_may_have_nothing_is_told_so(carol):
    text = text_of(browse(carol).get(CATALOG))
    assert "There is no report that you may export." in text
    assert f'<a href="{JOBS}">Your exports</a>' in text


# A report's page


def test_page_tells_what_will_happen(alice, orders):
    text = text_of(browse(alice).get(ORDERS))
    assert "<dt>Selection</dt><dd>All orders</dd>" in text
    assert "<dt>Rows</dt><dd>20 rows</dd>" in text
    assert "<strong>Downloads now</strong>" in text
    assert f'<form method="post" action="{ORDERS}"' in text
    assert f'<a href="{CATALOG}" class="closelink">Back</a>' in text


def test_page_of_a_report_without_a_model(alice):
    text = text_of(browse(alice).get(NUMBERS))
    assert "<dt>Selection</dt><dd>Everything that this report makes</dd>" in text
    assert "<dt>Rows</dt><dd>an unknown number of rows</dd>" in text


def test_page_under_an_old_name(alice, orders):
    text = text_of(browse(alice).get("/reports/shop.old_orders/"))
    assert "<dt>Report</dt><dd>Orders</dd>" in text


def test_looking_makes_nothing(alice, orders):
    before = AuditEntry.objects.count()
    client = browse(alice)
    client.get(ORDERS)
    assert client.post(ORDERS, {"format": "csv"}).status_code == 200  # not by our button
    assert (ReportJob.objects.count(), AuditEntry.objects.count()) == (0, before)


# Exported


def test_a_small_export_is_the_answer(alice, orders):
    answer = pressed(alice, columns=["number", "total"])
    assert lines_of(answer)[:2] == ["number,total", "A00001,1.50"]
    job = ReportJob.objects.get()
    assert (job.status, job.execution, job.rows_done) == ("succeeded", "immediate", 20)
    assert answer["X-Export-Job-Id"] == str(job.pk)
    assert job.spec["selection"] == {"kind": "all"}


def test_a_large_export_becomes_a_job(alice, orders, configure):
    configure(STREAM_MAX_ROWS=5)
    client = browse(alice)
    answer = pressed(client)
    job = ReportJob.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, page_of(job))
    assert run(job).rows_done == 20
    assert len(lines_of(client.get(page_of(job, "download")))) == 21
    assert actions(job) == ["requested", "started", "finished", "downloaded"]


def test_columns_and_their_order(alice, orders):
    fields = {"columns": ["id", "number", "total"], "position_0": "3", "position_5": "1"}
    answer = pressed(alice, profile="spreadsheet", format="xlsx", **fields)
    book = load_workbook(io.BytesIO(b"".join(answer.streaming_content)))
    rows = list(book.active.iter_rows(values_only=True))
    assert rows[0] == ("Total", "Order number", "ID")
    assert rows[1][:2] == (1.5, "A00001")


def test_parameters_narrow_it_down(alice, orders):
    answer = pressed(alice, **{"parameter-minimum": "18", "parameter-region": "n"})
    assert [line.split(",")[1] for line in lines_of(answer)[1:]] == ["A00019"]
    assert ReportJob.objects.get().spec["parameters"] == {"minimum": ["18"], "region": ["n"]}


def test_in_ones_own_language_and_time_zone(alice, orders, settings):
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE[:1], "django.middleware.locale.LocaleMiddleware",
        *settings.MIDDLEWARE[1:],
    ]  # fmt: skip
    client = browse(alice)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "de"
    with translation.override("en"):  # the middleware leaves its language behind in this thread
        text_of(pressed(client))
    spec = ReportJob.objects.get().spec
    assert (spec["language"], spec["time_zone"]) == ("de", "Europe/Berlin")


# What cannot be


def rows_of(text):
    """The lines of the page's form, each with what it says."""
    return re.findall(
        r'<div class="(form-row[^"]*)">(.*?)</div>\s*(?=<div|</fieldset)', text, re.DOTALL
    )


def test_a_wrong_parameter_is_told_at_its_field_and_nothing_is_lost(alice, orders):
    answer = pressed(
        alice,
        columns=["number", "total"],
        position_5="1",
        **{"parameter-minimum": "much", "parameter-region": "n"},
    )
    assert answer.status_code == 400
    text = text_of(answer)
    wrong = [row for kind, row in rows_of(text) if "errors" in kind]
    assert len(wrong) == 1
    assert "Enter a number." in wrong[0]
    assert 'name="parameter-minimum" value="much"' in wrong[0]
    assert 'aria-invalid="true"' in wrong[0]
    assert '<option value="n" selected>' in text
    assert re.findall(r'name="columns" value="(\w+)" checked', text) == ["total", "number"]
    assert 'name="position_5" value="1"' in text
    assert not ReportJob.objects.exists()


def test_a_fields_help_is_tied_to_it(alice, orders, monkeypatch):
    helped = forms.DecimalField(required=False, help_text="In euros.")
    monkeypatch.setitem(Orders.parameters.base_fields, "minimum", helped)
    text = text_of(browse(alice).get(ORDERS))
    assert 'aria-describedby="id_parameter-minimum_helptext"' in text
    assert '<div class="help" id="id_parameter-minimum_helptext">In euros.</div>' in text


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"format": "pdf"}, "pdf is not one of the available choices"),
        ({"profile": None}, "This field is required."),
        ({"columns": []}, "Choose at least one column."),
        ({"columns": ["cost"]}, "cost is not one of the available choices"),
        ({"position_0": "0"}, "greater than or equal to 1"),
        ({"parameter-region": "x"}, "x is not one of the available choices"),
        ({"parameter-region": "\0"}, "is not one of the available choices"),
    ],
)
def test_wrong_input_is_told(alice, orders, fields, message):
    answer = pressed(alice, **fields)
    assert answer.status_code == 400
    assert message in text_of(answer)
    assert not ReportJob.objects.exists()


def test_columns_that_one_does_not_get_are_named_and_not_offered(alice, orders):
    text = text_of(browse(alice).get(ORDERS))
    assert "<dt>Not for you</dt><dd>Cost</dd>" in text
    assert 'value="cost"' not in text
    assert text.count("masked: you lack the permission shop.view_customer_email") == 1


def test_beyond_the_row_limit_nothing_is_made(bob, orders):
    answer = pressed(bob)
    assert answer.status_code == 400
    assert "This export has more than 10 rows, which is your limit." in text_of(answer)
    assert not ReportJob.objects.exists()
    assert AuditEntry.objects.get(action="denied").report == "shop.orders"


def test_up_to_the_row_limit_it_is_made(bob, orders):
    assert len(lines_of(pressed(bob, **{"parameter-region": "n"}))) == 11


def test_a_report_that_breaks_before_its_first_row(alice):
    answer = pressed(alice, NUMBERS, **{"parameter-fail_at": "1"})
    assert answer.status_code == 500
    assert "ValueError" in text_of(answer)
    assert ReportJob.objects.get().status == "failed"


def test_a_report_whose_columns_are_all_somebody_elses(alice, orders, monkeypatch):
    columns = [column for column in Orders.columns if getattr(column, "name", "") == "cost"]
    monkeypatch.setattr(Orders, "columns", columns)
    client = browse(alice)
    assert client.get(ORDERS).status_code == 403
    assert pressed(client).status_code == 403
    assert client.get(CATALOG).status_code == 200


# What it costs


def test_nothing_is_counted_to_its_end(alice, orders):
    client = browse(alice)
    with CaptureQueriesContext(connection) as queries:
        for place in (CATALOG, ORDERS, JOBS, f"{JOBS}?others=1"):
            assert client.get(place).status_code == 200
    assert unbounded_counts(queries) == []
    assert any("COUNT(" in query["sql"].upper() for query in queries)


def test_parameters_of_their_own_form(alice):
    """Every report has its own."""
    text = text_of(browse(alice).get(NUMBERS))
    assert re.findall(r'name="parameter-(\w+)"', text) == list(Numbers.parameters.base_fields)


def test_report_without_a_column_for_this_person_is_not_offered(alice, monkeypatch):
    monkeypatch.setattr(Orders, "columns", [Column("cost", permission="shop.view_cost")])
    page = text_of(browse(alice).get("/reports/"))
    assert "/reports/shop.orders/" not in page
    assert "/reports/shop.numbers/" in page


def test_key_that_is_too_large_for_the_database_is_told(alice, orders, monkeypatch):
    class Regions(forms.Form):
        customers = forms.ModelMultipleChoiceField(Customer.objects.all())

    monkeypatch.setattr(Orders, "parameters", Regions)
    assert pressed(alice, **{"parameter-customers": [str(10**30)]}).status_code == 400
