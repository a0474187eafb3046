from tests.conftest import make_orders
from tests.projects.seeding import make_grant, make_person, make_root

VIEW = ("shop.view_order", "shop.view_customer")


def seed():
    make_orders(3)
    make_root()
    make_person("leo", *VIEW, group="exporters")
    make_person("lea", *VIEW, group="exporters")
    make_person("mate", *VIEW, group="exporters")
    make_person("boss", *VIEW, group="bosses")
    make_person("carol", *VIEW)
    make_grant("exporters", visibility="group")
    make_grant("bosses", visibility="all")
