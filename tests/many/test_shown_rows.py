"""A file has the rows of its queryset, whichever of its annotations the columns leave out."""

import csv
import io
from collections import Counter

import pytest
from django.db import connection
from django.db.models import (
    Case,
    CharField,
    Count,
    F,
    FilteredRelation,
    Func,
    IntegerField,
    Max,
    OuterRef,
    Q,
    Subquery,
    Sum,
    Value,
    When,
    Window,
)
from django.db.models.functions import Cast, Concat, RowNumber

from django_reports import Column, ModelReport
from django_reports.definitions.columns import BoundColumn, bind
from django_reports.definitions.kinds import Text
from django_reports.engine.rows import QuerySetSource
from django_reports.exceptions import InvalidQuerySet
from django_reports.jobs import dispatch
from tests.conftest import give
from tests.entry_points.helpers import asking
from tests.files import Wish, made_at_every_entry_point
from tests.many.conftest import source
from tests.many.models import Client, Entry, Invoice, Payment, ProxyInvoice, Tag

pytestmark = pytest.mark.django_db


class Series(Func):
    """Makes rows of a row where it is selected."""

    function = "generate_series"
    output_field = IntegerField()
    set_returning = True


@pytest.fixture
def invoices(invoice):
    """Beside the one of the fixture: with fewer entries, equal entries, and one tag."""
    client = Client.objects.create(name="Ann")
    Invoice.objects.update(client=client)
    blue = Tag.objects.get(name="blue")
    for number, prices in (("A3", (5, 5, 1)), ("A4", (2,)), ("A5", ())):
        made = Invoice.objects.create(number=number, client=client)
        made.tags.add(blue)
        Entry.objects.bulk_create(Entry(invoice=made, price=price) for price in prices)
        Payment.objects.create(invoice=made, amount=1)
    return Invoice.objects.all()


QUERYSETS = {
    "a tag in GROUP BY": lambda rows: rows.annotate(
        tag=F("tags__name"), total=Sum("entries__price")
    ).filter(total__gt=10),
    "a tag behind the aggregate": lambda rows: rows.annotate(
        largest=Max("entries__price")
    ).annotate(tag=F("tags__name")),
    "a tag that is an alias": lambda rows: rows.alias(tag=F("tags__name")).annotate(
        total=Sum("entries__price")
    ),
    "an aggregate alone": lambda rows: rows.annotate(total=Sum("entries__price")).filter(
        total__gt=3
    ),
    "DISTINCT": lambda rows: rows.filter(entries__price__gt=1).distinct(),
    "a price in DISTINCT": lambda rows: rows.annotate(price=F("entries__price")).distinct(),
    "a number in DISTINCT": lambda rows: (
        rows.filter(entries__price__gt=1)
        .annotate(n=Window(RowNumber(), order_by="number"))
        .distinct()
    ),
    "extra() in DISTINCT": lambda rows: (
        rows.filter(entries__price__gt=1).extra(select={"cost": "many_entry.price"}).distinct()
    ),
    "extra() in GROUP BY": lambda rows: (
        rows.filter(entries__price__gt=1)
        .annotate(n=Count("tags"))
        .extra(select={"cost": "many_entry.price"})
    ),
    "joins": lambda rows: rows.filter(entries__price__gt=1),
    "a union of prices": lambda rows: (
        rows.order_by()
        .annotate(price=F("entries__price"))
        .union(rows.order_by().annotate(price=F("entries__price")))
    ),
    "a union of groups": lambda rows: (
        rows.order_by()
        .annotate(tag=F("tags__name"), total=Sum("entries__price"))
        .filter(total__gt=10)
        .union(
            rows.order_by()
            .filter(number="A5")
            .annotate(tag=F("number"), total=Sum("entries__price"))
        )
    ),
    "related rows of select_related()": lambda rows: rows.annotate(
        dear=FilteredRelation("entries", condition=Q(entries__price__gt=1))
    ).select_related("dear"),
    "an order by many rows": lambda rows: rows.order_by("entries__price", "pk"),
    "a slice": lambda rows: rows.annotate(price=F("entries__price")).distinct()[:4],
}
if connection.vendor == "postgresql":
    QUERYSETS["rows of a value"] = lambda rows: rows.annotate(n=Series(Value(1), Value(2)))
COLUMNS = {
    "fields": ["number", "client__name"],
    "one field": ["id"],
    "an aggregate": ["id", Column("n", expression=Count("entries"))],
    "an aggregate without an index": ["id", Column("paid", expression=Sum("payments__amount"))],
    "a value": ["id", Column("low", value=lambda row: row["number"].lower(), fields=["number"])],
    "an instance": [
        BoundColumn("low", "low", Text(), (), from_instance=lambda row: row.number.lower())
    ],
}


def bound(column):
    if isinstance(column, BoundColumn):
        return column
    return bind(Column(column) if isinstance(column, str) else column, Invoice)


def keys_of(queryset):
    return Counter(instance.pk for instance in queryset)


def keys_read(queryset, columns):
    """The keys of the rows that are read, by a column beside the others."""
    made = QuerySetSource(queryset, [bound(column) for column in ["pk", *columns]])
    rows = list(made.read())
    assert made.count() == len(rows)
    assert len(list(made.read(3))) == min(3, len(rows))
    return Counter(row[0] for row in rows)


@pytest.mark.parametrize("columns", COLUMNS)
@pytest.mark.parametrize("name", QUERYSETS)
def test_the_rows_are_those_of_the_queryset(invoices, name, columns):
    queryset = QUERYSETS[name](invoices)
    if queryset.query.combinator and columns == "an aggregate":
        with pytest.raises(InvalidQuerySet):
            keys_read(queryset, COLUMNS[columns])
        return
    shown = keys_of(queryset)
    assert sum(shown.values()) > 1
    assert keys_read(queryset, COLUMNS[columns]) == shown


@pytest.mark.parametrize("name", QUERYSETS)
@pytest.mark.parametrize("columns", [("id", "number"), ("number", "low")])
@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_every_entry_point_makes_the_same_rows(invoices, declare, alice, client, tmp_path, name,
columns,
                                        format):  # fmt: skip
    @declare
    class Shown(ModelReport):
        identifier = "many.shown"
        model = Invoice
        columns = ["id", "number", COLUMNS["a value"][1]]

        def get_queryset(self, context):
            return QUERYSETS[name](invoices)

    alice = give(alice, "many.view_invoice")
    client.force_login(alice)
    wish = Wish("many.shown", columns, format)
    content = made_at_every_entry_point(wish, alice, client, tmp_path).decode()
    made = list(csv.reader(io.StringIO(content)))[1:] if format == "csv" else content.splitlines()
    shown = keys_of(QUERYSETS[name](invoices))
    assert len(made) == sum(shown.values())
    assert dispatch.plan(wish.spec, *asking(alice)).rows.n == len(made)


# Columns that read related rows through an annotation

UNSELECTED = {
    "an alias under DISTINCT": lambda rows: rows.alias(tag=F("tags__name")).distinct(),
    "an alias in GROUP BY": lambda rows: rows.alias(tag=F("tags__name")).annotate(
        total=Sum("entries__price")
    ),
    "an alias behind it": lambda rows: rows.alias(tag=F("tags__pk"), price=F("tag")).distinct(),
    "a relation of a condition": lambda rows: (
        rows.alias(dear=FilteredRelation("entries", condition=Q(entries__price__gt=1)))
        .alias(tag=F("dear__price"))
        .distinct()
    ),
    "behind a relation": lambda rows: rows.alias(tag=F("entries__invoice__number")).distinct(),
}
READING = {
    "itself": F("tag"),
    "a function of it": Concat("number", Cast("tag", CharField())),
    "a condition": Case(When(tag__isnull=True, then=Value("no")), default=Value("yes")),
    "a subquery": Subquery(
        Tag.objects.filter(name=Cast(OuterRef("tag"), CharField())).values("name")[:1]
    ),
}


@pytest.mark.parametrize("reading", READING)
@pytest.mark.parametrize("name", UNSELECTED)
@pytest.mark.parametrize("beside", [[], COLUMNS["an instance"]], ids=["values", "instances"])
def test_a_column_that_would_make_more_rows_is_refused(invoices, name, reading, beside):
    columns = [bound(Column("read", expression=READING[reading])), *beside]
    queryset = UNSELECTED[name](invoices)
    with pytest.raises(InvalidQuerySet, match=r"would make more rows of one: read[.] Use annotate"):
        keys_read(queryset, columns)
    assert keys_read(queryset, beside) == keys_of(queryset)


@pytest.mark.parametrize("reading", READING)
@pytest.mark.parametrize(
    "queryset",
    [
        lambda rows: rows.annotate(tag=F("tags__name")).distinct(),
        lambda rows: rows.annotate(tag=F("tags__name"), total=Sum("entries__price")),
        lambda rows: rows.alias(tag=F("tags__name")),
        lambda rows: rows.alias(tag=F("client__name")).filter(entries__price__gt=1).distinct(),
        lambda rows: rows.alias(tag=F("client__name")).annotate(total=Sum("entries__price")),
    ],
    ids=["selected", "grouped", "joined", "one under DISTINCT", "one in GROUP BY"],
)
def test_a_column_that_makes_no_rows_is_made(invoices, queryset, reading):
    rows = queryset(invoices)
    column = bound(Column("read", expression=READING[reading]))
    assert keys_read(rows, [column]) == keys_of(rows)


def test_an_aggregate_makes_no_rows(invoices):
    rows = invoices.alias(tag=Max("tags__name")).annotate(total=Sum("entries__price"))
    assert keys_read(rows, [bound(Column("read", expression=F("tag")))]) == keys_of(rows)


# Columns that are computed over all rows

OVER_ALL = [
    Column("n", expression=Window(RowNumber(), order_by="id")),
    Column("of_all", expression=Window(Count("id"))),
    Column("total", expression=Window(Sum("discount"))),
    Column("last", expression=Window(Max("number"))),
]
KEPT = {
    "distinct": lambda rows: rows.filter(entries__price__gt=1).distinct(),
    "distinct without joins": lambda rows: rows.filter(number__gt="A1").distinct(),
    "distinct in an order": lambda rows: (
        rows.filter(entries__price__gt=1, tags__name="blue").distinct().order_by("-number")
    ),
    "distinct in an order of others": lambda rows: (
        rows.filter(entries__price__gt=1).distinct().order_by("client__name", "-id")
    ),
    "joins": lambda rows: rows.filter(entries__price__gt=1),
    "groups": lambda rows: rows.annotate(total=Sum("entries__price")).filter(total__gt=3),
    "groups in an order": lambda rows: ProxyInvoice.objects.annotate(n=Count("entries")).order_by(
        "-pk"
    ),
    "distinct groups": lambda rows: (
        rows.annotate(largest=Max("entries__price")).filter(largest__gt=2).distinct()
    ),
    "several tags in groups": lambda rows: rows.annotate(
        tag=F("tags__name"), largest=Max("entries__price")
    ).filter(largest__gt=2),
}
REFUSED = {
    "a slice": lambda rows: rows[:3],
    "a condition on a window": lambda rows: rows.annotate(
        place=Window(RowNumber(), order_by="-number")
    ).filter(place__lt=3),
    "annotations of a distinct join": lambda rows: rows.annotate(
        price=F("entries__price")
    ).distinct(),
    "a distinct order by many rows": lambda rows: (
        rows.filter(entries__price__gt=1).distinct().order_by("entries__price")
    ),
}
if connection.vendor == "postgresql":
    REFUSED["one of each"] = lambda rows: rows.order_by("client").distinct("client")


@pytest.fixture
def discounts(invoices):
    for at, row in enumerate(invoices.order_by("pk")):
        Invoice.objects.filter(pk=row.pk).update(discount=at + 1)
    return invoices


@pytest.mark.parametrize("beside", [[], COLUMNS["an instance"]], ids=["values", "instances"])
@pytest.mark.parametrize("name", KEPT)
def test_what_is_computed_over_all_rows_is_over_those_of_the_queryset(discounts, name, beside):
    queryset = KEPT[name](discounts)
    shown = [(row.pk, row.discount) for row in queryset]
    assert len(shown) > 1
    total = sum(discount for _key, discount in shown)
    made = QuerySetSource(queryset, [bound(c) for c in ["pk", "discount", *OVER_ALL, *beside]])
    rows = list(made.read())
    in_order = list if queryset.ordered else sorted  # Django orders no groups by itself
    assert in_order(row[:2] for row in rows) == in_order(shown)
    assert sorted(row[2] for row in rows) == list(range(1, len(shown) + 1))
    assert {row[3:5] for row in rows} == {(len(shown), total)}
    assert {row[5] for row in rows} == {max(row.number for row in queryset)}
    assert made.count() == len(shown)


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_be_computed_over_other_rows_is_refused(discounts, name):
    queryset = REFUSED[name](discounts)
    with pytest.raises(InvalidQuerySet, match=r"are computed over all rows.*: n, last[.]"):
        source(queryset, Column("number"), OVER_ALL[0], OVER_ALL[3]).as_read()
    assert len(list(source(queryset, Column("number")).read())) == len(queryset)


@pytest.mark.parametrize("name", ["distinct", "distinct in an order"])
@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_every_entry_point_computes_over_the_same_rows(discounts, declare, alice, client, tmp_path,
name,
                                                format):  # fmt: skip
    @declare
    class Shown(ModelReport):
        identifier = "many.shown"
        model = Invoice
        columns = ["number", *OVER_ALL]

        def filter_queryset(self, queryset, context):
            return KEPT[name](queryset)

    alice = give(alice, "many.view_invoice")
    client.force_login(alice)
    wish = Wish("many.shown", ["number", "of_all"], format)
    content = made_at_every_entry_point(wish, alice, client, tmp_path).decode()
    numbers = [row.number for row in KEPT[name](discounts)]
    if format == "csv":
        shown = [f"{number},{len(numbers)}" for number in numbers]
    else:
        shown = [f'{{"number":"{number}","of_all":{len(numbers)}}}' for number in numbers]
    assert content.splitlines()[1 if format == "csv" else 0 :] == shown
