"""Control beside the reading: what stops an attempt whatever it is doing, in a real worker."""

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
from tests.processes.conftest import kept_files, session_of, wait_for

pytestmark = pytest.mark.thorough

REPORTS = ["shop.long_query", "shop.long_rows", "shop.deaf"]


def job():
    return ReportJob.objects.get()


@pytest.fixture(params=["local", "rq"])
def runner(request, processes, configure):
    if request.param == "rq":
        request.getfixturevalue("redis_queue")
    changed = {"RUNNER": request.param, "JOB_LEASE": dt.timedelta(seconds=5)}
    configure(**changed)
    processes.changed.update(changed)
    return request.param


def begin(alice, processes, report):
    made = enqueue(alice, report)
    worker = processes.worker()
    wait_for(lambda: job().status == "running")
    time.sleep(1)  # well inside its query
    return made, worker


@pytest.mark.parametrize("report", REPORTS)
def test_a_cancel_ends_what_would_not_end(alice, processes, runner, folder, report):
    make_orders(3)
    made, _worker = begin(alice, processes, report)
    assert lifecycle.cancel(made, Origin(user=alice))
    asked = time.monotonic()
    wait_for(lambda: job().finished_at)
    figures.note(
        "seconds from a cancel to the end", f"{runner:5} {report}", time.monotonic() - asked
    )
    assert (job().status, job().file_key) == ("canceled", "")
    assert kept_files(folder) == []


@pytest.mark.parametrize("report", REPORTS)
def test_a_deadline_holds(alice, processes, runner, report):
    make_orders(3)
    processes.changed["JOB_TIMEOUT"] = dt.timedelta(seconds=3)
    _made, _worker = begin(alice, processes, report)
    wait_for(lambda: job().finished_at)
    late = job().finished_at - job().started_at - dt.timedelta(seconds=3)
    figures.note("seconds from a deadline to the end", f"{runner:5} {report}", late.total_seconds())
    assert (job().status, job().error) == ("failed", "Timed out after 0:00:03.")


def test_a_snapshot_has_its_age(alice, processes, runner):
    make_orders(3)
    processes.changed["SNAPSHOT_MAX_AGE"] = dt.timedelta(seconds=2)
    begin(alice, processes, "shop.long_query")
    wait_for(lambda: job().finished_at)
    assert job().status == "failed"
    assert "0:00:02 for which one state of the data is kept" in job().error


@pytest.mark.parametrize("report", ["shop.long_query", "shop.long_rows"])
def test_a_worker_that_is_told_to_stop_hands_back_at_once(alice, processes, runner, report):
    make_orders(3)
    _made, worker = begin(alice, processes, report)
    worker.terminate()
    wait_for(lambda: job().status == "queued")
    assert (job().attempt, job().lost) == (1, 0)
    assert worker.wait() == 0


@pytest.fixture
def impatient_rq(processes, configure, redis_queue):
    configure(RUNNER="rq")
    processes.changed.update({"RUNNER": "rq", "JOB_MAX_ATTEMPTS": 1})
    processes.environment.update({"TEST_APPS": "tests.faults", "TEST_FAULTS": "impatient"})


@pytest.mark.parametrize("how", ["sleep", "c-call"])
def test_the_worker_is_free_for_the_next_job_after_one_that_hangs(
    alice, processes, impatient_rq, how
):
    which = "JOB_LEASE" if how == "c-call" else "JOB_TIMEOUT"
    processes.changed[which] = dt.timedelta(seconds=3)
    hanging = enqueue(alice, "shop.hanging", parameters={"how": [how]})
    following = enqueue(alice, "shop.numbers")
    processes.worker()
    wait_for(lambda: ReportJob.objects.get(pk=following.pk).status == "succeeded")
    hanging.refresh_from_db()
    assert hanging.cause == ("killed" if how == "c-call" else "timeout")


@pytest.mark.parametrize("fault", ["sweep-hangs", "sweep-hangs-beside"])
def test_a_sweep_that_hangs_is_broken_off(alice, processes, impatient_rq, tmp_path, fault):
    mark, gate = tmp_path / "mark", tmp_path / "gate"
    processes.environment.update({"TEST_FAULTS": f"impatient {fault}", "TEST_MARK": str(mark)})
    if fault == "sweep-hangs":
        processes.changed["JOB_TIMEOUT"] = dt.timedelta(seconds=2)
        gate.touch()
    enqueue(alice, "shop.numbers", parameters={"gate": [str(gate)], "rows": ["3"]})
    worker = processes.worker()
    wait_for(mark.exists)
    if fault == "sweep-hangs":
        wait_for(lambda: job().status == "succeeded")
    worker.terminate()
    assert worker.wait() == 0
    assert session_of(worker.pid) == []


@pytest.mark.parametrize("where", ["before", "behind"])
def test_a_child_that_hangs_where_no_attempt_is_watched_is_ended(
    alice, processes, impatient_rq, tmp_path, where
):
    processes.changed["JOB_LEASE"] = dt.timedelta(seconds=2)
    mark = tmp_path / "mark"
    processes.environment.update(
        {"TEST_FAULTS": f"impatient child-hangs-{where}", "TEST_MARK": str(mark)}
    )
    first, following = enqueue(alice, "shop.numbers"), enqueue(alice, "shop.numbers")
    worker = processes.worker()
    for job in (first, following):
        wait_for(lambda key=job.pk: ReportJob.objects.get(pk=key).status == "succeeded")
        assert ReportJob.objects.get(pk=job.pk).lost == 0
    assert mark.exists()
    assert worker.poll() is None
    assert processes.log.read_text().count("event=child_hangs") == 1


def test_what_hangs_in_c_does_not_keep_a_worker_from_ending(alice, processes, impatient_rq):
    enqueue(alice, "shop.hanging", parameters={"how": ["c-call"]})
    worker = processes.worker()
    wait_for(lambda: job().status == "running")
    worker.terminate()
    assert worker.wait() == 0
    assert session_of(worker.pid) == []


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no server to ask")
def test_the_query_is_gone_from_the_server(alice, processes, runner):
    make_orders(3)
    made, _worker = begin(alice, processes, "shop.long_query")
    wait_for(lambda: sleeping_queries() == 1)
    lifecycle.cancel(made, Origin(user=alice))
    wait_for(lambda: job().finished_at)
    assert sleeping_queries() == 0


def sleeping_queries():
    asked = {
        "postgresql": "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event = 'PgSleep'",
        "mysql": "SELECT count(*) FROM information_schema.processlist "
        "WHERE db = DATABASE() AND state = 'User sleep'",
    }
    with connection.cursor() as cursor:
        cursor.execute(asked[connection.vendor])
        return cursor.fetchone()[0]
