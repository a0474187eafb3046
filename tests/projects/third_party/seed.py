import datetime as dt

from tests.projects.seeding import make_grant, make_person, make_root
from tests.projects.third_party import models
from tests.projects.third_party.admin import ADMINS

COUNT = 24  # of each: more than a page of a list


def facts(n):
    """Those of the n-th: names in another order than the keys, some amounts alike."""
    return {
        "name": f"name {n * 7 % COUNT:02}",
        "amount": n % 4,
        "day": dt.date(2026, 1, 1) + dt.timedelta(days=n * 5 % COUNT),
    }


def make(model, n):
    if model is models.Polymorphic:
        return None  # its children are made
    if model is models.Treebeard:
        parent = model.objects.filter(name=facts(0)["name"]).first()
        return parent.add_child(**facts(n)) if n % 3 == 1 else model.add_root(**facts(n))
    more = {}
    if model in (models.Mptt, models.DraggedMptt) and n % 3 == 1:
        more = {"parent": model.objects.get(name=facts(n - 1)["name"])}
    if model is models.ModelTranslation:
        more = {"title_en": f"title {n}", "title_de": f"Titel {n}", "email": f"{n}@example.com"}
    if model is models.Parler:
        more = {"title": f"title {n}"}
    if model is models.Sortable:
        more = {"position": n * 11 % COUNT + 1}
    if model is models.Money:
        more = {"price": f"{n}.50", "price_currency": "USD" if n % 2 else "EUR"}
    return model.objects.create(**facts(n), **more)


def seed():
    for model in ADMINS:
        for n in range(COUNT):
            make(model, n)
    for gone in models.SafeDelete.objects.filter(amount=1):
        gone.delete()
    make_root()
    views = [f"third_party.view_{model._meta.model_name}" for model in ADMINS]
    make_person("clerk", *views, group="clerks")
    make_grant("clerks")
