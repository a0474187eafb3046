from tests.conftest import make_orders
from tests.projects.seeding import make_grant, make_person

VIEW = ("shop.view_order", "shop.view_customer")


def seed():
    make_orders(8)
    make_person("alice", *VIEW, group="exporters")
    make_person("bob", *VIEW, group="exporters")
    make_grant("exporters")
