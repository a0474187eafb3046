"""A local worker that nothing stops for good: what hangs in it, and what kills it."""

import datetime as dt
import os
import re
import signal
import time

import pytest
from django.db import connection, transaction

from django_reports.models import ReportJob
from tests import figures
from tests.conftest import make_orders
from tests.entry_points.helpers import enqueue
from tests.processes.conftest import session_of, wait_for

pytestmark = pytest.mark.thorough

HANGS = ["sleep", "loop", "c-call", "save"]
LIMIT = dt.timedelta(seconds=3)  # within which the other jobs are made on a busy machine, too


@pytest.fixture
def worker(processes, configure):
    """Starts a local worker with changed settings."""
    configure(RUNNER="local")
    processes.changed["RUNNER"] = "local"
    processes.environment.update({"TEST_APPS": "tests.faults", "TEST_FAULTS": "impatient"})

    def start(*arguments, **changed):
        processes.changed.update(changed)
        return processes.worker(*arguments)

    return start


@pytest.fixture
def hang(alice, worker, processes, tmp_path):
    """Asks for an export that hangs: in its code, or while its file is handed to the storage."""

    def ask(how):
        if how != "save":
            return enqueue(alice, "shop.hanging", parameters={"how": [how]})
        processes.environment["TEST_POINT"] = "mid-save"
        processes.environment["TEST_MARK"] = str(tmp_path / "mark")
        return enqueue(alice, "shop.numbers")

    return ask


def state(job):
    job.refresh_from_db()
    return job.status, job.attempt, job.lost


def children_of(worker):
    return [pid for pid in session_of(worker.pid) if pid != worker.pid]


def wait_for_the_end_of_all(worker):
    """Until no process of a worker is left, whose supervisor was killed."""
    worker.wait()
    while session_of(worker.pid):
        time.sleep(0.05)


@pytest.mark.parametrize("how", HANGS)
def test_the_next_job_is_made_after_one_that_hangs(alice, processes, worker, hang, how):
    hanging, following = hang(how), enqueue(alice, "shop.numbers", parameters={"rows": ["3"]})
    which = "JOB_LEASE" if how == "c-call" else "JOB_TIMEOUT"
    process = worker(**{which: LIMIT, "JOB_MAX_ATTEMPTS": 1})
    begin = time.monotonic()
    wait_for(lambda: state(following)[0] == "succeeded")
    figures.note("seconds from a job that hangs to the next", how, time.monotonic() - begin)
    wait_for(lambda: state(hanging)[0] == "failed")
    # What keeps Python's threads from running ends with its process, which counts as killed.
    assert hanging.cause == ("killed" if how == "c-call" else "timeout")
    where = "faults/points.py" if how == "save" else "shop/reports.py"
    assert where in processes.log.read_text()
    process.terminate()
    assert process.wait() == 0
    assert session_of(process.pid) == []


@pytest.mark.parametrize("how", HANGS)
def test_what_hangs_does_not_keep_a_worker_from_ending(processes, worker, hang, how, tmp_path):
    hanging = hang(how)
    process = worker()
    wait_for(lambda: state(hanging)[0] == "running")
    if how == "save":
        wait_for((tmp_path / "mark").exists)
    process.terminate()
    begin = time.monotonic()
    assert process.wait() == 0
    figures.note("seconds from SIGTERM to the end", how, time.monotonic() - begin)
    assert session_of(process.pid) == []
    if how == "c-call":  # nobody was there who could have handed it back
        assert state(hanging) == ("running", 1, 0)
        assert "reason=does_not_stop" in processes.log.read_text()
    else:
        assert state(hanging) == ("queued", 1, 0)


@pytest.mark.parametrize("how", ["sleep", "c-call"])
def test_a_child_ends_with_its_supervisor(processes, worker, hang, how):
    hanging = hang(how)
    process = worker(**({"JOB_LEASE": LIMIT} if how == "c-call" else {}))
    wait_for(lambda: state(hanging)[0] == "running")
    process.kill()
    wait_for_the_end_of_all(process)
    assert state(hanging)[0] == ("running" if how == "c-call" else "queued")


def test_a_child_that_is_idle_ends_with_its_supervisor(processes, worker):
    process = worker()
    wait_for(lambda: children_of(process))
    process.kill()
    wait_for_the_end_of_all(process)


def test_a_child_that_was_killed_is_replaced(alice, worker, tmp_path):
    """Its job is taken up at once, and not when the lease, ten minutes, is over."""
    gate = tmp_path / "gate"
    job = enqueue(alice, "shop.numbers", parameters={"gate": [str(gate)], "rows": ["3"]})
    process = worker(JOB_LEASE=dt.timedelta(minutes=10))
    wait_for(lambda: state(job)[0] == "running")
    (child,) = children_of(process)
    os.kill(child, signal.SIGKILL)
    gate.touch()
    wait_for(lambda: state(job)[0] == "succeeded")
    assert state(job) == ("succeeded", 2, 1)
    process.terminate()
    assert process.wait() == 0


def test_a_child_that_is_silent_is_replaced(alice, processes, worker, tmp_path):
    """Stopped by a signal it says nothing, and no thread of its own can end it."""
    gate = tmp_path / "gate"
    job = enqueue(alice, "shop.numbers", parameters={"gate": [str(gate)], "rows": ["3"]})
    process = worker(JOB_LEASE=LIMIT)
    wait_for(lambda: state(job)[0] == "running")
    (child,) = children_of(process)
    os.kill(child, signal.SIGSTOP)
    gate.touch()
    wait_for(lambda: state(job)[0] == "succeeded")
    assert "reason=silent" in processes.log.read_text()


def test_a_worker_that_was_paused_goes_on(alice, processes, worker):
    """As by Ctrl-Z, or a container's host: for longer than it takes to count as hanging."""
    process = worker(JOB_LEASE=dt.timedelta(seconds=1))
    wait_for(lambda: children_of(process))
    time.sleep(1)
    os.killpg(process.pid, signal.SIGSTOP)
    time.sleep(2)
    os.killpg(process.pid, signal.SIGCONT)
    job = enqueue(alice, "shop.numbers")
    wait_for(lambda: state(job)[0] == "succeeded")
    assert process.poll() is None


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite locks no single row")
def test_a_child_whose_control_hangs_too_is_replaced(alice, processes, worker, hang):
    """Somebody holds the job's row locked, so its deadline cannot be recorded either."""
    hanging, following = hang("sleep"), enqueue(alice, "shop.numbers")
    worker(JOB_LEASE=LIMIT, JOB_TIMEOUT=LIMIT)
    wait_for(lambda: state(hanging)[0] == "running")
    with transaction.atomic():
        ReportJob.objects.select_for_update().get(pk=hanging.pk)
        wait_for(lambda: "reason=attempt_without_end" in processes.log.read_text())
    wait_for(lambda: state(following)[0] == "succeeded")


def test_a_child_whose_sweep_hangs_is_replaced(alice, processes, worker, tmp_path):
    processes.environment["TEST_FAULTS"] = "sweep-hangs"
    processes.environment["TEST_MARK"] = str(tmp_path / "mark")
    process = worker(JOB_TIMEOUT=dt.timedelta(seconds=2))
    wait_for((tmp_path / "mark").exists)
    job = enqueue(alice, "shop.numbers")
    wait_for(lambda: "event=worker_died" in processes.log.read_text())
    wait_for(lambda: state(job)[0] == "succeeded")
    process.terminate()
    assert process.wait() == 0


def test_a_child_that_hangs_while_it_claims_is_replaced(alice, processes, worker, tmp_path):
    """It waits for a database that does not answer."""
    processes.environment["TEST_FAULTS"] = "claim-hangs"
    processes.environment["TEST_MARK"] = str(tmp_path / "mark")
    job = enqueue(alice, "shop.numbers")
    worker(JOB_TIMEOUT=dt.timedelta(seconds=2))
    wait_for((tmp_path / "mark").exists)
    wait_for(lambda: state(job)[0] == "succeeded")
    assert state(job) == ("succeeded", 1, 0)
    assert processes.log.read_text().count("event=worker_died") == 1


def test_a_burst_outlives_a_job_that_kills(alice, worker):
    """Memory that is short, a segmentation fault: the same to whoever watches."""
    poison = enqueue(alice, "shop.poison")
    following = enqueue(alice, "shop.numbers")
    process = worker("--burst", JOB_MAX_ATTEMPTS=2, JOB_LEASE=dt.timedelta(minutes=10))
    assert process.wait() == 0
    assert state(poison) == ("failed", 2, 1)
    assert poison.error == "Killed or out of memory, 2 times."
    assert state(following) == ("succeeded", 1, 0)


def test_a_child_that_cannot_start_is_not_tried_without_a_pause(processes, worker):
    processes.environment["TEST_FAULTS"] = "dies-at-start"
    process = worker()

    def starts():
        return [float(at) for at in re.findall(r"started_at (\S+)", processes.log.read_text())]

    wait_for(lambda: len(starts()) == 3)
    first, second, third = starts()
    assert second - first >= 1
    assert third - second >= 2
    process.terminate()  # in the next pause
    assert process.wait() == 0


def test_a_burst_that_cannot_start_says_so(processes, worker):
    processes.environment["TEST_FAULTS"] = "dies-at-start"
    process = worker("--burst")
    assert process.wait() == 1
    assert processes.log.read_text().count("started_at") == 1


def test_what_the_worker_says_at_its_end_is_passed_on(processes, worker):
    processes.environment["TEST_DATABASE_NAME"] = "/nowhere"
    assert worker("--burst").wait() == 1


def test_a_project_with_threads(alice, processes, worker):
    """A process with threads is not forked: the child is one of its own."""
    processes.environment["TEST_FAULTS"] = "thread"
    poison = enqueue(alice, "shop.poison")
    job = enqueue(alice)
    make_orders(20)
    process = worker("--burst", JOB_MAX_ATTEMPTS=2, JOB_LEASE=dt.timedelta(minutes=10))
    assert process.wait() == 0
    assert state(poison) == ("failed", 2, 1)
    assert state(job) == ("succeeded", 1, 0)
