"""The sweep: what died is run again or ended, what waits is handed over, what is old is removed."""

import datetime as dt
from collections import Counter
from contextlib import closing
from uuid import UUID

import pytest
from django.db import connection
from django.utils import timezone

from django_reports.audit.log import Origin
from django_reports.jobs import files, lifecycle
from django_reports.jobs.maintenance import Sweeper, Swept
from django_reports.jobs.runners import hand_over, local
from django_reports.jobs.runners.immediate import ImmediateRunner
from django_reports.models import AuditEntry, ReportJob
from tests.entry_points.helpers import (
    actions,
    deliver,
    enqueue,
    entries,
    files_in,
    make,
    put,
    sweep,
)

pytestmark = pytest.mark.django_db


def ago(**time):
    return timezone.now() - dt.timedelta(**time)


@pytest.fixture
def handed_over(monkeypatch):
    """The keys of the jobs that a runner was given; nothing is run."""
    keys = []
    monkeypatch.setattr(ImmediateRunner, "enqueue", lambda self, job: keys.append(job.pk))
    return keys


def abandoned(job, **facts):
    """A job whose worker was not heard of for a minute."""
    return put(job, **{"status": "running", "attempt": 1, "lease_until": ago(minutes=1), **facts})


def orphan(folder, job):
    """Let a dead attempt of a job have left a file that it had noted."""
    path = folder / files.new_key("csv", timezone.now())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"half")
    return put(job, storage="private", file_key=str(path.relative_to(folder)))


# What died


def test_an_abandoned_job_is_run_again(alice, orders):
    job = abandoned(enqueue(alice))
    assert sweep() == Swept(rerun=1, enqueued=1)
    job.refresh_from_db()
    assert (job.status, job.attempt, job.rows_done) == ("succeeded", 2, 20)


def test_an_abandoned_job_waits_for_its_runner(alice, orders, handed_over):
    job = abandoned(enqueue(alice))
    sweep()
    job.refresh_from_db()
    assert (job.status, job.attempt, job.lease_until) == ("queued", 1, None)
    assert handed_over == [job.pk]


def test_a_job_whose_worker_lives_is_left_alone(alice, orders, handed_over):
    job = abandoned(enqueue(alice), lease_until=timezone.now() + dt.timedelta(seconds=5))
    assert sweep() == Swept()
    job.refresh_from_db()
    assert job.status == "running"


def test_a_job_that_died_too_often_fails(alice, orders, folder):
    job = orphan(folder, abandoned(enqueue(alice), attempt=3, lost=2))
    assert sweep() == Swept(failed=1)
    job.refresh_from_db()
    assert (job.status, job.error) == ("failed", "Killed or out of memory, 3 times.")
    assert actions(job) == ["requested", "failed"]
    assert files_in(folder) == []


def test_what_was_handed_back_was_not_lost(alice, orders, handed_over):
    job = abandoned(enqueue(alice), attempt=9, lost=1)
    assert sweep() == Swept(rerun=1, enqueued=1)
    job.refresh_from_db()
    assert (job.status, job.attempt, job.lost) == ("queued", 9, 2)


def test_how_often_is_a_setting(alice, orders, configure):
    configure(JOB_MAX_ATTEMPTS=1)
    job = abandoned(enqueue(alice))
    sweep()
    job.refresh_from_db()
    assert job.status == "failed"


def test_a_dead_job_that_was_to_be_canceled_is(alice, orders, folder, handed_over):
    job = orphan(folder, abandoned(enqueue(alice), cancel_requested_at=timezone.now()))
    sweep()
    job.refresh_from_db()
    assert (job.status, job.error) == ("canceled", "Canceled while running.")
    assert (files_in(folder), handed_over) == ([], [])


def test_an_immediate_export_whose_process_died_fails(alice, orders, handed_over):
    export = deliver(alice)
    abandoned(export.job)
    assert sweep() == Swept(failed=1)
    export.job.refresh_from_db()
    assert (export.job.status, export.job.error) == ("failed", "The process that sent it ended.")
    assert handed_over == []
    export.close()
    export.job.refresh_from_db()
    assert export.job.status == "failed"


def test_the_file_of_a_dead_attempt_is_removed_by_the_next(alice, orders, folder):
    job = orphan(folder, abandoned(enqueue(alice)))
    sweep()
    job.refresh_from_db()
    assert job.status == "succeeded"
    assert files_in(folder) == [job.file_key]


def test_the_file_of_a_dead_attempt_is_removed_if_the_next_never_comes(
    alice, orders, folder, handed_over
):
    job = orphan(folder, abandoned(enqueue(alice)))
    sweep()
    lifecycle.cancel(job, Origin(user=alice))
    job.refresh_from_db()
    sweep()
    assert job.status == "canceled"
    assert files_in(folder) == []


# What waits


@pytest.mark.parametrize(
    ("enqueued_at", "count"),
    [(None, 1), (dt.timedelta(minutes=5), 1), (dt.timedelta(seconds=2), 0)],
)
def test_what_was_never_handed_over_or_long_ago_is_now(
    alice, orders, handed_over, enqueued_at, count
):
    job = put(enqueue(alice), enqueued_at=enqueued_at and timezone.now() - enqueued_at)
    assert sweep() == Swept(enqueued=count)
    assert handed_over == [job.pk] * count


def test_the_oldest_is_handed_over_first(alice, orders, handed_over):
    young = put(enqueue(alice), created_at=ago(minutes=1))
    old = put(enqueue(alice), created_at=ago(minutes=9))
    sweep()
    assert handed_over == [old.pk, young.pk]


def test_with_the_engine_away_the_next_sweep_tries_again(alice, orders, handed_over, monkeypatch):
    job = enqueue(alice)

    def away(self, job):
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(ImmediateRunner, "unavailable", (ConnectionError,))
        patch.setattr(ImmediateRunner, "enqueue", away)
        assert sweep() == Swept()
    job.refresh_from_db()
    assert (job.status, job.enqueued_at) == ("queued", None)
    assert sweep() == Swept(enqueued=1)


# What is old


def test_an_old_file_is_removed_and_its_job_says_so(alice, orders, folder):
    job = put(make(alice), expires_at=ago(seconds=1))
    assert sweep() == Swept(expired=1)
    job.refresh_from_db()
    assert (job.status, job.has_file) == ("expired", False)
    assert files_in(folder) == []
    entry = entries(job).last()
    assert (entry.action, entry.actor_label) == ("expired", "system")


def test_a_young_file_is_kept(alice, orders, folder):
    job = make(alice)
    assert sweep() == Swept()
    assert files_in(folder) == [job.file_key]


def test_a_file_that_is_gone_already_expires_too(alice, orders):
    job = put(make(alice), expires_at=ago(seconds=1))
    files.delete(job.storage, job.file_key)
    assert sweep() == Swept(expired=1)


def test_one_file_that_cannot_be_removed_does_not_keep_the_others(alice, orders, folder):
    put(make(alice), expires_at=ago(seconds=2), storage="gone")
    other = put(make(alice), expires_at=ago(seconds=1))
    sweep()
    other.refresh_from_db()
    assert other.status == "expired"
    assert other.file_key not in files_in(folder)


# Again and again


def test_the_second_sweep_changes_nothing(alice, orders, handed_over, folder):
    abandoned(enqueue(alice))
    abandoned(enqueue(alice), attempt=3, lost=2)
    abandoned(enqueue(alice), cancel_requested_at=timezone.now())
    put(make(alice), expires_at=ago(seconds=1))
    assert sweep() == Swept(rerun=1, failed=1, enqueued=1, expired=1)
    count = AuditEntry.objects.count()
    assert sweep() == Swept()
    assert AuditEntry.objects.count() == count


# Never too long


def test_what_the_time_does_not_allow_is_left_to_the_next(alice, orders, monkeypatch, handed_over):
    """A sweep whose time is over after each piece comes to the same end, step by step."""
    for age in range(1, 4):
        put(make(alice), expires_at=ago(seconds=age))
        abandoned(enqueue(alice))
    sweeper = Sweeper(hand_over)
    clock = iter(range(10**6))
    monkeypatch.setattr("django_reports.jobs.maintenance.monotonic", lambda: next(clock))
    total, sweeps = Counter(), 0
    while not sweeps or not sweeper.is_done:
        total.update(vars(sweeper.sweep(seconds=9)))  # it looks at the clock before each piece
        sweeps += 1
    assert sweeps > 2
    assert (total["expired"], total["rerun"], total["enqueued"]) == (3, 3, 3)
    assert sweep() == Swept()


def test_no_task_waits_for_another_one_to_end(alice, orders, monkeypatch):
    old = [put(make(alice), expires_at=ago(seconds=age)) for age in range(5)]
    waiting = enqueue(alice)
    sweeper = Sweeper(lambda jobs: jobs)
    clock = iter(range(10**6))
    monkeypatch.setattr("django_reports.jobs.maintenance.monotonic", lambda: next(clock))
    swept = sweeper.sweep(seconds=10)
    assert (swept.enqueued, swept.sealed > 0) == (1, True)
    assert 0 < swept.expired < len(old)
    assert waiting.is_active


def test_the_oldest_end_first(alice, orders, monkeypatch):
    monkeypatch.setattr("django_reports.jobs.maintenance.BATCH", 2)
    ages = {put(make(alice), expires_at=ago(seconds=age)).pk: age for age in (3, 9, 1, 7, 5)}
    sweep()
    ended = AuditEntry.objects.filter(action="expired").order_by("id")
    assert [ages[UUID(entry.job_key)] for entry in ended] == [9, 7, 5, 3, 1]


def test_a_task_that_fails_keeps_none_of_the_others(alice, orders, monkeypatch):
    job = put(make(alice), expires_at=ago(seconds=1))

    def fail():
        raise RuntimeError("unreadable")
        yield

    monkeypatch.setattr("django_reports.jobs.maintenance.sealing.seal_in_batches", fail)
    with pytest.raises(RuntimeError, match="unreadable"):
        sweep()
    job.refresh_from_db()
    assert job.status == "expired"


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="it locks no rows")
def test_a_row_that_somebody_holds_delays_nobody(alice, orders, folder, handed_over):
    """An administrator's transaction, say, that was left open."""
    held = [put(make(alice), expires_at=ago(minutes=9)), abandoned(enqueue(alice)), enqueue(alice)]
    others = [put(make(alice), expires_at=ago(seconds=1)), enqueue(alice)]
    somebody = connection.copy()
    with closing(somebody), somebody.cursor() as cursor:
        cursor.execute("BEGIN")
        for job in held:
            cursor.execute(
                "SELECT id FROM django_reports_reportjob WHERE id = %s FOR UPDATE", [str(job.pk)]
            )
        sweep()
        local.drain()
        states = [ReportJob.objects.get(pk=job.pk).status for job in held + others]
        cursor.execute("ROLLBACK")
    assert states == ["succeeded", "running", "queued", "expired", "succeeded"]
    assert sweep().expired == 1
    local.drain()
    assert not ReportJob.objects.filter(status__in=["running", "queued"]).exists()
