"""The sections of a report are sheets of a workbook, or files of a ZIP."""

import pytest

from django_reports.definitions.specs import ExportSpec, Options
from django_reports.engine.writers.xlsx import XlsxWriter
from django_reports.exceptions import InvalidSpec
from django_reports.jobs import dispatch
from django_reports.models import ReportJob
from django_reports.testing import export
from tests.entry_points.helpers import asking, deliver, enqueue, make, plan
from tests.sections.helpers import MONTH, MonthForm, Notes, OpenOrders, content_of, file_of, members
from tests.sheets import calamine, opened
from tests.shop.models import Order


def test_sheets(alice, three_orders):
    content = content_of(deliver(alice, MONTH, format="xlsx"))
    book = opened(content)
    assert book.sheetnames == ["Open orders", "Customers", "Notes", "About"]
    assert [calamine(content, at)[:3] for at in range(1, 3)] == [
        [["name", "email"], ["Ann", "a•••@e•••.com"], ["Böb", "b•••@e•••.org"]],
        [["n", "note"], [1, "=1"], [2, "a\ufffd"]],
    ]
    assert [[cell.value for cell in row] for row in book["Open orders"]] == [
        ["id", "number", "total"],
        [101, "A00001", 1.5],
        [102, "A00002", 2.5],
        ["Total", None, "=SUM(C2:C3)"],
    ]
    assert [sheet.freeze_panes for sheet in book] == ["A2", "A2", "A2", None]
    areas = [sheet.auto_filter.ref for sheet in book]
    assert areas == ["A1:C3", "A1:B3", "A1:B3", None]
    lines = dict(book["About"].iter_rows(values_only=True))
    assert lines["Report"] == "The month"
    assert lines["Not for you"] == "Open orders: Cost"
    assert lines["Masked"] == "Customers: E-mail address"
    assert lines["Selection"] == "Everything that this report makes"
    assert lines["Rows"] == "6"


def test_csv_becomes_a_zip_with_a_file_for_each(alice, three_orders):
    made = deliver(alice, MONTH)
    assert members(content_of(made)) == {
        "open-orders.csv": b"id,number,total\r\n101,A00001,1.50\r\n102,A00002,2.50\r\n",
        "customers.csv": (
            b"name,email\r\nAnn,a\xe2\x80\xa2\xe2\x80\xa2\xe2\x80\xa2@e\xe2\x80\xa2\xe2\x80\xa2"
            b"\xe2\x80\xa2.com\r\nB\xc3\xb6b,b\xe2\x80\xa2\xe2\x80\xa2\xe2\x80\xa2@e\xe2\x80\xa2"
            b"\xe2\x80\xa2\xe2\x80\xa2.org\r\n"
        ),
        "notes.csv": b"n,note\r\n1,'=1\r\n2,a\xef\xbf\xbe\r\n",
    }
    assert made.content_type == "application/zip"
    assert made.filename.startswith("the-month-")
    assert made.filename.endswith(".csv.zip")
    assert ReportJob.objects.get().spec["format"] == "csv.zip"


@pytest.mark.parametrize(
    ("asked", "got", "names"),
    [
        ("csv", "csv.zip", ["open-orders.csv", "customers.csv", "notes.csv"]),
        ("csv.zip", "csv.zip", ["open-orders.csv", "customers.csv", "notes.csv"]),
        ("tsv", "tsv.zip", ["open-orders.tsv", "customers.tsv", "notes.tsv"]),
        ("jsonl", "jsonl.zip", ["open-orders.jsonl", "customers.jsonl", "notes.jsonl"]),
    ],
)
def test_text_formats(alice, three_orders, asked, got, names):
    job = make(alice, MONTH, format=asked)
    assert (job.status, job.spec["format"], job.rows_done) == ("succeeded", got, 6)
    assert list(members(file_of(job))) == names


@pytest.mark.parametrize("format", ["csv.gz", "tsv.gz", "jsonl.gz", "parquet"])
@pytest.mark.parametrize("ask", [plan, deliver, enqueue])
def test_formats_that_hold_one_table_are_refused(alice, three_orders, format, ask):
    with pytest.raises(InvalidSpec) as caught:
        ask(alice, MONTH, format=format)
    assert str(caught.value) == (
        f"A file of the format {format} cannot hold the sections of this report. "
        "Choose from: csv.zip, xlsx, tsv.zip, jsonl.zip."
    )
    assert caught.value.field == "format"
    assert ReportJob.objects.count() == 0


def test_options_hold_for_every_section(alice, three_orders):
    found = export(
        MONTH, alice, section="notes", profile="spreadsheet", options={"delimiter": "tab"}
    )
    assert (found.header, found.rows) == (("N", "'=Note"), [("1", "'=1"), ("2", "a\ufffe")])


def test_option_of_the_format_asked_for_is_refused_for_the_zip_too(alice, three_orders):
    with pytest.raises(InvalidSpec, match=r"Files of the format jsonl\.zip have no delimiter"):
        plan_with_options(alice, format="jsonl", delimiter="tab")


def plan_with_options(user, *, format, **options):
    spec = ExportSpec(MONTH, format=format, options=Options(**options))
    return dispatch.plan(spec, *asking(user))


def test_empty_sections_have_a_header(alice, month):
    assert members(content_of(deliver(alice, MONTH))) == {
        "open-orders.csv": b"id,number,total\r\n",
        "customers.csv": b"name,email\r\n",
        "notes.csv": b"n,note\r\n1,'=1\r\n2,a\xef\xbf\xbe\r\n",
    }
    book = opened(content_of(deliver(alice, MONTH, format="xlsx")))
    assert [sheet.max_row for sheet in book.worksheets[:3]] == [1, 1, 3]


def test_sections_of_one_label_get_numbers(alice, declare, orders):
    again = type("Again", (OpenOrders,), {"identifier": "shop.again"})
    declare(sections=(OpenOrders, again))
    names = list(members(content_of(deliver(alice, "shop.made"))))
    assert names == ["open-orders.csv", "open-orders-2.csv"]
    book = opened(content_of(deliver(alice, "shop.made", format="xlsx")))
    assert book.sheetnames == ["Open orders", "Open orders (2)", "About"]


def test_label_that_is_no_name_of_a_file(alice, declare, orders):
    odd = type("Odd", (Notes,), {"label": "../…/[x]: é"})
    empty = type("Empty", (Notes,), {"identifier": "shop.empty", "label": "???"})
    declare(sections=(odd, empty), parameters=MonthForm)
    assert list(members(content_of(deliver(alice, "shop.made")))) == ["x-é.csv", "export.csv"]
    book = opened(content_of(deliver(alice, "shop.made", format="xlsx")))
    assert book.sheetnames == [".. …  x   é", "Sheet", "About"]


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("con", "con_"),
        ("NUL", "nul_"),
        ("Com1", "com1_"),
        ("LPT9", "lpt9_"),
        ("com¹", "com1_"),
        ("Con.", "con_"),
        ("aux ", "aux_"),
        ("Contacts", "contacts"),
        ("con 1", "con-1"),
        ("報" * 100, "報" * 66),
        ("a" * 99 + " b", "a" * 99),
    ],
)
def test_every_system_can_unpack_the_file_of_a_label(alice, declare, label, name):
    odd = type("Odd", (Notes,), {"label": label})
    again = type("Again", (odd,), {"identifier": "shop.again"})
    declare(sections=(odd, again), parameters=MonthForm, label=label)
    made = deliver(alice, "shop.made")
    assert list(members(content_of(made))) == [f"{name}.csv", f"{name}-2.csv"]
    assert made.filename.startswith(f"{name}-2")
    assert len(made.filename.encode()) < 255


def test_sections_longer_than_a_sheet(alice, three_orders, monkeypatch):
    monkeypatch.setattr(XlsxWriter, "max_rows", 2)
    wanted = ["customers.name", "notes.n"]
    content = content_of(deliver(alice, MONTH, format="xlsx", columns=wanted))
    assert opened(content).sheetnames == [
        "Customers", "Customers (2)", "Notes", "Notes (2)", "About",
    ]  # fmt: skip
    job = ReportJob.objects.get()
    assert job.rows_done == 4


def test_losses_of_all_sections_are_counted(alice, three_orders):
    Order.objects.update(number="\x0b\x0b")
    assert make(alice, MONTH, format="xlsx").losses == {"replaced_characters": 5}
    spec = ExportSpec(MONTH, options=Options(profile="machine", encoding="cp1252"))
    made = dispatch.export_now(spec, *asking(alice))
    files = members(content_of(made))
    assert files["notes.csv"] == b"n,note\r\n1,'=1\r\n2,a?\r\n"
    assert ReportJob.objects.get(pk=made.job.pk).losses == {"replaced_characters": 1}
