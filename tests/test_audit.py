"""The audit log: a fact for each act, never changed, never lost."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from django_reports.audit import log
from django_reports.audit.log import Origin
from django_reports.core.choices import AuditAction
from django_reports.exceptions import ReportFailed
from django_reports.jobs import files, lifecycle
from django_reports.models import AuditEntry, GroupReportPermission, ReportJob
from django_reports.models.audit import AppendOnly
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
    sign,
    sweep,
)

pytestmark = pytest.mark.django_db


def entry_of(job, action):
    return entries(job).get(action=action)


# What is told


def test_a_background_export_leaves_its_facts(alice, orders):
    job = make(alice)
    assert actions(job) == ["requested", "started", "finished"]
    requested, started, finished = entries(job)
    assert (requested.actor_label, requested.actor_key) == ("alice", str(alice.pk))
    assert requested.report == "shop.orders"
    assert requested.data == {"spec": job.spec, "execution": "background"}
    assert (started.actor_label, started.data) == ("system", {"attempt": 1})
    assert finished.data == {
        "requested_by": str(alice.pk),
        "rows": 20,
        "bytes": job.bytes,
        "attempt": 1,
        "sha256": job.sha256,
        "file_key": job.file_key,
        "filename": job.filename,
        "masked": ["Email"],
    }


def test_an_immediate_export_leaves_its_facts(alice, orders):
    export = deliver(alice)
    size = len(b"".join(export))
    assert actions(export.job) == ["requested", "finished"]
    finished = entry_of(export.job, "finished")
    assert finished.actor_label == "alice"
    assert (finished.data["rows"], finished.data["bytes"]) == (20, size)


def test_a_failure_leaves_its_reason(alice):
    with pytest.raises(ReportFailed) as failure:
        deliver(alice, "shop.numbers", parameters={"fail_at": ["1"]})
    job = ReportJob.objects.get(pk=failure.value.job_key)
    assert actions(job) == ["requested", "failed"]
    assert "(ValueError)" in entry_of(job, "failed").data["reason"]


def test_canceling_leaves_who_did_it(alice, orders):
    job = enqueue(alice)
    lifecycle.cancel(job, Origin(user=alice, address="10.0.0.7"))
    entry = entry_of(job, "canceled")
    assert (entry.actor_label, entry.address) == ("alice", "10.0.0.7")


def test_canceling_a_running_job_leaves_who_asked_for_it(alice, root, orders):
    job = put(enqueue(alice), status="running", attempt=1, lease_until=timezone.now())
    lifecycle.cancel(job, Origin(user=root))
    sweep()
    assert "root" in [entry.actor_label for entry in entries(job)]


def test_expiring_leaves_the_key_of_the_file(alice, orders):
    job = sign(put(make(alice), expires_at=timezone.now()))
    lifecycle.expire(job)
    assert entry_of(job, "expired").data == {"file_key": job.file_key}


def test_a_grant_leaves_what_it_was_and_became(alice):
    permission = GroupReportPermission.objects.get()
    permission.max_rows, permission.visibility = 5, "all"
    permission.save()
    entry = AuditEntry.objects.first()
    assert (entry.action, entry.report, entry.actor_label) == (
        "report_permission_changed",
        "*",
        "system",
    )
    before = entry.data["before"]
    told = ("group", "report", "can_export", "visibility", "max_rows")
    assert [before[name] for name in told] == ["alice's group", "*", True, "none", None]
    assert entry.data["after"] == {**before, "visibility": "all", "max_rows": 5}


def test_a_grant_that_moves_to_another_report_tells_both(alice):
    permission = GroupReportPermission.objects.get()
    permission.report = "shop.orders"
    permission.save()
    entry = AuditEntry.objects.first()
    assert (entry.report, entry.data["before"]["report"]) == ("shop.orders", "*")


def test_long_names_are_cut_and_the_act_goes_on():
    class Somebody:
        pk = "k" * 300

        def get_username(self):
            return "n" * 300

    entry = log.record(
        AuditAction.DENIED, origin=Origin(user=Somebody(), user_agent="u" * 900), report="r" * 300
    )
    entry.refresh_from_db()
    assert [len(text) for text in (entry.actor_label, entry.actor_key, entry.report)] == [
        255, 255, 200,
    ]  # fmt: skip
    assert len(entry.user_agent) == 500


# Only ever added


@pytest.fixture
def entry():
    return log.record(AuditAction.DENIED, origin=Origin(), report="shop.orders")


CHANGES = {
    "save": lambda entry: entry.save(),
    "save of some fields": lambda entry: entry.save(update_fields=["report"]),
    "delete": lambda entry: entry.delete(),
    "update of rows": lambda entry: AuditEntry.objects.update(report="other"),
    "update of some rows": lambda entry: AuditEntry.objects.filter(pk=entry.pk).update(report=""),
    "delete of rows": lambda entry: AuditEntry.objects.all().delete(),
    "raw delete of rows": lambda entry: AuditEntry.objects.all()._raw_delete("default"),
    "bulk update": lambda entry: AuditEntry.objects.bulk_update([entry], ["report"]),
    "update or create": lambda entry: AuditEntry.objects.update_or_create(pk=entry.pk),
    "bulk create over it": lambda entry: AuditEntry.objects.bulk_create(
        [AuditEntry(pk=entry.pk, action="denied", report="other")],
        update_conflicts=True,
        update_fields=["report"],
        **({} if is_mysql() else {"unique_fields": ["id"]}),
    ),
    "update by the base manager": lambda entry: AuditEntry._base_manager.update(report="other"),
}  # fmt: skip


def is_mysql():
    from django.db import connection

    return connection.vendor == "mysql"


@pytest.mark.parametrize("change", CHANGES)
def test_an_entry_is_never_changed_or_removed(entry, change):
    entry.report = "other"
    with pytest.raises(AppendOnly, match="only ever added"):
        CHANGES[change](entry)
    assert AuditEntry.objects.get(pk=entry.pk).report == "shop.orders"


def test_an_entry_cannot_take_the_place_of_another(entry):
    with pytest.raises(IntegrityError), transaction.atomic():
        AuditEntry(pk=entry.pk, action="denied", report="other").save()
    assert AuditEntry.objects.get(pk=entry.pk).report == "shop.orders"


def test_a_deleted_person_leaves_their_export_and_its_entries(alice, orders):
    job = make(alice)
    alice.delete()
    job.refresh_from_db()
    assert (job.requested_by, job.requested_by_text) == (None, "alice")
    assert actions(job) == ["requested", "started", "finished"]
    assert entry_of(job, "requested").actor_label == "alice"


# Without an entry there is no act


@pytest.fixture
def broken_at(monkeypatch):
    """Have entries of one action fail."""
    record = log.record

    def break_at(broken):
        def failing(action, **facts):
            if action == broken:
                raise OSError("the audit log is away")
            return record(action, **facts)

        monkeypatch.setattr(log, "record", failing)

    return break_at


def test_without_an_entry_no_job_is_made(alice, orders, broken_at):
    broken_at("requested")
    with pytest.raises(ReportFailed) as failure:
        enqueue(alice)
    assert str(failure.value.__cause__) == "the audit log is away"
    assert not ReportJob.objects.exists()


def test_without_an_entry_no_job_is_claimed(alice, orders, broken_at):
    job = enqueue(alice)
    broken_at("started")
    with pytest.raises(OSError, match="away"):
        run(job)
    job.refresh_from_db()
    assert (job.status, job.attempt) == ("queued", 0)


def test_without_an_entry_no_job_succeeds(alice, orders, broken_at, folder):
    job = enqueue(alice)
    broken_at("finished")
    run(job)
    assert job.status == "failed"
    assert files_in(folder) == []


def test_without_an_entry_nothing_is_downloaded(alice, orders, broken_at, monkeypatch):
    job = make(alice)
    broken_at("downloaded")
    file = files.open_file(job)
    monkeypatch.setattr(files, "open_file", lambda job: file)
    with pytest.raises(OSError, match="away"):
        browse(alice).get(job_url(job, "download"))
    is_closed = file.closed
    file.close()
    assert is_closed


def test_without_an_entry_nothing_expires(alice, orders, broken_at):
    job = make(alice)
    broken_at("expired")
    with pytest.raises(OSError, match="away"):
        lifecycle.expire(job)
    job.refresh_from_db()
    assert job.status == "succeeded"
    files.open_file(job).close()
