import datetime as dt

from tests.conftest import make_orders
from tests.projects.seeding import make_grant, make_person


def seed():
    make_orders(8, placed_at=dt.datetime(2026, 7, 1, 23, 30, 15))
    make_person("alice", "shop.view_order", "shop.view_customer", group="exporters")
    make_grant("exporters")
