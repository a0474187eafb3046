"""A report of three sections, and orders for it."""

import pytest

from django_reports import Report
from django_reports.definitions.registry import registry
from tests.conftest import make_orders
from tests.sections.helpers import MONTH, Month
from tests.shop.models import Order


@pytest.fixture
def declare(monkeypatch):
    """Declare a report for one test."""
    monkeypatch.setattr(registry, "_reports", list(registry))

    def declare(base=Report, **attributes):
        made = type("Made", (base,), {"identifier": "shop.made", **attributes})()
        registry.add(made)
        return made

    return declare


@pytest.fixture
def month(declare):
    return declare(Month, identifier=MONTH)


@pytest.fixture
def three_orders(db, month):
    """The first two are open."""
    make_orders(3)
    for key, order in enumerate(Order.objects.order_by("number"), start=101):
        Order.objects.filter(pk=order.pk).update(id=key)
