from tests.conftest import make_orders
from tests.projects.seeding import make_grant, make_person, make_root

VIEW = ("shop.view_order", "shop.view_customer")


def seed():
    make_orders(8)
    make_root("root@example.com")
    make_person("alice@example.com", *VIEW, group="analysts")
    make_person("bob@example.com", *VIEW, group="sales")
    make_person("gina@example.com", *VIEW, group="analysts")
    make_grant("sales", "shop.orders")
    make_grant("analysts", "shop.orders", visibility="group")
