"""What projects' own tests use: in a TestCase, with pytest, and asynchronously."""

import datetime as dt
import io
from decimal import Decimal

import openpyxl
import pytest
from django import forms
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.core.exceptions import ImproperlyConfigured
from django.test import Client, TestCase, TransactionTestCase

from django_reports import Column, ModelReport, Report, register, storage
from django_reports.conf import get_settings
from django_reports.exceptions import (
    InvalidParameters,
    InvalidSpec,
    ReportDenied,
    ReportFailed,
    RowLimitExceeded,
)
from django_reports.models import AuditEntry, GroupReportPermission, ReportJob
from django_reports.registry import registry
from django_reports.testing import (
    Table,
    aread_export,
    assert_may_export,
    export,
    immediate_jobs,
    read_export,
    run_jobs,
)
from django_reports.writers import _writers, register_writer
from django_reports.writers.csv import CsvWriter
from django_reports.writers.xlsx import XlsxWriter
from tests.conftest import VIEW, give, grant, make_orders
from tests.doors.helpers import enqueue, make, put
from tests.doors.staff import FORMATS
from tests.shop.models import Customer, Order
from tests.shop.reports import Numbers, Orders

ORDERS = "/reports/shop.orders/"
CHOICE = {"_export": "1", "format": "csv", "profile": "machine", "columns": ["number", "total"]}


def person(name, *permissions, **grant_options):
    user = User.objects.create_user(name, is_staff=True)
    if grant_options:
        grant(user, **grant_options)
    return give(user, *permissions)


# In a TestCase, as the docs show it


class OrdersTests(TestCase):
    @classmethod
    def setUpTestData(cls):
        make_orders(20)
        cls.alice = person("alice", *VIEW, report="*")
        cls.bob = person("bob", *VIEW, report="*", max_rows=10)

    def setUp(self):
        self.client.force_login(self.alice)

    def test_rows(self):
        table = export("shop.orders", self.alice, columns=["number", "total"])
        assert table.header == ("number", "total")
        assert len(table) == 20
        assert table.rows[0] == ("A00001", "1.50")

    def test_row_limit(self):
        with pytest.raises(RowLimitExceeded):
            export("shop.orders", self.bob)

    def test_download(self):
        table = read_export(self.client.post(ORDERS, CHOICE))
        assert table.column("number")[:2] == ["A00001", "A00002"]
        assert ReportJob.objects.get().status == "succeeded"

    def test_a_job_is_made_when_it_is_told_to(self):
        with immediate_jobs(STREAM_MAX_ROWS=0):
            response = self.client.post(ORDERS, CHOICE)
            (job,) = run_jobs()
        self.assertRedirects(response, f"/reports/jobs/{job.pk}/")
        assert len(read_export(job)) == 20

    @immediate_jobs(STREAM_MAX_ROWS=0)
    def test_a_job_is_made_on_commit(self):
        with self.captureOnCommitCallbacks(execute=True):
            response = self.client.post(ORDERS, CHOICE)
        table = read_export(self.client.get(f"{response['Location']}download/"))
        assert len(table) == 20

    @immediate_jobs(STREAM_MAX_ROWS=7)
    async def test_the_decorator_lasts_as_long_as_an_asynchronous_test(self):
        assert get_settings().STREAM_MAX_ROWS == 7

    async def test_an_asynchronous_response(self):
        await self.async_client.aforce_login(self.alice)
        response = await self.async_client.post(ORDERS, CHOICE)
        table = await aread_export(response)
        assert table.rows[-1] == ("A00020", "20.50")
        assert (await ReportJob.objects.aget()).status == "succeeded"

    async def test_an_asynchronous_response_is_awaited(self):
        await self.async_client.aforce_login(self.bob)
        response = await self.async_client.post(
            ORDERS, {**CHOICE, "format": "xlsx", "parameter-region": "n"}
        )
        with pytest.raises(AssertionError, match="await aread_export"):
            read_export(response)
        assert (await aread_export(response)).rows[0] == ("A00001", 1.5)
        refused = await self.async_client.post(ORDERS, CHOICE)
        with pytest.raises(AssertionError, match="no export but status 400, text/html: This"):
            await aread_export(refused)

    def test_who_may_what(self):
        assert_may_export({self.alice: {"shop.orders": True}, AnonymousUser(): {Orders: False}})


@immediate_jobs(STREAM_MAX_ROWS=0)
class EveryTestOfAClass(TransactionTestCase):
    def test_jobs_are_done_when_they_are_committed(self):
        make_orders(3)
        self.client.force_login(person("alice", *VIEW, report="*"))
        response = self.client.post(ORDERS, CHOICE)
        download = self.client.get(f"{response['Location']}download/")
        assert read_export(download).column("total") == ["1.50", "2.50", "3.50"]

    def test_an_option_is_in_force(self):
        assert get_settings().STREAM_MAX_ROWS == 0


# Jobs at once


def test_immediate_jobs_end_with_their_context(configure):
    configure(RUNNER="local", QUEUE="mine")
    with immediate_jobs(STREAM_MAX_ROWS=3):
        inside = get_settings()
        with immediate_jobs(STREAM_MAX_ROWS=4):
            assert (get_settings().STREAM_MAX_ROWS, get_settings().QUEUE) == (4, "mine")
        assert get_settings() == inside
    assert (inside.RUNNER, inside.STREAM_MAX_ROWS, inside.QUEUE) == ("immediate", 3, "mine")
    assert (get_settings().RUNNER, get_settings().STREAM_MAX_ROWS) == ("local", 5000)


def test_immediate_jobs_as_a_decorator_of_a_function(configure):
    configure(RUNNER="local")

    @immediate_jobs()
    def inside(word):
        return f"{word} {get_settings().RUNNER}"

    assert inside("now") == inside("now") == "now immediate"
    assert get_settings().RUNNER == "local"


def test_an_unknown_option_is_told():
    with immediate_jobs(STREAM_MAX_ROW=0), pytest.raises(ImproperlyConfigured, match="MAX_ROW'"):
        get_settings()


@pytest.mark.django_db
def test_immediate_jobs_on_commit(
    alice, orders, configure, django_capture_on_commit_callbacks
):  # fmt: skip
    configure(RUNNER="local")
    with immediate_jobs(), django_capture_on_commit_callbacks(execute=True):
        job = enqueue(alice, columns=("number",))
    assert len(read_export(job)) == 20


@pytest.mark.django_db
def test_run_jobs_runs_all_oldest_first_and_tells_how_they_ended(alice, orders, configure):
    configure(RUNNER="local")
    broken = enqueue(alice, "shop.numbers", parameters={"fail_at": ["1"]})
    good = enqueue(alice)
    put(broken, created_at=good.created_at - dt.timedelta(seconds=1))
    ended = run_jobs()
    assert ended == [broken, good]
    assert [job.status for job in ended] == ["failed", "succeeded"]
    assert run_jobs() == []


# Made


@pytest.mark.django_db
def test_export_as_the_system_has_everything(orders):
    table = export("shop.orders")
    assert "cost" in table.header
    assert table.dicts[0]["customer__email"] == "bob@example.org"
    assert ReportJob.objects.get().requested_by_text == "system"


@pytest.mark.django_db
def test_export_as_a_person_is_masked(alice, orders):
    table = export("shop.orders", alice, columns=["customer__email"])
    assert set(table.column("customer__email")) == {"a•••@e•••.com", "b•••@e•••.org"}
    with pytest.raises(InvalidSpec, match="no column 'cost'"):
        export("shop.orders", alice, columns=["cost"])
    with pytest.raises(ValueError, match="no column 'cost'; there are customer__email"):
        table.column("cost")


@pytest.mark.django_db
def test_export_by_its_class(alice, orders):
    assert export(Orders, alice).rows == export("shop.orders", alice).rows

    class Undeclared(ModelReport):
        model = Order

    before = list(registry)
    with pytest.raises(ValueError, match="Undeclared is not declared: it needs @register"):
        export(Undeclared, alice)
    assert list(registry) == before


@pytest.mark.django_db
def test_export_to_xlsx_has_types(alice, orders):
    table = export("shop.orders", alice, format="xlsx", columns=["number", "total", "is_paid"])
    assert table.rows[2] == ("A00003", 3.5, True)


@pytest.mark.django_db
def test_export_in_ones_own_language_and_time_zone(alice, orders):
    here = export("shop.orders", alice, columns=["placed_at", "is_paid"], profile="spreadsheet")
    assert here.header == ("Placed at (Europe/Berlin)", "Paid")
    assert here.rows[0] == ("2026-01-01 14:00:00", "No")
    there = export("shop.orders", alice, columns=["placed_at", "is_paid"], profile="spreadsheet",
                   time_zone="America/New_York", language="de")  # fmt: skip
    assert there.header == ("Placed at (America/New_York)", "Paid")
    assert there.rows[0] == ("2026-01-01 08:00:00", "Nein")


@pytest.mark.django_db
def test_export_with_parameters(alice, orders):
    wanted = {"region": Order.objects.first().region, "minimum": Decimal("18.5")}
    assert export("shop.orders", alice, parameters=wanted).column("number") == ["A00019"]
    assert len(export("shop.orders", alice, parameters={"region": None, "minimum": 19})) == 2
    with pytest.raises(InvalidParameters) as caught:
        export("shop.orders", alice, parameters={"minimum": -1, "region": "x"})
    assert set(caught.value.errors) == {"minimum", "region"}


@pytest.fixture
def declare(monkeypatch):
    """Declare a report for one test."""
    monkeypatch.setattr(registry, "_reports", list(registry))
    return register


@pytest.mark.django_db
def test_parameters_are_what_a_person_would_have_typed(alice, orders, declare):
    class Typed(forms.Form):
        customers = forms.ModelMultipleChoiceField(Customer.objects.all())
        customer = forms.ModelChoiceField(Customer.objects.all())
        is_new = forms.BooleanField(required=False)
        is_old = forms.BooleanField(required=False)
        since = forms.DateTimeField()
        within = forms.DurationField()
        months = forms.TypedMultipleChoiceField(choices=[(n, n) for n in range(12)], coerce=int)

    found = {}

    @declare
    class Anything(Report):
        identifier = "shop.anything"
        permission = "shop.view_order"
        columns = ["n"]
        parameters = Typed

        def rows(self, context):
            found.update(context.parameters)
            return [{"n": 1}]

    customer = Customer.objects.first()
    wanted = {
        "customers": Customer.objects.all(),
        "customer": customer,
        "is_new": True,
        "is_old": False,
        "since": dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC),
        "within": dt.timedelta(days=2, hours=3),
        "months": {3, 4},
    }
    export(Anything, alice, parameters=wanted)
    found["customers"] = list(found["customers"])
    found["months"] = set(found["months"])
    assert found == {**wanted, "customers": list(Customer.objects.all())}


@pytest.mark.django_db
def test_export_denied(carol, orders):
    with pytest.raises(ReportDenied, match=r"no report “shop\.orders” that you may export"):
        export("shop.orders", carol)
    with pytest.raises(ReportDenied):
        export("shop.bogus", carol)
    assert not ReportJob.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("fail_at", [1, 5000])  # before the first block, and behind it
def test_export_of_a_report_that_breaks(alice, fail_at):
    with pytest.raises(ReportFailed, match=r"\(ValueError\)") as caught:
        export("shop.numbers", alice, parameters={"rows": 6000, "fail_at": fail_at})
    assert str(caught.value.__cause__) == f"row {fail_at} is broken"
    job = ReportJob.objects.get(pk=caught.value.job_key)
    assert (job.status, job.error) == ("failed", str(caught.value))


@pytest.mark.django_db
@pytest.mark.parametrize("limit", [10, 5500])  # before the first block, and behind it
def test_row_limit_of_rows_that_cannot_be_counted(bob, limit):
    GroupReportPermission.objects.update(max_rows=limit)
    with pytest.raises(RowLimitExceeded):
        export("shop.numbers", bob, parameters={"rows": 6000})


@pytest.mark.django_db
def test_rows_by_name_need_names_that_differ(alice, orders, declare):
    @declare
    class Twice(ModelReport):
        identifier = "shop.twice"
        model = Order
        columns = [Column("number", label="Same"), Column("total", label="Same")]

    table = export("shop.twice", alice, profile="spreadsheet")
    with pytest.raises(ValueError, match="the header has a name twice: Same, Same"):
        _ = table.dicts


# Read back


def asked(user, path=ORDERS, **fields):
    client = Client()
    client.force_login(user)
    return client.post(path, {**CHOICE, **fields})


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
    assert str(caught.value) == f"no export but {message}"


@pytest.mark.django_db
def test_a_response_that_is_none_says_what_it_is(alice, bob, carol, orders, configure):
    limit = "This export has more than 10 rows, which is your limit. Narrow it down."
    assert_no_export(asked(bob), f"status 400, text/html: {limit}")
    assert_no_export(
        asked(alice, columns=[], format="pdf"),
        "status 400, text/html: Please correct what is marked below. Choose at least one column. "
        "Select a valid choice. pdf is not one of the available choices.",
    )
    assert_no_export(asked(carol), "status 404, text/html")
    assert_no_export(Client().get("/admin/login/"), "status 200, text/html")
    assert_no_export(
        asked(alice, path="/reports/shop.numbers/", columns=["n"], **{"parameter-fail_at": 1}),
        "status 500, text/html: The report failed with an error (ValueError). "
        "The server's log has the details.",
    )
    program = Client(headers={"accept": "application/json"})
    problem = "Log in, or send what the site's authentication asks for."
    assert_no_export(program.get(ORDERS), f"status 401, application/problem+json: {problem}")
    assert_no_export(
        Client().get(ORDERS), "status 302 to /admin/login/?next=/reports/shop.orders/, text/html"
    )
    configure(STREAM_MAX_ROWS=0)
    response = asked(alice)
    location = f"/reports/jobs/{ReportJob.objects.get(delivery='background').pk}/"
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
    monkeypatch.setattr("django_reports.writers._writers", dict(_writers))

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


@pytest.fixture
def everything(declare):
    """A report of two sections."""

    @declare
    class Everything(Report):
        identifier = "shop.everything"
        label = "Everything"
        parameters = Numbers.parameters
        sections = [Orders, Numbers]

    return Everything


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
    with storage.open_file(job) as file:
        assert openpyxl.load_workbook(io.BytesIO(file.read())).sheetnames == [
            "Orders", "Orders (2)", "Orders (3)", "About"
        ]  # fmt: skip
    table = read_export(job)
    assert table.column("number") == [f"A{n:05}" for n in range(1, 21)]


# Who may what


@pytest.mark.django_db
def test_a_matrix_that_holds(alice, bob, carol, dave, root):
    seen = ["id", "number", "customer__name", "customer__email (masked)", "region", "total",
            "margin", "is_paid", "placed_at", "remark"]  # fmt: skip
    unmasked = ["customer__email" if name.startswith("customer__email") else name for name in seen]
    assert_may_export({
        alice: {"shop.orders": reversed(seen), Numbers: ["n", "text"], "shop.old_orders": True},
        bob: {"shop.orders": True},
        carol: {"shop.orders": False, "shop.numbers": False},
        dave: {"shop.orders": False},
        root: {"shop.orders": [*unmasked, "cost"]},
        None: {"shop.orders": [*unmasked, "cost"]},
        AnonymousUser(): {"shop.orders": False},
    })  # fmt: skip


@pytest.mark.django_db
def test_everything_that_is_otherwise_is_said_at_once(alice, carol, root):
    matrix = {
        alice: {
            "shop.orders": ["id", "customer__email", "cost"],
            "shop.numbers": False,
            "shop.bogus": False,
        },
        carol: {"shop.orders": True, Numbers: ["n"]},
        root: {"shop.numbers": ["n"]},
        None: {"shop.numbers": ["text", "n", "m"]},
    }
    with pytest.raises(AssertionError) as caught:
        assert_may_export(matrix)
    assert str(caught.value).splitlines() == [
        (
            "alice gets shop.orders without customer__email, cost and with number, customer__name, "
            "customer__email (masked), region, total, margin, is_paid, placed_at, remark"
        ),
        "alice may export shop.numbers: n, text",
        "there is no report shop.bogus",
        "carol may not export shop.orders",
        "carol may not export shop.numbers",
        "root gets shop.numbers with text",
        "the system gets shop.numbers without m",
    ]


@pytest.mark.django_db
def test_columns_are_a_list(alice):
    with pytest.raises(TypeError, match="a list of names, not 'number'"):
        assert_may_export({alice: {"shop.orders": "number"}})


@pytest.mark.django_db
def test_a_lost_grant_is_noticed(alice):
    assert_may_export({alice: {"shop.orders": True}})
    GroupReportPermission.objects.all().delete()
    assert_may_export({alice: {"shop.orders": False}})


@pytest.mark.django_db
def test_a_report_without_a_column_for_somebody_is_not_theirs(alice, declare):
    permission = Permission.objects.get(codename="delete_order")

    @declare
    class Secret(ModelReport):
        identifier = "shop.secret"
        model = Order
        columns = [Column("number", permission="shop.delete_order")]

    assert_may_export({alice: {"shop.secret": False}})
    alice.user_permissions.add(permission)
    assert_may_export({User.objects.get(pk=alice.pk): {"shop.secret": ["number"]}})
    assert AuditEntry.objects.filter(action="denied").count() == 0


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
