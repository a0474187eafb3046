"""Background jobs with real workers in processes of their own."""

import datetime as dt
import json
import os

import pytest
from django.utils import timezone

from django_reports.models import AuditEntry, ReportJob
from tests.conftest import make_orders
from tests.processes.conftest import Browser, kept_files, wait_for

EXPORT = "/admin/shop/order/export-report/"
ORDERS = {"format": "csv", "profile": "machine", "columns": ["number"]}
SLOW = {
    "_report": "shop.slow_numbers",
    "format": "csv",
    "profile": "machine",
    "columns": ["n"],
    "parameter-rows": "1500",
    "parameter-seconds": "0.002",
}


@pytest.fixture(params=["local", "rq"])
def runner(request, processes, configure):
    """Each test once with the rows drained by themselves, once through a real Redis."""
    if request.param == "rq":
        request.getfixturevalue("redis_queue")
    settings = {"RUNNER": request.param, "STREAM_MAX_ROWS": 10}
    configure(**settings)
    processes.changed.update(settings)
    return request.param


@pytest.fixture
def alice_at_work(alice, runner, browser):
    return browser.log_in("alice")


def job():
    return ReportJob.objects.get()


def let_lease_end():
    """As if the dead worker's lease, half a minute, were over."""
    past = timezone.now() - dt.timedelta(seconds=1)
    assert ReportJob.objects.running().update(lease_until=past) == 1


def has_ended():
    return bool(job().finished_at)


def test_from_the_click_to_the_file(alice_at_work, processes, folder):
    make_orders(200)
    answer = alice_at_work.export(EXPORT + "?region__exact=n&o=-1", **ORDERS)
    assert answer.status == 302
    address = answer.headers["Location"]
    assert "Waiting" in alice_at_work.text(address)
    processes.worker()
    wait_for(has_ended)
    done = job()
    assert done.status == "succeeded", done.error
    assert "Download" in alice_at_work.text(address)
    file = alice_at_work.open(address.replace("change", "download"))
    lines = file.text.split("\r\n")
    assert lines[:2] == ["number", "A00199"]
    assert len(lines) == 102
    assert int(file.headers["Content-Length"]) == done.bytes
    assert [path.stat().st_mode & 0o777 for path in kept_files(folder)] == [0o600]
    actions = AuditEntry.objects.order_by("id").values_list("action", flat=True)
    assert list(actions.exclude(job_key="")) == ["requested", "started", "finished", "downloaded"]


def test_progress_and_cancel(alice_at_work, processes, folder):
    address = alice_at_work.export(EXPORT, **{**SLOW, "parameter-rows": "100000"}).headers[
        "Location"
    ]
    processes.worker()
    seen = wait_for(lambda: job().rows_done)
    assert job().status == "running"
    state = json.loads(alice_at_work.text(address.replace("change", "status")))
    assert state["rows_done"] >= seen
    token = alice_at_work.token(address)
    cancel = address.replace("change", "cancel")
    assert alice_at_work.open(cancel, {"csrfmiddlewaretoken": token}).status == 302
    wait_for(has_ended)
    assert job().status == "canceled"
    assert kept_files(folder) == []


def test_killed_worker(alice_at_work, processes, folder):
    """SIGKILL of the worker and its child in the middle of a job: rerun, one file."""
    alice_at_work.export(EXPORT, **SLOW)
    first = processes.worker()
    wait_for(lambda: job().rows_done)
    processes.kill(first)
    assert job().status == "running"
    let_lease_end()
    processes.worker()
    wait_for(has_ended)
    done = job()
    assert (done.status, done.attempt, done.rows_done) == ("succeeded", 2, 1500)
    (file,) = kept_files(folder)
    assert file.read_bytes().count(b"\r\n") == 1501
    finished = AuditEntry.objects.filter(action="finished")
    assert [entry.data["attempt"] for entry in finished] == [2]


def test_burst_ends_when_nothing_waits(alice_at_work, processes):
    make_orders(20)
    alice_at_work.export(EXPORT, **ORDERS)
    alice_at_work.export(EXPORT, **ORDERS)
    assert processes.command("reports_worker", "--burst") == 0
    assert set(ReportJob.objects.values_list("status", flat=True)) == {"succeeded"}


def test_emptied_redis_loses_no_job(alice, processes, configure, redis_queue, browser):
    settings = {"RUNNER": "rq", "STREAM_MAX_ROWS": 10}
    processes.changed.update(settings)
    configure(**settings)
    make_orders(20)
    browser = type(browser)(processes.server())
    browser.log_in("alice").export(EXPORT, **ORDERS)
    assert wait_for(lambda: job().enqueued_at)
    redis_queue.flushdb()
    ReportJob.objects.update(enqueued_at=job().enqueued_at - dt.timedelta(minutes=1))
    processes.worker()
    wait_for(has_ended)
    assert job().status == "succeeded"


def test_redis_that_is_down_gives_a_waiting_job(alice, processes, monkeypatch):
    monkeypatch.setitem(os.environ, "TEST_REDIS_URL", "redis://127.0.0.1:1/0")
    processes.changed.update({"RUNNER": "rq", "STREAM_MAX_ROWS": 10})
    make_orders(20)
    browser = Browser(processes.server()).log_in("alice")
    answer = browser.export(EXPORT, **ORDERS)
    assert answer.status == 302
    assert "as soon as a worker is there" in browser.text(answer.headers["Location"])
    assert (job().status, job().enqueued_at) == ("queued", None)


def test_thread_of_the_server(alice, processes):
    """With nothing started, the process that serves the pages makes the file."""
    processes.changed.update({"RUNNER": "local", "LOCAL_THREAD": True, "STREAM_MAX_ROWS": 10})
    make_orders(20)
    browser = Browser(processes.server()).log_in("alice")
    browser.export(EXPORT, **ORDERS)
    wait_for(has_ended)
    assert job().status == "succeeded"


def test_server_that_ends_hands_its_job_back(alice, processes):
    processes.changed.update({"RUNNER": "local", "LOCAL_THREAD": True})
    browser = Browser(processes.server("gunicorn", "--graceful-timeout", "1")).log_in("alice")
    browser.export(EXPORT, **{**SLOW, "parameter-rows": "100000"})
    wait_for(lambda: job().rows_done)
    processes.started[0].terminate()
    wait_for(lambda: job().status == "queued")
    assert job().attempt == 1


def test_worker_that_ends_hands_its_job_back(alice, processes):
    processes.changed.update({"RUNNER": "local"})
    Browser(processes.server()).log_in("alice").export(
        EXPORT, **{**SLOW, "parameter-rows": "100000"}
    )
    worker = processes.worker()
    wait_for(lambda: job().rows_done)
    worker.terminate()
    wait_for(lambda: job().status == "queued")
    assert worker.wait() == 0


def test_command_leaves_the_job_to_a_worker(alice, processes):
    """A command starts no thread: it would die with it."""
    processes.changed.update({"RUNNER": "local", "LOCAL_THREAD": True})
    make_orders(20)
    assert processes.command("export_report", "shop.orders", "--queue") == 0
    assert processes.command("sweep_reports") == 0
    assert (job().status, job().attempt) == ("queued", 0)
    assert processes.command("reports_worker", "--burst") == 0
    assert job().status == "succeeded"
