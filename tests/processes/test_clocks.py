"""Hosts whose clocks are wrong: who lives and what is over is told by the database's clock."""

import datetime as dt
import os
import subprocess
import time
from collections import Counter

import pytest
from django.db import connection

from django_reports.core.clock import database_now
from django_reports.models import ReportJob
from tests import figures
from tests.entry_points.helpers import enqueue
from tests.processes.conftest import ROOT, kept_files, wait_for
from tests.services import find_compiler

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has the process's clock"),
    pytest.mark.skipif(find_compiler() is None, reason="no C compiler: clocks are left alone"),
]

JOB_LEASE = dt.timedelta(seconds=30)
MINUTES = float(os.environ.get("TEST_CLOCK_MINUTES", "0.1"))
CLOCKS = [0, 35, -35, 3600, -3600]  # seconds ahead


@pytest.fixture
def set_clock(processes, tmp_path):
    """Have the processes that are started from now on live so many seconds ahead."""
    library = tmp_path / "clock.so"
    source = ROOT / "tests/faults/clock.c"
    subprocess.run([find_compiler(), "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    processes.environment["LD_PRELOAD"] = str(library)

    def change(seconds):
        processes.environment["TEST_CLOCK"] = str(seconds)

    return change


def test_no_attempt_is_lost_to_a_clock(alice, processes, configure, set_clock, tmp_path):
    """Each worker sweeps when it starts, and twice a second, while those before it are at work."""
    changed = {"RUNNER": "local", "JOB_LEASE": JOB_LEASE}
    configure(**changed)
    processes.changed.update(changed)
    processes.environment["TEST_APPS"] = "tests.faults"
    gate = tmp_path / "gate"
    jobs = []
    for number, seconds in enumerate(CLOCKS, start=10):
        set_clock(seconds)
        jobs.append(
            enqueue(alice, "shop.numbers", parameters={"rows": [str(number)], "gate": [str(gate)]})
        )
        processes.worker()
        wait_for(lambda job=jobs[-1]: state_of(job) != ("queued", 0, 0))
    for seconds in (0, 3600):
        set_clock(seconds)
        assert processes.command("sweep_reports") == 0
    assert [state_of(job) for job in jobs] == [("running", 1, 0)] * len(CLOCKS)
    for job in jobs:
        job.refresh_from_db()
        now = database_now("default")
        assert job.created_at <= job.started_at < now < job.lease_until < now + JOB_LEASE
    gate.touch()
    wait_for(lambda: not ReportJob.objects.filter(finished_at=None).exists())
    assert [state_of(job) for job in jobs] == [("succeeded", 1, 0)] * len(CLOCKS)
    for job in jobs:
        job.refresh_from_db()
        assert job.started_at <= job.snapshot_at < job.finished_at


def test_two_workers_of_which_one_is_an_hour_ahead(alice, processes, configure, set_clock, folder):
    """For TEST_CLOCK_MINUTES: jobs of some seconds, and a sweep twice a second in each worker."""
    changed = {"RUNNER": "local", "JOB_LEASE": dt.timedelta(seconds=5)}
    configure(**changed)
    processes.changed.update(changed)
    processes.environment["TEST_APPS"] = "tests.faults"
    for seconds in (0, 3600):
        set_clock(seconds)
        processes.worker()
    ends = time.monotonic() + 60 * MINUTES
    count = 0
    while time.monotonic() < ends:
        for _ in range(4):
            parameters = {"rows": ["1000"], "seconds": ["0.003"]}  # three seconds
            enqueue(alice, "shop.slow_numbers", parameters=parameters)
            count += 1
        wait_for(lambda: not ReportJob.objects.filter(finished_at=None).exists())
    figures.note("jobs of two workers, one an hour ahead", f"{MINUTES:g} minutes", count)
    states = ReportJob.objects.values_list("status", "attempt", "lost")
    assert Counter(states) == {("succeeded", 1, 0): count}
    assert len(kept_files(folder)) == count


def test_a_file_expires_by_the_clock_of_the_database(alice, processes, set_clock):
    processes.changed.update({"RUNNER": "local", "FILE_RETENTION": dt.timedelta(minutes=30)})
    for number, seconds in enumerate((-3600, 0), start=10):
        set_clock(seconds)
        enqueue(alice, "shop.numbers", parameters={"rows": [str(number)]})
        assert processes.command("reports_worker", "--burst") == 0
    set_clock(3600)
    assert processes.command("sweep_reports") == 0
    assert set(ReportJob.objects.values_list("status", flat=True)) == {"succeeded"}
    ReportJob.objects.update(expires_at=database_now("default"))
    set_clock(-3600)
    assert processes.command("sweep_reports") == 0
    assert set(ReportJob.objects.values_list("status", flat=True)) == {"expired"}


def state_of(job):
    return ReportJob.objects.values_list("status", "attempt", "lost").get(pk=job.pk)
