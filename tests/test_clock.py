"""The time of the database, as Django keeps times: with a zone and without one."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_reports.core.clock import DatabaseNow, database_now
from django_reports.models import ReportJob
from tests.entry_points.helpers import enqueue

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = dt.timedelta(hours=1)
CLOSE = dt.timedelta(minutes=10)  # however busy the machine is


@pytest.fixture(params=[True, False], ids=["zone", "naive"])
def job(request, alice, settings):
    settings.USE_TZ = request.param
    settings.TIME_ZONE = "Asia/Tokyo"
    yield enqueue(alice)
    connection.close()  # its session has this zone


def test_what_is_written_is_the_time_and_is_read_as_that(job):
    now = timezone.now()
    assert abs(job.created_at - now) < CLOSE
    assert abs(database_now("default") - now) < CLOSE
    rows = ReportJob.objects.filter(pk=job.pk)
    rows.update(lease_until=DatabaseNow(HOUR), expires_at=DatabaseNow(-HOUR))
    job.refresh_from_db()
    assert job.lease_until - job.expires_at == 2 * HOUR
    assert abs(job.lease_until - HOUR - now) < CLOSE
    assert rows.filter(lease_until__gt=DatabaseNow(), expires_at__lt=DatabaseNow()).exists()
    read = rows.annotate(read_at=DatabaseNow()).get()
    assert abs(read.read_at - now) < CLOSE


@pytest.mark.skipif(connection.vendor == "sqlite", reason="others have functions for it")
def test_an_index_can_be_searched_for_it():
    """Another one for each row could not."""
    with CaptureQueriesContext(connection) as captured:
        list(ReportJob.objects.abandoned())
    (query,) = captured.captured_queries
    assert "STATEMENT_TIMESTAMP()" in query["sql"] or "UTC_TIMESTAMP(6)" in query["sql"]
