"""What SQL does to the rows of jobs, before and after their files are made, is found."""

import datetime as dt

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_reports.audit.log import SYSTEM
from django_reports.jobs import file_verification, lifecycle
from django_reports.jobs.file_verification import verify
from django_reports.models import AuditEntry, ReportJob
from tests.doors.helpers import (
    actions,
    deliver,
    enqueue,
    entries,
    files_in,
    make,
    put,
    run,
    sweep,
)
from tests.doors.staff import Program, page_of
from tests.trust.logs import sql

pytestmark = pytest.mark.django_db
JOBS = "django_reports_reportjob"
GONE = "is gone, and no entry tells of its end"


def change(job, assignment, *values):
    """By SQL, as somebody does who has the database and no key."""
    assert sql(f"UPDATE {JOBS} SET {assignment} WHERE id = %s", *values, stored_key(job)) == 1


def stored_key(job):
    return job.pk if connection.features.has_native_uuid_field else job.pk.hex


# A job that waits


CHANGES = {
    "what": lambda job, bob: {"spec": {**job.spec, "columns": ["id", "number", "total"]}},
    "for whom": lambda job, bob: {"requested_by": bob, "requester_key": str(bob.pk)},
    "in whose name": lambda job, bob: {"requested_by_text": "bob"},
    "by which authority": lambda job, bob: {"authority": "system", "requested_by": None},
    "of which tenant": lambda job, bob: {"tenant_key": "x"},
    "which report": lambda job, bob: {"report": "shop.numbers"},
    "in which format": lambda job, bob: {"format": "jsonl"},
    "unsigned": lambda job, bob: {"signature": ""},
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_waiting_job_that_was_changed_is_not_made(alice, make_person, orders, folder, what):
    job = enqueue(alice, columns=("id", "number"))
    ended = run(put(job, **CHANGES[what](job, make_person("bob"))))
    assert (ended.status, ended.file_key, files_in(folder)) == ("failed", "", [])
    assert "was changed since it was asked for" in ended.error
    assert entries(job).last().data["reason"] == ended.error
    assert actions(job)[-1] == "failed"


def test_a_job_of_somebody_who_was_deleted_is_not_called_changed(alice, orders):
    job = enqueue(alice)
    alice.delete()
    assert "no longer exists" in run(job).error


# The row of a file


def unnamed(job):
    change(job, "status = 'expired'")


def called_failed(job):
    change(job, "status = 'failed'")


def removed(job):
    sql(f"DELETE FROM {JOBS} WHERE id = %s", stored_key(job))


def without_file(job):
    change(job, "file_key = ''")


VANISHED = [unnamed, called_failed, removed, without_file]


@pytest.mark.parametrize("attack", VANISHED, ids=lambda attack: attack.__name__)
def test_a_file_whose_row_was_changed_or_removed_is_missed(alice, orders, attack):
    kept, job = make(alice), make(alice)
    attack(job)
    sweep(tidies=True)
    assert f"The file of export {job.pk} {GONE}" in verify().wrong
    assert f"{job.pk}" in verify(with_files=False).wrong
    call_command("verify_reports", accept="it was found in a backup")
    assert (verify().wrong, verify().files) == ("", 1)
    assert AuditEntry.objects.first().data["files"] == [str(job.pk)]
    with pytest.raises(CommandError, match="nothing to accept"):
        call_command("verify_reports", accept="again")
    attack(kept)
    assert f"{kept.pk} {GONE}" in verify().wrong


def test_a_file_whose_end_is_told_is_not_missed(alice, orders, folder):
    expired, deleted, lost, kept = (make(alice) for _ in range(4))
    b"".join(deliver(alice))
    lifecycle.expire(expired)
    lifecycle.delete_file(deleted, SYSTEM)
    (folder / lost.file_key).unlink()
    sweep(tidies=True)
    ReportJob.objects.exclude(pk=kept.pk).delete()
    assert (verify().wrong, verify().files) == ("", 1)


def test_missing_ends_are_looked_for_in_batches(alice, orders, monkeypatch):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert verify(with_files=False).wrong == ""
        return len(captured)

    ended, *_kept = [make(alice) for _ in range(5)]
    few = queries()
    monkeypatch.setattr(file_verification, "BATCH", 2)
    assert queries() == few + 2
    lifecycle.expire(ended)
    removed(ended)
    assert queries() == few + 3  # its end is told later than in its batch
    assert file_verification.vanished() == []


def test_a_file_that_was_made_to_expire_has_a_reason(alice, orders, caplog):
    job = make(alice)
    change(job, "expires_at = %s", timezone.now().replace(tzinfo=None) - dt.timedelta(days=1))
    sweep()
    assert actions(job)[-1] == "expired"
    assert "was changed" in entries(job).last().data["reason"]
    assert f"job={job.pk} event=expired_by_changed_record" in caplog.text


def test_a_manifest_says_nothing_that_was_not_signed(alice, orders):
    job = make(alice)
    change(job, "requested_by_text = 'bob'")
    answer = Program(alice).get(page_of(job, "manifest"))
    assert (answer.status_code, "bob" in answer.text) == (404, False)
    change(job, "manifest_key = ''")
    assert not ReportJob.objects.get(pk=job.pk).manifest_key
    put(job, finished_at=timezone.now() - dt.timedelta(minutes=5))
    assert sweep().manifests == 0
