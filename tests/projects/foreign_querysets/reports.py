from django.db.models import F
from django.db.models.functions import Upper

from django_reports import Column, ModelReport, register
from tests.projects.foreign_querysets.models import Article, Car, Note, Offer, Page, Secret, Vehicle

EMAIL = Column("email", permission="foreign_querysets.delete_page", mask="partial")


@register
class Articles(ModelReport):
    identifier = "foreign.articles"
    model = Article
    columns = [
        "title", "name", EMAIL, "born", Column("loud", expression=Upper("name")), "text",
        "title_de", "section", "section__title",
        Column("both", value=lambda row: f"{row['title']}/{row['name']}", fields=["title", "name"]),
    ]  # fmt: skip


@register
class Pages(ModelReport):
    identifier = "foreign.pages"
    model = Page
    columns = ["name", EMAIL, "born", "id"]


@register
class Vehicles(ModelReport):
    identifier = "foreign.vehicles"
    model = Vehicle
    columns = ["name", EMAIL, "id", Column("type", path="polymorphic_ctype__model")]


@register
class Cars(ModelReport):
    identifier = "foreign.cars"
    model = Car
    columns = ["doors", EMAIL, "name", Column("twice", expression=F("doors") * 2)]


@register
class Notes(ModelReport):
    identifier = "foreign.notes"
    model = Note
    columns = ["name", EMAIL, "born", "deleted"]


@register
class Offers(ModelReport):
    identifier = "foreign.offers"
    model = Offer
    columns = ["price", "price_currency", EMAIL, "name"]


@register
class Secrets(ModelReport):
    identifier = "foreign.secrets"
    model = Secret
    columns = ["name", EMAIL, "born"]
