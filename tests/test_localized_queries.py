"""Columns that the database computes: in the file's time zone and language, in a query whose
filters are in another."""

import csv
import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    F,
    IntegerField,
    Max,
    OuterRef,
    Q,
    Subquery,
    Value,
    When,
    Window,
)
from django.db.models.functions import (
    Coalesce,
    Concat,
    ExtractDay,
    ExtractHour,
    ExtractYear,
    RowNumber,
    TruncDate,
    TruncDay,
)
from django.utils.translation import gettext_lazy as _

from django_reports import Column, ModelReport
from django_reports.jobs import files
from tests.conftest import make_orders
from tests.entry_points.helpers import deliver, make
from tests.shop.models import Line, Order

pytestmark = pytest.mark.django_db

NEW_YEAR = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
MOMENTS = [NEW_YEAR + dt.timedelta(hours=hours) for hours in (-20, -6, -1, 0, 4, 9, 14, 20, 30)]
ZONES = ["UTC", "Asia/Tokyo", "America/New_York", "Europe/Berlin"]


@pytest.fixture(autouse=True)
def zones_in_database(db):
    if not connection.features.has_zoneinfo_database:
        pytest.skip("the database has no time zones")


@pytest.fixture
def moments(db):
    make_orders(len(MOMENTS))
    for order, moment in zip(Order.objects.order_by("pk"), MOMENTS, strict=True):
        Order.objects.filter(pk=order.pk).update(placed_at=moment)


SAME = Order.objects.filter(pk=OuterRef("pk"))
DAY = dt.date(2026, 1, 1)
LATE = Q(lines__order__placed_at__hour__gte=12)


def texts(condition):
    return Case(When(condition, then=Value("yes")), default=Value("no"))


# What a column says, and what it is of a local time.
COLUMNS = {
    "day": (TruncDate("placed_at"), lambda at: at.date().isoformat()),
    "hour": (ExtractHour("placed_at"), lambda at: str(at.hour)),
    "begin": (
        TruncDay("placed_at"),
        lambda at: at.replace(hour=0, minute=0).isoformat(),
    ),
    "sum": (ExtractDay("placed_at") + ExtractHour("placed_at"), lambda at: str(at.day + at.hour)),
    "is_day": (texts(Q(placed_at__date=DAY)), lambda at: "yes" if at.date() == DAY else "no"),
    "is_year": (texts(Q(placed_at__year=2026)), lambda at: "yes" if at.year == 2026 else "no"),
    "is_before": (
        texts(~Q(placed_at__year__gte=2026)),
        lambda at: "no" if at.year == 2026 else "yes",
    ),
    "is_hour": (
        texts(Q(placed_at__hour__lt=12) | Q(placed_at__hour=23)),
        lambda at: "yes" if at.hour < 12 or at.hour == 23 else "no",
    ),
    "exists": (
        texts(Exists(SAME.filter(placed_at__date=DAY))),
        lambda at: "yes" if at.date() == DAY else "no",
    ),
    "subquery": (
        Subquery(SAME.annotate(day=ExtractDay("placed_at")).values("day")[:1]),
        lambda at: str(at.day),
    ),
    "path": (Subquery(SAME.values("placed_at__hour")[:1]), lambda at: str(at.hour)),
    "nested": (
        texts(Q(pk__in=Order.objects.filter(placed_at__year=2026).values("pk"))),
        lambda at: "yes" if at.year == 2026 else "no",
    ),
    "coalesce": (
        Coalesce(ExtractYear("placed_at"), Value(0), output_field=IntegerField()),
        lambda at: str(at.year),
    ),
    "pinned": (
        ExtractHour("placed_at", tzinfo=ZoneInfo("Asia/Kolkata")),
        lambda at: str(at.astimezone(ZoneInfo("Asia/Kolkata")).hour),
    ),
}  # fmt: skip


def columns_of(names=COLUMNS):
    return [Column(name, expression=COLUMNS[name][0]) for name in names]


class Times(ModelReport):
    identifier = "shop.times"
    model = Order
    columns = ["id", *columns_of()]

    def filter_queryset(self, queryset, context):
        return queryset.filter(placed_at__date=dt.date(2026, 1, 1))


def rows_of(report, *, by_job=False, **options):
    """The rows of the CSV, made at once (by Python's or the driver's texts) or by a job (COPY)."""
    if not by_job:
        content = b"".join(deliver(None, report.identifier, **options))
    else:
        job = make(None, report.identifier, **options)
        assert job.status == "succeeded", job.error
        with files.open_file(job) as file:
            content = file.read()
    _names, *rows = csv.reader(content.decode().splitlines())
    return rows


@pytest.mark.parametrize("chosen_in", ZONES)
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("by_job", [False, True])
def test_columns_are_in_the_files_zone_and_rows_in_the_filters(
    moments, declare, zone, chosen_in, by_job
):
    declare(Times)
    rows = rows_of(Times, by_job=by_job, time_zone=zone, filter_time_zone=chosen_in)
    local = [moment.astimezone(ZoneInfo(zone)) for moment in MOMENTS
             if moment.astimezone(ZoneInfo(chosen_in)).date() == DAY]  # fmt: skip
    assert len(rows) == len(local) > 2
    for at, name in enumerate(COLUMNS, start=1):
        expected = [COLUMNS[name][1](moment) for moment in local]
        assert [row[at] for row in rows] == expected, name


@pytest.mark.parametrize("name", list(COLUMNS))
def test_a_declared_expression_is_never_changed(moments, declare, name):
    """It is shared by all requests."""

    class One(ModelReport):
        identifier = "shop.one"
        model = Order
        columns = ["id", *columns_of([name])]

    declare(One)
    for zone in ("Asia/Tokyo", "America/New_York", "UTC", "Asia/Tokyo"):
        rows = rows_of(One, time_zone=zone, filter_time_zone="Europe/Berlin")
        expected = [COLUMNS[name][1](moment.astimezone(ZoneInfo(zone))) for moment in MOMENTS]
        assert [row[1] for row in rows] == expected


class Own(ModelReport):
    """Whose queryset has values of its own."""

    identifier = "shop.own_times"
    model = Order
    columns = [
        "id",
        Column("own", expression=F("hour")),
        Column("more", expression=F("hour") + ExtractHour("placed_at")),
        Column("begin", expression=F("begin")),
    ]

    def get_queryset(self, context):
        rows = Order.objects.annotate(hour=ExtractHour("placed_at"), begin=TruncDay("placed_at"))
        return rows.filter(hour__lt=12).order_by("hour", "pk")


@pytest.mark.parametrize("chosen_in", ["Asia/Tokyo", "UTC"])
@pytest.mark.parametrize("by_job", [False, True])
def test_values_of_the_queryset_itself_stay_what_they_are(moments, declare, chosen_in, by_job):
    declare(Own)
    zone = "America/New_York"
    rows = rows_of(Own, by_job=by_job, time_zone=zone, filter_time_zone=chosen_in)
    local = sorted(
        (moment.astimezone(ZoneInfo(chosen_in)) for moment in MOMENTS),
        key=lambda moment: (moment.hour, moment),
    )
    there = [(at, at.astimezone(ZoneInfo(zone))) for at in local if at.hour < 12]
    assert [row[1:] for row in rows] == [
        [
            str(own.hour),
            str(own.hour + at.hour),
            own.replace(hour=0, minute=0).astimezone(ZoneInfo(zone)).isoformat(),
        ]
        for own, at in there
    ]


@pytest.mark.parametrize("by_job", [False, True])
def test_texts_in_the_database_are_in_the_files_language(moments, declare, by_job):
    class Said(ModelReport):
        identifier = "shop.said"
        model = Order
        columns = [
            "id",
            Column(
                "said",
                expression=Case(
                    When(pk__gt=0, then=Concat(Value(_("Yes")), Value("!"))),
                    output_field=CharField(),
                ),
            ),
        ]

    declare(Said)
    for language, word in (("de", "Ja!"), ("fr", "Oui!"), ("en", "Yes!")):
        rows = rows_of(Said, by_job=by_job, language=language, filter_language="es")
        assert {row[1] for row in rows} == {word}


def test_windows_and_aggregates_are_read_in_the_files_zone(moments, declare):
    class Many(ModelReport):
        identifier = "shop.many"
        model = Order
        columns = [
            "id",
            Column(
                "number_of_day",
                expression=Window(RowNumber(), partition_by=TruncDate("placed_at"), order_by="pk"),
            ),
            Column("late", expression=Count("lines", filter=LATE)),
            Column("latest", expression=Max(ExtractHour("lines__order__placed_at"))),
        ]

    declare(Many)
    Line.objects.bulk_create(Line(order=order, text="x") for order in Order.objects.all())
    zone = ZoneInfo("Asia/Tokyo")
    rows = rows_of(Many, time_zone=zone.key, filter_time_zone="America/New_York")
    days = [moment.astimezone(zone).date() for moment in MOMENTS]
    hours = [moment.astimezone(zone).hour for moment in MOMENTS]
    assert [row[1:] for row in rows] == [
        [str(days[: at + 1].count(day)), str(int(hour >= 12)), str(hour)]
        for at, (day, hour) in enumerate(zip(days, hours, strict=True))
    ]
