from tests.conftest import make_orders
from tests.projects.seeding import make_grant, make_person, make_root


def seed():
    make_orders(8)
    make_root()
    make_person("alice", "shop.view_order", "shop.view_customer", group="exporters")
    make_grant("exporters")
