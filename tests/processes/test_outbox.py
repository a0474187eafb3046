"""From the request to the queue: rollbacks, a Redis that is down or hangs, what is spoilt in it."""

import contextlib
import datetime as dt
import os
import socket
import threading
import time

import pytest
from django.db import connection, transaction
from rq.job import Job
from rq.serializers import JSONSerializer

from django_reports.jobs import dispatch
from django_reports.jobs.lifecycle import cancel
from django_reports.jobs.runners.rq import RQRunner
from django_reports.models import AuditEntry, ReportJob
from tests import figures
from tests.conftest import make_orders
from tests.entry_points.helpers import asking, enqueue, put, sign, spec_of, sweep
from tests.processes.conftest import Browser, wait_for

pytestmark = pytest.mark.thorough

EXPORT = "/admin/shop/order/export-report/"
ORDERS = {"format": "csv", "profile": "machine", "columns": ["number"]}


@pytest.fixture
def rq(processes, configure, redis_queue):
    changed = {"RUNNER": "rq", "STREAM_MAX_ROWS": 10}
    configure(**changed)
    processes.changed.update(changed)
    return redis_queue


def statuses():
    return list(ReportJob.objects.order_by("created_at").values_list("status", flat=True))


def have_ended():
    return not ReportJob.objects.filter(finished_at=None).exists()


def queue_of(redis):
    return [name.decode() for name in redis.lrange("rq:queue:reports", 0, -1)]


def ask(user):
    return dispatch.enqueue(spec_of(), *asking(user))


# The job is written with the caller's transaction


def test_a_rollback_leaves_nothing(alice, rq):
    for _ in range(100):
        with contextlib.suppress(ZeroDivisionError), transaction.atomic():
            ask(alice)
            raise ZeroDivisionError
    assert not ReportJob.objects.exists()
    assert not AuditEntry.objects.filter(action="requested").exists()
    assert queue_of(rq) == []


def test_nothing_is_handed_over_before_the_commit(alice, rq):
    with transaction.atomic():
        job = ask(alice)
        assert queue_of(rq) == []
    assert queue_of(rq) == [f"{job.pk}-1"]


def test_what_was_committed_and_not_handed_over_is_found(alice, rq, processes):
    """A hundred processes are killed after COMMIT, where they would give RQ the job."""
    make_orders(20)
    asker = processes.start("tests.faults.asker", "alice", "100")
    assert asker.wait() == 0
    assert (queue_of(rq), statuses()) == ([], ["queued"] * 100)
    assert processes.command("sweep_reports") == 0
    assert len(queue_of(rq)) == 100
    processes.worker("--burst")
    wait_for(have_ended)
    assert statuses() == ["succeeded"] * 100
    finished = AuditEntry.objects.filter(action="finished").values_list("job_key", flat=True)
    assert (len(finished), len(set(finished))) == (100, 100)


# The same, asked twice


def test_the_same_export_is_one_job_while_it_is_active(alice, bob, rq):
    first, again = ask(alice), ask(alice)
    assert first == again
    assert queue_of(rq) == [f"{first.pk}-1"]
    assert ask(bob) != first
    assert dispatch.enqueue(spec_of(columns=["id"]), *asking(alice)) != first
    ReportJob.objects.filter(pk=first.pk).move("queued", "canceled")
    assert ask(alice) != first


def test_what_is_being_canceled_is_not_handed_out_again(alice, rq):
    job = ask(alice)
    ReportJob.objects.filter(pk=job.pk).move("queued", "running")
    assert cancel(job, asking(alice)[1])
    assert ask(alice) != job


def test_fifty_clicks_at_once_are_one_job(alice, rq):
    barrier = threading.Barrier(10)
    found = []

    def click():
        try:
            for _ in range(5):
                barrier.wait()
                found.append(ask(alice).pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=click) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(found), len(set(found))) == (50, 1)
    assert AuditEntry.objects.filter(action="requested").count() == 50


# A Redis that is not itself


def never_answer(taken):
    pass


def drip(taken):
    """An answer that never ends, a byte at a time."""
    with contextlib.suppress(OSError):
        taken.sendall(b"+")
        while True:
            time.sleep(0.2)
            taken.sendall(b"x")


@pytest.fixture(params=[never_answer, drip])
def hanging(request):
    """A port that takes connections, and has nobody come to an end."""
    connections = []

    def accept(listener):
        with contextlib.suppress(OSError):
            while True:
                connections.append(listener.accept()[0])
                thread = threading.Thread(target=request.param, args=[connections[-1]])
                thread.start()

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(100)
        threading.Thread(target=accept, args=[listener]).start()
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
        listener.shutdown(socket.SHUT_RDWR)
    for taken in connections:
        taken.close()


def test_a_redis_that_hangs_holds_up_nobody(alice, processes, hanging, monkeypatch):
    monkeypatch.setitem(os.environ, "TEST_REDIS_URL", hanging)
    processes.changed.update({"RUNNER": "rq", "STREAM_MAX_ROWS": 10})
    make_orders(20)
    browser = Browser(processes.server()).log_in("alice")
    token = browser.token(EXPORT)
    asked = time.monotonic()
    answer = browser.open(
        EXPORT, {"_export": "1", "_across": "1", "csrfmiddlewaretoken": token, **ORDERS}
    )
    figures.note("seconds of a request while Redis is away", "hangs", time.monotonic() - asked)
    assert answer.status == 302
    assert "as soon as a worker is there" in browser.text(answer.headers["Location"])
    assert ReportJob.objects.get().enqueued_at is None


def test_a_redis_that_comes_back_gets_what_it_lost(alice, rq, processes):
    make_orders(20)
    jobs = [enqueue(alice) for _ in range(3)]
    assert len(queue_of(rq)) == 3
    rq.flushdb()
    ReportJob.objects.update(enqueued_at=jobs[0].created_at - dt.timedelta(minutes=1))
    processes.worker()
    wait_for(have_ended)
    assert statuses() == ["succeeded"] * 3


def test_what_waits_in_the_queue_is_not_handed_over_again(alice, rq):
    jobs = [enqueue(alice) for _ in range(5)]
    long_ago = jobs[0].created_at - dt.timedelta(minutes=1)
    ReportJob.objects.update(enqueued_at=long_ago)
    rq.lrem("rq:queue:reports", 1, f"{jobs[3].pk}-1")
    assert sweep().enqueued == 1
    assert sorted(queue_of(rq)) == sorted(f"{job.pk}-1" for job in jobs)
    assert ReportJob.objects.filter(enqueued_at=long_ago).count() == 4


def test_connections_are_given_back(alice, rq):
    enqueue(alice)
    connected = clients_of(rq)
    for _ in range(20):
        enqueue(alice)
    ReportJob.objects.update(enqueued_at=None)
    for _ in range(3):
        sweep()
    assert clients_of(rq) <= connected


def clients_of(rq):
    """How many are connected to this test's database: others use the same server."""
    number = str(rq.connection_pool.connection_kwargs["db"])
    return sum(client["db"] == number for client in rq.client_list())


def test_ten_thousand_exports_take_no_memory(rq, processes):
    """RQ would keep a script, and more, for every client that there was."""
    assert processes.start("tests.faults.enqueuer").wait() == 0


# What is spoilt in the queue


def rq_job(redis, name):
    return Job(name, connection=redis, serializer=JSONSerializer)


@pytest.mark.parametrize("data", [b"not zipped", b"", b'["os.system", null, ["touch x"], {}]'])
def test_a_spoilt_payload_stops_nobody(alice, rq, processes, data):
    make_orders(20)
    spoilt, following = enqueue(alice), enqueue(alice, columns=["id"])
    rq.hset(f"rq:job:{spoilt.pk}-1", "data", data)
    processes.worker()
    wait_for(lambda: ReportJob.objects.get(pk=following.pk).finished_at)
    ReportJob.objects.queued().update(enqueued_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    wait_for(have_ended)  # handed over again, whole
    assert statuses() == ["succeeded"] * 2


def test_a_worker_runs_nothing_but_exports(alice, rq, processes, tmp_path):
    """Whoever can write into Redis cannot have anything else executed."""
    import django_rq

    mark = tmp_path / "mark"
    queue = django_rq.get_queue("reports", serializer=JSONSerializer)
    queue.enqueue("os.mkdir", str(mark))
    make_orders(20)
    enqueue(alice)
    processes.worker("--burst")
    wait_for(have_ended)
    assert statuses() == ["succeeded"]
    assert not mark.exists()


def test_a_plain_rqworker_will_do(alice, rq, processes):
    make_orders(20)
    enqueue(alice)
    processes.environment["TEST_APPS"] = "django_rq"
    assert processes.command(
        "rqworker", "reports", "--burst", "--serializer", "rq.serializers.JSONSerializer"
    ) == 0  # fmt: skip
    assert statuses() == ["succeeded"]


def test_a_job_that_a_dead_worker_took_out_of_the_queue_is_put_there_again(alice, rq):
    """Killed before the claim: RQ thinks that it runs, the row still waits."""
    job = enqueue(alice)
    assert rq.lpop("rq:queue:reports")
    rq.hset(f"rq:job:{job.pk}-1", "status", "started")
    RQRunner().enqueue(job)
    assert queue_of(rq) == [f"{job.pk}-1"]
    RQRunner().enqueue(job)
    assert queue_of(rq) == [f"{job.pk}-1"]


# Poison


def test_poison_stops_after_its_attempts_and_lets_others_pass(alice, rq, processes):
    make_orders(20)
    poison, other = enqueue(alice, "shop.poison"), enqueue(alice)
    processes.worker()
    wait_for(have_ended)
    poison.refresh_from_db()
    other.refresh_from_db()
    assert (poison.status, poison.error) == ("failed", "Killed or out of memory, 3 times.")
    assert (other.status, other.lost) == ("succeeded", 0)
    assert (poison.attempt, poison.lost, poison.file_key) == (3, 2, "")


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"report": "shop.gone"}, "This report no longer exists."),
        ({"parameters": {"bogus": ["1"]}}, "unknown; the legal ones are"),
        ({"format": "pdf"}, "There is no format 'pdf'"),
        ({"columns": ["gone"]}, "has no column 'gone'"),
        ({"time_zone": "Mars"}, "There is no time zone 'Mars'"),
        ({"options": []}, "This is no description of an export"),
        ({"selection": {"kind": "moon"}}, "There is no selection 'moon'"),
    ],
)
def test_what_cannot_be_run_any_more_says_why(alice, rq, processes, facts, reason):
    make_orders(20)
    spoilt = enqueue(alice)
    enqueue(alice, columns=["id"])
    sign(put(spoilt, spec={**spoilt.spec, **facts}))
    processes.worker("--burst")
    wait_for(have_ended)
    assert statuses() == ["failed", "succeeded"]
    spoilt.refresh_from_db()
    assert reason in spoilt.error
