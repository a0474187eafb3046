"""A real worker that reads from another database than the one with the jobs."""

import datetime as dt
import time

import pytest
from django.db import connection

from django_reports.audit.log import Origin
from django_reports.jobs import lifecycle
from django_reports.models import ReportJob
from tests import figures
from tests.conftest import make_orders
from tests.entry_points.helpers import enqueue
from tests.processes.conftest import wait_for

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.django_db(transaction=True, databases=["default", "replica"]),
]


def sleeping():
    """Who has a query that sleeps. Only PostgreSQL's sessions have names."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT application_name FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event = 'PgSleep'"
        )
        return [name for (name,) in cursor.fetchall()]


def test_a_cancel_reaches_the_query_on_the_replica(alice, processes, configure):
    changed = {"RUNNER": "local", "DATABASE": "replica", "JOB_LEASE": dt.timedelta(seconds=5)}
    configure(**changed)
    processes.changed.update(changed)
    make_orders(3)
    job = enqueue(alice, "shop.long_query")
    processes.worker()
    wait_for(lambda: ReportJob.objects.get().status == "running")
    time.sleep(1)  # well inside its query
    wait_for(lambda: connection.vendor != "postgresql" or sleeping() == ["replica"])
    asked = time.monotonic()
    assert lifecycle.cancel(job, Origin())
    wait_for(lambda: ReportJob.objects.get().finished_at)
    figures.note("seconds from a cancel to the end", "on a replica", time.monotonic() - asked)
    assert ReportJob.objects.get().status == "canceled"
    assert connection.vendor != "postgresql" or sleeping() == []
