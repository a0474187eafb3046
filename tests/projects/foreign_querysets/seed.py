import datetime as dt

from djmoney.money import Money

from tests.projects.foreign_querysets.models import (
    Article,
    Car,
    Note,
    Offer,
    Page,
    Secret,
    Section,
    Vehicle,
)
from tests.projects.seeding import make_grant, make_person, make_root

BORN = dt.date(2000, 1, 31)


def seed():
    sections = [Section.objects.create(title_en=en, title_de=de) for en, de in ("ax", "by", "cz")]
    for n in range(6):
        common = {"name": f"n{n}", "email": f"xavier{n}@yard.org", "born": BORN if n % 2 else None}
        Article.objects.create(
            title_en=f"t{5 - n}", title_de=f"T{n}" if n else None, text_en=f"e{n}",
            text_de=f"d{n}", section=sections[n % 3], **common,
        )  # fmt: skip
        Page.objects.language("en").create(title=f"p{n}", **common)
        if n < 3:
            Vehicle.objects.create(name=f"n{n}", email=f"xavier{n}@yard.org")
        else:
            Car.objects.create(name=f"n{n}", email=f"xavier{n}@yard.org", doors=n)
        Offer.objects.create(price=Money(n, "USD" if n % 2 else "EUR"), **common)
        note = Note.objects.create(**common)
        Secret.objects.create(**common)
        if n == 4:
            note.delete()
    make_root()
    models = ("article", "page", "vehicle", "car", "note", "offer", "secret")
    views = [f"foreign_querysets.view_{model}" for model in (*models, "section")]
    make_person("clerk", *views, group="clerks")
    make_grant("clerks")
