"""Reports that follow an admin's list: its columns and what it shows in them, for each user."""

import csv
import datetime as dt
import io
import json
import re

import pytest
from django.contrib import admin
from django.core.management import call_command
from django.db import connection
from django.db.models import Count
from django.test.utils import CaptureQueriesContext
from django.utils.html import format_html
from django.utils.safestring import mark_safe
from django.utils.translation import get_language, gettext_lazy
from openpyxl import load_workbook

from django_reports.admin import ReportAdminMixin
from django_reports.definitions.registry import registry
from django_reports.models import ReportJob
from tests.conftest import VIEW, give, make_orders
from tests.entry_points.helpers import browse, lines_of, put, run, text_of
from tests.shop.models import Customer, Order, Parcel

pytestmark = pytest.mark.django_db

ORDERS = "/own/shop/order/"
PARCELS = "/own/shop/parcel/"


@pytest.fixture
def alice(alice):
    return give(alice, "shop.view_parcel")


@pytest.fixture
def lists(make_site):
    """Make a site with one list of a model."""
    return lambda model=Order, **attributes: make_site({model: {"reports": [], **attributes}})


def page_of(user, path=ORDERS):
    return text_of(browse(user).get(f"{path}export-report/"))


def sent(user, path=ORDERS, columns=(), **fields):
    values = {"_export": "anyway", "_across": "1", "format": "csv", "profile": "spreadsheet",
              "delimiter": "comma", "encoding": "utf-8", "language": "en",
              "columns": list(columns), **fields}  # fmt: skip
    return browse(user).post(f"{path}export-report/", values)


def exported(user, path=ORDERS, columns=(), **fields):
    """The header and the rows of an export of the list."""
    response = sent(user, path, columns, **fields)
    assert response.status_code == 200, text_of(response)
    return list(csv.reader(io.StringIO(text_of(response))))


def offered(user, path=ORDERS):
    """The columns that the page offers."""
    return re.findall(r'name="columns"[^>]* value="([^"]+)"', page_of(user, path))


def for_managers(self, request):
    return ["number", "total"] if request.user.username == "root" else ["number"]


# Which columns


def test_a_user_gets_the_columns_that_the_list_shows_them(root, alice, orders, lists):
    lists(get_list_display=for_managers)
    assert (offered(root), offered(alice)) == (["number", "total"], ["number"])
    assert exported(alice, columns=["number"])[:2] == [["Order number"], ["A00020"]]
    assert sent(alice, columns=["number", "total"]).status_code == 400


def test_columns_that_get_list_display_adds_are_exported(alice, orders, lists):
    def more(self, request):
        return [*admin.ModelAdmin.get_list_display(self, request), "number", "worth"]

    lists(get_list_display=more, worth=lambda self, order: order.total * 2)
    assert offered(alice) == ["__str__", "number", "worth"]
    assert exported(alice, columns=["__str__", "worth"])[1] == ["A00020", "41.00"]


def test_a_list_of_str_exports_that_and_nothing_else(alice, orders, lists):
    lists()
    assert offered(alice) == ["__str__"]
    assert exported(alice, columns=["__str__"])[:2] == [["Order"], ["A00020"]]


def test_secrets_and_bytes_are_left_out_by_their_headings(alice, orders, lists):
    lists(Customer, list_display=["name", "api_token"])
    assert offered(alice, "/own/shop/customer/") == ["name"]
    assert "<dt>Not in the file</dt><dd>Api token</dd>" in page_of(alice, "/own/shop/customer/")


def test_a_worker_makes_the_columns_of_whoever_asked(root, alice, orders, lists, configure):
    configure(STREAM_MAX_ROWS=1)
    lists(get_list_display=for_managers)
    sent(alice, columns=["number"])
    job = run(ReportJob.objects.get())
    assert (job.status, [column["name"] for column in job.columns]) == ("succeeded", ["number"])


def test_a_column_that_the_list_hides_by_then_fails_the_job(root, orders, lists, configure):
    configure(STREAM_MAX_ROWS=1)
    lists(get_list_display=for_managers)
    sent(root, columns=["number", "total"])
    job = ReportJob.objects.get()
    type(root).objects.filter(pk=root.pk).update(username="clerk")
    assert run(job).status == "failed"
    assert "no column 'total'" in job.error


def rerun(user, job):
    return browse(user).post(f"/own/django_reports/reportjob/{job.pk}/rerun/")


@pytest.fixture
def mia(make_person):
    """May have the exports of others."""
    return make_person("mia", *VIEW, report="*", visibility="all")


@pytest.fixture
def shared(root, orders, lists, configure):
    """A job of root's list with both columns."""
    configure(STREAM_MAX_ROWS=1)
    lists(get_list_display=for_managers)
    sent(root, columns=["number", "total"])
    return run(ReportJob.objects.get())


def test_another_user_cannot_rerun_columns_that_they_do_not_see(mia, shared):
    for spec in (shared.spec, {**shared.spec, "columns": None, "labels": {"total": "Sum"}}):
        response = rerun(mia, put(shared, spec=spec))
        assert response.status_code == 400, text_of(response)
        assert "This export has columns that you may not export." in text_of(response)
        assert "total" not in text_of(response)
    assert ReportJob.objects.count() == 1


def test_another_user_cannot_download_columns_that_they_do_not_see(mia, root, shared):
    address = f"/own/django_reports/reportjob/{shared.pk}/download/"
    assert browse(root).get(address).status_code == 200
    assert browse(mia).get(address).status_code == 403
    sent(root, columns=["number"])
    other = run(ReportJob.objects.exclude(pk=shared.pk).get())
    address = f"/own/django_reports/reportjob/{other.pk}/download/"
    assert browse(mia).get(address).status_code == 200


def test_columns_that_need_what_a_worker_lacks_are_refused_at_the_click(
    alice, orders, lists, settings
):
    def by_host(self, request):
        return ["number", "total"] if getattr(request, "is_vip", False) else ["number"]

    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.be_vip"]
    lists(get_list_display=by_host)
    response = browse(alice).get(f"{ORDERS}export-report/")
    assert response.status_code == 400
    assert "it depends on request.is_vip" in text_of(response)


def be_vip(get_response):
    def middleware(request):
        request.is_vip = True
        return get_response(request)

    return middleware


def test_columns_that_are_others_without_the_request_are_refused(alice, orders, lists):
    def by_sort(self, request):
        return ["number"] if type(request).__name__ == "ReplayedRequest" else ["number", "total"]

    lists(get_list_display=by_sort)
    response = browse(alice).get(f"{ORDERS}export-report/")
    assert response.status_code == 400
    assert "it would show other columns" in text_of(response)


# What stands in them


@pytest.fixture
def parcels(orders):
    order = orders[0]
    return Parcel.objects.bulk_create(
        [
            Parcel(order=order, size=1, weight="2.50", note="a", sent_on=dt.date(2026, 3, 1),
                   is_fragile=True, slip="a.pdf"),
            Parcel(),
        ]
    )  # fmt: skip


def in_order(self, request):
    return ["pk"]


FIELDS = ["order", "size", "weight", "note", "sent_on", "is_fragile", "slip"]


def test_fields_are_readable_in_a_spreadsheet(alice, parcels, lists):
    lists(Parcel, list_display=FIELDS, get_ordering=in_order)
    header, *rows = exported(alice, PARCELS, FIELDS)
    assert header == ["Order", "Size", "Weight", "Note", "Sent on", "Fragile", "Slip"]
    assert rows == [
        ["A00001", "Small", "2.50", "a", "2026-03-01", "Yes", "a.pdf"],
        ["", "(not measured)", "", "", "", "", ""],
    ]


def test_fields_are_keys_for_programs(alice, parcels, lists):
    lists(Parcel, list_display=[*FIELDS, "order_id"], get_ordering=in_order)
    header, *rows = exported(alice, PARCELS, [*FIELDS, "order_id"], profile="machine")
    key = str(parcels[0].order_id)
    assert header == [*FIELDS, "order_id"]
    assert rows == [
        [key, "1", "2.50", "a", "2026-03-01", "true", "a.pdf", key],
        ["", "", "", "", "", "", "", ""],
    ]


def test_a_chosen_empty_value_stands_for_none(alice, parcels, lists):
    lists(Parcel, list_display=FIELDS, empty_value_display=mark_safe("&lt;none&gt;"),
          get_ordering=in_order)  # fmt: skip
    none = "<none>"
    expected = [none, "(not measured)", none, none, none, "", none]
    assert exported(alice, PARCELS, FIELDS)[2] == expected
    assert exported(alice, PARCELS, FIELDS, profile="machine")[2] == [""] * 7


def test_empty_values_are_texts_among_typed_cells(alice, parcels, lists):
    lists(Parcel, list_display=["weight", "sent_on"], empty_value_display="=n/a",
          get_ordering=in_order)  # fmt: skip
    response = sent(alice, PARCELS, ["weight", "sent_on"], format="xlsx")
    content = b"".join(response.streaming_content)
    sheet = load_workbook(io.BytesIO(content)).worksheets[0]
    cells = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2)]
    assert cells == [[2.5, dt.datetime(2026, 3, 1)], ["=n/a", "=n/a"]]
    assert sheet["A3"].data_type == "s"
    assert exported(alice, PARCELS, ["weight"])[2] == ["'=n/a"]


def test_parquet_has_null_for_an_empty_value(alice, parcels, lists):
    pyarrow = pytest.importorskip("pyarrow.parquet")
    lists(Parcel, list_display=["sent_on", "note"], empty_value_display="n/a",
          get_ordering=in_order)  # fmt: skip
    response = sent(alice, PARCELS, ["sent_on", "note"], format="parquet")
    table = pyarrow.read_table(io.BytesIO(b"".join(response.streaming_content)))
    assert table.column("sent_on").to_pylist() == [dt.date(2026, 3, 1), None]


COMPUTED = ["kilos", "double", "link", "is_heavy", "lines", "blank", "when", "count"]


class Computing:
    """The attributes of a ModelAdmin with computed columns of every sort."""

    list_display = ["kilos", "double", "link", "is_heavy", "lines", "blank", "when", len]
    get_ordering = in_order

    @admin.display(description=mark_safe("A <b>link</b>"))
    def link(self, parcel):
        return format_html('<a href="/p/{}">{}&amp;{}</a>', parcel.pk, "<A>", "B")

    @admin.display(boolean=True, description="heavy?")
    def is_heavy(self, parcel):
        return None if parcel.weight is None else parcel.weight > 2

    def lines(self, parcel):
        return mark_safe("<ul><li>one</li><li>two<br>three</li></ul><img src='x' alt='True'>")

    @admin.display(empty_value="nothing", ordering="weight")
    def blank(self, parcel):
        return ["", None][parcel.weight is None]

    def when(self, parcel):
        return parcel.sent_on


def count(parcel):
    return 3


def computing(**attributes):
    made = {name: value for name, value in vars(Computing).items() if not name.startswith("__")}
    return {**made, "list_display": [*Computing.list_display[:-1], count], **attributes}


def test_computed_columns_are_as_the_list_shows_them(alice, parcels, lists):
    lists(Parcel, **computing())
    header, *rows = exported(alice, PARCELS, COMPUTED)
    assert header == [
        "Kilos", "Twice the weight", "A link", "Heavy?", "Lines", "Blank", "When", "Count"
    ]  # fmt: skip
    lines = "one\ntwo\nthree\nTrue"
    assert rows == [
        ["2.50 kg", "5.00", "<A>&B", "Yes", lines, "nothing", "2026-03-01", "3"],
        ["", "", "<A>&B", "", lines, "nothing", "", "3"],
    ]


def test_computed_values_keep_their_types(alice, parcels, lists):
    lists(Parcel, **computing())
    response = sent(alice, PARCELS, COMPUTED, format="jsonl", profile="machine")
    first, second = map(json.loads, text_of(response).splitlines())
    assert first["is_heavy"] is True
    assert (first["count"], first["when"], first["blank"]) == (3, "2026-03-01", None)
    assert second["is_heavy"] is None
    response = sent(alice, PARCELS, COMPUTED, format="xlsx")
    content = b"".join(response.streaming_content)
    row = [cell.value for cell in load_workbook(io.BytesIO(content)).worksheets[0][2]]
    assert (row[1], row[3], row[6], row[7]) == (5, True, dt.datetime(2026, 3, 1), 3)


def test_what_a_list_computes_is_guarded_against_formulas(alice, parcels, lists):
    lists(Parcel, list_display=["cmd"], cmd=lambda self, parcel: "=1+1")
    assert exported(alice, PARCELS, ["cmd"])[1] == ["'=1+1"]


def test_a_column_sorts_as_the_list_does(alice, parcels, lists):
    lists(Parcel, **computing(list_display=["double", "blank"]))
    path = "export-report/?o=-2"
    response = browse(alice).get(PARCELS + path)
    assert "your order" in text_of(response)
    fields = {"_export": "anyway", "_across": "1", "format": "csv", "profile": "machine",
              "columns": ["double"]}  # fmt: skip
    heavier = Parcel.objects.create(weight=9)
    lines = lines_of(browse(alice).post(PARCELS + path, fields))
    assert lines.index("18.00") == (1 if connection.vendor != "postgresql" else 2)
    assert heavier.double() == 18


def test_lookups_through_relations_are_columns(alice, orders, lists):
    lists(list_display=["number", "customer__name", "customer"])
    header, first, *_rest = exported(alice, columns=["number", "customer__name", "customer"])
    assert header[0] == "Order number"
    assert first == ["A00020", "Ann", "Ann"]


def test_plain_columns_have_the_same_text_beside_computed_ones(alice, parcels, lists):
    lists(Parcel, **computing(list_display=[*FIELDS, "order__customer__name", "kilos"]))
    plain = [name for name in [*FIELDS, "order__customer__name"] if name != "order"]
    alone = exported(alice, PARCELS, plain)
    beside = exported(alice, PARCELS, [*plain, "kilos"])
    assert [row[:-1] for row in beside] == alone


def test_values_of_annotations_are_those_of_the_list(alice, orders, lists):
    def annotated(self, request):
        return admin.ModelAdmin.get_queryset(self, request).annotate(n=Count("lines"))

    orders[0].lines.create(text="a")
    orders[0].lines.create(text="b")
    lists(list_display=["number", "n_lines"], n_lines=lambda self, order: order.n,
          get_queryset=annotated)  # fmt: skip
    rows = exported(alice, columns=["number", "n_lines"])
    assert rows[-1] == ["A00001", "2"]
    assert rows[1] == ["A00020", "0"]


def test_what_a_list_keeps_on_itself_is_the_users_own(root, alice, orders, lists, configure):
    def keeping(self, request):
        self.asker = request.user
        return admin.ModelAdmin.get_queryset(self, request)

    configure(STREAM_MAX_ROWS=1)
    site = lists(list_display=["number", "who"], get_queryset=keeping,
                 who=lambda self, order: self.asker.username)  # fmt: skip
    sent(alice, columns=["who"])
    browse(root).get(ORDERS)
    assert site._registry[Order].asker == root
    job = run(ReportJob.objects.get())
    address = f"/own/django_reports/reportjob/{job.pk}/download/"
    assert set(lines_of(browse(alice).get(address))[1:]) == {"alice"}


def test_what_a_view_keeps_for_its_columns_is_there(alice, orders, lists, configure):
    def changelist_view(self, request, extra_context=None):
        self.asker = request.user
        return admin.ModelAdmin.changelist_view(self, request, extra_context)

    configure(STREAM_MAX_ROWS=1)
    lists(list_display=["number", "who"], changelist_view=changelist_view,
          who=lambda self, order: self.asker.username)  # fmt: skip
    sent(alice, columns=["who"])
    job = run(ReportJob.objects.get())
    assert job.status == "succeeded", job.error
    address = f"/own/django_reports/reportjob/{job.pk}/download/"
    assert set(lines_of(browse(alice).get(address))[1:]) == {"alice"}


def test_a_preview_shows_computed_columns(alice, parcels, lists):
    lists(Parcel, **computing())
    response = sent(alice, PARCELS, ["kilos"], _preview="1", _export=[])
    assert "2.50 kg" in text_of(response)


# How it is read


def queries_of(user, count, **fields):
    Order.objects.all().delete()
    make_orders(count)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        response = sent(user, **fields)
        assert len(lines_of(response)) == count + 1
    return len(captured)


def related(*names):
    return lambda self, request: Order.objects.select_related(*names)


def related_if_required(self, request):
    """select_related() without names, which Django 6.1 deprecates."""
    rows = Order.objects.all()
    rows.query.select_related = True
    return rows


def deferring(self, request):
    return Order.objects.only("number", "customer").select_related(None)


@pytest.mark.parametrize("attributes", [
    {},
    {"list_select_related": ["customer"]},
    {"list_select_related": ()},
    {"get_queryset": related_if_required},
    {"get_queryset": related("customer")},
    {"get_queryset": deferring},
])  # fmt: skip
def test_no_query_per_row(alice, lists, attributes):
    lists(list_display=["number", "customer", "customer__email", "shout"],
          shout=lambda self, order: order.number.lower(), **attributes)  # fmt: skip
    columns = ["number", "customer", "customer__email", "shout"]
    assert queries_of(alice, 5, columns=columns) == queries_of(alice, 50, columns=columns)


def test_prefetched_relations_are_read_by_chunk(alice, lists):
    def prefetching(self, request):
        return admin.ModelAdmin.get_queryset(self, request).prefetch_related("lines")

    lists(list_display=["number", "texts"], get_queryset=prefetching,
          texts=lambda self, order: [line.text for line in order.lines.all()])  # fmt: skip
    columns = ["number", "texts"]
    assert queries_of(alice, 5, columns=columns) == queries_of(alice, 50, columns=columns)
    Order.objects.get(number="A00050").lines.create(text="x")
    Order.objects.get(number="A00050").lines.create(text="y")
    assert exported(alice, columns=columns)[1] == ["A00050", "x, y"]


def test_a_method_may_query_while_rows_are_read(alice, orders, lists, configure):
    configure(STREAM_MAX_ROWS=5)
    lists(list_display=["number", "n"], n=lambda self, order: order.lines.count())
    sent(alice, columns=["number", "n"])
    job = run(ReportJob.objects.get())
    assert (job.status, job.rows_done) == ("succeeded", 20)


def test_a_foreign_key_that_leads_nowhere_drops_no_row(alice, orders, lists):
    if connection.vendor != "sqlite":
        pytest.skip("only SQLite takes a key that leads nowhere inside a transaction")
    with connection.constraint_checks_disabled():
        Order.objects.filter(pk=orders[0].pk).update(customer_id=9999)
        lists(list_display=["number", "customer"])
        assert exported(alice, columns=["number", "customer"])[-1] == ["A00001", ""]
        Order.objects.filter(pk=orders[0].pk).update(customer_id=orders[1].customer_id)


def explained(site):
    out = io.StringIO()
    call_command("list_reports", explain=True, stdout=out)
    lines = out.getvalue().splitlines()
    return lines[lines.index(f"{site.name}.shop.order\tOrders") + 1].strip()


def test_explain_names_what_makes_rows_instances(orders, lists):
    site = lists(list_display=["number", "twice"], twice=lambda self, order: order.total * 2)
    assert explained(site) == (
        "written by Python from model instances, the slowest way: twice is computed of each"
    )


def test_explain_names_queries_per_row(orders, lists):
    def lines(self, order):
        return order.lines.count()

    def broken(self, order):
        return self.request.user

    site = lists(list_display=["number", "customer", "lines", "broken"], lines=lines, broken=broken)
    assert explained(site).endswith("customer is computed of each; a query for each row: lines")


# What is not asked before it is needed


@pytest.mark.parametrize("site", ["admin", None])
def test_a_model_admin_without_a_site_can_be_made(site):
    class OrderAdmin(ReportAdminMixin, admin.ModelAdmin):
        list_display = ["number"]

    assert OrderAdmin(Order, site).get_list_display(None) == ["number"]


def test_a_model_admin_that_is_not_registered_declares_no_report():
    before = [report.get_identifier() for report in registry]
    OrderAdmin = type("OrderAdmin", (ReportAdminMixin, admin.ModelAdmin), {"list_display": ["x"]})
    OrderAdmin(Order, admin.AdminSite(name="unused"))
    assert [report.get_identifier() for report in registry] == before


# Languages


def test_texts_are_in_the_language_of_the_file(alice, parcels, lists):
    @admin.display(description=gettext_lazy("No"), empty_value=gettext_lazy("Unknown"))
    def nothing(self, parcel):
        return None

    lists(Parcel, list_display=["note", "nothing"], nothing=nothing,
          empty_value_display=gettext_lazy("Yes"), get_ordering=in_order)  # fmt: skip
    german = exported(alice, PARCELS, ["note", "nothing"], language="de")
    assert german == [["Note", "Nein"], ["a", "Unbekannt"], ["Ja", "Unbekannt"]]


def test_columns_are_those_of_the_language_in_which_they_were_chosen(
    root, orders, lists, configure, settings
):
    def by_language(self, request):
        assert get_language() == request.LANGUAGE_CODE
        return ["number", f"title_{get_language()}"]

    titles = {f"title_{code}": lambda self, order, code=code: code for code in ("en-us", "de")}
    configure(STREAM_MAX_ROWS=1)
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.locale.LocaleMiddleware"]
    lists(get_list_display=by_language, **titles)
    client = browse(root)
    client.cookies["django_language"] = "de"
    assert 'value="title_de"' in text_of(client.get(f"{ORDERS}export-report/"))
    fields = {"_export": "anyway", "_across": "1", "format": "csv", "profile": "machine",
              "columns": ["title_de"], "language": "en"}  # fmt: skip
    client.post(f"{ORDERS}export-report/", fields)
    job = run(ReportJob.objects.get())
    assert job.status == "succeeded", job.error
    address = f"/own/django_reports/reportjob/{job.pk}/download/"
    assert lines_of(browse(root).get(address))[1] == "de"
