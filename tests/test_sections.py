"""A report of several sections: sheets of a workbook, or files of a ZIP."""

import gc
import io
import sys
import threading
import zipfile

import pytest
from django import forms
from django.core.management import call_command
from django.db import connection, connections

from django_reports import Column, ModelReport, Report, delivery, storage
from django_reports.checks.reports import check_report
from django_reports.exceptions import InvalidSpec, ReportDenied, RowLimitExceeded
from django_reports.kinds import Rendering
from django_reports.models import ReportJob
from django_reports.registry import registry
from django_reports.selections import Selection
from django_reports.specs import ExportSpec, Options
from django_reports.statuses import Profile
from django_reports.testing import export, read_export
from django_reports.writers import writer_for
from django_reports.writers.xlsx import XlsxWriter
from tests.conftest import make_orders
from tests.doors.helpers import asking, browse, deliver, enqueue, make, plan, spec_of
from tests.sheets import BERLIN, calamine, column, opened
from tests.shop.models import Customer, Order

MONTH = "shop.month"
PAGE = "/reports/shop.month/"


class OpenOrders(ModelReport):
    identifier = "shop.orders_of_month"
    model = Order
    label = "Open orders"
    columns = ["id", "number", Column("total", total="sum"), Column("cost", permission="shop.cost")]

    def filter_queryset(self, queryset, context):
        return queryset.filter(is_paid=False)


class Customers(ModelReport):
    identifier = "shop.customers"
    model = Customer
    columns = ["name", Column("email", permission="shop.email", mask="partial")]


class Notes(Report):
    identifier = "shop.notes"
    permission = "shop.view_order"
    columns = ["n", Column("note", label="=Note")]

    def rows(self, context):
        yield {"n": 1, "note": context.parameters["note"] or "=1"}
        yield {"n": 2, "note": "a\ufffe"}


class MonthForm(forms.Form):
    note = forms.CharField(required=False)


class Month(Report):
    identifier = MONTH
    label = "The month"
    parameters = MonthForm
    sections = (OpenOrders, Customers, Notes)


@pytest.fixture
def declare(monkeypatch):
    """Declare a report for one test."""
    monkeypatch.setattr(registry, "_reports", list(registry))

    def declare(base=Report, **attributes):
        made = type("Made", (base,), {"identifier": "shop.made", **attributes})()
        registry.add(made)
        return made

    return declare


@pytest.fixture
def month(declare):
    return declare(Month, identifier=MONTH)


@pytest.fixture
def three_orders(db, month):
    """The first two are open."""
    make_orders(3)
    for key, order in enumerate(Order.objects.order_by("number"), start=101):
        Order.objects.filter(pk=order.pk).update(id=key)


def content_of(made):
    return b"".join(made)


def file_of(job):
    with storage.open_file(job) as file:
        return file.read()


def members(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


# Each format


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
    return delivery.plan(spec, *asking(user))


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
    made = delivery.export_now(spec, *asking(alice))
    files = members(content_of(made))
    assert files["notes.csv"] == b"n,note\r\n1,'=1\r\n2,a?\r\n"
    assert ReportJob.objects.get(pk=made.job.pk).losses == {"replaced_characters": 1}


# Every door


@pytest.mark.parametrize("format", ["csv", "tsv.zip", "jsonl"])
def test_every_door_gives_the_same_bytes(alice, three_orders, format, tmp_path):
    stream = content_of(deliver(alice, MONTH, format=format))
    job = file_of(make(alice, MONTH, format=format))
    path = tmp_path / "file"
    call_command(
        "export_report", MONTH, "--format", format, "--user", "alice", "--output", str(path),
        verbosity=0,
    )  # fmt: skip
    fields = {"_export": "1", "profile": "machine", "format": format.partition(".")[0]}
    fields["compression"] = format.partition(".")[2]
    fields["columns"] = [
        "orders_of_month.id", "orders_of_month.number", "orders_of_month.total",
        "customers.name", "customers.email", "notes.n", "notes.note",
    ]  # fmt: skip
    page = browse(alice).post(PAGE, fields)
    found = [stream, job, path.read_bytes(), b"".join(page.streaming_content)]
    assert len(members(stream)) == 3
    assert [content == stream for content in found] == [True] * 4


@pytest.mark.parametrize("format", ["csv", "tsv.zip", "jsonl"])
def test_preview_of_all_rows_has_the_same_bytes(alice, three_orders, format):
    found = delivery.preview(spec_of(MONTH, format=format), *asking(alice), rows=100)
    assert found.content == content_of(deliver(alice, MONTH, format=format))


def test_every_door_gives_the_same_sheets(alice, three_orders, tmp_path):
    path = tmp_path / "file"
    call_command(
        "export_report", MONTH, "--format", "xlsx", "--user", "alice", "--output", str(path),
        verbosity=0,
    )  # fmt: skip
    preview = delivery.preview(spec_of(MONTH, format="xlsx"), *asking(alice), rows=100)
    found = [
        content_of(deliver(alice, MONTH, format="xlsx")),
        file_of(make(alice, MONTH, format="xlsx")),
        path.read_bytes(),
        preview.content,
    ]
    sheets = [[calamine(content, at) for at in range(3)] for content in found]
    assert sheets[0][2] == [["n", "note"], [1, "=1"], [2, "a\ufffd"]]
    assert sheets == [sheets[0]] * 4


def test_preview_of_a_zip(alice, three_orders):
    found = delivery.preview(spec_of(MONTH), *asking(alice), rows=1)
    assert [table.rows for table in found.tables] == [
        [["101", "A00001", "1.50"]],
        [["Ann", "a•••@e•••.com"]],
        [["1", "'=1"]],
    ]
    assert members(found.content)["notes.csv"] == b"n,note\r\n1,'=1\r\n"


def test_zip_that_is_too_large_to_wait_for_becomes_a_job(alice, orders, configure):
    configure(STREAM_MAX_ROWS=5)
    job = deliver(alice, format="csv.zip")
    assert isinstance(job, ReportJob)


def test_zip_that_is_broken_off_is_quiet(monkeypatch):
    complaints = []
    monkeypatch.setattr(sys, "unraisablehook", complaints.append)
    made = writer_for("csv.zip")([column("a")], Rendering(Profile.MACHINE, BERLIN, "en"), "A")
    made.begin()
    made.write([(1,)])
    made.close()
    del made
    gc.collect()
    assert [str(complaint.exc_value) for complaint in complaints] == []


def test_preview_shows_the_first_rows_of_each(alice, three_orders):
    found = delivery.preview(spec_of(MONTH, format="xlsx"), *asking(alice), rows=1)
    assert [(table.title, table.header, table.rows) for table in found.tables] == [
        ("Open orders", ["id", "number", "total"], [["101", "A00001", "1.50"]]),
        ("Customers", ["name", "email"], [["Ann", "a•••@e•••.com"]]),
        ("Notes", ["n", "note"], [["1", "=1"]]),
    ]
    assert calamine(found.content, 2) == [["n", "note"], [1, "=1"]]


def test_command_names_its_file_by_what_it_is(three_orders, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call_command("export_report", MONTH, verbosity=0)
    (path,) = tmp_path.glob("*.zip")
    assert path.name.endswith(".csv.zip")
    assert members(path.read_bytes())["open-orders.csv"].startswith(b"id,number,total,cost\r\n")


def test_parameters_reach_the_sections(alice, three_orders):
    found = export(MONTH, alice, section="notes", parameters={"note": "hello"})
    assert found.column("note") == ["hello", "a\ufffe"]


# Columns


def test_columns_are_chosen_by_section_and_name(alice, three_orders):
    wanted = ["notes.n", "orders_of_month.number", "orders_of_month.id"]
    assert members(content_of(deliver(alice, MONTH, columns=wanted))) == {
        "open-orders.csv": b"number,id\r\nA00001,101\r\nA00002,102\r\n",
        "notes.csv": b"n\r\n1\r\n2\r\n",
    }
    job = ReportJob.objects.get()
    assert [column["name"] for column in job.columns] == [
        "orders_of_month.number", "orders_of_month.id", "notes.n",
    ]  # fmt: skip
    assert [column["label"] for column in job.columns] == [
        "Open orders: Order number", "Open orders: ID", "Notes: N",
    ]  # fmt: skip


def test_columns_of_one_section_make_one_file(alice, three_orders):
    content = content_of(deliver(alice, MONTH, columns=["notes.n"]))
    assert members(content) == {"notes.csv": b"n\r\n1\r\n2\r\n"}


@pytest.mark.parametrize("name", ["number", "id", "orders_of_month.cost", "orders.id", "notes."])
def test_column_that_is_not_there(alice, three_orders, name):
    with pytest.raises(InvalidSpec) as caught:
        plan(alice, MONTH, columns=[name])
    assert str(caught.value) == (
        f"Made has no column {name!r} that you may export. Choose from: orders_of_month.id, "
        "orders_of_month.number, orders_of_month.total, customers.name, customers.email, notes.n, "
        "notes.note."
    ).replace("Made", "The month")


# Permissions


@pytest.mark.parametrize(
    ("permissions", "may"),
    [
        (["shop.view_order", "shop.view_customer"], True),
        (["shop.view_order"], False),
        (["shop.view_customer"], False),
        ([], False),
    ],
)
def test_a_person_needs_every_sections_permission(make_person, three_orders, permissions, may):
    erin = make_person("erin", *permissions, report="*")
    for ask in (plan, deliver, enqueue):
        if may:
            assert ask(erin, MONTH)
        else:
            with pytest.raises(ReportDenied, match=r"There is no report “shop\.month”"):
                ask(erin, MONTH)


def test_its_own_permission_is_needed_as_well(alice, declare):
    declare(sections=(Notes,), permission="shop.special", parameters=MonthForm)
    with pytest.raises(ReportDenied):
        plan(alice, "shop.made")


def test_a_grant_for_the_report_is_enough(make_person, three_orders):
    erin = make_person("erin", "shop.view_order", "shop.view_customer", report=MONTH)
    assert plan(erin, MONTH).export.columns
    with pytest.raises(ReportDenied):
        plan(erin, "shop.orders")


def test_hidden_and_masked_columns(alice, three_orders):
    made = plan(alice, MONTH)
    assert [column.key for column in made.hidden] == ["orders_of_month.cost"]
    assert [column.key for column in made.masked] == ["customers.email"]
    assert [c["name"] for c in make(alice, MONTH).columns if c["masked"]] == ["customers.email"]


def test_with_the_permission_they_are_whole(make_person, three_orders):
    erin = make_person(
        "erin", "shop.view_order", "shop.view_customer", "shop.cost", "shop.email", report="*"
    )
    found = members(content_of(deliver(erin, MONTH)))
    assert found["open-orders.csv"].splitlines()[1] == b"101,A00001,1.50,0.50"
    assert found["customers.csv"].splitlines()[1] == b"Ann,ann@example.com"


def test_section_of_which_nothing_may_be_seen_is_left_out(alice, declare):
    secret = type(
        "Secret", (Notes,), {"identifier": "shop.s", "columns": [Column("n", permission="shop.x")]}
    )
    declare(sections=(secret, Notes), parameters=MonthForm)
    assert list(members(content_of(deliver(alice, "shop.made")))) == ["notes.csv"]
    assert list(members(content_of(deliver(None, "shop.made")))) == ["secret.csv", "notes.csv"]


def test_row_limit_holds_for_all_sections_together(bob, month):
    make_orders(6)  # four are open; with two customers and two notes: eight
    asked = {"format": "xlsx"}
    assert make(bob, MONTH, **asked).rows_done == 8
    make_orders(4)  # three more are open: eleven
    for ask in (deliver, now):
        with pytest.raises(RowLimitExceeded, match="more than 10 rows"):
            ask(bob, MONTH, **asked)
    job = make(bob, MONTH, **asked)
    assert (job.status, job.has_file) == ("failed", False)
    assert "more than 10 rows" in job.error


def test_row_limit_of_sections_that_can_be_counted(bob, declare):
    declare(sections=(OpenOrders, Customers))
    make_orders(12)  # eight are open
    assert make(bob, "shop.made", format="xlsx").rows_done == 10
    make_orders(1, is_paid=False)
    made = plan(bob, "shop.made", format="xlsx")
    assert made.is_over_limit
    with pytest.raises(RowLimitExceeded):
        enqueue(bob, "shop.made", format="xlsx")


def now(user, report, **wanted):
    return delivery.export_now(spec_of(report, **wanted), *asking(user))


def test_preview_keeps_to_the_limit_of_rows(bob, month):
    make_orders(6)
    found = delivery.preview(spec_of(MONTH, format="xlsx"), *asking(bob), rows=5)
    assert [len(table.rows) for table in found.tables] == [4, 2, 2]


def test_preview_of_more_sections_than_the_limit_has_rows(bob, month):
    make_orders(30)
    found = delivery.preview(spec_of(MONTH, format="xlsx"), *asking(bob), rows=10)
    assert sum(len(table.rows) for table in found.tables) <= 10


def test_nothing_but_all_rows_can_be_selected(alice, three_orders):
    for selection in (Selection("keys", {"keys": ["1"]}), Selection("changelist", {})):
        with pytest.raises(InvalidSpec) as caught:
            plan(alice, MONTH, selection=selection)
        assert str(caught.value) == "A report of several sections is made of all their rows."
        assert caught.value.field == "selection"


# One snapshot


def elsewhere(work):
    """Do something over a connection of its own."""

    def run():
        try:
            work()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(timeout=30)
    assert not thread.is_alive()


class Meanwhile(Report):
    """Rows during which somebody adds an order."""

    identifier = "shop.meanwhile"
    permission = "shop.view_order"
    columns = ["n"]

    def rows(self, context):
        elsewhere(lambda: make_orders(1, number="NEW"))
        yield {"n": 1}


class Again(OpenOrders):
    identifier = "shop.again"
    label = "Again"


@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="a SELECT is SQLite's snapshot")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "content",
    [
        lambda user: content_of(deliver(user, "shop.made")),
        lambda user: file_of(make(user, "shop.made")),
        lambda user: content_of(now(user, "shop.made")),
    ],
    ids=["stream", "job", "command"],
)
def test_all_sections_see_one_state(alice, declare, content):
    declare(sections=(OpenOrders, Meanwhile, Again))
    make_orders(3)
    found = members(content(alice))
    assert b"NEW" not in found["again.csv"]
    assert found["again.csv"] == found["open-orders.csv"]
    assert found["open-orders.csv"].count(b"\r\n") == 3
    assert Order.objects.filter(number="NEW").count() == 1


@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="a SELECT is SQLite's snapshot")
@pytest.mark.django_db(transaction=True)
def test_sections_are_read_in_one_repeatable_transaction(alice, declare):
    levels = []

    class Asked(Again):
        def filter_queryset(self, queryset, context):
            return queryset

    class Looks(Meanwhile):
        def rows(self, context):
            with connection.cursor() as cursor:
                if connection.vendor == "postgresql":
                    cursor.execute("SELECT current_setting('transaction_isolation')")
                    levels.append(cursor.fetchone()[0])
                levels.append(connection.in_atomic_block)
            yield {"n": 1}

    declare(sections=(OpenOrders, Looks, Asked))
    assert make(alice, "shop.made").status == "succeeded"
    assert levels in (["repeatable read", True], [True])


# Checks


def ids_of(report):
    return [message.id for message in check_report(report)]


def test_report_of_sections_is_as_it_should_be(month):
    assert ids_of(month) == []


@pytest.mark.parametrize(
    ("base", "attributes", "problem"),
    [
        (Report, {"columns": ["n"]}, "has sections, and columns or a model of its own"),
        (ModelReport, {"model": Order}, "has sections, and columns or a model of its own"),
        (
            Report,
            {"sections": (type("Deep", (Report,), {"sections": (Notes,)}),)},
            "has a section that has sections",
        ),
        (
            Report,
            {"sections": (Notes, type("Same", (Notes,), {"identifier": "else.notes"}))},
            "has two sections whose identifiers end alike",
        ),
    ],
)
def test_sections_that_cannot_be(declare, base, attributes, problem):
    report = declare(base, **{"sections": (Notes,), **attributes})
    found = [message for message in check_report(report) if message.id == "django_reports.E016"]
    assert [message.msg for message in found] == [f"tests.test_sections.Made {problem}."]
    assert found[0].hint


def test_columns_of_sections_are_checked(declare):
    wrong = type("Wrong", (OpenOrders,), {"columns": ["bogus", "id", "id"]})
    none = type("NoColumns", (Notes,), {"columns": []})
    assert sorted(ids_of(declare(sections=(wrong, none)))) == [
        "django_reports.E008", "django_reports.E009", "django_reports.E012",
    ]  # fmt: skip


def test_section_that_nobody_may_read_is_told(declare, alice):
    open_to_nobody = type("Nobody", (Notes,), {"permission": None})
    report = declare(sections=(open_to_nobody,), permission="shop.view_order", parameters=MonthForm)
    with pytest.raises(ReportDenied):
        plan(alice, "shop.made")
    assert ids_of(report) == ["django_reports.E007"]


# Read back


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
