from tests.conftest import make_orders
from tests.projects.seeding import make_grant, make_person
from tests.shop.models import Line

VIEW = ("shop.view_order", "shop.view_customer", "shop.view_line")


def lines():
    """More than the first block of a file."""
    return [f"{n:050}" for n in range(2000)]


def seed():
    order = make_orders(8)[0]
    Line.objects.bulk_create(Line(order=order, text=text) for text in lines())
    make_person("alice", *VIEW, group="exporters")
    make_person("carol", *VIEW)
    make_grant("exporters")
