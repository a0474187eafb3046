"""Aggregates over related rows: the same value, whatever stands beside them."""

from decimal import Decimal
from itertools import combinations

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import (
    Aggregate,
    Avg,
    Case,
    CharField,
    Count,
    DecimalField,
    Exists,
    ExpressionWrapper,
    F,
    FloatField,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
    Window,
)
from django.db.models.functions import Cast, Coalesce, Concat, RowNumber
from django.db.models.lookups import GreaterThan
from django.test.utils import CaptureQueriesContext

from django_reports import Column, ModelReport
from django_reports.definitions.columns import bind
from django_reports.engine.rows import QuerySetSource
from django_reports.exceptions import InvalidQuerySet
from tests.conftest import give
from tests.files import Dialect, Wish, csv_rows, made_at_every_entry_point
from tests.many.conftest import read, source
from tests.many.models import (
    Booking,
    Client,
    Entry,
    ForeignInvoice,
    Invoice,
    Note,
    Part,
    ProxyInvoice,
    Seat,
    Stamp,
    Tag,
)

pytestmark = pytest.mark.django_db

COLUMNS = {
    "tags": Count("tags"),
    "price": Sum("entries__price"),
    "parts": Count("entries__parts"),
    "stars": Max("notes__stars"),
    "both": Count("tags") + Sum("entries__price"),
}
FIRST = {"tags": 3, "price": 12, "parts": 4, "stars": 4, "both": 15}
SECOND = {"tags": 0, "price": None, "parts": 0, "stars": None, "both": None}


class Invoices(ModelReport):
    identifier = "many.invoices"
    model = Invoice
    columns = ["number", *(Column(name, expression=value) for name, value in COLUMNS.items())]


@pytest.mark.parametrize(
    "names", [names for n in range(1, 6) for names in combinations(COLUMNS, n)], ids="+".join
)
def test_value_is_the_same_whatever_columns_stand_beside_it(invoice, names):
    found = read(Invoice.objects.all(), **{name: COLUMNS[name] for name in names})
    assert found == [
        tuple(FIRST[name] for name in names),
        tuple(SECOND[name] for name in names),
    ]


@pytest.mark.parametrize(
    "queryset",
    [
        Invoice.objects.filter(tags__name__contains="re").distinct(),
        Invoice.objects.filter(tags__name="red", entries__price=5, notes__stars=4),
        Invoice.objects.annotate(n=Count("tags")).filter(n__gt=2),
        Invoice.objects.annotate(n=Count("tags"), s=Sum("entries__price")).filter(n=6),
        Invoice.objects.annotate(price=F("entries__price")).filter(price=5),
        Invoice.objects.filter(pk__in=Tag.objects.filter(name="red").values("invoices")),
        Invoice.objects.order_by("number", "entries__price")[:1],
        Invoice.objects.annotate(n=Count("tags")).order_by("-n")[:1],
        Invoice.objects.prefetch_related("tags").select_related("client")[:1],
        ProxyInvoice.objects.filter(tags__name="red"),
    ],
)
def test_value_is_the_same_whatever_the_queryset_joins(invoice, queryset):
    assert read(queryset, **COLUMNS) == [tuple(FIRST.values())]


def test_rows_of_a_joining_filter_are_not_grouped_away(invoice):
    """A list without distinct shows an invoice twice; so does the file, and so does the count."""
    made = source(
        Invoice.objects.filter(entries__isnull=False), Column("n", expression=Count("tags"))
    )
    assert list(made.read()) == [(3,), (3,)]
    assert made.count() == 2


def test_annotations_of_the_queryset_keep_their_meaning(invoice):
    queryset = Invoice.objects.annotate(n=Count("tags"), s=Sum("entries__price"))
    assert read(queryset, n=F("n"), s=F("s"), tags=Count("tags"))[0] == (6, 36, 3)


@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_values_at_every_door(declare, alice, client, tmp_path, invoice, format):
    declare(Invoices)
    alice = give(alice, "many.view_invoice")
    client.force_login(alice)
    wish = Wish("many.invoices", ["number", *COLUMNS], format)
    content = made_at_every_entry_point(wish, user=alice, client=client, folder=tmp_path)
    if format == "csv":
        assert csv_rows(content, Dialect()) == [
            ["A1", "3", "12.00", "4", "4", "15.00"],
            ["A2", "0", "", "0", "", ""],
        ]
    else:
        assert b'{"number":"A1","tags":3,"price":"12.00","parts":4' in content.replace(b" ", b"")


def test_count_is_zero_and_not_null(invoice):
    """Also where a default manager hides the row itself, and where nothing can match."""
    nothing = Count("tags", filter=Q(tags__in=[]))
    assert read(Invoice.objects.all(), n=Count("tags"), zero=nothing) == [(3, 0), (0, 0)]
    ForeignInvoice.objects.create(number="F1", country="hidden")
    assert read(ForeignInvoice.objects.all(), n=Count("stamps")) == [(0,)]


def test_rows_that_a_default_manager_hides_count(invoice):
    Entry.objects.create(invoice=invoice, price=Decimal(100), is_hidden=True)
    assert invoice.entries.count() == 2
    assert read(Invoice.objects.all()[:1], n=Count("entries"), s=Sum("entries__price")) == [
        (3, 112)
    ]


def test_options_of_aggregates(invoice):
    Entry.objects.create(invoice=invoice, price=Decimal(7), text="last")
    found = read(
        Invoice.objects.all(),
        large=Sum("entries__price", filter=Q(entries__price__gt=6)),
        distinct=Count("entries__price", distinct=True),
        default=Sum("entries__price", default=0),
        other_default=Sum("entries__price", default=F("discount") - 1),
        related=Sum(F("entries__price") * F("entries__quantity")),
        own=Sum(F("entries__price") * (1 - F("discount"))),
        parts_of_entries=Sum("entries__parts__weight", filter=Q(entries__price=5)),
        row_condition=Count("tags", filter=Q(number="A1")),
        negated=Count("tags", filter=~Q(tags__name="red")),
        with_parts=Count(
            "entries", filter=Exists(Part.objects.filter(entry=OuterRef("entries__pk")))
        ),
    )
    assert found == [
        (14, 2, 19, 19, 26, 19, 100, 3, 2, 1),
        (None, 0, 0, -1, None, None, None, 0, 0, 0),
    ]


def test_aggregates_inside_other_expressions(invoice):
    many = Value("many")
    found = read(
        Invoice.objects.all(),
        text=Concat("number", Value(":"), Cast(Count("tags"), CharField())),
        whole=Coalesce(Sum("entries__price"), 0, output_field=DecimalField()),
        case=Case(When(number="A1", then=Count("tags")), default=Value(-1)),
        condition=Case(When(GreaterThan(Count("tags"), 2), then=many), default=Value("few")),
        q=Case(When(Q(discount__lt=Count("tags")), then=many), default=Value("few")),
        negated=Case(When(~Q(GreaterThan(Count("tags"), 2)), then=many), default=Value("few")),
        wrapped=ExpressionWrapper(Sum(F("entries__price") * Value(1.5)), output_field=FloatField()),
        floated=Cast(Avg("entries__quantity"), FloatField()),
        span=Max("entries__price") - Min("entries__price"),
    )
    assert found == [
        ("A1:3", 12, 3, "many", "many", "few", 18.0, 1.5, 2),
        ("A2:0", 0, -1, "few", "few", "many", None, None, None),
    ]


def test_aggregate_in_an_aggregate(invoice):
    """The inner one is of the row itself."""
    weighted = Sum(F("entries__price") * Count("tags"))
    queryset = Invoice.objects.annotate(n=Count("tags")).filter(tags__name__contains="re")
    assert read(queryset.distinct(), weighted=weighted, tags=Count("tags")) == [(36, 3)]


def test_what_is_a_query_of_its_own_stays_as_it_is(invoice):
    tags = Tag.objects.filter(invoices=OuterRef("pk")).order_by("name")
    counted = tags.values("invoices").order_by().annotate(n=Count("pk")).values("n")
    assert read(
        Invoice.objects.filter(tags__name__contains="e").distinct()[:1],
        first=Subquery(tags.values("name")[:1]),
        counted=Subquery(counted),
        exists=Exists(tags),
        n=Count("tags"),
    ) == [("blue", 3, True, 3)]


def test_windows_see_the_rows_themselves(invoice):
    found = read(
        Invoice.objects.order_by("number"),
        at=Window(RowNumber(), order_by="number"),
        total=Window(Count("pk")),
        by_tags=Window(RowNumber(), order_by=[Count("tags"), "number"]),
    )
    assert found == [(1, 2, 2), (2, 2, 1)]


def test_keys_of_several_fields():
    for row, number, prices in (("A", 1, [3, 4]), ("A", 2, [5]), ("B", 1, [])):
        Seat.objects.create(row=row, number=number)
        for price in prices:
            Booking.objects.create(seat_row=row, seat_number=number, price=price)
    expressions = {
        "row": F("row"),
        "number": F("number"),
        "bookings": Count("bookings"),
        "price": Sum("bookings__price", default=0),
    }
    rows = [("A", 1, 2, 7), ("A", 2, 1, 5), ("B", 1, 0, 0)]
    assert read(Seat.objects.all(), **expressions) == rows
    assert read(Seat.objects.filter(bookings__price__in=[3, 5]), **expressions) == rows[:2]


def test_inherited_keys_and_relations(invoice):
    foreign = ForeignInvoice.objects.create(number="F1", country="ch")
    foreign.tags.set(Tag.objects.filter(name__contains="re"))
    for fee in (2, 3):
        Stamp.objects.create(invoice=foreign, fee=fee)
    expressions = {"tags": Count("tags"), "fees": Sum("stamps__fee")}
    assert read(ForeignInvoice.objects.filter(stamps__fee__gt=0).distinct(), **expressions) == [
        (2, 5)
    ]
    # A report of the parent over rows of the child.
    columns = [bind(Column("n", expression=Count("tags")), Invoice)]
    assert list(QuerySetSource(ForeignInvoice.objects.all(), columns).read()) == [(2,)]
    assert read(Invoice.objects.filter(number="F1"), fees=Sum("foreigninvoice__stamps__fee")) == [
        (5,)
    ]


def test_relation_of_a_related_row(invoice):
    client = Client.objects.create(name="Ann")
    Invoice.objects.update(client=client)
    Invoice.objects.create(number="A3")
    found = read(Invoice.objects.filter(tags=None), of_client=Count("client__invoices__tags"))
    assert found == [(3,), (0,)]


def test_generic_relation_counts_its_own_kind_of_object(invoice):
    kind = ContentType.objects.get_for_model(Tag)
    Note.objects.create(content_type=kind, object_id=invoice.pk, stars=9)
    assert read(Invoice.objects.all(), n=Count("notes"), stars=Sum("notes__stars")) == [
        (2, 5),
        (0, None),
    ]


class Joined(Aggregate):
    """An aggregate of a project, which makes something else of what the database gives."""

    function = "COUNT"
    output_field = CharField()

    def convert_value(self, value, expression, connection):
        return f"<{value}>"


@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_aggregate_of_a_project_converts_its_values(
    declare, alice, client, tmp_path, invoice, format
):
    @declare
    class Report(ModelReport):
        identifier = "many.joined"
        model = Invoice
        columns = ["number", Column("joined", expression=Joined("tags"))]

    alice = give(alice, "many.view_invoice")
    client.force_login(alice)
    wish = Wish("many.joined", ["number", "joined"], format)
    content = made_at_every_entry_point(wish, user=alice, client=client, folder=tmp_path)
    assert b"<3>" in content
    assert b"<0>" in content


class NoRouter:
    def db_for_read(self, model, **hints):
        raise AssertionError(f"which database for {model.__name__}?")


def test_database_is_that_of_the_rows(invoice, settings):
    settings.DATABASE_ROUTERS = [NoRouter()]
    assert read(Invoice.objects.using("default"), n=Count("tags")) == [(3,), (0,)]


def test_one_query_for_all_that_indexes_find(invoice):
    made = source(
        Invoice.objects.all(),
        *(Column(name, expression=COLUMNS[name]) for name in ("tags", "price", "parts", "both")),
    )
    with CaptureQueriesContext(connection) as captured:
        list(made.read())
    assert len([q for q in captured.captured_queries if "SELECT" in q["sql"]]) == 1


def test_expression_that_was_looked_at_before(invoice):
    """What it has cached of itself does not group the rows."""
    expression = Count("tags") + 1
    assert expression.contains_aggregate
    made = source(Invoice.objects.all(), Column("n", expression=expression))
    assert not made.selection()[0].query.group_by
    assert list(made.read()) == [(4,), (1,)]


def test_declared_expression_is_left_as_it_was(invoice):
    expression = Count("tags") + Sum("entries__price")
    before = repr(expression)
    read(Invoice.objects.all(), x=expression)
    assert repr(expression) == before
    assert QuerySet(Invoice).annotate(x=expression).get(pk=invoice.pk).x == 42


@pytest.mark.parametrize("combinator", ["union", "intersection", "difference"])
def test_expression_beside_a_combined_queryset_is_refused_by_name(invoice, combinator):
    first = Invoice.objects.filter(number="A1").order_by()
    queryset = getattr(first, combinator)(Invoice.objects.exclude(number="A1").order_by())
    with pytest.raises(InvalidQuerySet, match=rf"{combinator}\(\).*: tags\. Filter one"):
        read(queryset, tags=Count("tags"))
    assert list(source(queryset, Column("number")).read())[:1] in ([("A1",)], [])


def test_distinct_rows_of_a_key_of_several_fields(db):
    for row, number in (("B", 1), ("A", 2), ("A", 1)):
        Seat.objects.create(row=row, number=number)
    columns = [Column("row"), Column("number")]
    assert list(source(Seat.objects.distinct(), *columns).read()) == [("A", 1), ("A", 2), ("B", 1)]
