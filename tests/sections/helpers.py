"""Reports of several sections: what the tests of them share."""

import io
import zipfile

from django import forms

from django_reports import Column, ModelReport, Report
from django_reports.jobs import dispatch, files
from tests.entry_points.helpers import asking, spec_of
from tests.shop.models import Customer, Order

MONTH = "shop.month"
PAGE = "/reports/shop.month/"


class OpenOrders(ModelReport):
    identifier = "shop.orders_of_month"
    model = Order
    label = "Open orders"
    columns = ["id", "number", Column("total", total="sum"), Column("cost", permission="shop.cost")]

    def filter_queryset(self, queryset, context):
        return queryset.filter(is_paid=False)


class Customers(ModelReport):
    identifier = "shop.customers"
    model = Customer
    columns = ["name", Column("email", permission="shop.email", mask="partial")]


class Notes(Report):
    identifier = "shop.notes"
    permission = "shop.view_order"
    columns = ["n", Column("note", label="=Note")]

    def rows(self, context):
        yield {"n": 1, "note": context.parameters["note"] or "=1"}
        yield {"n": 2, "note": "a\ufffe"}


class MonthForm(forms.Form):
    note = forms.CharField(required=False)


class Month(Report):
    identifier = MONTH
    label = "The month"
    parameters = MonthForm
    sections = (OpenOrders, Customers, Notes)


def content_of(made):
    return b"".join(made)


def file_of(job):
    with files.open_file(job) as file:
        return file.read()


def members(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def now(user, report, **wanted):
    return dispatch.export_now(spec_of(report, **wanted), *asking(user))
