"""The life of a job: claimed once, run by whom asked, published whole, or ended with its reason."""

import datetime as dt
import hashlib
import re
import threading
import time
from uuid import uuid4

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from django_reports import signals
from django_reports.audit.log import Origin
from django_reports.core import storages
from django_reports.core.choices import FailureCause
from django_reports.engine import pipeline
from django_reports.exceptions import IllegalTransition
from django_reports.jobs import execution, files, lifecycle
from django_reports.models import ReportJob
from tests.conftest import elsewhere, make_orders
from tests.entry_points.helpers import actions, deliver, enqueue, files_in, make, put, run
from tests.shop.models import Order
from tests.shop.reports import Numbers, Orders

MANY = {"rows": ["2000"]}
ENDLESS = {"rows": ["1000000000"]}


@pytest.fixture
def queue(configure):
    """Jobs wait until the test runs them, also where a commit is a commit."""
    configure(RUNNER="local")


def row_of(job):
    return ReportJob.objects.filter(pk=job.pk)


def while_running(monkeypatch, act, *, at=1200, pause=0.01):
    """Have a report of numbers do something elsewhere at one row; those after it come slowly."""
    rows = Numbers.rows

    def acting(self, context):
        for number, row in enumerate(rows(self, context), start=1):
            if number == at:
                elsewhere(act)
            if number >= at:
                time.sleep(pause)
            yield row

    monkeypatch.setattr(Numbers, "rows", acting)


# Claimed once


@pytest.mark.django_db
def test_a_claim_starts_the_job(alice, orders):
    job = enqueue(alice)
    attempt = execution.claim(job.pk, 1)
    job.refresh_from_db()
    assert (job.status, job.attempt, attempt.number) == ("running", 1, 1)
    lease = job.lease_until - timezone.now()
    assert dt.timedelta(seconds=20) < lease <= dt.timedelta(seconds=30)
    assert job.started_at is not None


@pytest.mark.django_db
@pytest.mark.parametrize("number", [0, 2, 3])
def test_only_the_next_attempt_can_be_claimed(alice, orders, number):
    job = enqueue(alice)
    assert execution.claim(job.pk, number) is None
    assert row_of(job).get().status == "queued"


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["running", "succeeded", "failed", "canceled", "expired"])
def test_only_a_waiting_job_can_be_claimed(alice, orders, status):
    assert execution.claim(put(enqueue(alice), status=status).pk, 1) is None


@pytest.mark.django_db
def test_neither_an_immediate_export_nor_an_unknown_job_can_be_claimed(alice, orders):
    export = deliver(alice)
    put(export.job, status="queued", attempt=0)
    assert execution.claim(export.job.pk, 1) is None
    assert execution.claim(uuid4(), 1) is None
    export.close()


@pytest.mark.django_db(transaction=True)
def test_of_two_who_claim_one_wins(alice, orders, queue):
    job = enqueue(alice)
    start = threading.Barrier(4)
    won = []

    def claim():
        try:
            start.wait()
            won.append(execution.claim(job.pk, 1) is not None)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=claim) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False, False, False, True]
    assert actions(job) == ["requested", "started"]


@pytest.mark.django_db
def test_a_job_that_is_not_there_to_claim_is_left_alone(alice, orders, folder):
    job = make(alice)
    execution.run_attempt(job.pk, 1)
    execution.run_attempt(job.pk, 2)
    job.refresh_from_db()
    assert (job.status, job.attempt) == ("succeeded", 1)
    assert len(files_in(folder)) == 1


# Published


@pytest.mark.django_db
@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_the_row_tells_the_truth_about_the_file(alice, orders, folder, format):
    job = make(alice, format=format)
    content = (folder / job.file_key).read_bytes()
    assert files_in(folder) == [job.file_key]
    assert (job.bytes, job.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert (job.status, job.rows_done, job.rows_expected, job.percent) == ("succeeded", 20, 20, 100)
    assert job.lease_until is None
    assert job.expires_at - job.finished_at == dt.timedelta(days=7)


@pytest.mark.django_db
def test_a_job_has_the_rows_at_the_time_of_running_and_the_now_of_asking(
    alice, orders, monkeypatch
):
    seen = []
    monkeypatch.setattr(
        Orders, "filter_queryset", lambda self, rows, context: seen.append(context.now) or rows
    )
    job = enqueue(alice)
    Order.objects.first().delete()
    assert run(job).rows_done == 19
    assert seen[-1] == job.created_at


@pytest.mark.django_db
def test_an_old_attempt_publishes_nothing_and_removes_its_file(alice, orders, folder, monkeypatch):
    job = enqueue(alice)
    publish = files.publish

    def overtaken(*args):
        name = publish(*args)
        put(job, attempt=2)
        return name

    monkeypatch.setattr(files, "publish", overtaken)
    run(job)
    assert (job.status, job.attempt, job.sha256) == ("running", 2, "")
    assert files_in(folder) == []


@pytest.mark.django_db
def test_an_old_attempt_ends_nothing(alice, orders):
    job = enqueue(alice)
    old = execution.claim(job.pk, 1)
    put(job, attempt=2)
    assert not lifecycle.fail(job, old.owned_jobs(), FailureCause.TIMEOUT, "too late")
    assert not lifecycle.finish_canceled(job, old.owned_jobs())
    assert not execution.requeue(old)
    assert row_of(job).get().status == "running"


@pytest.mark.django_db
def test_what_is_canceled_at_the_last_moment_is_not_published(alice, orders, folder, monkeypatch):
    job = enqueue(alice)
    publish = files.publish

    def canceled_meanwhile(*args):
        name = publish(*args)
        lifecycle.cancel(job, Origin(user=alice))
        return name

    monkeypatch.setattr(files, "publish", canceled_meanwhile)
    assert run(job).status == "canceled"
    assert files_in(folder) == []


@pytest.mark.django_db
def test_a_storage_that_fails_in_the_middle_leaves_no_file(alice, orders, folder, monkeypatch):
    save = storages.PrivateFileSystemStorage._save

    def disk_full(self, name, content):
        save(self, name, content)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storages.PrivateFileSystemStorage, "_save", disk_full)
    job = make(alice)
    assert job.status == "failed"
    assert job.error == "Storage full: there is no space left for the file."
    assert files_in(folder) == []


# Stopped while running


@pytest.mark.django_db(transaction=True)
def test_cancel_stops_a_running_job(alice, queue, folder, monkeypatch):
    job = enqueue(alice, "shop.numbers", parameters=ENDLESS)
    while_running(monkeypatch, lambda: lifecycle.cancel(job, Origin(user=alice)))
    run(job)
    assert (job.status, job.error) == ("canceled", "Canceled while running.")
    assert files_in(folder) == []


@pytest.mark.django_db(transaction=True)
def test_a_lost_lease_stops_a_running_job_and_leaves_it_to_its_owner(
    alice, queue, folder, monkeypatch
):
    job = enqueue(alice, "shop.numbers", parameters=ENDLESS)
    while_running(monkeypatch, lambda: row_of(job).update(attempt=2))
    run(job)
    assert (job.status, job.attempt) == ("running", 2)
    assert actions(job) == ["requested", "started"]
    assert files_in(folder) == []


@pytest.mark.django_db(transaction=True)
def test_progress_and_lease_are_seen_from_outside_while_it_runs(alice, queue, monkeypatch):
    job = enqueue(alice, "shop.numbers", parameters=MANY)
    seen = []

    def look():
        while not (row := row_of(job).get()).rows_done:
            time.sleep(0.05)
        seen.append(row)

    while_running(monkeypatch, look, pause=0)
    assert run(job).status == "succeeded"
    assert seen[0].status == "running"
    assert 1200 - pipeline.CHUNK <= seen[0].rows_done < 1200
    assert seen[0].lease_until > seen[0].started_at + dt.timedelta(seconds=30)


@pytest.mark.django_db(transaction=True)
def test_an_orders_export_reads_one_snapshot(alice, queue, monkeypatch):
    """What is written by others while it runs is in the next export (SQLite: one SELECT)."""
    make_orders(3000)
    note = pipeline.Meter.count
    written = []

    def writing(self, block):
        if not written:
            written.append(elsewhere(lambda: Order.objects.update(note="late")))
        return note(self, block)

    monkeypatch.setattr(pipeline.Meter, "count", writing)
    job = make(alice, columns=["remark"])
    assert written == [3000]
    with files.open_file(job) as file:
        assert b"late" not in file.read()


@pytest.mark.django_db
def test_a_job_that_takes_too_long_fails(alice, configure, folder):
    configure(JOB_TIMEOUT=dt.timedelta(microseconds=1))
    job = make(alice, "shop.numbers")
    assert (job.status, job.error) == ("failed", "Timed out after 0:00:00.000001.")
    assert files_in(folder) == []


@pytest.mark.django_db
def test_a_worker_that_shuts_down_hands_its_job_back(alice, orders, folder):
    job = enqueue(alice)
    run(job, is_stopping=lambda: True)
    assert (job.status, job.attempt, job.enqueued_at, job.lease_until) == ("queued", 1, None, None)
    assert files_in(folder) == []
    assert run(job).status == "succeeded"
    assert job.attempt == 2


@pytest.mark.django_db
def test_a_step_that_the_state_machine_lacks_is_refused(alice, orders):
    job = enqueue(alice)
    with pytest.raises(IllegalTransition, match="A queued job cannot become succeeded"):
        row_of(job).move("queued", "succeeded")


# What it tells


@pytest.mark.django_db
def test_an_error_of_the_report_is_named_but_not_shown(alice, folder):
    job = make(alice, "shop.numbers", parameters={"fail_at": ["3"]})
    assert job.status == "failed"
    assert re.fullmatch(
        r"The report failed with an error \(ValueError\)\. The server's log has the details under "
        r"the reference [0-9a-f]{8}\.",
        job.error,
    )
    assert files_in(folder) == []


@pytest.mark.django_db
def test_the_reason_is_told_in_the_language_of_who_asked(alice):
    job = make(alice, "shop.numbers", parameters={"fail_at": ["3"]}, language="de")
    assert job.error.startswith("Beim Erstellen des Berichts ist ein Fehler aufgetreten (")


# Signals


@pytest.mark.django_db(transaction=True)
def test_signals_come_after_the_commit(alice, orders, queue):
    heard = []

    def listen(sender, job, signal, **kwargs):
        heard.append((names[signal], connection.in_atomic_block, row_of(job).get().status))

    names = {getattr(signals, name): name for name in ("job_queued", "job_started", "job_finished")}
    for signal in names:
        signal.connect(listen)
    try:
        with transaction.atomic():
            job = enqueue(alice)
            assert heard == []
        run(job)
    finally:
        for signal in names:
            signal.disconnect(listen)
    assert heard == [
        ("job_queued", False, "queued"),
        ("job_started", False, "running"),
        ("job_finished", False, "succeeded"),
    ]
