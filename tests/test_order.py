"""Rows come in the order of the queryset, whichever columns are read beside it."""

import datetime as dt

import pytest
from django.contrib import admin
from django.db.models import Case, F, Value, When
from django.db.models.functions import Lower

from demo_project.flights.models import Airline, Airport, Flight, Weather
from django_reports import Column
from django_reports.admin.changelists import changelist_selection
from django_reports.admin.verify import verify_order, verify_replay
from django_reports.definitions.columns import bind
from django_reports.definitions.querysets import keeps_order, totally_ordered
from django_reports.engine.rows import QuerySetSource
from django_reports.exceptions import SelectionNotReplayable
from tests.conftest import make_orders
from tests.ordered.models import Brand, Maker, Owner, Person, Product, Special
from tests.projects.every_list import compare_every_list

pytestmark = pytest.mark.django_db

PATHS = (
    "pk", "brand", "maker", "owner", "size", "brand_id", "brand__name", "brand__parent",
    "owner__person", "owner__pk", "owner__person__name", "maker__code", "maker__pk",
)  # fmt: skip
ORDERS = [
    [],
    ["brand"], ["-brand"], ["maker"], ["-maker", "size"], ["owner"], ["-owner"],
    ["brand__parent"], ["-brand__parent", "brand"], ["owner__person"], ["-owner__person"],
    ["owner__pk"], ["-owner__pk"], ["brand_id"], ["-maker_id"], ["brand__parent_id"],
    ["owner__person_id"], ["brand__pk"], ["maker__pk"], ["-size", "brand"],
    [F("brand")], [F("brand__parent").desc(nulls_last=True)], [F("maker").asc(nulls_first=True)],
    [Lower("brand__name")], ["brand", F("size").desc()], [F("owner__person__name").desc(), "maker"],
    [Case(When(brand__name="b", then=Value(0)), default=F("size"))],
]  # fmt: skip


@pytest.fixture
def products():
    """Such that no two orders are the same, and no key is in the order of what it leads to."""
    people = [Person.objects.create(name=name) for name in ("Bo", "Di", "Al", "Cy")]
    owners = [Owner.objects.create(person=people[n], city="x") for n in (2, 0, 3, 1)]
    brands = [Brand.objects.create(name=name) for name in ("b", "D", "a", "C")]
    for n, parent in enumerate((2, 0, 1)):
        Brand.objects.filter(pk=brands[n].pk).update(parent=brands[parent])
    makers = [Maker.objects.create(code=c, name=n) for c, n in (("z", "b"), ("x", "c"), ("y", "a"))]
    for n in range(24):
        Special.objects.create(
            brand=brands[n * 7 % 4],
            maker=makers[n * 5 % 3] if n % 8 else None,
            owner=owners[n * 3 % 4],
            size=n * 11 % 5,
            note=str(n % 2),
        )


def source(queryset, *names):
    return QuerySetSource(queryset, [bind(Column(name), queryset.model) for name in names])


def keys(made, names):
    return [row[names.index("pk")] for row in made.read()]


@pytest.mark.parametrize("model", [Product, Special])
@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_every_order_is_that_of_the_objects(model, order, products):
    names = ("pk", *reversed(PATHS[1:]))
    queryset = model.objects.order_by(*order) if order else model.objects.all()
    ordered = queryset.order_by(*(order or model._meta.ordering), "pk")
    assert keys(source(queryset, *names), names) == [row.pk for row in ordered]
    backwards = source(queryset.reverse(), *names)
    assert keys(backwards, names) == [row.pk for row in ordered.reverse()]
    for made in (source(queryset, *names), backwards):
        assert keeps_order(made._queryset, made.selection()[0])


@pytest.mark.parametrize(("model", "order"), [(Special, "product_ptr"), (Owner, "person")])
def test_the_name_of_a_key_that_leads_elsewhere_is_no_total_order(model, order, products):
    model.objects.update(**({"size": 1} if model is Special else {"city": "y"}))
    Brand.objects.update(name="same")
    Person.objects.update(name="same")
    ordered = totally_ordered(model.objects.order_by(order))
    assert ordered.query.order_by == (order, "pk")
    found = keys(source(ordered, "pk", order), ["pk"])
    assert found == sorted(found)


def test_an_order_of_extra_is_kept(products):
    names = ("pk", "size", "brand")
    queryset = Product.objects.extra(order_by=["-size"])
    assert keys(source(queryset, *names), names) == [
        row.pk for row in Product.objects.order_by("-size", "pk")
    ]


def test_other_orders_are_told_apart(products):
    queryset = Product.objects.order_by("brand")
    assert not keeps_order(queryset, queryset.values_list("pk", "brand"))
    assert keeps_order(queryset, queryset.values_list("pk", "brand_id"))
    assert not keeps_order(queryset.order_by("maker"), queryset.order_by("-maker"))
    assert not keeps_order(queryset, queryset.order_by("brand__parent__name"))
    assert keeps_order(queryset, queryset.select_related("owner__person"))


@pytest.fixture
def product_admin():
    return admin.site.get_model_admin(Product)


def replay_at_the_click(model_admin, request):
    selection = changelist_selection(model_admin, request, keys=None, state=None)
    return verify_replay(request, None, selection, with_columns=True)


@pytest.fixture
def flights():
    """Of the demo's lists."""
    moment = dt.datetime(2013, 1, 1, 5, tzinfo=dt.UTC)
    airports = [Airport.objects.create(code=code, name="x") for code in ("JFK", "EWR", "LGA")]
    airlines = [Airline.objects.create(code=code, name="x") for code in ("UA", "AA")]
    for n in range(12):
        Weather.objects.create(origin=airports[n % 3], hour=moment, temperature=n % 4)
        Flight.objects.create(
            date=moment.date() + dt.timedelta(days=n % 2), carrier=airlines[n % 2], number=n % 5,
            origin=airports[n % 3], destination=airports[n * 7 % 3], scheduled_hour=moment,
            scheduled_departure=500, scheduled_arrival=700, distance=n % 4,
        )  # fmt: skip


@pytest.mark.thorough
def test_every_list_here_and_of_the_demo_is_exported_as_it_is_shown(
    products, flights, client, root
):
    make_orders(12)
    client.force_login(root)
    counts = dict(compare_every_list(client, root))
    assert counts["/admin/flights/flight/"] == counts["/admin/shop/order/"] == 12
    assert counts["/admin/ordered/product/"] == 24


@pytest.mark.parametrize("order", ["", "2", "-2", "3", "-3", "4.5", "-4.1", "5.-2"])
def test_the_click_takes_every_order_of_a_list(order, products, product_admin, rf, root):
    request = rf.get("/", {"o": order} if order else {})
    request.user = root
    (report,) = product_admin._reports
    replay = replay_at_the_click(product_admin, request)
    verify_order(replay, report.get_columns())
    live = product_admin.get_changelist_instance(request).queryset
    made = QuerySetSource(replay.rows(), report.get_columns())
    assert [row[0] for row in made.read()] == [row.pk for row in live]


def test_the_click_refuses_columns_that_would_change_the_order(
    products, product_admin, rf, root, monkeypatch
):
    monkeypatch.setattr("django_reports.engine.rows.value_path", lambda model, path: path)
    request = rf.get("/", {"o": "2"})
    request.user = root
    (report,) = product_admin._reports
    replay = replay_at_the_click(product_admin, request)
    with pytest.raises(SelectionNotReplayable, match="different order"):
        verify_order(replay, report.get_columns())
