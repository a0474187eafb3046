"""How rows are read, on whichever database the tests run."""

import gc
import time
from contextlib import closing
from decimal import Decimal
from itertools import islice

import pytest
from django.contrib.auth.models import Permission
from django.db import connection, transaction
from django.db.models import BooleanField, Count, ExpressionWrapper, F, Func, Q, TextField
from django.db.models.functions import Lower
from django.test.utils import CaptureQueriesContext

from django_reports.definitions import kinds
from django_reports.definitions.columns import Column, bind
from django_reports.definitions.querysets import totally_ordered
from django_reports.engine import cursors
from django_reports.engine.rows import QuerySetSource
from django_reports.models import ReportJob
from tests.conftest import make_orders
from tests.shop.models import Customer, Line, Order

pytestmark = pytest.mark.django_db


def source(queryset, *columns):
    columns = [Column(column) if isinstance(column, str) else column for column in columns]
    return QuerySetSource(queryset, [bind(column, queryset.model) for column in columns])


def rows(queryset, *columns):
    return list(source(queryset, *columns).read())


def selects(captured):
    return [query["sql"] for query in captured.captured_queries if "SELECT" in query["sql"]]


def ordering(queryset):
    """The ORDER BY of what is read, as Django keeps it."""
    return [str(item) for item in totally_ordered(queryset).query.order_by]


def test_values_come_in_the_order_of_the_columns():
    make_orders(2)
    assert rows(Order.objects.all(), "number", "customer__name", "region", "number") == [
        ("A00001", "Böb", "n", "A00001"),
        ("A00002", "Ann", "s", "A00002"),
    ]


def test_one_column():
    make_orders(2)
    assert rows(Order.objects.all(), "number") == [("A00001",), ("A00002",)]


def test_expressions_and_values():
    make_orders(1)
    margin = Column("margin", expression=F("total") - F("cost"))
    remark = Column(
        "remark",
        value=lambda row: f"{row['customer__name']}: {row['note']}",
        fields=["note", "customer__name"],
    )
    constant = Column("constant", value=lambda row: "x")
    (row,) = rows(Order.objects.all(), margin, remark, constant)
    assert row == (Decimal("1.00"), "Böb: note 1", "x")


@pytest.mark.parametrize(
    ("order_by", "names"),
    [
        ([], ["text", "order__number", "order__customer__name"]),
        (["order__customer__name"], ["text", "order__number", "order__customer__name"]),
        (["order__customer__name"], ["text"]),
        ([F("order__number").asc(nulls_last=True)], ["text"]),
        (["order"], ["text"]),  # which its model orders, too
    ],
)
def test_a_row_whose_foreign_key_leads_nowhere_is_a_row(order_by, names):
    orders = make_orders(2)
    Line.objects.bulk_create(Line(order=order, text=order.number) for order in orders)
    made = source(Line.objects.order_by(*order_by), *names)
    with connection.constraint_checks_disabled():
        Line.objects.filter(text="A00002").update(order_id=-1)
        found = sorted(made.read())
        Line.objects.filter(text="A00002").update(order=orders[1])
    expected = [("A00001", "A00001", "Böb"), ("A00002", None, None)]
    assert found == [row[: len(names)] for row in expected]
    assert len(found) == made.count()


def test_an_order_that_django_cannot_write_is_read_as_django_reads_it():
    make_orders(2)
    nothing = ExpressionWrapper(Q(pk__in=[]), BooleanField())
    ordered = Order.objects.order_by(nothing)
    assert rows(ordered, "number") == list(ordered.values_list("number"))


def test_joins_of_the_querysets_own_filters_stay():
    make_orders(2)
    made = source(Order.objects.filter(customer__name="Ann"), "number", "customer__email")
    with CaptureQueriesContext(connection) as captured:
        assert [number for number, _email in made.read()] == ["A00002"]
    (sql,) = selects(captured)
    assert "INNER JOIN" in sql
    assert "LEFT OUTER JOIN" not in sql


def test_aggregate_counts_per_row():
    first, _ = make_orders(2)
    Line.objects.bulk_create(Line(order=Order.objects.get(number=first.number)) for _ in range(3))
    assert rows(
        Order.objects.all(), "number", Column("lines_count", expression=Count("lines"))
    ) == [
        ("A00001", 3),
        ("A00002", 0),
    ]


@pytest.mark.parametrize("count", [1, 50])
def test_one_query_whatever_the_columns_follow(count):
    make_orders(count)
    made = source(
        Order.objects.all(),
        "number",
        "customer__name",
        "customer__email",
        "customer__pk",
        Column("margin", expression=F("total") - F("cost")),
        Column("lines_count", expression=Count("lines")),
        Column("mail", value=lambda row: row["customer__email"], fields=["customer__email"]),
    )
    with CaptureQueriesContext(connection) as captured:
        assert len(list(made.read())) == count
    assert len(selects(captured)) == 1


def test_one_query_to_the_database(django_assert_num_queries):
    # SQLite is first asked for its journal mode.
    with django_assert_num_queries(2 if connection.vendor == "sqlite" else 1):
        list(source(Order.objects.all(), "number", "customer__name").read())


def test_masked_columns():
    make_orders(1)
    columns = [
        bind(Column("customer__email", permission="shop.x", mask="partial"), Order).as_masked(),
        bind(Column("note", permission="shop.x", mask="null"), Order).as_masked(),
        bind(Column("number"), Order),
    ]
    made = QuerySetSource(Order.objects.all(), columns)
    assert list(made.read()) == [("b•••@e•••.org", None, "A00001")]


def test_relation_that_is_null_leaves_the_row():
    ReportJob.objects.create(
        report="x",
        spec={},
        format="csv",
        execution="background",
        status="queued",
        authority="system",
    )
    assert rows(ReportJob.objects.all(), "report", "requested_by__email") == [("x", None)]


@pytest.mark.parametrize(
    ("order_by", "ended"),
    [
        (("region",), ["region", "pk"]),
        (("-region", "total"), ["-region", "total", "pk"]),
        (("customer__name",), ["customer__name", "pk"]),
        (("customer__pk",), ["customer__pk", "pk"]),
        (("pk",), ["pk"]),
        (("-pk",), ["-pk"]),
        (("id",), ["id"]),
        (("-id", "region"), ["-id", "region"]),
        (("region", "pk"), ["region", "pk"]),
        ((), ["pk"]),
        (("?",), ["?", "pk"]),
    ],
)
def test_order_ends_with_the_key(order_by, ended):
    assert ordering(Order.objects.order_by(*order_by)) == ended


@pytest.mark.parametrize(
    ("item", "count"),
    [
        (F("region"), 2),
        (F("region").desc(nulls_last=True), 2),
        (Lower("region").asc(), 2),
        (Lower("region"), 2),
        (F("pk"), 1),
        (F("id").desc(), 1),
    ],
)
def test_order_by_expressions_ends_with_the_key(item, count):
    assert len(totally_ordered(Order.objects.order_by(item)).query.order_by) == count


def test_order_of_the_model_ends_with_the_key():
    assert ordering(Permission.objects.all()) == [
        "content_type__app_label",
        "content_type__model",
        "codename",
        "pk",
    ]


def test_order_of_the_model_that_ends_with_the_key_is_left():
    queryset = ReportJob.objects.all()
    assert totally_ordered(queryset) is queryset


def test_no_order_at_all_ends_with_the_key():
    assert ordering(ReportJob.objects.order_by()) == ["pk"]


def test_reversed_order_is_total_too():
    make_orders(4)
    found = rows(Order.objects.order_by("region").reverse(), "number")
    assert found == [("A00004",), ("A00002",), ("A00003",), ("A00001",)]


def test_ties_are_settled_by_the_key():
    make_orders(30, note="same")
    found = rows(Order.objects.order_by("note"), "number")
    assert [number for (number,) in found] == [f"A{n:05}" for n in range(1, 31)]


def test_order_of_a_slice_is_left():
    make_orders(5)
    assert rows(Order.objects.order_by("-number")[1:3], "number") == [("A00004",), ("A00003",)]


def test_slice_and_limit():
    make_orders(5)
    made = source(Order.objects.order_by("number")[1:4], "number")
    assert list(made.read(2)) == [("A00002",), ("A00003",)]
    assert made.count() == 3


def test_distinct_rows_of_a_join_come_once():
    make_orders(6)
    queryset = Customer.objects.filter(orders__total__gt=0).distinct()
    assert rows(queryset, "name") == [("Ann",), ("Böb",)]
    assert source(queryset, "name").count() == 2


def test_distinct_keeps_rows_apart_that_look_alike():
    make_orders(4)
    assert len(rows(Order.objects.distinct(), "region")) == 4


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="only PostgreSQL has DISTINCT ON")
@pytest.mark.parametrize("order_by", [(), ("region",), ("region", "number")])
def test_distinct_on_a_field(order_by):
    make_orders(4)
    queryset = Order.objects.order_by(*order_by).distinct("region")
    assert rows(queryset, "region", "number") == [("n", "A00001"), ("s", "A00002")]
    assert source(queryset, "region").count() == 2


def test_union_is_read_as_it_is():
    make_orders(4)
    north = Order.objects.filter(number="A00001")
    south = Order.objects.filter(number="A00002")
    assert sorted(rows(north.union(south), "number")) == [("A00001",), ("A00002",)]


def test_none():
    made = source(Order.objects.none(), "number")
    assert (list(made.read()), list(made.read(5))) == ([], [])
    assert (made.count(), made.count(5)) == (0, 0)


@pytest.mark.parametrize(("limit", "count"), [(0, 0), (3, 3), (20, 20), (21, 20), (None, 20)])
def test_limit(orders, limit, count):
    assert len(list(source(orders, "number").read(limit))) == count


@pytest.mark.parametrize(("bound", "count"), [(0, 0), (3, 3), (20, 20), (21, 20), (None, 20)])
def test_count_goes_no_further_than_its_bound(orders, bound, count):
    assert source(orders, "number").count(bound) == count


def test_bounded_count_has_a_limit(orders):
    with CaptureQueriesContext(connection) as captured:
        source(orders, "number", "customer__name").count(5)
    (sql,) = selects(captured)
    assert "LIMIT 5" in sql
    assert "ORDER BY" not in sql
    assert "JOIN" not in sql


def test_limited_read_has_a_limit(orders):
    with CaptureQueriesContext(connection) as captured:
        list(source(orders, "number").read(5))
    (sql,) = selects(captured)
    assert "LIMIT 5" in sql


def test_reader_may_stop_early_and_ask_something_else(orders):
    reader = source(orders, "number").read()
    assert next(reader) == ("A00001",)
    reader.close()
    assert Order.objects.count() == 20


class Broken(Func):
    """A value that its own code cannot read."""

    output_field = TextField()
    template = "%(expressions)s"

    def convert_value(self, value, expression, connection):
        raise KeyError(value)


def test_an_error_that_is_kept_keeps_no_cursor_open(orders):
    """It would be closed with the error: in another transaction, or while a query runs."""
    with pytest.raises(KeyError) as caught, transaction.atomic():
        rows(orders, Column("broken", expression=Broken(F("number"))))
    with transaction.atomic():
        del caught
        gc.collect()
        assert Order.objects.count() == 20


def test_more_rows_than_one_round_trip():
    make_orders(4500)
    found = rows(Order.objects.order_by("-pk"), "number")
    assert (len(found), found[0], found[-1]) == (4500, ("A04500",), ("A00001",))


@pytest.mark.skipif(connection.vendor != "postgresql", reason="others send rows as they are read")
def test_a_slow_reader_fetches_no_more_at_once_than_it_uses_up_soon(monkeypatch):
    """Its session would be idle in its transaction until the next fetch."""
    make_orders(3000)
    fetch, sizes = cursors.PacedCursor.fetchmany, []

    def noting(self, size):
        sizes.append(len(fetched := fetch(self, size)))
        return fetched

    monkeypatch.setattr(cursors.PacedCursor, "fetchmany", noting)
    assert len(rows(Order.objects.all(), "number")) == 3000
    assert max(sizes) > 100
    sizes.clear()
    with closing(source(Order.objects.all(), "number").read()) as slow:
        for _row in islice(slow, 20):
            time.sleep(0.05)
    assert max(sizes) <= 16  # the first ones; then ten, or fewer


def test_difference_of_decimals_has_their_places_on_every_database(orders):
    """SQLite gives back 1, PostgreSQL 1.00."""
    margin = bind(Column("margin", expression=F("total") - F("cost")), Order)
    assert margin.kind == kinds.Decimal(2)
