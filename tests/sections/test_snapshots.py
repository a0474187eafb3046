"""All sections are of one state of the database."""

import pytest
from django.db import connection

from django_reports import Report
from tests.conftest import elsewhere, make_orders
from tests.entry_points.helpers import deliver, make
from tests.sections.helpers import OpenOrders, content_of, file_of, members, now
from tests.shop.models import Order


class Meanwhile(Report):
    """Rows during which somebody adds an order."""

    identifier = "shop.meanwhile"
    permission = "shop.view_order"
    columns = ["n"]

    def rows(self, context):
        elsewhere(lambda: make_orders(1, number="NEW"))
        yield {"n": 1}


class Again(OpenOrders):
    identifier = "shop.again"
    label = "Again"


@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="a SELECT is SQLite's snapshot")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "content",
    [
        lambda user: content_of(deliver(user, "shop.made")),
        lambda user: file_of(make(user, "shop.made")),
        lambda user: content_of(now(user, "shop.made")),
    ],
    ids=["stream", "job", "command"],
)
def test_all_sections_see_one_state(alice, declare, content):
    declare(sections=(OpenOrders, Meanwhile, Again))
    make_orders(3)
    found = members(content(alice))
    assert b"NEW" not in found["again.csv"]
    assert found["again.csv"] == found["open-orders.csv"]
    assert found["open-orders.csv"].count(b"\r\n") == 3
    assert Order.objects.filter(number="NEW").count() == 1


@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="a SELECT is SQLite's snapshot")
@pytest.mark.django_db(transaction=True)
def test_sections_are_read_in_one_repeatable_transaction(alice, declare):
    levels = []

    class Asked(Again):
        def filter_queryset(self, queryset, context):
            return queryset

    class Looks(Meanwhile):
        def rows(self, context):
            with connection.cursor() as cursor:
                if connection.vendor == "postgresql":
                    cursor.execute("SELECT current_setting('transaction_isolation')")
                    levels.append(cursor.fetchone()[0])
                levels.append(connection.in_atomic_block)
            yield {"n": 1}

    declare(sections=(OpenOrders, Looks, Asked))
    assert make(alice, "shop.made").status == "succeeded"
    assert levels in (["repeatable read", True], [True])
