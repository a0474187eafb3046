"""Aggregates over relations in exports of an admin's list, whose search and filters join them."""

import pytest
from django.contrib import admin
from django.db.models import Count

from tests.conftest import give
from tests.entry_points.helpers import browse, chosen
from tests.files import Dialect, csv_rows
from tests.many.conftest import invoice  # noqa: F401 - a fixture
from tests.many.models import Invoice
from tests.many.test_aggregates import COLUMNS, Invoices

pytestmark = pytest.mark.django_db
LINE = ["A1", "3", "12.00", "4", "4", "15.00"]


def annotated(self, request):
    return Invoice.objects.annotate(tags_n=Count("tags"))


class MoreThan(admin.FieldListFilter):
    def expected_parameters(self):
        return [f"{self.field_path}__gt"]

    def choices(self, changelist):
        return []


@pytest.mark.parametrize("extra", [{}, {"get_queryset": annotated}], ids=["plain", "annotated"])
@pytest.mark.parametrize(
    "query",
    [
        "",
        "?tags__name=red",
        "?q=re",
        "?q=e&entries__price__gt=5",
        "?tags__name__icontains=e",
        "?entries__price__gt=1&tags__name__icontains=e&notes__stars__gt=0",
    ],
)
def test_values_do_not_depend_on_the_list(make_site, declare, alice, invoice, query, extra):  # noqa: F811
    options = {
        "reports": [Invoices],
        "list_filter": ["tags__name", ("entries__price", MoreThan), ("notes__stars", MoreThan)],
        "search_fields": ["number", "tags__name", "entries__text"],
    }
    declare(Invoices)
    make_site({Invoice: {**options, **extra}})
    browser = browse(give(alice, "many.view_invoice"))
    names = ["number", *COLUMNS]
    positions = {f"position_{at}": "" for at in range(len(names))}
    fields = chosen(columns=names, format="csv", profile="machine", **positions)
    response = browser.post(f"/own/many/invoice/export-report/{query}", fields)
    assert response.streaming, response.content.decode()
    lines = csv_rows(b"".join(response.streaming_content), Dialect())
    assert LINE in lines
    assert all(line == LINE for line in lines if line[0] == "A1")
