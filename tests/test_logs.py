"""What the log says of a job: which one, which attempt, how that ended and why."""

import datetime as dt
import logging
import re

import pytest
from django.utils import timezone

from django_reports import Report
from django_reports.definitions.columns import Column
from django_reports.jobs.runners.immediate import ImmediateRunner
from tests.entry_points.helpers import enqueue, make, put, run, sweep

pytestmark = pytest.mark.django_db


@pytest.fixture
def lines(caplog):
    """What was logged of jobs, the level in front."""
    caplog.set_level(logging.INFO, "django_reports")

    def of(*names):
        return [
            f"{record.levelname} {record.getMessage()}"
            for record in caplog.records
            if record.name.startswith(tuple(f"django_reports.{name}" for name in names))
        ]

    return of


class Broken(Report):
    identifier = "shop.broken"
    permission = "shop.view_order"
    columns = [Column("n")]

    def rows(self, context):
        raise ZeroDivisionError
        yield


def test_attempt_that_made_its_file(alice, orders, lines):
    job = make(alice)
    (line,) = lines("jobs")
    wanted = f"INFO job={job.pk} attempt=1 event=attempt_ended outcome=succeeded seconds=\\d+\\.\\d"
    assert re.fullmatch(wanted, line)


def test_attempt_that_failed_names_its_reference(alice, orders, lines, declare):
    declare(Broken)
    job = run(enqueue(alice, "shop.broken"))
    reference = re.search(r"\b[0-9a-f]{8}\b", job.error).group()
    (failure,), (end,) = lines("exports"), lines("jobs")
    assert failure.startswith(f"ERROR job={job.pk} attempt=1 reference={reference}")
    assert end.startswith(f"WARNING job={job.pk} attempt=1 event=attempt_ended outcome=failed ")
    assert "cause=error" in end
    assert reference in end


def test_attempt_that_nobody_could_claim(alice, orders, lines):
    job = put(enqueue(alice), status="canceled")
    run(job)
    assert lines("jobs") == [f"INFO job={job.pk} attempt=1 event=not_claimed"]


@pytest.mark.parametrize(("lost", "status"), [(0, "queued"), (2, "failed")])
def test_job_that_is_taken_from_a_dead_worker(alice, orders, lines, monkeypatch, lost, status):
    monkeypatch.setattr(ImmediateRunner, "enqueue", lambda *a: None)
    gone = timezone.now() - dt.timedelta(minutes=1)
    job = put(enqueue(alice), status="running", attempt=3, lost=lost, lease_until=gone)
    sweep()
    line = f"WARNING job={job.pk} attempt=3 event=taken_from_dead_worker status={status}"
    assert [one for one in lines("jobs.maintenance") if one.startswith(line)]
