"""`export` makes a file and gives its rows."""

import datetime as dt
from decimal import Decimal

import pytest
from django import forms

from django_reports import Column, ModelReport, Report
from django_reports.definitions.registry import registry
from django_reports.exceptions import (
    InvalidParameters,
    InvalidSpec,
    ReportDenied,
    ReportFailed,
    RowLimitExceeded,
)
from django_reports.models import GroupReportPermission, ReportJob
from django_reports.testing import (
    export,
)
from tests.shop.models import Customer, Order
from tests.shop.reports import Orders


@pytest.mark.django_db
def test_export_as_the_system_has_everything(orders):
    table = export("shop.orders")
    assert "cost" in table.header
    assert table.dicts[0]["customer__email"] == "bob@example.org"
    assert ReportJob.objects.get().requested_by_text == "system"


@pytest.mark.django_db
def test_export_as_a_person_is_masked(alice, orders):
    table = export("shop.orders", alice, columns=["customer__email"])
    assert set(table.column("customer__email")) == {"a•••@e•••.com", "b•••@e•••.org"}
    with pytest.raises(InvalidSpec, match="no column 'cost'"):
        export("shop.orders", alice, columns=["cost"])
    with pytest.raises(ValueError, match="no column 'cost'; there are customer__email"):
        table.column("cost")


@pytest.mark.django_db
def test_export_by_its_class(alice, orders):
    assert export(Orders, alice).rows == export("shop.orders", alice).rows

    class Undeclared(ModelReport):
        model = Order

    before = list(registry)
    with pytest.raises(ValueError, match="Undeclared is not declared: it needs @register"):
        export(Undeclared, alice)
    assert list(registry) == before


@pytest.mark.django_db
def test_export_to_xlsx_has_types(alice, orders):
    table = export("shop.orders", alice, format="xlsx", columns=["number", "total", "is_paid"])
    assert table.rows[2] == ("A00003", 3.5, True)


@pytest.mark.django_db
def test_export_in_ones_own_language_and_time_zone(alice, orders):
    here = export("shop.orders", alice, columns=["placed_at", "is_paid"], profile="spreadsheet")
    assert here.header == ("Placed at (Europe/Berlin)", "Paid")
    assert here.rows[0] == ("2026-01-01 14:00:00", "No")
    there = export("shop.orders", alice, columns=["placed_at", "is_paid"], profile="spreadsheet",
                   time_zone="America/New_York", language="de")  # fmt: skip
    assert there.header == ("Placed at (America/New_York)", "Paid")
    assert there.rows[0] == ("2026-01-01 08:00:00", "Nein")


@pytest.mark.django_db
def test_export_with_parameters(alice, orders):
    wanted = {"region": Order.objects.first().region, "minimum": Decimal("18.5")}
    assert export("shop.orders", alice, parameters=wanted).column("number") == ["A00019"]
    assert len(export("shop.orders", alice, parameters={"region": None, "minimum": 19})) == 2
    with pytest.raises(InvalidParameters) as caught:
        export("shop.orders", alice, parameters={"minimum": -1, "region": "x"})
    assert set(caught.value.errors) == {"minimum", "region"}


@pytest.mark.django_db
def test_parameters_are_what_a_person_would_have_typed(alice, orders, declare):
    class Typed(forms.Form):
        customers = forms.ModelMultipleChoiceField(Customer.objects.all())
        customer = forms.ModelChoiceField(Customer.objects.all())
        is_new = forms.BooleanField(required=False)
        is_old = forms.BooleanField(required=False)
        since = forms.DateTimeField()
        within = forms.DurationField()
        months = forms.TypedMultipleChoiceField(choices=[(n, n) for n in range(12)], coerce=int)

    found = {}

    @declare
    class Anything(Report):
        identifier = "shop.anything"
        permission = "shop.view_order"
        columns = ["n"]
        parameters = Typed

        def rows(self, context):
            found.update(context.parameters)
            return [{"n": 1}]

    customer = Customer.objects.first()
    wanted = {
        "customers": Customer.objects.all(),
        "customer": customer,
        "is_new": True,
        "is_old": False,
        "since": dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC),
        "within": dt.timedelta(days=2, hours=3),
        "months": {3, 4},
    }
    export(Anything, alice, parameters=wanted)
    found["customers"] = list(found["customers"])
    found["months"] = set(found["months"])
    assert found == {**wanted, "customers": list(Customer.objects.all())}


@pytest.mark.django_db
def test_export_denied(carol, orders):
    with pytest.raises(ReportDenied, match=r"no report “shop\.orders” that you may export"):
        export("shop.orders", carol)
    with pytest.raises(ReportDenied):
        export("shop.bogus", carol)
    assert not ReportJob.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("fail_at", [1, 5000])  # before the first block, and behind it
def test_export_of_a_report_that_breaks(alice, fail_at):
    with pytest.raises(ReportFailed, match=r"\(ValueError\)") as caught:
        export("shop.numbers", alice, parameters={"rows": 6000, "fail_at": fail_at})
    assert str(caught.value.__cause__) == f"row {fail_at} is broken"
    job = ReportJob.objects.get(pk=caught.value.job_key)
    assert (job.status, job.error) == ("failed", str(caught.value))


@pytest.mark.django_db
@pytest.mark.parametrize("limit", [10, 5500])  # before the first block, and behind it
def test_row_limit_of_rows_that_cannot_be_counted(bob, limit):
    GroupReportPermission.objects.update(max_rows=limit)
    with pytest.raises(RowLimitExceeded):
        export("shop.numbers", bob, parameters={"rows": 6000})


@pytest.mark.django_db
def test_rows_by_name_need_names_that_differ(alice, orders, declare):
    @declare
    class Twice(ModelReport):
        identifier = "shop.twice"
        model = Order
        columns = [Column("number", label="Same"), Column("total", label="Same")]

    table = export("shop.twice", alice, profile="spreadsheet")
    with pytest.raises(ValueError, match="the header has a name twice: Same, Same"):
        _ = table.dicts
