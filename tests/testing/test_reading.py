"""`read_export` reads back what was made."""

import datetime as dt
import io
import re
from decimal import Decimal

import openpyxl
import pytest
from django.test import Client

from django_reports import Column, ModelReport
from django_reports.engine.writers import _writers, register_writer
from django_reports.engine.writers.csv import CsvWriter
from django_reports.engine.writers.xlsx import XlsxWriter
from django_reports.exceptions import (
    InvalidSpec,
)
from django_reports.jobs import files
from django_reports.models import ReportJob
from django_reports.testing import (
    Table,
    assert_may_export,
    export,
    read_export,
    run_jobs,
)
from tests.entry_points.helpers import enqueue, make
from tests.entry_points.staff import FORMATS
from tests.shop.models import Customer, Order
from tests.testing.helpers import ORDERS, asked


@pytest.mark.django_db
@pytest.mark.parametrize("format", ["csv", "xlsx", "tsv", "jsonl", "parquet"])
@pytest.mark.parametrize("profile", ["machine", "spreadsheet"])
def test_response_and_job_hold_the_same(alice, orders, format, profile):
    table = read_export(asked(alice, format=format, profile=profile))
    job = make(alice, format=format, profile=profile, columns=("number", "total"))
    assert table == read_export(job)
    assert table == export(
        "shop.orders", alice, format=format, profile=profile, columns=["number", "total"]
    )
    assert len(table) == 20


@pytest.mark.django_db
def test_a_job_is_read_as_it_is_now(alice, orders):
    job = enqueue(alice)
    run_jobs()
    assert job.status == "queued"  # this object does not know yet
    assert len(read_export(job)) == 20


@pytest.mark.django_db
def test_a_job_without_a_file_says_why(alice, configure):
    configure(RUNNER="local")
    job = enqueue(alice, "shop.numbers", parameters={"fail_at": ["1"]})
    with pytest.raises(AssertionError, match=r"numbers-[\d-]+\.csv has no file: it is queued\.$"):
        read_export(job)
    (job,) = run_jobs()
    with pytest.raises(AssertionError, match=r"it is failed\. The report failed .* \(ValueError\)"):
        read_export(job)


def assert_no_export(response, message):
    """Assert that a response cannot be read, and what is said of it."""
    with pytest.raises(AssertionError) as caught:
        read_export(response)
    told = re.sub("reference [0-9a-f]{8}", "reference …", str(caught.value))
    assert told == f"no export but {message}"


@pytest.mark.django_db
def test_a_response_that_is_none_says_what_it_is(alice, bob, carol, orders, configure):
    limit = "This export has more than 10 rows, which is your limit. Narrow it down."
    assert_no_export(asked(bob), f"status 400, text/html: {limit}")
    assert_no_export(
        asked(alice, columns=[], format="pdf"),
        "status 400, text/html: Please correct the errors below. Choose at least one column. "
        "Select a valid choice. pdf is not one of the available choices.",
    )
    unknown = "There is no report “shop.orders” that you may export."
    assert_no_export(asked(carol), f"status 404, text/html: {unknown}")
    assert_no_export(Client().get("/admin/login/"), "status 200, text/html")
    assert_no_export(
        asked(alice, path="/reports/shop.numbers/", columns=["n"], **{"parameter-fail_at": 1}),
        "status 500, text/html: The report failed with an error (ValueError). "
        "The server's log has the details under the reference ….",
    )
    program = Client(headers={"accept": "application/json"})
    problem = "Log in, or send what the site's authentication asks for."
    assert_no_export(program.get(ORDERS), f"status 401, application/problem+json: {problem}")
    assert_no_export(
        Client().get(ORDERS), "status 302 to /admin/login/?next=/reports/shop.orders/, text/html"
    )
    configure(STREAM_MAX_ROWS=0)
    response = asked(alice)
    location = f"/reports/jobs/{ReportJob.objects.get(execution='background').pk}/"
    assert_no_export(response, f"status 302 to {location}, text/html")


@pytest.mark.django_db
def test_a_response_can_be_read_once(alice, orders):
    response = asked(alice)
    read_export(response)
    with pytest.raises(AssertionError, match="a response can be read once"):
        read_export(response)


@pytest.mark.django_db
def test_a_response_that_breaks_raises_what_broke_it(alice):
    numbers = {"path": "/reports/shop.numbers/", "columns": ["n", "text"], "parameter-rows": 6000}
    broken = asked(alice, **numbers, **{"parameter-fail_at": 5000})
    with pytest.raises(ValueError, match="row 5000 is broken"):
        read_export(broken)
    assert len(read_export(asked(alice, **numbers))) == 6000


@pytest.fixture
def psv(monkeypatch):
    """A format of the project's own."""
    monkeypatch.setattr("django_reports.engine.writers._writers", dict(_writers))

    @register_writer
    class PipesWriter(CsvWriter):
        format = extension = "psv"
        label = "Separated by pipes"
        content_type = "text/plain"


@pytest.mark.django_db
def test_a_format_that_cannot_be_read_is_told(alice, orders, psv):
    message = "cannot read 'psv' back; csv, tsv, xlsx, jsonl and parquet can be"
    for wanted in ("psv", "psv.gz", "psv.zip"):
        with pytest.raises(AssertionError, match=message):
            export("shop.orders", alice, format=wanted)
    with pytest.raises(AssertionError, match=message):
        read_export(make(alice, format="psv"))
    response = asked(alice, format="psv")
    with pytest.raises(AssertionError, match=message):
        read_export(response)


@pytest.mark.django_db
def test_a_format_that_is_not_there(alice, orders):
    with pytest.raises(InvalidSpec, match=r"no format 'psv'. Choose from: csv, csv\.gz, "):
        export("shop.orders", alice, format="psv")


EVERYTHING = ["number", "total", "is_paid", "placed_at"]
FIRST_MOMENT = dt.datetime(2026, 1, 1, 13, tzinfo=dt.UTC)


@pytest.mark.django_db
@pytest.mark.parametrize("format", FORMATS)
def test_every_format_is_read_back(alice, orders, format):
    table = export("shop.orders", alice, format=format, columns=EVERYTHING)
    assert table.header == tuple(EVERYTHING)
    assert len(table) == 20
    text = ("A00001", "1.50", "false", "2026-01-01T14:00:00+01:00")
    first = {
        "csv": text,
        "tsv": text,
        "xlsx": ("A00001", 1.5, False, dt.datetime(2026, 1, 1, 14)),
        "jsonl": ("A00001", "1.50", False, "2026-01-01T14:00:00+01:00"),
        "parquet": ("A00001", Decimal("1.50"), False, FIRST_MOMENT),
    }
    assert table.rows[0] == first[format.partition(".")[0]]
    assert read_export(make(alice, format=format, columns=tuple(EVERYTHING))) == table


@pytest.mark.django_db
@pytest.mark.parametrize("format", ["csv", "csv.gz", "csv.zip"])
@pytest.mark.parametrize(
    "options",
    [
        {"delimiter": "semicolon"},
        {"delimiter": "tab", "quoting": "all"},
        {"encoding": "utf-8-sig"},
        {"encoding": "cp1252"},
        {"encoding": "shift_jis"},
        {"line_end": "lf"},
    ],
)
def test_options_change_nothing_that_is_read(alice, orders, format, options):
    columns = ["number", "customer__name"]
    Customer.objects.update(name='Ann; "=1",\tx')
    plain = export("shop.orders", alice, columns=columns)
    assert export("shop.orders", alice, format=format, columns=columns, options=options) == plain
    assert plain.rows[0] == ("A00001", 'Ann; "=1",\tx')


@pytest.mark.django_db
@pytest.mark.parametrize("format", ["csv", "tsv", "xlsx"])
def test_without_a_header_every_row_is_one(alice, orders, format):
    table = export("shop.orders", alice, format=format, columns=["number"],
                   options={"header": "none"})  # fmt: skip
    assert (table.header, len(table)) == ((), 20)
    assert table.rows[0] == ("A00001",)
    with pytest.raises(InvalidSpec, match="There is no header 'x'"):
        export("shop.orders", alice, options={"header": "x"})


@pytest.mark.django_db
@pytest.mark.parametrize("format", [name for name in FORMATS if name != "jsonl"])
def test_an_empty_export_has_no_rows(alice, format):
    table = export("shop.orders", alice, format=format, columns=["number"])
    assert table.rows == []
    assert table.header == (() if format.startswith("jsonl") else ("number",))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("format", "options"), [("jsonl", {}), ("csv", {"header": "none"}), ("tsv", {"header": "none"})]
)
def test_an_empty_export_may_be_an_empty_file(alice, format, options):
    assert export("shop.orders", alice, format=format, options=options).rows == []
    assert read_export(make(alice, format=format)).rows == []


@pytest.mark.django_db
def test_totals_are_no_row(alice, orders, declare):
    @declare
    class Totalled(ModelReport):
        identifier = "shop.totalled"
        model = Order
        columns = ["number", Column("total", total="sum")]

    for options in ({}, {"header": "none"}):
        table = export(Totalled, alice, format="xlsx", options=options)
        assert len(table) == 20
        assert table.rows[-1] == ("A00020", 20.5)


@pytest.mark.django_db
def test_sections_by_title(alice, orders, everything):
    wanted = {"format": "xlsx", "columns": ["orders.number", "numbers.n", "orders.total"]}
    first = export(everything, alice, section="Orders", **wanted)
    assert first.header == ("number", "total")
    assert first.rows[0] == ("A00001", 1.5)
    second = export(everything, alice, section="Numbers", **wanted)
    assert (second.header, second.rows) == (("n",), [(n,) for n in range(1, 11)])
    job = make(alice, "shop.everything", format="xlsx", columns=tuple(wanted["columns"]))
    assert read_export(job, section="Orders") == first


@pytest.mark.django_db
def test_sections_in_files_of_their_own(alice, orders, everything):
    """They are called by the names of their files, which are the titles in small letters."""
    table = export(everything, alice, columns=["numbers.n", "orders.number"], section="orders")
    assert (table.header, table.rows[0]) == (("number",), ("A00001",))
    assert ReportJob.objects.get().format == "csv.zip"
    table = export(everything, alice, format="jsonl.zip", columns=["numbers.n"])
    assert table.column("n") == list(range(1, 11))  # there is only one


@pytest.mark.django_db
def test_which_section_must_be_said(alice, orders, everything):
    with pytest.raises(AssertionError, match=r"^which section; there are Orders, Numbers$"):
        export(everything, alice, format="xlsx")
    with pytest.raises(AssertionError, match=r"^no section 'Lines'; there are orders, numbers$"):
        export(everything, alice, section="Lines")


@pytest.mark.django_db
def test_columns_of_sections_may_be_asserted(alice, everything, make_person):
    eve = make_person("eve", "shop.view_customer", report="*")
    names = ["n", "text"]
    matrix = {alice: {everything: True}, eve: {everything: False}}
    assert_may_export(matrix)
    with pytest.raises(AssertionError, match=r"with orders\.id, orders\.number, "):
        assert_may_export({alice: {everything: [f"numbers.{name}" for name in names]}})


@pytest.mark.django_db
def test_sheets_are_one_table(alice, orders, monkeypatch):
    monkeypatch.setattr(XlsxWriter, "max_rows", 8)
    job = make(alice, format="xlsx", columns=("number",))
    with files.open_file(job) as file:
        assert openpyxl.load_workbook(io.BytesIO(file.read())).sheetnames == [
            "Orders", "Orders (2)", "Orders (3)", "About"
        ]  # fmt: skip
    table = read_export(job)
    assert table.column("number") == [f"A{n:05}" for n in range(1, 21)]


def test_a_table_by_hand():
    table = Table(("a", "b"), [(1, 2), (3, 4)])
    assert table.dicts == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]
    assert (len(table), table.column("b")) == (2, [2, 4])


@pytest.mark.django_db
def test_files_in_memory(alice, orders, settings, folder):
    """The storage that the docs recommend for tests."""
    memory = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    settings.STORAGES = {**settings.STORAGES, "reports": memory}
    job = enqueue(alice, format="xlsx", columns=("number",))
    run_jobs()
    assert read_export(job).rows[0] == ("A00001",)
    assert not folder.exists()
