"""A Redis of the test's own that is stopped, hangs, is emptied and started again.

Workers stay alive through all of it, and each job is made once.
"""

import os
import signal
import subprocess
import time
from collections import Counter

import pytest
import redis

from django_reports.models import AuditEntry, ReportJob
from tests import figures
from tests.entry_points.helpers import enqueue, files_in
from tests.processes.conftest import Browser, free_port, wait_for
from tests.services import find_redis_server

pytestmark = pytest.mark.thorough

JOBS = 20
EXPORT = "/admin/shop/order/export-report/"
NUMBERS = {"rows": ["100"], "seconds": ["0.003"]}  # a third of a second
CHOICE = {
    "_report": "shop.slow_numbers", "format": "csv", "profile": "machine", "columns": ["n"],
    "parameter-rows": "10",
}  # fmt: skip


class OwnRedis:
    """Keeps everything in memory: after a new start nothing is there."""

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        # Of this address, tests/settings.py makes each xdist worker's, here and in processes.
        number = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
        self.own_url = f"redis://127.0.0.1:{self.port}/{number}"

    def start(self):
        self.process = subprocess.Popen(
            [find_redis_server(), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
             "--appendonly", "no", "--dir", str(self.folder)],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        wait_for(lambda: self.process.poll() is not None or self.answers())
        assert self.process.poll() is None

    def answers(self):
        with redis.Redis(port=self.port, socket_timeout=1) as client:
            try:
                return client.ping()
            except redis.RedisError:
                return False

    def stop(self):
        self.process.kill()
        self.process.wait()

    def restart(self):
        self.stop()
        time.sleep(0.5)
        self.start()

    def hang(self):
        """Take connections, and never answer."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def flush(self):
        with redis.Redis(port=self.port) as client:
            client.flushall()


@pytest.fixture
def server(processes, configure, settings, monkeypatch, tmp_path):
    if find_redis_server() is None:
        pytest.skip("no redis-server: a Redis of the test's own is left out")
    own = OwnRedis(tmp_path)
    own.start()
    monkeypatch.setitem(os.environ, "TEST_REDIS_URL", own.url)
    settings.RQ_QUEUES = {"reports": {**settings.RQ_QUEUES["reports"], "URL": own.own_url}}
    changed = {"RUNNER": "rq", "STREAM_MAX_ROWS": 10}
    configure(**changed)
    processes.changed.update(changed)
    yield own
    own.stop()


def have_ended():
    return not ReportJob.objects.filter(finished_at=None).exists()


def assert_each_was_made_once(count, folder):
    assert Counter(ReportJob.objects.values_list("status", flat=True)) == {"succeeded": count}
    ends = AuditEntry.objects.filter(action="finished").values_list("job_key", flat=True)
    assert (len(ends), len(set(ends))) == (count, count)
    assert files_in(folder) == sorted(ReportJob.objects.values_list("file_key", flat=True))


@pytest.mark.parametrize(("leave", "come_back"), [("stop", "start"), ("hang", "go_on")])
def test_who_asks_meanwhile_is_told_and_gets_it_later(
    alice, processes, folder, server, leave, come_back
):
    browser = Browser(processes.server()).log_in("alice")
    worker = processes.worker()
    token = browser.token(EXPORT)
    getattr(server, leave)()
    asked = time.monotonic()
    answer = browser.open(
        EXPORT, {"_export": "1", "_across": "1", "csrfmiddlewaretoken": token, **CHOICE}
    )
    figures.note("seconds of a request while Redis is away", leave, time.monotonic() - asked)
    assert answer.status == 302
    assert "as soon as a worker is there" in browser.text(answer.headers["Location"])
    late = processes.worker()  # it starts while there is no Redis
    time.sleep(3)
    assert not have_ended()
    getattr(server, come_back)()
    wait_for(have_ended)
    assert_each_was_made_once(1, folder)
    assert (worker.poll(), late.poll()) == (None, None)


@pytest.mark.parametrize(("leave", "come_back"), [("stop", "start"), ("hang", "go_on")])
def test_a_job_that_runs_needs_no_redis(alice, processes, folder, server, leave, come_back):
    enqueue(alice, "shop.slow_numbers", parameters={"rows": ["1500"], "seconds": ["0.002"]})
    worker = processes.worker()
    wait_for(lambda: ReportJob.objects.get().rows_done)
    getattr(server, leave)()
    wait_for(have_ended)
    assert_each_was_made_once(1, folder)
    getattr(server, come_back)()
    enqueue(alice, "shop.numbers")
    wait_for(have_ended)
    assert_each_was_made_once(2, folder)
    assert worker.poll() is None


def begin(alice, processes):
    """Twenty jobs for two workers, a quarter of them done."""
    processes.environment["TEST_APPS"] = "tests.faults"  # which sweeps often
    for _ in range(JOBS):
        enqueue(alice, "shop.slow_numbers", parameters=NUMBERS)
    workers = [processes.worker() for _ in range(2)]
    wait_for(lambda: ReportJob.objects.exclude(finished_at=None).count() >= JOBS // 4)
    return workers


def away_for_seconds(server):
    server.stop()
    time.sleep(4)
    server.start()


def hanging_for_seconds(server):
    server.hang()
    time.sleep(4)
    server.go_on()


def restarted_again_and_again(server):
    for _ in range(5):
        server.restart()
        time.sleep(1)


def emptied(server):
    server.flush()


@pytest.mark.parametrize(
    "disturb", [away_for_seconds, hanging_for_seconds, restarted_again_and_again, emptied]
)
def test_in_the_middle_of_twenty_jobs(alice, processes, folder, server, disturb):
    workers = begin(alice, processes)
    disturb(server)
    wait_for(have_ended)
    assert_each_was_made_once(JOBS, folder)
    assert [worker.poll() for worker in workers] == [None, None]


@pytest.mark.parametrize("leave", ["stop", "hang"])
def test_a_worker_without_redis_can_be_told_to_stop(alice, processes, server, leave):
    """It hands its job back, and ends in good order as soon as it is answered."""
    enqueue(alice, "shop.slow_numbers", parameters={"rows": ["100000"], "seconds": ["0.002"]})
    worker = processes.worker()
    wait_for(lambda: ReportJob.objects.get().rows_done)
    getattr(server, leave)()
    worker.terminate()
    wait_for(lambda: ReportJob.objects.get().status == "queued")
    assert (ReportJob.objects.get().attempt, ReportJob.objects.get().lost) == (1, 0)
    if leave == "hang":
        server.go_on()
    assert worker.wait() == 0
