"""What narrows a list is always said: by its filters' choices, else by lookups and values."""

import datetime as dt

import pytest
from django.contrib import admin
from django.utils import translation

from tests.entry_points.helpers import browse
from tests.shop.models import Order, Region

pytestmark = pytest.mark.django_db

OWN_LIST = "/own/shop/order/"
OWN_EXPORT = f"{OWN_LIST}export-report/"


class Size(admin.SimpleListFilter):
    title, parameter_name = "size", "size"

    def lookups(self, request, model_admin):
        return [("small", "Small"), ("large", "Large")]

    def queryset(self, request, queryset):
        if self.value() == "large":
            return queryset.filter(total__gte=10)
        return queryset.filter(total__lt=10) if self.value() else queryset


class NorthByDefault(admin.SimpleListFilter):
    title, parameter_name = "place", "place"

    def lookups(self, request, model_admin):
        return [("n", "In the north"), ("all", "Everywhere")]

    def queryset(self, request, queryset):
        return queryset if self.value() == "all" else queryset.filter(region=Region.NORTH)

    def choices(self, changelist):
        for value, title in self.lookup_choices:
            yield {
                "selected": (self.value() or "n") == value,
                "query_string": changelist.get_query_string({"place": value}),
                "display": title,
            }


class Sides(admin.SimpleListFilter):
    title, parameter_name = "sides", "sides"

    def lookups(self, request, model_admin):
        return [("n", "North"), ("s", "South")]

    def queryset(self, request, queryset):
        chosen = request.GET.getlist("sides")
        return queryset.filter(region__in=chosen) if chosen else queryset


class Between(admin.FieldListFilter):
    """A filter of two fields, without choices."""

    def expected_parameters(self):
        return [f"{self.field_path}__gte", f"{self.field_path}__lte"]

    def choices(self, changelist):
        return []


FILTERS = [
    "region", "is_paid", "due_on", "placed_at", Size, Sides,
    ("customer", admin.RelatedOnlyFieldListFilter), ("note", admin.EmptyFieldListFilter),
    ("number", admin.AllValuesFieldListFilter),
    ("total", Between),
]  # fmt: skip


def described(client, query, **headers):
    """What the page says of the rows, how many they are, and how many the list shows."""
    page = client.get(f"{OWN_EXPORT}?{query}", headers=headers)
    assert page.status_code == 200, page.content
    shown = client.get(f"{OWN_LIST}?{query}", headers=headers).context_data["cl"].result_count
    assert page.context_data["plan"].rows.n == shown
    return page.context_data["page"].subject


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "All orders"),
        ("region__exact=n", "All orders · Region: North"),
        ("region__exact=n&region__exact=s", "All orders · Region: North, =South"),
        ("region__exact=n&region__exact=zz", "All orders · Region: North, zz"),
        ("region__exact=zz", "All orders · Region: zz"),
        ("region__exact=", "All orders · Region: empty"),
        ("region__in=n,s", "All orders · Region: North, =South"),
        ("is_paid__exact=1", "All orders · Paid: Yes"),
        ("is_paid__exact=True", "All orders · Paid: Yes"),
        ("is_paid__exact=0", "All orders · Paid: No"),
        ("is_paid__exact=1&is_paid__exact=0", "All orders · Paid: Yes, No"),
        ("is_paid__isnull=False", "All orders · Paid: not empty"),
        (
            "due_on__gte=2026-01-05&due_on__lt=2026-01-10",
            "All orders · Due on: from 2026-01-05 · before 2026-01-10",
        ),
        ("due_on__gte=2026-01-05", "All orders · Due on: from 2026-01-05"),
        ("due_on__isnull=True", "All orders · Due on: No date"),
        ("due_on__isnull=1", "All orders · Due on: empty"),
        ("due_on__year=2026", "All orders · Due on year: 2026"),
        (
            "placed_at__gte=2026-01-02+00:00:00%2B01:00&placed_at__lt=2026-01-02+10:30:00%2B01:00",
            "All orders · Placed at: from 2026-01-02 · before 2026-01-02 10:30",
        ),
        ("size=large", "All orders · Size: Large"),
        ("size=huge", "All orders · Size: huge"),
        ("size=", "All orders · Size: empty"),
        ("size=large&size=large", "All orders · Size: Large"),
        # Of several values one filter heeds the last one, another all.
        ("size=large&size=small", "All orders · Size: size=large&size=small"),
        ("sides=n&sides=s", "All orders · Sides: sides=n&sides=s"),
        ("sides=n", "All orders · Sides: North"),
        ("note__isempty=1", "All orders · Note: Empty"),
        ("note__isempty=0", "All orders · Note: Not empty"),
        ("number=A00003", "All orders · Order number: A00003"),
        ("number=A00003&number=A00004", "All orders · Order number: A00003, A00004"),
        ("number=unknown", "All orders · Order number: unknown"),
        ("number__startswith=A0000", "All orders · Order number: begins with A0000"),
        ("number__icontains=3", "All orders · Order number: contains 3"),
        ("total__gte=5&total__lte=9", "All orders · Total: at least 5 · at most 9"),
        ("total__gt=5", "All orders · Total: more than 5"),
        ("customer__name__startswith=A", "All orders · Customer name: begins with A"),
        ("customer__isnull=1", "All orders · Customer: empty"),
        ("q=A0001", "All orders · Search: A0001"),
        ("q=+", "All orders"),
        ("o=1&p=1", "All orders"),
        ("region__exact=n&size=small&q=A", "All orders · Region: North · Size: Small · Search: A"),
    ],
)
def test_every_way_of_narrowing_is_said(alice, orders, own_orders, query, words):
    own_orders(
        list_filter=FILTERS,
        list_display=["number"],
        search_fields=["number"],
        lookup_allowed=lambda self, lookup, value, request: True,
    )
    told = described(browse(alice), query)
    assert told.removesuffix(" · your order") == words


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("placed_at__year=2026", "2026"),
        ("placed_at__year=2026&placed_at__month=1", "January 2026"),
        ("placed_at__year=2026&placed_at__month=1&placed_at__day=2", "Jan. 2, 2026"),
        ("placed_at__year=2026&placed_at__day=2", "Jan. 2, 2026"),
    ],
)
def test_a_date_hierarchy_is_said_as_a_date(alice, orders, own_orders, query, words):
    own_orders(date_hierarchy="placed_at", list_display=["number"])
    assert described(browse(alice), query) == f"All orders · Placed at: {words}"


def test_a_month_without_its_year_is_a_lookup(alice, orders, own_orders):
    own_orders(date_hierarchy="placed_at", list_display=["number"])
    told = described(browse(alice), "placed_at__month=1")
    assert told == "All orders · Placed at month: 1"


def test_customers_are_said_by_their_names(alice, orders, own_orders):
    own_orders(list_filter=FILTERS, list_display=["number"])
    one, other = {order.customer for order in orders}
    client = browse(alice)
    query = f"customer__id__exact={one.pk}"
    assert described(client, query) == f"All orders · Customer: {one}"
    both = {f"All orders · Customer: {a}, {b}" for a, b in ((one, other), (other, one))}
    assert described(client, f"{query}&customer__id__exact={other.pk}") in both
    assert described(client, f"{query}&customer__id__exact=0") == (
        f"All orders · Customer ID: {one.pk}, 0"
    )


def test_a_filter_that_is_not_shown_narrows_nothing_and_is_not_said(alice, orders, own_orders):
    """Django leaves a filter out that has one choice only, and with it its parameter."""
    Order.objects.update(customer=orders[0].customer)
    own_orders(
        list_filter=[("customer", admin.RelatedOnlyFieldListFilter)], list_display=["number"]
    )
    assert described(browse(alice), "customer__id__exact=0") == "All orders"


def test_a_search_that_the_list_does_not_have_is_not_said(alice, orders, own_orders):
    own_orders(list_display=["number"], search_fields=[])
    assert described(browse(alice), "q=A00001") == "All orders"


def test_a_filter_that_chooses_by_itself_is_said(alice, orders, own_orders):
    own_orders(list_filter=[NorthByDefault], list_display=["number"])
    client = browse(alice)
    assert described(client, "") == "All orders · Place: In the north"
    assert described(client, "place=all") == "All orders · Place: Everywhere"


def test_past_days_are_said_as_days_once_they_are_past(alice, orders, own_orders):
    own_orders(list_filter=["due_on"], list_display=["number"])
    client = browse(alice)
    choices = client.get(OWN_LIST).context_data["cl"]
    links = {
        str(choice["display"]): choice["query_string"].removeprefix("?")
        for choice in choices.filter_specs[0].choices(choices)
    }
    assert described(client, links["Past 7 days"]) == "All orders · Due on: Past 7 days"
    (first, begin), (second, end) = (
        pair.split("=") for pair in sorted(links["Past 7 days"].split("&"))
    )
    assert (first, second) == ("due_on__gte", "due_on__lt")
    begin, end = (dt.date.fromisoformat(day) - dt.timedelta(days=1) for day in (begin, end))
    told = described(client, f"due_on__gte={begin}&due_on__lt={end}")
    assert told == f"All orders · Due on: from {begin} · before {end}"


def test_it_is_said_in_the_readers_language(alice, orders, own_orders, settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.locale.LocaleMiddleware"]
    own_orders(list_filter=FILTERS, list_display=["number"])
    query = "due_on__gte=2026-01-05&note__isempty=1"
    with translation.override("de"):  # the middleware leaves its language behind in this thread
        told = described(browse(alice), query, accept_language="de")
        empty = translation.gettext("Empty")
    assert told.endswith(f": ab 2026-01-05 · Note: {empty}")
