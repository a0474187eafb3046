"""What tests of aggregates share: an invoice with three tags and entries of 5 and 7."""

from decimal import Decimal

import pytest

from django_reports.definitions.columns import Column, bind
from django_reports.engine.rows import QuerySetSource
from tests.many.models import Entry, Invoice, Note, Part, Tag


@pytest.fixture
def invoice(db):
    """Beside it is an invoice of which nothing hangs."""
    first, _second = (Invoice.objects.create(number=number) for number in ("A1", "A2"))
    first.tags.set([Tag.objects.create(name=name) for name in ("blue", "green", "red")])
    entries = [
        Entry.objects.create(invoice=first, price=Decimal(price), quantity=quantity)
        for price, quantity in ((5, 1), (7, 2))
    ]
    Part.objects.bulk_create(Part(entry=entries[0], weight=weight) for weight in (10, 20, 30, 40))
    for stars in (1, 4):
        Note.objects.create(content_object=first, stars=stars)
    return first


def read(queryset, **expressions):
    """The rows of a queryset with columns of these expressions."""
    columns = [Column(name, expression=value) for name, value in expressions.items()]
    return list(source(queryset, *columns).read())


def source(queryset, *columns):
    return QuerySetSource(queryset, [bind(column, queryset.model) for column in columns])
