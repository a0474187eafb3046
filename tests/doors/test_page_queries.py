"""Every page asks as much of the database with many exports and rows as with few."""

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_reports.models import ReportJob
from tests.conftest import VIEW, make_orders
from tests.doors.helpers import browse, enqueue, make, put, unbounded_counts
from tests.doors.test_staff_jobs import copies_of

pytestmark = pytest.mark.django_db

PAGES = [
    "/reports/",
    "/reports/?q=order",
    "/reports/shop.orders/",
    "/reports/jobs/",
    "/reports/jobs/?others=1",
    "/reports/jobs/?others=1&status=failed",
    "/reports/jobs/?others=1&report=shop.numbers&q=n&since=2020-01-01",
    "/reports/jobs/{waiting}/",
    "/reports/jobs/{running}/",
    "/reports/jobs/{finished}/",
    "/reports/jobs/{failed}/",
    "/reports/jobs/{waiting}/status/",
    "/reports/dashboard/",
    "/admin/",
    "/admin/django_reports/reportjob/",
    "/admin/django_reports/reportjob/{waiting}/change/",
    "/admin/shop/order/export-report/",
]


def asked(client, address):
    """The queries of a page that was opened before."""
    client.get(address)
    cache.clear()
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    return queries


def test_pages_ask_no_more_of_many_exports_and_rows(make_person):
    make_orders(20)
    person = make_person("mia", *VIEW, "django_reports.view_dashboard", report="*", others="all")
    colleague = make_person("nora", *VIEW, report="*")
    jobs = {
        "finished": make(person),
        "foreign": make(colleague),
        "failed": make(person, "shop.numbers", parameters={"fail_at": ["3"]}),
        "running": put(enqueue(person), status="running", rows_done=5, rows_expected=9),
        "waiting": enqueue(person),
    }
    ReportJob.objects.update(is_news=False)
    client = browse(person)
    addresses = [page.format(**{name: job.pk for name, job in jobs.items()}) for page in PAGES]
    few = {address: len(asked(client, address)) for address in addresses}
    for job in jobs.values():
        copies_of(job, 60)
    make_orders(300)
    for address in addresses:
        queries = asked(client, address)
        assert len(queries) == few[address], address
        if "dashboard" not in address:
            assert unbounded_counts(queries) == [], address
