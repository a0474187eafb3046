"""A report that takes all memory: the kernel kills its process, and the person is told."""

import os
from pathlib import Path

import pytest

from django_reports.models import ReportJob
from tests.conftest import make_orders
from tests.entry_points.helpers import enqueue
from tests.processes.conftest import wait_for

pytestmark = pytest.mark.thorough

ROOT = Path("/sys/fs/cgroup")
LIMIT = 300 * 1024 * 1024  # bytes


@pytest.fixture
def little_memory(processes):
    """A control group whose processes together have so much memory and no more."""
    is_old = (ROOT / "memory").is_dir()
    group = (ROOT / "memory" if is_old else ROOT) / f"reports-test-{os.getpid()}"
    try:
        group.mkdir()
        limit = group / ("memory.limit_in_bytes" if is_old else "memory.max")
        limit.write_text(str(LIMIT))
    except OSError as error:
        pytest.skip(f"no control group of one's own ({error}): the kernel's kill is left out")
    yield group
    processes.end()
    wait_for(lambda: not (group / "cgroup.procs").read_text())
    group.rmdir()


def kills_of(group):
    """How often the kernel has killed in this group."""
    for name in ("memory.oom_control", "memory.events"):
        if (group / name).exists():
            facts = dict(line.split() for line in (group / name).read_text().splitlines())
            return int(facts["oom_kill"])
    raise AssertionError(f"no count of kills in {group}")


def test_the_kernels_kill_is_told(little_memory, alice, processes, configure, redis_queue):
    configure(RUNNER="rq")
    processes.changed["RUNNER"] = "rq"
    processes.environment["TEST_APPS"] = "tests.faults"
    make_orders(20)
    greedy, modest = enqueue(alice, "shop.greedy"), enqueue(alice)
    worker = processes.worker()
    (little_memory / "cgroup.procs").write_text(str(worker.pid))
    wait_for(lambda: not ReportJob.objects.filter(finished_at=None).exists())
    greedy.refresh_from_db()
    modest.refresh_from_db()
    assert kills_of(little_memory) >= 3
    assert (greedy.status, greedy.error) == ("failed", "Killed or out of memory, 3 times.")
    assert modest.status == "succeeded"
    assert worker.poll() is None  # the kernel took the child, which had grown
