"""The reports of the test project: one of each sort."""

import os
import signal
from contextlib import suppress

from django import forms
from django.db.models import F, FloatField, Func, Value
from django.utils.translation import gettext_lazy as _

from django_reports import Column, ModelReport, Report, register
from tests.shop.models import Order, Region


class OrderFilterForm(forms.Form):
    region = forms.ChoiceField(choices=Region, required=False)
    minimum = forms.DecimalField(required=False, min_value=0)


@register
class Orders(ModelReport):
    identifier = "shop.orders"
    aliases = ("shop.old_orders",)
    model = Order
    label = _("Orders")
    columns = [
        "id",
        "number",
        "customer__name",
        Column(
            "customer__email",
            label=_("Email"),
            permission="shop.view_customer_email",
            mask="partial",
        ),
        "region",
        "total",
        Column("margin", label=_("Margin"), expression=F("total") - F("cost")),
        "is_paid",
        "placed_at",
        Column(
            "remark",
            label=_("Remark"),
            value=lambda row: f"{row['customer__name']}: {row['note']}",
            fields=["note", "customer__name"],
        ),
        Column("cost", permission="shop.view_cost"),
    ]
    parameters = OrderFilterForm

    def filter_queryset(self, queryset, context):
        if region := context.parameters.get("region"):
            queryset = queryset.filter(region=region)
        if (minimum := context.parameters.get("minimum")) is not None:
            queryset = queryset.filter(total__gte=minimum)
        return queryset


@register
class Numbers(Report):
    """Rows without a model, that break where they are told to."""

    identifier = "shop.numbers"
    permission = "shop.view_order"
    columns = ["n", Column("text")]

    class parameters(forms.Form):
        rows = forms.IntegerField(initial=10, required=False)
        fail_at = forms.IntegerField(required=False)
        seconds = forms.FloatField(required=False)
        gate = forms.CharField(required=False, help_text="A file that the last row waits for.")

    def rows(self, context):
        import time
        from pathlib import Path

        gate = context.parameters["gate"]
        fail_at = context.parameters["fail_at"]
        for n in range(1, (context.parameters["rows"] or 10) + 1):
            if n == fail_at:
                raise ValueError(f"row {n} is broken")
            if context.parameters["seconds"]:
                time.sleep(context.parameters["seconds"])
            while gate and n == context.parameters["rows"] and not Path(gate).exists():
                time.sleep(0.01)
            yield {"n": n, "text": f"row number {n}"}


@register
class SlowNumbers(Numbers):
    identifier = "shop.slow_numbers"
    execution = "background"


class Sleep(Func):
    """An expression that keeps the database busy for an hour in one query."""

    template = "%(function)s(%(expressions)s)"
    output_field = FloatField()

    def __init__(self):
        super().__init__(Value(3600))

    def as_postgresql(self, compiler, connection, **kwargs):
        return "length(pg_sleep(3600)::text)", []

    def as_mysql(self, compiler, connection, **kwargs):
        return "SLEEP(3600)", []

    def as_sqlite(self, compiler, connection, **kwargs):
        endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)"
        return f"({endless} SELECT count(*) FROM c)", []


@register
class LongQuery(ModelReport):
    identifier = "shop.long_query"
    model = Order
    execution = "background"
    is_in_catalog = False
    columns = ["id", Column("slept", expression=Sleep(), kind="float")]


@register
class LongCount(ModelReport):
    """Rows that take an hour to be found."""

    identifier = "shop.long_count"
    model = Order
    is_in_catalog = False
    columns = ["id"]

    def filter_queryset(self, queryset, context):
        return queryset.annotate(slept=Sleep()).filter(slept__gte=0)


@register
class LongRows(Report):
    """Rows whose own code takes a long query, and swallows whatever happens to it."""

    identifier = "shop.long_rows"
    permission = "shop.view_order"
    execution = "background"
    is_in_catalog = False
    columns = ["n"]

    def rows(self, context):
        n = 0
        while True:
            n += 1
            with suppress(Exception):
                list(Order.objects.values_list(Sleep())[:1])
            yield {"n": n}


@register
class Deaf(Report):
    """Rows that never come, from code that listens to nobody."""

    identifier = "shop.deaf"
    permission = "shop.view_order"
    execution = "background"
    is_in_catalog = False
    columns = ["n"]

    def rows(self, context):
        import time

        while True:
            with suppress(Exception):
                time.sleep(1)
        yield {}


@register
class Hanging(Report):
    """Rows that never come, in one way or another."""

    identifier = "shop.hanging"
    permission = "shop.view_order"
    execution = "background"
    is_in_catalog = False
    columns = ["n"]

    class parameters(forms.Form):
        how = forms.CharField()

    def rows(self, context):
        import re
        import time

        match context.parameters["how"]:
            case "sleep":
                time.sleep(10**6)
            case "loop":
                while True:
                    pass
            case "c-call":  # which keeps all other threads from running
                re.match(r"(a+)+$", "a" * 50 + "b")
        yield {}


@register
class Poison(Report):
    """Kills whoever runs it, as the kernel does when memory is short."""

    identifier = "shop.poison"
    permission = "shop.view_order"
    execution = "background"
    is_in_catalog = False
    columns = ["n"]

    def rows(self, context):
        yield {"n": 1}
        os.kill(os.getpid(), signal.SIGKILL)


@register
class Greedy(Report):
    """Takes more and more memory."""

    identifier = "shop.greedy"
    permission = "shop.view_order"
    execution = "background"
    is_in_catalog = False
    columns = ["n"]

    def rows(self, context):
        taken = []
        while True:
            taken.append(b"x" * 10_000_000)
            yield {"n": len(taken)}
