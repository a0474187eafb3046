"""Aggregates over generated data, against Python's own sums, whatever the rows' query does.

TEST_EXAMPLES says how many there are: half of it.
"""

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from django.contrib import admin
from django.db import transaction
from django.db.models import Avg, Count, F, Max, Min, Q, Sum
from django.db.models.functions import Coalesce
from hypothesis import given, settings
from hypothesis import strategies as st

from django_reports import Column, ModelReport
from django_reports.access.permissions import Authority
from django_reports.audit.log import Origin
from django_reports.definitions.registry import registry
from django_reports.jobs import dispatch
from tests.files import ALL, Dialect, Wish, csv_rows
from tests.many.models import Entry, Invoice, Note, Part, Tag
from tests.values import strategies as some

EXAMPLES = int(os.environ.get("TEST_EXAMPLES", "60"))
pytestmark = pytest.mark.django_db

NAMES = ["red", "green", "blue"]
PRICES = st.decimals(-99, 99, places=2).filter(lambda price: price.as_tuple() != (1, (0,), -2))


@dataclass(frozen=True)
class AnEntry:
    price: Decimal | None
    quantity: int
    is_hidden: bool
    weights: list[int]  # of its parts


@dataclass(frozen=True)
class AnInvoice:
    number: str
    discount: Decimal
    tags: set[int]
    entries: list[AnEntry]
    stars: list[int]
    key: list[int] = field(default_factory=list)  # as the database has given it

    @property
    def prices(self):
        return [entry.price for entry in self.entries if entry.price is not None]

    @property
    def weights(self):
        return [weight for entry in self.entries for weight in entry.weights]

    @property
    def tag_weights(self):
        return [tag + 1 for tag in self.tags]


ENTRIES = st.builds(
    AnEntry,
    price=st.none() | PRICES,
    quantity=st.integers(0, 5),
    is_hidden=st.booleans(),
    weights=st.lists(st.integers(0, 9), max_size=3),
)
INVOICES = st.lists(
    st.builds(
        AnInvoice,
        number=st.sampled_from(["A", "B"]),  # with ties
        discount=st.decimals(0, 5, places=2),
        tags=st.sets(st.integers(0, len(NAMES) - 1)),
        entries=st.lists(ENTRIES, max_size=3),
        stars=st.lists(st.integers(0, 5), max_size=3),
        key=st.builds(list),
    ),
    max_size=5,
)


def total(values):
    """The sum as a database has it."""
    return sum(values) if values else None


# Each column, and what Python makes of an invoice.
COLUMNS = {
    "tags": (Count("tags"), lambda i: len(i.tags)),
    "weight": (Sum("tags__weight", default=0), lambda i: sum(i.tag_weights)),
    "red": (Count("tags", filter=Q(tags__name="red")), lambda i: int(0 in i.tags)),
    "entries": (Count("entries"), lambda i: len(i.entries)),
    "price": (Sum("entries__price"), lambda i: total(i.prices)),
    "least": (Min("entries__price"), lambda i: min(i.prices, default=None)),
    "most": (Max("entries__price"), lambda i: max(i.prices, default=None)),
    "kinds": (Count("entries__quantity", distinct=True),
              lambda i: len({entry.quantity for entry in i.entries})),
    "worth": (Sum(F("entries__price") * F("entries__quantity")),
              lambda i: total([e.price * e.quantity for e in i.entries if e.price is not None])),
    "hidden": (Count("entries", filter=Q(entries__is_hidden=True)),
               lambda i: sum(entry.is_hidden for entry in i.entries)),
    "parts": (Sum("entries__parts__weight"), lambda i: total(i.weights)),
    "shown_parts": (Count("entries__parts", filter=Q(entries__is_hidden=False)),
                    lambda i: sum(len(e.weights) for e in i.entries if not e.is_hidden)),
    "notes": (Count("notes"), lambda i: len(i.stars)),
    "stars": (Avg("notes__stars"), lambda i: sum(i.stars) / len(i.stars) if i.stars else None),
    "several": (Count("tags") + Count("entries") * 10 + Count("notes") * 100,
                lambda i: len(i.tags) + len(i.entries) * 10 + len(i.stars) * 100),
    "net": (Coalesce(Sum("entries__price"), F("discount")) - F("discount"),
            lambda i: sum(i.prices) - i.discount if i.prices else Decimal(0)),
    "span": (Max("entries__price") - Min("entries__price"),
             lambda i: max(i.prices) - min(i.prices) if i.prices else None),
    "nested": (Sum(F("entries__quantity") * Count("tags")),
               lambda i: total([entry.quantity * len(i.tags) for entry in i.entries])),
}  # fmt: skip


def searched(queryset):
    """As a list of the admin searches, which joins the relations."""
    options = {"search_fields": ["tags__name", "entries__text"]}
    model_admin = type("InvoiceAdmin", (admin.ModelAdmin,), options)(Invoice, admin.site)
    found, may_have_duplicates = model_admin.get_search_results(None, queryset, "e")
    return found.distinct() if may_have_duplicates else found


STEPS = {
    "by tag": lambda q: q.filter(tags__name="red"),
    "by tags": lambda q: q.filter(tags__name__contains="e"),
    "by entries": lambda q: q.filter(entries__quantity__gt=1),
    "by both": lambda q: q.filter(tags__weight__gt=1, entries__quantity__lt=4, notes__stars__gt=0),
    "by absence": lambda q: q.exclude(tags__name="red"),
    "distinct": lambda q: q.distinct(),
    "searched": searched,
    "count": lambda q: q.annotate(tags_n=Count("tags")),
    "counts": lambda q: q.annotate(n=Count("tags"), s=Sum("entries__price")),
    "having": lambda q: q.annotate(m=Count("entries__parts")).filter(m__gte=1),
    "by count": lambda q: q.annotate(c=Count("notes")).order_by("-c"),
    "by number": lambda q: q.order_by("-number"),
    "by relation": lambda q: q.order_by("tags__weight"),
    "alias": lambda q: q.alias(part=F("entries__parts__weight")).filter(part__gt=2),
}


class Generated(ModelReport):
    identifier = "many.generated"
    model = Invoice
    columns = ["id", *(Column(name, expression=made[0]) for name, made in COLUMNS.items())]
    steps = ()
    limit = None

    def get_queryset(self, context):
        queryset = Invoice.objects.all()
        for step in self.steps:
            queryset = STEPS[step](queryset)
        # In a total order, so that a slice has the same rows whenever it is read.
        ordering = queryset.query.order_by or ("number",)
        return queryset.order_by(*ordering, "pk")[: self.limit]


@contextmanager
def stored(invoices):
    with transaction.atomic():
        tags = [Tag.objects.create(name=name, weight=at) for at, name in enumerate(NAMES, 1)]
        for invoice in invoices:
            made = Invoice.objects.create(number=invoice.number, discount=invoice.discount)
            invoice.key[:] = [made.pk]
            made.tags.set([tags[at] for at in invoice.tags])
            for entry in invoice.entries:
                one = Entry.objects.create(
                    invoice=made,
                    price=entry.price,
                    quantity=entry.quantity,
                    text="green" if entry.quantity else "",
                    is_hidden=entry.is_hidden,
                )
                Part.objects.bulk_create(Part(entry=one, weight=w) for w in entry.weights)
            for stars in invoice.stars:
                Note.objects.create(content_object=made, stars=stars)
        yield {invoice.key[0]: invoice for invoice in invoices}
        transaction.set_rollback(True)


@pytest.fixture
def report(declare):
    declare(Generated)
    return registry.instance(Generated)


def number(text):
    return Decimal(text) if text else None


@settings(some.REPEATABLE, max_examples=EXAMPLES // 2)
@given(
    invoices=INVOICES,
    steps=st.lists(st.sampled_from(list(STEPS)), max_size=3, unique=True),
    limit=st.none() | st.integers(1, 4),
    names=st.lists(st.sampled_from(list(COLUMNS)), min_size=1, max_size=6, unique=True),
)
def test_values_are_those_of_python(report, root, invoices, steps, limit, names):
    report.steps, report.limit = tuple(steps), limit
    with stored(invoices) as known:
        keys = list(report.get_queryset(None).values_list("pk", flat=True))
        spec = Wish("many.generated", ["id", *names]).spec
        content = dispatch.preview(spec, Authority.of(root), Origin(user=root), rows=ALL).content
    lines = csv_rows(content, Dialect())
    assert [int(line[0]) for line in lines] == keys
    for key, *texts in lines:
        invoice = known[int(key)]
        for name, text in zip(names, texts, strict=True):
            expected = COLUMNS[name][1](invoice)
            if isinstance(expected, float):
                assert number(text) == pytest.approx(Decimal(expected), abs=Decimal("0.0001"))
            else:
                assert number(text) == expected, name
