"""Aggregates over relations without an index: one query for many rows, with the same values."""

import datetime as dt
import threading

import pytest
from django.db import connection
from django.db.models import (
    Avg,
    Case,
    Count,
    Exists,
    F,
    Max,
    Min,
    OuterRef,
    Q,
    Sum,
    Value,
    When,
    Window,
)
from django.db.models.functions import Coalesce, RowNumber, TruncDate
from django.test.utils import CaptureQueriesContext

from django_reports import Column
from django_reports.core.localization import Locale, Locales
from django_reports.definitions.columns import bind
from django_reports.engine import grouped_values
from django_reports.engine.rows import QuerySetSource
from tests.conftest import give
from tests.files import Dialect, Wish, csv_rows, made_at_every_entry_point
from tests.many.conftest import read, source
from tests.many.models import Booking, Invoice, Payment, Seat, Tag
from tests.many.test_aggregates import Invoices

pytestmark = pytest.mark.django_db


@pytest.fixture
def payments(invoice):
    for amount in (3, 4):
        Payment.objects.create(invoice=invoice, amount=amount)
    return invoice


def is_grouped(expression, model=Invoice):
    made = source(model.objects.all(), Column("x", expression=expression))
    return len(made.grouped) == 1


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        (Count("payments"), [2, 0]),
        (Sum("payments__amount"), [7, None]),
        (Sum("payments__amount", default=0), [7, 0]),
        (Coalesce(Sum("payments__amount"), F("discount")), [7, 0]),
        (Max("payments__amount") - Min("payments__amount"), [1, None]),
        (Count("payments", filter=Q(payments__amount__gt=3)), [1, 0]),
        (Count("payments") + Count("tags"), [5, 0]),
        (Sum("entries__price") + Sum("payments__amount") * Count("tags"), [33, None]),
        (Sum(F("payments__amount") * Count("tags")), [21, None]),
        (Case(When(number="A1", then=Count("payments")), default=Value(-1)), [2, -1]),
        (
            Case(
                When(Exists(Tag.objects.filter(invoices=OuterRef("pk"))), then=Count("payments")),
                default=Value(-1),
            ),
            [2, -1],
        ),
        (Avg("notes__stars"), [2.5, None]),
    ],
)
@pytest.mark.parametrize("size", [1, 10])
def test_values_of_many_rows_at_once(payments, monkeypatch, expression, values, size):
    monkeypatch.setattr(grouped_values, "ROWS", size)
    assert is_grouped(expression)
    beside = {"tags": Count("tags"), "payments": Count("payments"), "notes": Count("notes")}
    queryset = Invoice.objects.filter(Q(tags__name="red") | Q(number="A2"))
    assert read(queryset, x=expression, **beside) == [
        (values[0], 3, 2, 2),
        (values[1], 0, 0, 0),
    ]
    assert read(queryset.order_by("-number")[:1], x=expression) == [(values[1],)]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        (Count("payments") + Count("notes"), 4),  # of two tables one would be looked up anyway
        (Count("payments") + F("annotated"), 5),
        (Sum(F("entries__quantity") * Count("payments")), 6),
    ],
)
def test_what_one_grouped_query_cannot_compute_is_right(payments, expression, value):
    assert not is_grouped(expression)
    queryset = Invoice.objects.annotate(annotated=Count("tags"))
    assert read(queryset[:1], x=expression) == [(value,)]


def test_window_is_over_all_rows(payments):
    expression = Count("payments") + Window(RowNumber(), order_by="number")
    assert not is_grouped(expression)
    assert read(Invoice.objects.all(), x=expression) == [(3,), (2,)]


def test_a_query_for_each_relation_and_chunk(payments, monkeypatch):
    monkeypatch.setattr(grouped_values, "ROWS", 2)
    Invoice.objects.bulk_create(Invoice(number=f"B{n}") for n in range(3))
    expressions = {
        "n": Count("payments"),
        "sum": Sum("payments__amount"),
        "notes": Count("notes"),
        "tags": Count("tags"),
    }
    read(Invoice.objects.all(), **expressions)  # the content types are known now
    with CaptureQueriesContext(connection) as captured:
        assert len(read(Invoice.objects.all(), **expressions)) == 5
    grouped_by = [q["sql"] for q in captured.captured_queries if " IN (" in q["sql"]]
    assert len(grouped_by) == 2 * 3


def test_keys_of_several_fields(monkeypatch):
    monkeypatch.setattr(grouped_values, "ROWS", 2)
    for number in (1, 2, 3):
        Seat.objects.create(row="A", number=number)
    Seat.objects.create(row="B", number=1)
    for number, price in ((1, 3), (1, 4), (3, 5)):
        Booking.objects.create(seat_row="A", seat_number=number, price=price)
    assert is_grouped(Count("bookings"), Seat)
    found = read(Seat.objects.all(), row=F("row"), number=F("number"), sum=Sum("bookings__price"))
    assert found == [("A", 1, 7), ("A", 2, None), ("A", 3, 5), ("B", 1, None)]


@pytest.mark.parametrize("format", ["csv", "jsonl", "xlsx"])
def test_values_at_every_door(declare, alice, client, tmp_path, payments, format):
    class Paid(Invoices):
        identifier = "many.paid"
        columns = [
            "number",
            Column("sum", expression=Sum("payments__amount")),
            Column("tags", expression=Count("tags")),
            Column("notes", expression=Count("notes")),
            Column("text", value=lambda row: row["number"].lower(), fields=["number"]),
        ]

    declare(Paid)
    alice = give(alice, "many.view_invoice")
    client.force_login(alice)
    wish = Wish("many.paid", ["number", "sum", "tags", "notes", "text"], format)
    content = made_at_every_entry_point(wish, user=alice, client=client, folder=tmp_path)
    if format == "csv":
        lines = [["A1", "7.00", "3", "2", "a1"], ["A2", "", "0", "0", "a2"]]
        assert csv_rows(content, Dialect()) == lines


def test_row_that_is_gone_meanwhile_has_no_values(payments, monkeypatch):
    """As in a transaction of the caller, which sees what others do."""
    real = grouped_values.islice

    def delete_after_it_was_read(*arguments):
        rows = list(real(*arguments))
        Payment.objects.filter(invoice=payments).delete()
        Invoice.objects.filter(pk=payments.pk).delete()
        return rows

    monkeypatch.setattr(grouped_values, "islice", delete_after_it_was_read)
    expressions = {"n": Count("payments"), "notes": Count("notes"), "number": F("number")}
    rows = iter(source(Invoice.objects.all(), *(
        Column(name, expression=value) for name, value in expressions.items()
    )).read())  # fmt: skip
    assert next(rows) == (None, None, "A1")
    rows.close()


@pytest.mark.parametrize(("zone", "day"), [("UTC", 1), ("Asia/Tokyo", 2)])
def test_aggregates_are_in_the_time_zone_of_the_file(invoice, zone, day):
    if zone != "UTC" and not connection.features.has_zoneinfo_database:
        pytest.skip("the database knows no time zones")
    late = dt.datetime(2026, 1, 1, 23, 30, tzinfo=dt.UTC)
    Payment.objects.create(invoice=invoice, amount=1, paid_at=late)
    invoice.entries.update(sold_at=late)
    new_year = dt.date(2026, 1, 1)
    columns = [
        bind(Column(name, expression=value), Invoice)
        for name, value in {
            "paid": Count("payments", filter=Q(payments__paid_at__date=new_year)),
            "sold": Count("entries", filter=Q(entries__sold_at__date=new_year)),
            "paid_on": Max(TruncDate("payments__paid_at")),
            "sold_on": Max(TruncDate("entries__sold_at")),
        }.items()
    ]
    locales = Locales(Locale("en", "Europe/Berlin"), Locale("en", zone))
    made = QuerySetSource(Invoice.objects.filter(number="A1"), columns, locales)
    with locales.file.active():
        found = list(made.read())
    on = dt.date(2026, 1, day)
    assert found == [(int(day == 1), 2 * (day == 1), on, on)]


@pytest.mark.django_db(transaction=True)
def test_values_are_of_the_state_of_the_rows(monkeypatch):
    """What others write between the rows and a chunk of values is in neither."""
    invoices = [Invoice.objects.create(number=f"A{n}") for n in range(6)]
    for invoice in invoices:
        Payment.objects.create(invoice=invoice, amount=1)
    monkeypatch.setattr(grouped_values, "ROWS", 2)
    real, chunks = grouped_values.islice, []

    def write():
        try:
            for invoice in invoices:
                Payment.objects.create(invoice=invoice, amount=1)
        finally:
            connection.close()

    def write_after_the_first(*arguments):
        chunks.append(arguments)
        if len(chunks) == 2:
            thread = threading.Thread(target=write)
            thread.start()
            thread.join()
        return real(*arguments)

    monkeypatch.setattr(grouped_values, "islice", write_after_the_first)
    made = source(Invoice.objects.all(), Column("n", expression=Count("payments")))
    with made.snapshot():
        found = list(made.read())
    assert len(chunks) == 4
    assert found == [(1,)] * 6
    assert list(made.read()) == [(2,)] * 6
