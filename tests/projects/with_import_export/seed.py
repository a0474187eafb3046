from tests.projects.seeding import make_root
from tests.projects.with_import_export.models import Book, Film, Play, Song


def seed():
    for model in (Book, Film, Song, Play):
        model.objects.bulk_create(model(title=f"T{n}", year=2000 + n % 2) for n in range(8))
    make_root()
