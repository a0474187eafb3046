"""What get_queryset() and filter_queryset() may return, at every entry point."""

import re

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Count, Q, Sum

from django_reports import ModelReport
from django_reports.access.permissions import Authority
from django_reports.audit.log import Origin
from django_reports.definitions.specs import ExportSpec
from django_reports.exceptions import InvalidQuerySet, ReportFailed
from django_reports.jobs import dispatch, execution
from tests.conftest import make_orders
from tests.files import Wish, csv_rows, made_at_every_entry_point
from tests.shop.models import Customer, Line, Order
from tests.values.expected import Dialect

pytestmark = pytest.mark.django_db

VALUES = "returned values() or groups instead of whole objects of shop.Order"
QUERYSETS = {
    "grouped": (lambda: Order.objects.values("region").annotate(Sum("total")), VALUES),
    "distinct": (lambda: Order.objects.values("region").distinct(), VALUES),
    "values": (lambda: Order.objects.values(), VALUES),
    "list": (lambda: Order.objects.values_list("pk", "number"), VALUES),
    "flat": (lambda: Order.objects.values_list("pk", flat=True), VALUES),
    "named": (lambda: Order.objects.values_list("pk", named=True), VALUES),
    "dates": (lambda: Order.objects.dates("due_on", "month"), VALUES),
    "union": (lambda: Order.objects.values("pk").union(Order.objects.values("pk")), VALUES),
    "group_by": (lambda: grouped_by_hand(), VALUES),
    "lock": (lambda: Order.objects.select_for_update(), "locks rows with select_for_update()"),
    "none": (lambda: None, "returned None instead of a queryset of shop.Order"),
    "rows": (lambda: list(Order.objects.all()), "returned list instead"),
    "raw": (lambda: Order.objects.raw("SELECT * FROM shop_order"), "returned RawQuerySet instead"),
    "manager": (lambda: Order.objects, "returned Manager instead"),
    "aggregate": (lambda: Order.objects.aggregate(Sum("total")), "returned dict instead"),
    "model": (
        lambda: Customer.objects.all(),
        "returned a queryset of shop.Customer instead of shop.Order",
    ),
}


def grouped_by_hand():
    queryset = Order.objects.all()
    queryset.query.group_by = ("region",)
    return queryset


@pytest.fixture(params=["get_queryset", "filter_queryset"])
def method(request):
    return request.param


@pytest.fixture
def odd(method, declare):
    """A report whose method returns what a function gives."""

    def declared(make):
        @declare
        class Odd(ModelReport):
            identifier = "shop.odd"
            model = Order
            columns = ["number", "region"]

        setattr(Odd, method, lambda self, *arguments: make())
        return Odd

    return declared


@pytest.mark.parametrize("name", QUERYSETS)
def test_what_is_no_queryset_of_objects_is_refused(name, odd, method, alice, client):
    make, words = QUERYSETS[name]
    odd(make)
    words = f"Odd.{method}() {words}"
    make_orders(3)
    authority, origin = Authority.of(alice), Origin(user=alice)
    spec = ExportSpec("shop.odd")
    for step in (dispatch.plan, dispatch.deliver, dispatch.enqueue):
        with pytest.raises(InvalidQuerySet, match=re.escape(words)):
            step(spec, authority, origin)
    with pytest.raises(InvalidQuerySet, match=re.escape(words)):
        dispatch.preview(spec, authority, origin, rows=5)
    with pytest.raises(CommandError, match=re.escape(words)):
        call_command("export_report", "shop.odd", "--user=alice", "--output=-")
    client.force_login(alice)
    page = client.get("/reports/shop.odd/")
    assert page.status_code == 400
    assert "shop.Order" in page.text or "select_for_update" in page.text
    answer = client.post(
        "/reports/shop.odd/",
        "{}",
        content_type="application/json",
        headers={"Accept": "application/json"},
    )
    assert answer.status_code == 422
    assert words in answer.json()["detail"]


def test_a_job_whose_queryset_has_changed_fails_with_the_reason(declare, alice, configure):
    @declare
    class Odd(ModelReport):
        identifier = "shop.odd"
        model = Order
        columns = ["number"]

    configure(RUNNER="local")
    make_orders(3)
    job = dispatch.enqueue(ExportSpec("shop.odd"), Authority.of(alice), Origin(user=alice))
    Odd.get_queryset = lambda self, context: Order.objects.values("region")
    execution.run_attempt(job.pk, job.attempt + 1)
    job.refresh_from_db()
    assert job.status == "failed"
    assert VALUES in job.error


@pytest.mark.parametrize("combined", [False, True])
def test_a_slice_that_is_filtered_names_the_remedy(combined, declare, alice):
    @declare
    class Odd(ModelReport):
        identifier = "shop.odd"
        model = Order
        columns = ["number"]

        def get_queryset(self, context):
            return Order.objects.union(Order.objects.all()) if combined else Order.objects.all()[:2]

        def filter_queryset(self, queryset, context):
            return queryset.filter(is_paid=True)

    with pytest.raises(InvalidQuerySet, match=r"Odd.filter_queryset\(\) cannot filter these rows"):
        dispatch.plan(ExportSpec("shop.odd"), Authority.of(alice), Origin(user=alice))


def test_other_errors_of_a_filter_stay_what_they_are(declare, alice):
    @declare
    class Odd(ModelReport):
        identifier = "shop.odd"
        model = Order
        columns = ["number"]

        def filter_queryset(self, queryset, context):
            raise TypeError("mine")

    with pytest.raises(ReportFailed) as caught:
        dispatch.plan(ExportSpec("shop.odd"), Authority.of(alice), Origin(user=alice))
    assert str(caught.value.__cause__) == "mine"


FINE = {
    "annotated": (lambda: Order.objects.annotate(n=Count("lines")), None),
    "having": (lambda: Order.objects.annotate(n=Count("lines")).filter(n__gte=0), None),
    "alias": (lambda: Order.objects.alias(n=Count("lines")).order_by("-n", "-pk"), None),
    "sliced": (lambda: Order.objects.order_by("-pk")[:2], 2),
    "sliced groups": (lambda: Order.objects.annotate(n=Count("lines")).order_by("-pk")[:2], 2),
    "union": (lambda: Order.objects.filter(pk=0).union(Order.objects.all()).order_by("pk"), None),
    "distinct": (lambda: Order.objects.filter(Q(lines=None) | Q(lines__pk__gt=0)).distinct(), None),
    "only": (lambda: Order.objects.only("note"), None),
    "defer": (lambda: Order.objects.defer("number", "customer"), None),
    "related": (lambda: Order.objects.select_related("customer"), None),
    "prefetched": (lambda: Order.objects.prefetch_related("lines"), None),
    "extra": (
        lambda: Order.objects.extra(select={"twice": "2 * total"}).order_by("-twice", "pk"),
        None,
    ),
    "none": (lambda: Order.objects.none(), 0),
    "read": (lambda: evaluated(Order.objects.all()), None),
    "of a relation": (lambda: Customer.objects.order_by("pk")[1].orders.all(), 2),
}


def evaluated(queryset):
    assert len(queryset) == 4
    return queryset


@pytest.mark.parametrize("name", FINE)
def test_querysets_of_objects_are_exported_as_they_are(name, odd, method, alice, client, tmp_path):
    make, count = FINE[name]
    odd(make)
    for order in make_orders(4):
        Line.objects.bulk_create(Line(order=order) for _n in range(order.pk % 3))
    client.force_login(alice)
    wish = Wish("shop.odd", ["number", "region"])
    rows = csv_rows(made_at_every_entry_point(wish, alice, client, tmp_path), Dialect())
    expected = [[order.number, order.region] for order in make()]
    if make().query.order_by:
        assert rows == expected
    assert sorted(rows) == sorted(expected)
    assert len(rows) == (4 if count is None else count)
    plan = dispatch.plan(wish.spec, Authority.of(alice), Origin(user=alice))
    assert plan.rows.n == len(rows)
