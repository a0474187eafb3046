"""Rows are read from the database that DATABASE names; jobs and audit entries stay at home."""

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from django_reports import ModelReport
from django_reports.definitions.registry import registry
from django_reports.models import AuditEntry, ReportJob
from tests.conftest import make_orders
from tests.entry_points.helpers import browse, chosen, deliver, lines_of, make, plan
from tests.shop.models import Order

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "replica"])

ROWS = [f"A{n:05}" for n in range(1, 21)]
EXPORT = "/admin/shop/order/export-report/"


@pytest.fixture(autouse=True)
def replica(configure):
    configure(DATABASE="replica")
    make_orders(20)


@pytest.fixture
def captured():
    """What was asked on each database."""
    with (
        CaptureQueriesContext(connections["default"]) as default,
        CaptureQueriesContext(connections["replica"]) as replica,
    ):
        yield {"default": default, "replica": replica}


def tables_asked(captured, alias):
    asked = " ".join(query["sql"] for query in captured[alias].captured_queries)
    tables = (Order, ReportJob, AuditEntry)
    return {model for model in tables if model._meta.db_table in asked}


def assert_only_rows_come_from_the_replica(captured):
    assert tables_asked(captured, "replica") == {Order}
    assert tables_asked(captured, "default") == {ReportJob, AuditEntry}


def test_at_once(alice, captured):
    text = b"".join(deliver(alice, columns=["number"])).decode()
    assert text.splitlines() == ["number", *ROWS]
    assert_only_rows_come_from_the_replica(captured)


def test_in_the_background(alice, captured):
    job = make(alice, columns=["number"])
    assert (job.status, job.rows_done) == ("succeeded", 20)
    assert_only_rows_come_from_the_replica(captured)


def test_counted_before(alice, captured):
    assert plan(alice).rows.n == 20
    assert tables_asked(captured, "replica") == {Order}
    assert Order not in tables_asked(captured, "default")


def test_a_list_as_filtered(alice, captured):
    answer = browse(alice).post(EXPORT + "?region__exact=n&o=1", chosen(columns=["number"]))
    assert lines_of(answer) == ["number", *ROWS[::2]]
    assert tables_asked(captured, "replica") == {Order}


def test_the_audit_log_as_a_report(alice, captured):
    job = make(None, "django_reports.audit", columns=["action"])
    assert job.status == "succeeded"
    assert tables_asked(captured, "replica") == {AuditEntry}


@pytest.mark.parametrize("where", ["get_queryset", "filter_queryset"])
def test_a_report_that_chooses_a_database_keeps_it(alice, captured, monkeypatch, where):
    class Chosen(ModelReport):
        identifier = "shop.chosen"
        model = Order
        columns = ["number"]

        def get_queryset(self, context):
            queryset = super().get_queryset(context)
            return queryset.using("default") if where == "get_queryset" else queryset

        def filter_queryset(self, queryset, context):
            return queryset.using("default") if where == "filter_queryset" else queryset

    monkeypatch.setattr(registry, "_reports", [*registry._reports, Chosen()])
    assert make(alice, "shop.chosen").rows_done == 20
    assert tables_asked(captured, "replica") == set()
    assert Order in tables_asked(captured, "default")
