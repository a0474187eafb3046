"""A file's time zone and language format it; they never choose which rows are in it."""

import datetime as dt
import json
from io import BytesIO, StringIO

import pytest
from django import forms
from django.contrib import admin
from django.core.management import call_command
from django.db import connection
from django.db.models import Prefetch
from django.utils import translation
from openpyxl import load_workbook

from django_reports import ModelReport
from django_reports.models import ReportJob
from tests.conftest import make_orders
from tests.entry_points.helpers import (
    browse,
    chosen,
    job_url,
    lines_of,
    make,
    run,
    text_of,
)
from tests.entry_points.staff import Program, page_of, pressed
from tests.shop.models import Customer, Order

pytestmark = pytest.mark.django_db

OWN_LIST = "/own/shop/order/"
OWN_EXPORT = f"{OWN_LIST}export-report/"
ZONES = ["Europe/Berlin", "UTC", "Asia/Tokyo", "America/New_York"]
# Within one hour it is another day in each of the zones but one.
MOMENTS = {
    "Berlin": dt.datetime(2025, 12, 31, 23, 30, tzinfo=dt.UTC),
    "noon": dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC),
    "Tokyo": dt.datetime(2026, 1, 1, 15, 30, tzinfo=dt.UTC),
    "late": dt.datetime(2026, 1, 1, 23, 30, tzinfo=dt.UTC),
    "New York": dt.datetime(2026, 1, 2, 4, 30, tzinfo=dt.UTC),
}
IN_BERLIN = ["Berlin", "Tokyo", "noon"]
DAY = "placed_at__year=2026&placed_at__month=1&placed_at__day=1"


@pytest.fixture(autouse=True)
def zones_in_database(db):
    if not connection.features.has_zoneinfo_database:
        pytest.skip("the database has no time zones")


@pytest.fixture
def moments(db):
    """One order for each moment, called after it."""
    made = make_orders(len(MOMENTS))
    for order, (name, moment) in zip(Order.objects.order_by("pk"), MOMENTS.items(), strict=True):
        Order.objects.filter(pk=order.pk).update(number=name, placed_at=moment)
    assert len(made) == len(MOMENTS)
    return Order.objects.order_by("pk")


@pytest.fixture
def persons(settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.middleware.locale_of_headers"]


def numbers(lines):
    return sorted(lines[1:])


def shown_on(client, address, **headers):
    """The numbers of the orders that a list shows."""
    response = client.get(address, headers=headers)
    return sorted(order.number for order in response.context_data["cl"].result_list)


# A list of the admin


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("in_background", [False, True])
def test_a_day_of_the_list_is_its_day_in_the_file(
    alice, moments, own_orders, configure, zone, in_background
):
    if in_background:
        configure(STREAM_MAX_ROWS=0)
    own_orders(date_hierarchy="placed_at", list_display=["number"])
    client = browse(alice)
    assert shown_on(client, f"{OWN_LIST}?{DAY}") == IN_BERLIN
    fields = chosen(columns=["number"], time_zone=zone)
    response = client.post(f"{OWN_EXPORT}?{DAY}", fields)
    job = ReportJob.objects.get()
    if in_background:
        assert run(job).rows_done == 3, job.error
        response = client.get(job_url(job, "download").replace("/admin/", "/own/"))
    assert numbers(lines_of(response)) == IN_BERLIN
    spec = ReportJob.objects.get().spec
    assert (spec["time_zone"], spec["filter_time_zone"]) == (zone, "Europe/Berlin")


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("name", list(MOMENTS))
def test_a_ticked_row_is_in_the_file_whatever_its_zone(alice, moments, own_orders, zone, name):
    own_orders(date_hierarchy="placed_at", list_display=["number"])
    order = Order.objects.get(number=name)
    fields = chosen(columns=["number"], time_zone=zone)
    del fields["_across"]
    fields["_selected_action"] = [str(order.pk)]
    response = browse(alice).post(f"{OWN_EXPORT}?{DAY}", fields)
    assert numbers(lines_of(response)) == ([name] if name in IN_BERLIN else [])


@pytest.mark.parametrize("own", ZONES)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_the_day_is_that_of_the_persons_zone(
    alice, moments, own_orders, persons, configure, own, zone
):
    """In the worker, too, which has the project's."""
    configure(STREAM_MAX_ROWS=0)
    own_orders(date_hierarchy="placed_at", list_display=["number"])
    client = browse(alice)
    shown = shown_on(client, f"{OWN_LIST}?{DAY}", x_zone=own)
    fields = chosen(columns=["number"], time_zone=zone)
    client.post(f"{OWN_EXPORT}?{DAY}", fields, headers={"x-zone": own})
    job = run(ReportJob.objects.get())
    page = job_url(job, "download").replace("/admin/", "/own/")
    assert numbers(lines_of(client.get(page))) == shown
    assert job.spec["filter_time_zone"] == own


@pytest.mark.parametrize("query", [DAY, "placed_at__date=2026-01-01", "placed_at__year=2025"])
@pytest.mark.parametrize("zone", ZONES)
def test_preview_and_count_look_at_the_same_rows(alice, moments, own_orders, query, zone):
    own_orders(
        date_hierarchy="placed_at",
        list_display=["number"],
        lookup_allowed=lambda self, lookup, value, request: True,
    )
    client = browse(alice)
    shown = shown_on(client, f"{OWN_LIST}?{query}")
    fields = {**chosen(columns=["number"], time_zone=zone), "_preview": "1"}
    del fields["_export"]
    response = client.post(f"{OWN_EXPORT}?{query}", fields)
    assert response.context_data["plan"].rows.n == len(shown)
    (table,) = response.context_data["preview"].tables
    assert sorted(row[0] for row in table.rows) == shown


@pytest.mark.parametrize("language", ["en", "de", "fr"])
@pytest.mark.parametrize("in_background", [False, True])
def test_rows_of_a_language_are_those_of_the_list(
    alice, moments, own_orders, persons, configure, language, in_background
):
    def get_queryset(self, request):
        rows = admin.ModelAdmin.get_queryset(self, request)
        return rows.filter(note=translation.get_language())

    if in_background:
        configure(STREAM_MAX_ROWS=0)
    for order, note in zip(moments, ["en", "de", "de", "fr", "es"], strict=True):
        Order.objects.filter(pk=order.pk).update(note=note)
    own_orders(get_queryset=get_queryset, list_display=["number"])
    client = browse(alice)
    fields = chosen(columns=["number"], language=language)
    response = client.post(OWN_EXPORT, fields, headers={"x-language": "de"})
    if in_background:
        job = run(ReportJob.objects.get())
        response = client.get(job_url(job, "download").replace("/admin/", "/own/"))
    assert numbers(lines_of(response)) == ["Tokyo", "noon"]


@pytest.mark.parametrize("zone", ZONES)
def test_what_a_list_fetches_with_its_rows_is_what_it_shows(alice, moments, make_site, zone):
    same_day = Order.objects.filter(placed_at__date=dt.date(2026, 1, 1))

    def get_customers(self, request):
        rows = admin.ModelAdmin.get_queryset(self, request)
        return rows.prefetch_related(Prefetch("orders", same_day, to_attr="of_day"))

    def names(self, customer):
        return " ".join(order.number for order in customer.of_day)

    make_site({Customer: {"get_queryset": get_customers, "names": names,
                          "list_display": ["name", "names"]}})  # fmt: skip
    fields = chosen(columns=["name", "names"], time_zone=zone, profile="spreadsheet")
    told = text_of(browse(alice).post("/own/shop/customer/export-report/", fields))
    named = sorted(told.replace(",", " ").split())
    assert [name for name in named if name in MOMENTS] == ["Berlin", "Tokyo", "noon"]


def test_a_zone_that_is_a_mere_offset_chooses_as_it_shows(
    alice, moments, own_orders, settings, configure
):
    """Such as a middleware activates that knows no more of a browser."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.middleware.offset_of_header"]
    configure(STREAM_MAX_ROWS=0)
    own_orders(date_hierarchy="placed_at", list_display=["number"])
    client = browse(alice)
    for hours, shown in (("9.5", ["Berlin", "noon"]), ("-4", ["Tokyo", "late", "noon"])):
        headers = {"x-hours": hours}
        assert shown_on(client, f"{OWN_LIST}?{DAY}", **headers) == shown
        client.post(f"{OWN_EXPORT}?{DAY}", chosen(columns=["number"]), headers=headers)
        job = run(ReportJob.objects.latest("created_at"))
        assert job.status == "succeeded", job.error
        page = job_url(job, "download").replace("/admin/", "/own/")
        assert numbers(lines_of(client.get(page))) == shown
        assert job.spec["time_zone"] == "Europe/Berlin"


def test_of_the_same_rows_chosen_elsewhere_no_file_is_offered(
    alice, moments, own_orders, persons, configure
):
    configure(STREAM_MAX_ROWS=0)
    own_orders(date_hierarchy="placed_at", list_display=["number"])
    client = browse(alice)
    fields = chosen(columns=["number"], time_zone="UTC", language="en")
    for own, jobs in (("Asia/Tokyo", 1), ("UTC", 2), ("Asia/Tokyo", 2)):
        response = client.post(f"{OWN_EXPORT}?{DAY}", fields, headers={"x-zone": own})
        assert ReportJob.objects.count() == jobs
        for job in ReportJob.objects.queued():
            run(job)
    assert "_seen" in text_of(response)  # the first one's


# A report's own parameters


class DayForm(forms.Form):
    day = forms.DateField(required=False)
    since = forms.DateTimeField(required=False)


class OfDay(ModelReport):
    identifier = "shop.of_day"
    model = Order
    columns = ["number"]
    parameters = DayForm

    def filter_queryset(self, queryset, context):
        if day := context.parameters["day"]:
            queryset = queryset.filter(placed_at__date=day)
        if since := context.parameters["since"]:
            queryset = queryset.filter(placed_at__gte=since)
        return queryset


PARAMETERS = [
    ({"day": "2026-01-01"}, IN_BERLIN),
    ({"since": "2026-01-01 16:15:00"}, ["New York", "Tokyo", "late"]),  # 15:15 UTC
]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(("parameters", "expected"), PARAMETERS)
def test_a_reports_day_is_the_persons_at_every_entry_point(
    alice, moments, declare, tmp_path, zone, parameters, expected
):
    declare(OfDay)
    page = "/reports/shop.of_day/"
    typed = {f"parameter-{name}": value for name, value in parameters.items()}
    response = pressed(alice, page, columns=["number"], time_zone=zone, **typed)
    assert numbers(lines_of(response)) == expected

    program = Program(alice)
    program.post(page, {"parameters": parameters, "time_zone": zone})
    job = run(ReportJob.objects.filter(execution="background").get())
    assert numbers(lines_of(program.get(page_of(job, "download")))) == expected

    again = program.post(page_of(job, "rerun"))
    assert again.status_code == 202
    job = run(ReportJob.objects.queued().get())
    assert numbers(lines_of(program.get(page_of(job, "download")))) == expected

    given = [f"--param={name}={value}" for name, value in parameters.items()]
    output = tmp_path / "file.csv"
    call_command("export_report", "shop.of_day", "--time-zone", zone, "--output", str(output),
                 *given, stderr=StringIO())  # fmt: skip
    assert numbers(output.read_text().splitlines()) == expected


def test_a_rerun_keeps_the_zone_in_which_rows_were_chosen(alice, moments, declare, persons):
    declare(OfDay)
    page = "/reports/shop.of_day/"
    headers = {"x-zone": "Asia/Tokyo"}
    client = browse(alice)
    fields = {"columns": ["number"], "parameter-day": "2026-01-01", "time_zone": "UTC"}
    first = lines_of(pressed(client, page, headers=headers, **fields))
    assert numbers(first) == ["Berlin", "noon"]
    job = ReportJob.objects.get()
    # In Berlin, with another format.
    again = pressed(client, f"{page}?from={job.pk}", **{**fields, "profile": "spreadsheet"})
    assert numbers(lines_of(again)) == ["Berlin", "noon"]
    assert {job.spec["filter_time_zone"] for job in ReportJob.objects.all()} == {"Asia/Tokyo"}
    client.post(page_of(job, "rerun"))
    job = run(ReportJob.objects.queued().get())
    assert numbers(lines_of(client.get(page_of(job, "download")))) == ["Berlin", "noon"]


@pytest.mark.parametrize("language", ["de", "en", "fr"])
def test_dates_are_read_in_the_language_in_which_they_are_typed(
    alice, moments, declare, persons, language
):
    declare(OfDay)
    fields = {"columns": ["number"], "parameter-day": "01.01.2026", "language": language}
    response = pressed(alice, "/reports/shop.of_day/", headers={"x-language": "de"}, **fields)
    assert numbers(lines_of(response)) == IN_BERLIN


def test_python_and_system_choose_in_the_projects_zone(moments, declare, settings):
    declare(OfDay)
    settings.TIME_ZONE = "Asia/Tokyo"
    job = make(None, "shop.of_day", parameters={"day": ["2026-01-01"]}, time_zone="UTC")
    assert (job.rows_done, job.error) == (2, "")


# What the file says of it


def test_the_file_says_where_its_rows_were_chosen(alice, moments, own_orders, persons, configure):
    configure(STREAM_MAX_ROWS=0)
    own_orders(date_hierarchy="placed_at", list_display=["number"])
    fields = chosen(columns=["number"], format="xlsx", profile="spreadsheet", time_zone="UTC",
                    language="en")  # fmt: skip
    headers = {"x-zone": "Asia/Tokyo", "x-language": "de"}
    browse(alice).post(f"{OWN_EXPORT}?{DAY}", fields, headers=headers)
    job = run(ReportJob.objects.get())
    page = job_url(job, "download").replace("/admin/", "/own/")
    raw = b"".join(browse(alice).get(page).streaming_content)
    about = dict(load_workbook(BytesIO(raw))["About"].iter_rows(values_only=True))
    assert (about["Time zone"], about["Language"]) == ("UTC", "English")
    assert about["Filters applied in"] == "Asia/Tokyo · Deutsch"
    manifest = json.loads(text_of(browse(alice).get(page.replace("download", "manifest"))))
    assert (manifest["filter_time_zone"], manifest["filter_language"]) == ("Asia/Tokyo", "de")


# The page's own words


@pytest.mark.parametrize("address", [OWN_EXPORT, "/reports/shop.of_day/"])
def test_the_page_speaks_its_readers_language_and_not_the_files(
    alice, moments, request, declare, persons, address
):
    declare(OfDay)
    if address == OWN_EXPORT:
        request.getfixturevalue("own_orders")(list_display=["number"])
    client = browse(alice)
    client.post(address, {**chosen(columns=["number"]), "language": "en"},
                headers={"x-language": "de"})  # fmt: skip
    page = client.get(address, headers={"x-language": "de"})
    assert page.context_data["form"]["language"].value() == "en"  # which they chose
    assert "5 Zeilen" in str(page.context_data["rows"])
    assert str(page.context_data["plan"].reason) in text_of(page)
    with translation.override("de"):
        assert page.context_data["plan"].reason == translation.gettext(
            "It is small enough to be downloaded at once."
        )


@pytest.mark.parametrize("file", ["en", "fr"])
def test_an_error_is_told_in_its_readers_language(bob, orders, persons, file):
    fields = {"language": file, "headers": {"x-language": "de"}}
    with translation.override("de"):
        expected = translation.ngettext(
            "This export has more than %(limit)s row, which is your limit. Narrow it down.",
            "This export has more than %(limit)s rows, which is your limit. Narrow it down.",
            10,
        ) % {"limit": 10}
    response = pressed(bob, **fields)
    assert response.status_code == 400
    assert expected in text_of(response)


# What stands there the next time


@pytest.mark.parametrize("address", [OWN_EXPORT, "/reports/shop.orders/"])
def test_what_nobody_chose_is_not_chosen_the_next_time(alice, moments, request, persons, address):
    if address == OWN_EXPORT:
        request.getfixturevalue("own_orders")(list_display=["number"])
    client = browse(alice)
    first = {"x-language": "en", "x-zone": "UTC"}
    form = client.get(address, headers=first).context_data["form"]
    as_it_stood = {name: form[name].value() for name in ("time_zone", "language")}
    client.post(address, chosen(columns=["number"], **as_it_stood), headers=first)
    second = {"x-language": "de", "x-zone": "Asia/Tokyo"}
    form = client.get(address, headers=second).context_data["form"]
    assert (form["language"].value(), form["time_zone"].value()) == ("de", "Asia/Tokyo")


def test_what_was_chosen_is_chosen_the_next_time(alice, moments, own_orders, persons):
    own_orders(list_display=["number"])
    client = browse(alice)
    fields = chosen(columns=["number"], language="fr", time_zone="UTC")
    client.post(OWN_EXPORT, fields, headers={"x-language": "en"})
    form = client.get(OWN_EXPORT, headers={"x-language": "de"}).context_data["form"]
    assert (form["language"].value(), form["time_zone"].value()) == ("fr", "UTC")


def test_a_preset_keeps_only_what_was_chosen(alice, moments, persons):
    client = browse(alice)
    address = "/reports/shop.orders/"
    fields = {"columns": ["number"], "format": "csv", "profile": "machine", "time_zone": "UTC",
              "language": "en", "_preset_name": "Mine", "_save_preset": "1"}  # fmt: skip
    client.post(address, fields, headers={"x-language": "en"})
    (choice,) = client.get(address).context_data["presets"]
    assert choice.preset.choices["time_zone"] == "UTC"
    headers = {"x-language": "de"}
    page = client.post(address, {"_preset": str(choice.preset.pk)}, headers=headers)
    form = page.context_data["form"]
    assert (form["language"].value(), form["time_zone"].value()) == ("de", "UTC")
