from tests.conftest import make_orders
from tests.projects.seeding import make_root


def seed():
    make_orders(8)
    make_root()
