"""The end of what is kept: the rest is still verified, and says what is gone."""

import datetime as dt

import pytest
from django.utils import timezone

from django_reports.audit import retention, sealing
from django_reports.jobs import lifecycle
from django_reports.jobs.file_verification import verify
from django_reports.models import AuditCheckpoint, AuditEntry, ReportJob
from tests.entry_points.helpers import actions, deliver, enqueue, make, put, sweep
from tests.trust import logs
from tests.trust.logs import row, sealed_log, write

pytestmark = pytest.mark.django_db
SOON = dt.timedelta(minutes=1)


@pytest.fixture
def log():
    """Thirty entries, of which the first twenty are below old checkpoints."""
    sealed_log(20, batch=10)
    border = timezone.now()
    sealed_log(10, batch=10)
    return border


def test_nothing_ends_by_default(log):
    assert list(retention.purge()) == []


def test_the_head_is_cut_and_the_rest_stands(log):
    assert retention.purge_entries(log) == 20
    assert AuditEntry.objects.order_by("id").first().position == 21
    assert list(AuditCheckpoint.objects.values_list("number", flat=True)) == [2, 3]
    told = AuditEntry.objects.get(action="purged").data
    assert (told["what"], told["through"], told["count"]) == ("entries", 20, 20)
    assert (verify().wrong, verify().entries, verify().unsealed) == ("", 10, 1)
    sealing.seal()
    assert (verify().wrong, verify().entries) == ("", 11)
    assert retention.purge_entries(log) == 0


def test_the_head_is_cut_a_batch_at_a_time(log, monkeypatch, configure):
    monkeypatch.setattr(retention, "BATCH", 10)
    configure(
        AUDIT_RETENTION=timezone.now() - log, PERSONAL_DATA_RETENTION=dt.timedelta(microseconds=1)
    )
    assert list(retention.purge()) == [10, 10, 10]  # two of entries, one of personal data
    sealing.seal()
    assert verify().wrong == ""


def test_the_head_is_cut_again(log):
    retention.purge_entries(log)
    sealing.seal()
    later = timezone.now() + SOON
    assert retention.purge_entries(later) == 11
    sealing.seal()
    assert (verify().wrong, verify().entries) == ("", 1)


def test_what_lies_behind_the_cut_is_still_guarded(log):
    retention.purge_entries(log)
    logs.remove(21)
    assert "Entry 21 is missing" in verify().wrong


def test_personal_data_ends_and_the_facts_stand(log):
    assert retention.purge_personal_data(timezone.now()) == 30
    entry = row(7)
    assert (entry.actor_label, entry.address, entry.user_agent) == ("", None, "")
    assert (entry.actor_key, entry.data["rows"]) == ("0", 7)
    assert verify().wrong == ""
    assert retention.purge_personal_data(timezone.now()) == 0
    write(1)
    newest = AuditEntry.objects.first()
    logs.sql(
        f"UPDATE {logs.TABLE} SET actor_label = '', address = NULL, user_agent = '' "
        f"WHERE id = {newest.pk}"
    )
    assert "who, address or browser" in verify().wrong


def test_jobs_end_and_their_history_stands(alice, orders):
    kept, expired, waiting = make(alice), make(alice), enqueue(alice)
    lifecycle.expire(expired)
    lifecycle.remove_leftovers(expired)
    sent = deliver(alice)
    b"".join(sent)
    assert retention.purge_jobs(timezone.now() + SOON) == 2
    assert set(ReportJob.objects.values_list("pk", flat=True)) == {kept.pk, waiting.pk}
    assert actions(expired) == ["requested", "started", "finished", "expired"]
    assert verify().wrong == ""


def test_the_sweep_ends_what_settings_say(configure, log):
    configure(
        AUDIT_RETENTION=dt.timedelta(microseconds=1),
        PERSONAL_DATA_RETENTION=dt.timedelta(microseconds=1),
        JOB_RETENTION=dt.timedelta(days=1),
    )
    assert sweep().purged == 0
    assert sweep(tidies=True).purged == 30
    assert verify().wrong == ""


def test_what_quotas_count_is_kept_for_a_day(alice, orders, configure):
    job = put(make(alice), file_key="")
    configure(JOB_RETENTION=dt.timedelta(microseconds=1))
    assert list(retention.purge()) == []
    put(job, finished_at=timezone.now() - dt.timedelta(hours=25))
    assert list(retention.purge()) == [1]


def test_a_deleted_person_leaves_their_history(alice, orders):
    job = make(alice)
    key = str(alice.pk)
    sealing.seal()
    alice.delete()
    found = AuditEntry.objects.filter(job_key=str(job.pk), actor_key=key)
    assert [(entry.actor_label, entry.action) for entry in found] == [("alice", "requested")]
    assert verify().wrong == ""
