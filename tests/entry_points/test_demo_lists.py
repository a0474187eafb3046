"""Every list of the demo is exported as it is shown, in every language and in three time zones."""

import csv
import datetime as dt
from itertools import product

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse

from demo_project.flights.models import Airline, Airport, Flight, Plane, Weather
from django_reports.admin import ReportAdminMixin
from django_reports.models import ReportJob
from tests.entry_points.helpers import run, text_of

pytestmark = pytest.mark.django_db

LANGUAGES = ("ar", "de", "en", "es", "fr", "ja")
ZONES = ("UTC", "America/New_York", "Asia/Tokyo")
HOUR = dt.timedelta(hours=1)
NEW_YEAR = dt.datetime(2013, 1, 1, tzinfo=dt.UTC)
HOURS = [NEW_YEAR + n * HOUR for n in range(-36, 36, 3)]
# What makes a row of a file the key of the one that is shown.
KEYS = {
    Airline: ["code"],
    Airport: ["code"],
    Flight: ["id"],
    Plane: ["tail_number"],
    Weather: ["hour", "origin"],
}
DAY = "{0}__year=2013&{0}__month=1&{0}__day=1"
QUERIES = [
    (Airline, ""),
    (Airline, "q=A&o=-2"),
    (Airport, "daylight_saving__exact=A&o=2"),
    (Airport, "time_zone=America/New_York"),
    (Plane, "engines=2&o=-4"),
    (Flight, DAY.format("scheduled_hour")),
    (Flight, "scheduled_hour__year=2012&carrier__code__exact=AA"),
    (Flight, "scheduled_hour__date=2013-01-01&o=-3.1"),
    (Flight, "date__gte=2013-01-01&date__lt=2013-01-02"),
    (Flight, "origin__code__exact=JFK&q=11"),
    (Weather, ""),
    (Weather, DAY.format("hour")),
    (Weather, "hour__year=2012&hour__month=12&origin__code__exact=JFK&o=-1"),
]


@pytest.fixture
def client(db, settings, monkeypatch):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.middleware.locale_of_headers"]
    monkeypatch.setattr(admin.site.get_model_admin(Flight), "date_hierarchy", "scheduled_hour")
    client = Client()
    client.force_login(User.objects.create_superuser("root", "root@example.com", "secret"))
    return client


@pytest.fixture
def data(db):
    airlines = [Airline(code=code, name=f"{code} Air") for code in ("AA", "B6", "UA")]
    airports = [
        Airport(code=code, name=code, daylight_saving="A" if at % 2 else "N", time_zone=zone)
        for at, (code, zone) in enumerate(
            [("EWR", "America/New_York"), ("JFK", "America/New_York"), ("SJU", "America/Lima")]
        )
    ]
    Airline.objects.bulk_create(airlines)
    Airport.objects.bulk_create(airports)
    Plane.objects.bulk_create(
        Plane(tail_number=f"N{n:03}", year=2000 + n % 4, engines=1 + n % 2) for n in range(9)
    )
    Weather.objects.bulk_create(
        Weather(origin=airport, hour=hour) for airport in airports[:2] for hour in HOURS
    )
    Flight.objects.bulk_create(
        Flight(
            date=hour.date(), carrier=airlines[at % 3], number=10 + at % 4, distance=at,
            origin=airports[at % 2], destination=airports[2], scheduled_hour=hour,
            scheduled_departure=0, scheduled_arrival=0,
        )
        for at, hour in enumerate(HOURS)
    )  # fmt: skip


def test_no_list_of_the_demo_is_left_out():
    models = {
        model
        for model, model_admin in admin.site._registry.items()
        if isinstance(model_admin, ReportAdminMixin) and model._meta.app_label == "flights"
    }
    assert models == set(KEYS) == {model for model, _query in QUERIES}


@pytest.mark.parametrize(("model", "query"), QUERIES)
def test_a_list_is_exported_as_it_is_shown(client, data, configure, model, query):
    if not connection.features.has_zoneinfo_database:
        pytest.skip("the database has no time zones")
    address = reverse(f"admin:flights_{model._meta.model_name}_changelist") + f"?{query}"
    page = reverse(f"admin:flights_{model._meta.model_name}_export_report") + f"?{query}"
    counts = set()
    for at, (language, zone) in enumerate(product(LANGUAGES, ZONES)):
        # The person's own are others than the file's, each of them once.
        own = {"x-zone": ZONES[(at + at // 3) % 3], "x-language": LANGUAGES[at % 5]}
        shown = keys_shown(client, address, own, KEYS[model])
        file = exported(client, page, own, configure, in_background=at % 2 == 1,
                        columns=KEYS[model], time_zone=zone, language=language)  # fmt: skip
        assert keys_in(file) == shown, (own, zone, language)
        counts.add(len(shown))
    assert 0 not in counts


def keys_shown(client, address, headers, names):
    changelist = client.get(address, headers=headers).context_data["cl"]
    assert not changelist.multi_page
    return [[value_of(row, name) for name in names] for row in changelist.result_list]


def value_of(row, name):
    value = getattr(row, row._meta.get_field(name).attname)
    return value if isinstance(value, dt.datetime) else str(value)


def exported(client, page, headers, configure, *, in_background, **fields):
    configure(STREAM_MAX_ROWS=0 if in_background else 1000)
    fields = {"_export": "anyway", "_across": "1", "format": "csv", "profile": "machine", **fields}
    response = client.post(page, fields, headers=headers)
    if in_background:
        assert response.status_code == 302, text_of(response)
        job = run(ReportJob.objects.queued().get())
        assert job.status == "succeeded", job.error
        response = client.get(response["Location"].replace("/change/", "/download/"))
    return text_of(response)


def keys_in(file):
    names, *rows = csv.reader(file.splitlines())
    return [
        [
            dt.datetime.fromisoformat(v) if n == "hour" else v
            for n, v in zip(names, row, strict=True)
        ]
        for row in rows
    ]
