"""A percent sign is itself: in labels, expressions and filters, with and without parameters."""

import pytest
from django.db.models import F, Q

from django_reports import Column, ModelReport
from django_reports.definitions.kinds import Choice, Text
from tests.conftest import make_orders
from tests.files import (
    Wish,
    csv_rows,
    jsonl_rows,
    made_at_every_entry_point,
    parquet_table,
    xlsx_rows,
)
from tests.shop.models import Order
from tests.values.expected import ENGLISH, Dialect

pytestmark = pytest.mark.django_db

LABELS = {"n": "100 %", "s": "%s 50%% %(a)s"}
COLUMNS = ["number", "region", "rest"]
ROWS = [["50%", "100 %", "0"], ["%%", "%s 50%% %(a)s", "2"], ["5_0", "100 %", "0"]]
FILTERS = {
    "none": (Q(), ROWS),
    "icontains": (Q(number__icontains="%"), ROWS[:2]),
    "like": (Q(number__contains=F("note")), ROWS[:1]),  # a LIKE without a parameter
    "parameter": (Q(number__startswith="%", is_paid=False), ROWS[1:2]),
}


def texts_in(content, format):
    """The rows as lists of texts."""
    if format == "jsonl":
        return [[str(value) for value in row.values()] for row in jsonl_rows(content)]
    if format == "parquet":
        return [
            [str(value) for value in row.values()] for row in parquet_table(content).to_pylist()
        ]
    if format == "xlsx":
        return [
            [str(int(cell)) if isinstance(cell, float) else cell for cell in row]
            for row in xlsx_rows(content)
        ]
    return csv_rows(content, ENGLISH if format == "csv" else Dialect("utf-8-sig", "\t"))


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("format", ["csv", "tsv", "jsonl", "xlsx", "parquet"])
def test_percent_signs_are_written_as_they_are(name, format, declare, alice, client, tmp_path):
    condition, expected = FILTERS[name]

    @declare
    class Percents(ModelReport):
        identifier = "shop.percents"
        model = Order
        columns = [
            "number",
            Column("region", kind=Choice(Text(), tuple(LABELS.items()))),
            Column("rest", expression=F("cost") % F("total"), kind="integer"),
        ]

        def get_queryset(self, context):
            return Order.objects.filter(condition)

    make_orders(3, total=3)
    for order, (number, label, rest) in zip(Order.objects.order_by("pk"), ROWS, strict=True):
        order.number, order.note, order.cost = number, "0%", int(rest) + 3
        order.region = next(key for key, text in LABELS.items() if text == label)
        order.save()
    client.force_login(alice)
    wish = Wish("shop.percents", COLUMNS, format, {"profile": "spreadsheet"})
    content = made_at_every_entry_point(wish, alice, client, tmp_path)
    machine = format in ("jsonl", "parquet")  # which are for programs
    keys = {text: key for key, text in LABELS.items()}
    rows = [[number, keys[label] if machine else label, rest] for number, label, rest in expected]
    assert texts_in(content, format) == rows
