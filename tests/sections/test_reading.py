"""Files with sections, read back by a project's tests."""

import pytest

from django_reports.testing import export, read_export
from tests.entry_points.helpers import browse, make
from tests.sections.helpers import MONTH, PAGE


@pytest.mark.parametrize("format", ["csv", "tsv.zip", "jsonl", "xlsx"])
def test_sections_are_read_back_by_title(alice, three_orders, format):
    job = make(alice, MONTH, format=format)
    found = read_export(job, section="Notes" if format == "xlsx" else "notes")
    assert found.header == ("n", "note")
    one = "1" if format in ("csv", "tsv.zip") else 1
    equals = "'=1" if format in ("csv", "tsv.zip") else "=1"
    assert found.rows[0] == (one, equals)
    assert len(found) == 2


@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_sections_of_a_zip_are_read_back_by_title(alice, three_orders, format):
    assert len(export(MONTH, alice, format=format, section="Open orders")) == 2


def test_section_of_a_response(alice, three_orders):
    fields = {"_export": "1", "format": "xlsx", "profile": "machine",
              "columns": ["orders_of_month.number", "customers.name"]}  # fmt: skip
    response = browse(alice).post(PAGE, fields)
    assert read_export(response, section="Customers").rows == [("Ann",), ("Böb",)]


def test_totals_are_not_read_back(alice, three_orders):
    found = export(MONTH, alice, format="xlsx", section="Open orders")
    assert found.rows == [(101, "A00001", 1.5), (102, "A00002", 2.5)]


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (None, "which section; there are Open orders, Customers, Notes"),
        ("About", "no section 'About'; there are Open orders, Customers, Notes"),
    ],
)
def test_section_that_is_not_there(alice, three_orders, section, message):
    with pytest.raises(AssertionError, match=message):
        export(MONTH, alice, format="xlsx", section=section)
