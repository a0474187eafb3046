"""Decimals of many digits in Parquet."""

from decimal import Decimal

import pyarrow
import pytest
from django.db import connection
from django.db.models import DecimalField, ExpressionWrapper, F, Max, Sum, Value

from django_reports import Column, ModelReport, Report
from django_reports.definitions import kinds
from django_reports.definitions.columns import bind
from django_reports.definitions.registry import registry
from django_reports.exceptions import FormatLimitExceeded
from django_reports.jobs import dispatch
from django_reports.models import ReportJob
from tests.entry_points.helpers import asking, make, spec_of
from tests.files import parquet_table
from tests.sections.helpers import file_of
from tests.shop.models import Customer, Order

pytestmark = pytest.mark.django_db

FORTY = Decimal("-12345678901234567890123456789012345678.90")
LONGEST = Decimal("9" * 74 + ".99")
WIDE = DecimalField(max_digits=40, decimal_places=2)
NEARLY_WIDE = DecimalField(max_digits=33, decimal_places=2)  # a sum has more digits


@pytest.fixture
def declare(monkeypatch):
    """Declare a report for one test."""
    monkeypatch.setattr(registry, "_reports", list(registry))

    def declare(base, **attributes):
        made = type("Made", (base,), {"identifier": "shop.made", **attributes})()
        registry.add(made)
        return made

    return declare


@pytest.fixture
def of_rows(declare):
    """Declare a report of one column of this kind and these values."""

    def of_rows(kind, *values):
        return declare(
            Report,
            permission="shop.view_order",
            columns=[Column("n", kind=kind)],
            rows=lambda self, context: iter([{"n": value} for value in values]),
        )

    return of_rows


def now(user):
    made = dispatch.export_now(spec_of("shop.made", format="parquet"), *asking(user))
    return parquet_table(b"".join(made))


def values_of(table):
    return table.columns[0].to_pylist()


@pytest.mark.parametrize(
    ("kind", "arrow", "value"),
    [
        (kinds.Decimal(2), pyarrow.decimal128(38, 2), Decimal("9" * 36 + ".99")),
        (kinds.Decimal(2, max_digits=38), pyarrow.decimal128(38, 2), Decimal("9" * 36 + ".99")),
        (kinds.Decimal(2, max_digits=39), pyarrow.decimal256(76, 2), FORTY),
        (kinds.Decimal(2, max_digits=76), pyarrow.decimal256(76, 2), LONGEST),
        (kinds.Decimal(50), pyarrow.decimal256(76, 50), Decimal("1E-50")),
        (kinds.Decimal(2, max_digits=76), pyarrow.decimal256(76, 2), None),
        (kinds.List(kinds.Decimal(0, max_digits=60)), pyarrow.list_(pyarrow.decimal256(76, 0)),
         [Decimal(10**59)]),
        (kinds.Decimal(2, is_fixed=False, max_digits=90), pyarrow.string(), "1.00"),
    ],
)  # fmt: skip
def test_decimal_has_the_type_of_its_digits(alice, of_rows, kind, arrow, value):
    of_rows(kind, value, None)
    table = now(alice)
    assert (table.schema[0].type, values_of(table)) == (arrow, [value, None])


def test_job_has_the_same(alice, of_rows):
    of_rows(kinds.Decimal(2, max_digits=40), FORTY)
    job = make(alice, "shop.made", format="parquet")
    assert job.status == "succeeded"
    assert values_of(parquet_table(file_of(job))) == [FORTY]


@pytest.mark.parametrize(
    "kind",
    [
        kinds.Decimal(2, max_digits=77),
        kinds.Decimal(77),
        kinds.List(kinds.Decimal(2, max_digits=80)),
    ],
)
@pytest.mark.parametrize("ask", [dispatch.plan, dispatch.export_now, dispatch.enqueue])
def test_more_digits_than_parquet_has_are_refused_before_any_row(alice, declare, kind, ask):
    def rows(self, context):
        raise AssertionError("a row was read")

    columns = [Column("n", kind=kind)]
    declare(Report, permission="shop.view_order", columns=columns, rows=rows)
    with pytest.raises(FormatLimitExceeded) as refusal:
        ask(spec_of("shop.made", format="parquet"), *asking(alice))
    assert str(refusal.value).startswith("Parquet has no type for the column n: precision ")
    assert str(refusal.value).endswith("Choose another format, or give the column another kind.")
    assert ReportJob.objects.count() == 0


@pytest.mark.parametrize("kind", [kinds.Decimal(2, max_digits=77), kinds.Decimal(77)])
def test_other_formats_have_them(alice, of_rows, kind):
    of_rows(kind, Decimal(7))
    for format in ("csv", "xlsx", "jsonl"):
        assert b"".join(dispatch.export_now(spec_of("shop.made", format=format), *asking(alice)))


def test_value_of_more_digits_than_declared_is_an_error_with_the_column(alice, of_rows):
    of_rows(kinds.Decimal(2), FORTY)
    with pytest.raises(FormatLimitExceeded, match=r"of the column n as decimal128\(38, 2\)"):
        now(alice)


@pytest.mark.parametrize(
    ("model", "expression", "arrow"),
    [
        (Order, F("total"), pyarrow.decimal128(38, 2)),
        (Order, F("total") - F("cost"), pyarrow.decimal128(38, 2)),
        (Order, ExpressionWrapper(F("total"), WIDE), pyarrow.decimal256(76, 2)),
        (Order, ExpressionWrapper(F("total"), DecimalField()), pyarrow.string()),
        (Customer, Sum("orders__total"), pyarrow.decimal128(38, 2)),
        (Customer, Max("orders__total", output_field=WIDE), pyarrow.decimal256(76, 2)),
        (Customer, Sum("orders__total", output_field=NEARLY_WIDE), pyarrow.decimal256(76, 2)),
    ],
)
def test_type_of_an_expression(model, expression, arrow):
    assert bind(Column("x", expression=expression), model).kind.arrow_type() == arrow


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite's decimals are floats")
def test_expression_of_forty_digits(alice, orders, declare):
    wide = ExpressionWrapper(Value(FORTY, output_field=WIDE), WIDE)
    declare(ModelReport, model=Order, columns=[Column("x", expression=wide)])
    table = now(alice)
    assert table.schema[0].type == pyarrow.decimal256(76, 2)
    assert values_of(table) == [FORTY] * 20
