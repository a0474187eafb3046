import uuid

from tests.projects.keys.models import Article, Parcel, Seat
from tests.projects.seeding import make_grant, make_person

CODES = ["a/b", "a b", 'q"uote', "q'uote", "ä-ö", "日本", "100%", "_3A", "a,b", "<b>&amp;"]


def seed():
    # Against the order of their keys, so that ties are not in order by chance.
    for n in range(9, -1, -1):
        Parcel.objects.create(id=uuid.UUID(int=n), weight=n // 4)
        Article.objects.create(code=CODES[n], shelf=n // 4)
    for row in "CAB":
        for number in (10, 9, 1):
            Seat.objects.create(row=row, number=number, price=number // 9)
    view = ("keys.view_parcel", "keys.view_article", "keys.view_seat")
    make_person("alice", *view, group="exporters")
    make_grant("exporters")
