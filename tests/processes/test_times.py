"""How long it takes, with the settings that a site has, until a kill is seen and the job rerun.

TEST_TIMES says how often each case is measured; once, unless it is set. With TEST_COMPARE, what a
plain RQ makes of a job whose worker is killed is measured too, which takes a quarter of an hour.
"""

import os
import time

import pytest
from django.conf import settings
from django.utils import timezone
from rq import Queue

from django_reports.models import ReportJob
from tests import figures
from tests.conftest import make_orders
from tests.entry_points.helpers import enqueue
from tests.processes.conftest import kill_at_point, session_of, wait_for

pytestmark = pytest.mark.thorough

TIMES = int(os.environ.get("TEST_TIMES", "1"))
AT_ONCE = min(TIMES, 5)  # jobs that lose their workers at the same moment


@pytest.mark.parametrize(
    ("runner", "target"), [("rq", "child"), ("rq", "both"), ("local", "child")]
)
def test_a_kill_is_seen_and_the_job_rerun(
    alice, processes, configure, request, tmp_path, runner, target
):
    if runner == "rq":
        request.getfixturevalue("redis_queue")
    configure(RUNNER=runner)
    processes.changed["RUNNER"] = runner
    processes.environment.update({"TEST_APPS": "tests.faults", "TEST_USUAL_TIMES": "1"})
    make_orders(1200)
    for number in range(TIMES // AT_ONCE):
        pids = hold_jobs(alice, processes, tmp_path / str(number))
        healthy = processes.worker()
        time.sleep(5)  # until it waits for a job
        killed_at = timezone.now()
        for pid in pids:
            kill_at_point(target, pid)
        jobs = ReportJob.objects.filter(finished_at=None)
        keys = list(jobs.values_list("pk", flat=True))
        seen_after = see(keys, killed_at)
        wait_for(lambda jobs=jobs: not jobs.exists())
        case = f"{runner:5} {'worker' if runner == 'local' else target}"
        for job in ReportJob.objects.filter(pk__in=keys):
            assert (job.status, job.attempt, job.lost) == ("succeeded", 2, 1)
            rerun_after = (job.started_at - killed_at).total_seconds()
            figures.note("seconds from the kill until it is seen", case, seen_after[job.pk])
            figures.note("seconds from the kill until the job runs again", case, rerun_after)
        assert healthy.poll() is None
        processes.end()
        processes.started.clear()


def hold_jobs(alice, processes, folder):
    """Jobs in the middle of their rows, each in a worker of its own. Their processes' numbers."""
    folder.mkdir()
    marks = [folder / f"{number}.mark" for number in range(AT_ONCE)]
    for mark in marks:
        enqueue(alice)
        processes.environment.update({"TEST_POINT": "mid-rows", "TEST_MARK": str(mark)})
        processes.worker()
    pids = [int(wait_for(lambda m=mark: m.exists() and m.read_text())) for mark in marks]
    del processes.environment["TEST_POINT"]
    return pids


def see(keys, killed_at):
    """After how many seconds it is told of each job that its attempt was lost."""
    seen = {}

    def all_seen():
        lost = ReportJob.objects.filter(pk__in=keys, lost=1).values_list("pk", flat=True)
        for key in lost:
            seen.setdefault(key, (timezone.now() - killed_at).total_seconds())
        return len(seen) == len(keys)

    wait_for(all_seen)
    return seen


@pytest.mark.skipif("TEST_COMPARE" not in os.environ, reason="takes a quarter of an hour")
def test_what_a_plain_rq_makes_of_a_kill(processes, redis_queue, tmp_path):
    """It notes the job as failed, some time later, and runs it no more."""
    pauses = 60  # seconds: how long after its last look for dead jobs a worker meets another one
    names, killed_at = [f"naive-{number}" for number in range(AT_ONCE)], {}
    victims = {name: hold_naive_job(processes, redis_queue, name, tmp_path) for name in names}
    for name in names:
        plain_worker(processes, name)
    time.sleep(5)
    for name in names:
        processes.kill(victims[name])
        killed_at[name] = time.monotonic()
        time.sleep(pauses)
    while killed_at:
        for name in [name for name in killed_at if redis_queue.zcard(f"rq:failed:{name}")]:
            took = time.monotonic() - killed_at.pop(name)
            figures.note("seconds until a plain RQ tells of the kill", "worker and child", took)
            assert redis_queue.llen(f"rq:queue:{name}") == 0  # nobody runs it again
        time.sleep(1)


def plain_worker(processes, queue):
    return processes.start("rq.cli", "worker", "--url", settings.REDIS_URL, queue)


def hold_naive_job(processes, redis_queue, name, tmp_path):
    mark = tmp_path / name
    queue = Queue(name, connection=redis_queue)
    queue.enqueue("tests.faults.naive.wait_to_be_killed", str(mark), job_timeout=60 * 60)
    worker = plain_worker(processes, name)
    wait_for(mark.exists)
    assert len(session_of(worker.pid)) == 2
    return worker
