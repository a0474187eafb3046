"""Many small jobs, several workers, some of which are killed.

TEST_JOBS, TEST_WORKERS and TEST_KILLS say how many; few, unless they are set.
"""

import datetime as dt
import hashlib
import os
import random
import signal
import time
from collections import Counter

import pytest

from django_reports.models import AuditEntry, ReportJob
from tests import figures
from tests.conftest import make_orders
from tests.entry_points.helpers import enqueue
from tests.processes.conftest import kept_files, session_of, wait_for

pytestmark = pytest.mark.thorough

JOBS = int(os.environ.get("TEST_JOBS", "60"))
WORKERS = int(os.environ.get("TEST_WORKERS", "3"))
KILLS = int(os.environ.get("TEST_KILLS", "2"))


@pytest.mark.parametrize("runner", ["local", "rq"])
def test_each_is_made_once(alice, processes, configure, request, folder, runner):
    if runner == "rq":
        request.getfixturevalue("redis_queue")
    changed = {"RUNNER": runner, "JOB_LEASE": dt.timedelta(seconds=2)}
    configure(**changed)
    processes.changed.update(changed)
    processes.environment["TEST_APPS"] = "tests.faults"  # which sweeps often
    make_orders(20)
    for _ in range(JOBS):
        enqueue(alice)
    began = time.monotonic()
    workers = [processes.worker() for _ in range(WORKERS)]
    luck = random.Random(1)
    for number in range(1, KILLS + 1):
        done = JOBS * number // (KILLS + 1)
        wait_for(lambda done=done: finished().count() >= done)
        worker = workers.pop(luck.randrange(len(workers)))
        os.kill(luck.choice(session_of(worker.pid)), signal.SIGKILL)
        workers.append(processes.worker())
    wait_for(lambda: finished().count() == JOBS)
    case = f"{runner:5} {JOBS} jobs, {WORKERS} workers, {KILLS} kills"
    figures.note("seconds until all jobs are done", case, time.monotonic() - began)
    assert set(ReportJob.objects.values_list("status", flat=True)) == {"succeeded"}
    noted = dict(ReportJob.objects.values_list("file_key", "sha256"))
    found = {str(path.relative_to(folder)): path for path in kept_files(folder)}
    assert len(noted) == JOBS
    assert set(found) == set(noted)
    for key, path in found.items():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == noted[key]
    ends = Counter(AuditEntry.objects.filter(action="finished").values_list("job_key", flat=True))
    assert set(ends.values()) == {1}
    assert len(ends) == JOBS


def finished():
    return ReportJob.objects.exclude(finished_at=None)
