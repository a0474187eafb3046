"""A StopIteration of a project's code, as `next()` raises it: it never makes a file shorter."""

from dataclasses import dataclass

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F, Func, TextField

from django_reports import Column, ModelReport, Report
from django_reports.definitions.kinds import Kind
from django_reports.engine.writers import CsvWriter, _writers, register_writer
from django_reports.exceptions import ReportFailed
from django_reports.jobs import dispatch
from tests.entry_points.helpers import asking, browse, deliver, make, spec_of, text_of
from tests.entry_points.staff import pressed
from tests.shop.models import Order

pytestmark = pytest.mark.django_db

FORMATS = ("csv", "tsv", "jsonl", "xlsx", "parquet")
ROWS = 8
SAID = "failed with an error (StopIteration)"
NUMBERS = [f"A{n:05}" for n in range(1, ROWS)]  # of all rows but the last one


def known(number):
    return next(known for known in NUMBERS if known == number)


class Known(Func):
    """An expression that reads its values as a project's field would."""

    output_field = TextField()
    template = "%(expressions)s"

    def convert_value(self, value, expression, connection):
        return known(value)


@dataclass(frozen=True)
class KnownKind(Kind):
    name = "known"

    def to_text(self, rendering, escape):
        return known

    def to_cell(self, rendering):
        return known


def of_row(row):
    return known(row["number"])


COLUMNS = {
    "value": Column("known", value=of_row, fields=["number"]),
    "mask": Column("known", path="number", permission="shop.nobody_has", mask=known),
    "kind": Column("known", path="number", kind=KnownKind()),
    "kind of a value": Column(
        "known", value=lambda row: row["number"], fields=["number"], kind=KnownKind()
    ),
    "field": Column("known", expression=Known(F("number"))),
}


class Reading(ModelReport):
    identifier = "shop.stopping"
    model = Order
    ordering = ("id",)


class Yielding(Report):
    identifier = "shop.stopping"
    permission = "shop.view_order"
    ends: type[Exception] | None = None

    def rows(self, context):
        for order in Order.objects.order_by("id"):
            if self.ends and order.number not in NUMBERS:
                raise self.ends
            yield {"id": order.pk, "number": order.number}


def stopping(report, *columns):
    return type("Stopping", (report,), {"columns": columns})


REPORTS = {
    **{name: stopping(Reading, "id", column) for name, column in COLUMNS.items()},
    "alone": stopping(Reading, COLUMNS["value"]),
    "mask alone": stopping(Reading, COLUMNS["mask"]),
    "field alone": stopping(Reading, COLUMNS["field"]),
    "value of rows": stopping(Yielding, "id", COLUMNS["value"]),
    "kind of rows": stopping(Yielding, "id", Column("number", kind=KnownKind())),
    "rows": type("Rows", (Yielding,), {"columns": ("id",), "ends": StopIteration}),
}


@pytest.fixture(params=REPORTS)
def report(request, declare, orders):
    orders.filter(pk__gt=orders[ROWS - 1].pk).delete()
    return declare(REPORTS[request.param])


@pytest.mark.parametrize("format", FORMATS)
def test_no_door_makes_a_shorter_file(report, alice, format, tmp_path):
    with pytest.raises(ReportFailed) as told:
        b"".join(deliver(alice, "shop.stopping", format=format))
    assert SAID in str(told.value)
    job = make(alice, "shop.stopping", format=format)
    assert (job.status, SAID in job.error) == ("failed", True)
    path = tmp_path / "file"
    options = {"user": "alice", "format": format, "output": str(path), "verbosity": 0}
    with pytest.raises(CommandError) as told:
        call_command("export_report", "shop.stopping", **options)
    assert (SAID in str(told.value), path.exists()) == (True, False)


def test_no_preview_is_shorter(report, alice):
    with pytest.raises(ReportFailed) as told:
        dispatch.preview(spec_of("shop.stopping"), *asking(alice), rows=50)
    assert SAID in str(told.value)
    columns = [column if isinstance(column, str) else column.name for column in report.columns]
    buttons = {"_export": None, "_preview": "1"}
    answer = pressed(alice, "/reports/shop.stopping/", columns=columns, **buttons)
    assert (answer.status_code, SAID in text_of(answer)) == (500, True)


@pytest.mark.parametrize("format", FORMATS)
def test_a_list_of_the_admin_is_not_exported_in_part(alice, orders, make_site, format):
    attributes = {"list_display": ["id", "known"], "known": lambda self, order: known(order.number)}
    make_site({Order: {"reports": [], **attributes}})
    values = {"_export": "anyway", "_across": "1", "columns": ["id", "known"]}
    path = "/own/shop/order/export-report/"
    answer = browse(alice).post(path, {**values, "format": format, "profile": "machine"})
    assert (answer.status_code, SAID in text_of(answer)) == (500, True)


@pytest.fixture
def writers():
    """What a test registers is gone after it."""
    before = dict(_writers)
    yield
    _writers.clear()
    _writers.update(before)


def test_a_writer_of_the_project_writes_all_rows_or_none(alice, orders, declare, writers):
    @register_writer
    class KnownWriter(CsvWriter):
        format = "known"
        extension = "known"

        def shown(self, row):
            return [known(row[1])]

    declare(stopping(Reading, "id", "number"))
    with pytest.raises(ReportFailed) as told:
        b"".join(deliver(alice, "shop.stopping", format="known"))
    assert SAID in str(told.value)
