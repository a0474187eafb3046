"""URLs of the test project with one more report, of 200 columns."""

from django.urls import include, path

from django_reports import Column, ModelReport
from django_reports.definitions.registry import registry
from tests.shop.models import Order

urlpatterns = [path("", include("tests.urls"))]


class Wide(ModelReport):
    identifier = "shop.wide"
    model = Order
    columns = [
        Column("key", path="pk", label="Key"),
        Column("cost", permission="shop.view_cost"),
        *(
            Column(f"c{n}", label=f"Column {n}", value=lambda row: row["number"], fields=["number"])
            for n in range(1, 200)
        ),
    ]


registry.replace(Wide())
