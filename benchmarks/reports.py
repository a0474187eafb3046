"""The reports that are measured: the same twelve columns, and two tables that SQL cannot write."""

from django import forms

from benchmarks.models import FewOrder, ManyOrder, Order
from django_reports import Column, ModelReport, register

COLUMNS = [
    "id",
    "number",
    "customer__name",
    "customer__email",
    "region",
    "status",
    "total",
    "cost",
    "is_gift",
    "placed_at",
    "due_on",
    "note",
]


def shorten(row):
    """What the column of a callable shows: a note's first words."""
    return row["note"][:20]


class Rows(forms.Form):
    rows = forms.IntegerField(required=False)


class OrdersReport(ModelReport):
    parameters = Rows

    def filter_queryset(self, queryset, context):
        rows = context.parameters.get("rows")
        return queryset if rows is None else queryset.filter(id__lte=rows)


@register
class Orders(OrdersReport):
    identifier = "benchmarks.orders"
    model = Order
    columns = COLUMNS


@register
class Few(OrdersReport):
    identifier = "benchmarks.few"
    model = FewOrder
    columns = COLUMNS


@register
class Many(OrdersReport):
    identifier = "benchmarks.many"
    model = ManyOrder
    columns = COLUMNS


@register
class Masked(OrdersReport):
    """One column is masked for whoever asks."""

    identifier = "benchmarks.masked"
    model = Order
    columns = [
        Column(name, permission="benchmarks.see_email", mask="partial")
        if name == "customer__email"
        else name
        for name in COLUMNS
    ]


@register
class Computed(OrdersReport):
    """One column is made by a callable."""

    identifier = "benchmarks.computed"
    model = Order
    columns = [
        Column("note", label="Note", value=shorten, fields=["note"]) if name == "note" else name
        for name in COLUMNS
    ]
