"""What SQL does to the rows of jobs, before and after their files are made, is found."""

import datetime as dt

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_reports.audit import signing
from django_reports.audit.log import SYSTEM
from django_reports.jobs import file_verification, lifecycle
from django_reports.jobs.file_verification import verify
from django_reports.models import AuditEntry, ReportJob
from tests.entry_points.helpers import (
    JOBS as JOB_LIST,
)
from tests.entry_points.helpers import (
    actions,
    browse,
    deliver,
    enqueue,
    entries,
    files_in,
    job_url,
    make,
    put,
    run,
    sweep,
    text_of,
)
from tests.entry_points.staff import Program, page_of
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
    "under which name": lambda job, bob: {"filename": "../../x.hta"},
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


FORGED = "rows_done = 987654, sha256 = %s, requested_by_text = 'bob', filename = 'x.hta'"
WITHOUT_FILE = {
    "of a file": (make, "succeeded"),
    "of a file that is gone": (lambda person: expired(make(person)), "expired"),
    "of an export at once": (lambda person: sent(person), "succeeded"),
    "of one that waits": (enqueue, "succeeded"),
    "of one that failed": (enqueue, "failed"),
}


def expired(job):
    lifecycle.expire(job)
    sweep()
    job.refresh_from_db()
    assert (job.status, job.file_key) == ("expired", "")
    return job


def sent(person):
    export = deliver(person)
    b"".join(export)
    export.job.refresh_from_db()
    return export.job


@pytest.mark.parametrize("what", WITHOUT_FILE)
def test_forged_facts_are_told_nowhere(alice, orders, what):
    begin, status = WITHOUT_FILE[what]
    job = begin(alice)
    change(job, f"{FORGED}, status = %s, file_key = ''", "a" * 64, status)
    program = Program(alice)
    assert program.get(page_of(job, "manifest")).status_code == 404
    told = program.get(page_of(job)).json()
    assert (told["rows_done"], told["bytes"], told["sha256"]) == (None, None, None)
    assert "was changed" in told["error"]
    assert {"manifest", "download"}.isdisjoint(told["links"])
    for page in (page_of(job), job_url(job), "/reports/jobs/", JOB_LIST):
        text = text_of(browse(alice).get(page))
        assert ("987" in text, "a" * 64 in text) == (False, False)
    assert "was changed" in text_of(browse(alice).get(page_of(job)))


@pytest.mark.parametrize("begin", [make, sent, lambda person: expired(make(person))])
def test_facts_that_nobody_changed_are_told(alice, orders, begin):
    job = begin(alice)
    told = Program(alice).get(page_of(job, "manifest")).json()
    assert (told["rows"], told["sha256"]) == (len(orders), job.sha256)
    assert signing.is_file_of(job)


def test_the_name_is_the_same_everywhere(alice, orders):
    """A row that is changed while the file is made changes no name."""
    job = enqueue(alice)
    name = job.filename
    run(job, on_claimed=lambda: change(job, "filename = '../../x.hta'"))
    assert entries(job).get(action="finished").data["filename"] == name
    assert Program(alice).get(page_of(job, "manifest")).json()["filename"] == name
    assert f'"{name}"' in Program(alice).get(page_of(job, "download"))["Content-Disposition"]
