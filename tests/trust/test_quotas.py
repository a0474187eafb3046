"""Quotas: exact, whoever asks, however many at once."""

import datetime as dt
import fcntl
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from django.db import connections
from django.utils import timezone

from django_reports.access import quotas
from django_reports.exceptions import QuotaExceeded
from django_reports.models import AuditEntry, GroupReportPermission, ReportJob
from tests.conftest import VIEW, make_orders
from tests.entry_points.helpers import (
    browse,
    chosen,
    deliver,
    enqueue,
    make,
    plan,
    put,
    run,
    text_of,
)
from tests.entry_points.staff import ORDERS, Program

AT_ONCE = 50
NUMBERS = "shop.numbers"


@pytest.fixture
def mia(make_person):
    """May export a hundred rows a day."""
    return make_person("mia", *VIEW, report="*", max_rows_per_day=100)


def left(user):
    return quotas.rows_left(user, quotas.EffectivePermissions(max_rows_per_day=100))


def numbers(rows, **wanted):
    return {"report": NUMBERS, "parameters": {"rows": [str(rows)]}, **wanted}


def take(export):
    return b"".join(export)


def job_of(export):
    export.job.refresh_from_db()
    return export.job


# What counts


@pytest.mark.django_db
def test_rows_of_a_day_are_those_of_all_reports(mia, orders):
    take(deliver(mia))
    make(mia)
    take(deliver(mia, **numbers(40)))
    assert left(mia) == 20
    take(deliver(mia))
    with pytest.raises(QuotaExceeded, match="in 24 hours, 0 are left: too few"):
        deliver(mia)
    entry = AuditEntry.objects.get(action="denied")
    assert entry.data["reason"].startswith("Of the 100 rows")
    ReportJob.objects.filter(report=NUMBERS).update(
        created_at=timezone.now() - dt.timedelta(hours=24, seconds=1)
    )
    assert left(mia) == 40


@pytest.mark.django_db
def test_what_waits_holds_its_rows_and_what_failed_does_not(mia, orders):
    job = enqueue(mia)
    assert (job.rows_reserved, left(mia)) == (20, 80)
    put(job, status="failed", rows_done=20)
    assert left(mia) == 100


@pytest.mark.django_db
def test_what_was_sent_counts_also_if_its_reader_left(mia):
    export = deliver(mia, **numbers(60))
    next(export)
    export.close()
    assert job_of(export).status == "canceled"
    assert left(mia) == 40


@pytest.mark.django_db
def test_what_nobody_can_count_holds_all_that_is_left(mia):
    job = enqueue(mia, **numbers(30))
    assert left(mia) == 0
    with pytest.raises(QuotaExceeded):
        enqueue(mia, **numbers(1))
    assert run(job).status == "succeeded"
    assert left(mia) == 70


@pytest.mark.django_db
@pytest.mark.parametrize("ask", [deliver, enqueue])
def test_what_nobody_can_count_is_stopped_where_the_quota_ends(mia, ask):
    take(deliver(mia, **numbers(95)))
    if ask is deliver:
        with pytest.raises(QuotaExceeded, match="5 are left"):
            take(deliver(mia, **numbers(6)))
    else:
        job = run(enqueue(mia, **numbers(6)))
        assert (job.status, job.file_key) == ("failed", "")
        assert "5 are left" in job.error


@pytest.mark.django_db
def test_a_job_that_has_grown_beyond_the_quota_fails(mia, orders):
    job = enqueue(mia)
    enqueue(mia, **numbers(1))  # holds the rest
    make_orders(30)
    assert run(job).status == "failed"
    assert "20 are left" in job.error


@pytest.mark.django_db
def test_a_job_that_has_grown_within_the_quota_does_not(mia, orders):
    job = enqueue(mia)
    make_orders(30)
    assert (run(job).status, job.rows_done) == ("succeeded", 50)


@pytest.mark.django_db
def test_jobs_at_once(make_person, orders):
    mia = make_person("mia", *VIEW, report="*", max_concurrent_jobs=2)
    jobs = [enqueue(mia), enqueue(mia, columns=["id"])]
    take(deliver(mia))  # is none
    with pytest.raises(QuotaExceeded, match="You have 2 exports waiting or being made"):
        enqueue(mia, columns=["number"])
    run(jobs[0])
    enqueue(mia, columns=["number"])


@pytest.mark.django_db
def test_the_page_and_programs_are_told(mia, orders):
    put(enqueue(mia), status="succeeded", rows_done=85)
    made = plan(mia)
    assert made.is_over_limit
    assert made.warnings == [str(quotas.exceeded(15, made.export.effective))]
    page = browse(mia).get(ORDERS)
    assert "15 rows of 100" in text_of(page)
    answer = Program(mia).post(ORDERS)
    assert (answer.status_code, answer.json()["title"]) == (429, "Too Many Requests")
    assert browse(mia).post(ORDERS, chosen()).status_code == 400


@pytest.mark.django_db
def test_whoever_has_no_quota_locks_nothing(alice, orders):
    make(alice)
    assert not quotas.QuotaLock.objects.exists()


# At once


def at_once(ask):
    """What fifty threads get that ask at the same moment: how many were told no."""
    barrier = Barrier(AT_ONCE)

    def attempt(number):
        try:
            barrier.wait()
            ask(number)
        except QuotaExceeded:
            return False
        finally:
            connections.close_all()
        return True

    # One such crowd at a time: a database has so many connections for all the tests.
    with (Path(tempfile.gettempdir()) / "django-reports-crowd").open("w") as door:
        fcntl.flock(door, fcntl.LOCK_EX)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(attempt, range(AT_ONCE))).count(True)


def spec_number(number):
    """One spec of fifty that give the same rows."""
    return {"parameters": {"minimum": [f"0.{number:02}"]}}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("limits", "granted"), [({"max_rows_per_day": 230}, 11), ({"max_concurrent_jobs": 7}, 7)]
)
def test_fifty_jobs_asked_for_at_once(make_person, orders, configure, limits, granted):
    configure(RUNNER="local")  # and no worker: they wait
    mia = make_person("mia", *VIEW, report="*", **limits)
    assert at_once(lambda number: enqueue(mia, **spec_number(number))) == granted
    assert ReportJob.objects.count() == granted
    assert AuditEntry.objects.filter(action="denied").count() == AT_ONCE - granted


@pytest.mark.django_db(transaction=True)
def test_fifty_exports_at_once(make_person, orders):
    mia = make_person("mia", *VIEW, report="*", max_rows_per_day=230)
    sent = []
    assert at_once(lambda number: sent.append(take(deliver(mia, **spec_number(number))))) == 11
    assert sum(len(content.splitlines()) - 1 for content in sent) == 220
    assert GroupReportPermission.objects.get().max_rows_per_day == 230
