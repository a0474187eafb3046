from tests.projects.inheritance.models import Pizzeria, Place, Restaurant
from tests.projects.seeding import make_grant, make_person


def seed():
    for n, name in enumerate(["Park", "Zoo", "Museum"]):
        Place.objects.create(name=name, city="Bonn" if n else "Köln")
    for n in range(4, 8):
        Restaurant.objects.create(name=f"R{n}", city="Bonn" if n % 2 else "Köln", stars=n - 3)
    Pizzeria.objects.create(name="Da Ugo", city="Ahlen", stars=5, oven="=wood")
    view = ("place", "restaurant", "pizzeria")
    make_person("alice", *(f"inheritance.view_{name}" for name in view), group="exporters")
    make_grant("exporters")
