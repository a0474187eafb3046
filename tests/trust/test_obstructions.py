"""Who can write to the database keeps no entry from being sealed without a word."""

import datetime as dt
import io

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.utils import timezone

from django_reports.audit import chain, retention, sealing, triggers
from django_reports.audit.chain import last_checkpoint
from django_reports.jobs.file_verification import verify
from django_reports.models import AuditCheckpoint, AuditEntry
from tests.doors.helpers import sweep
from tests.trust import logs
from tests.trust.logs import CHECKPOINTS, TABLE, sealed_log, sql, write

pytestmark = pytest.mark.django_db
YEAR = dt.timedelta(days=365)
LONG_AGO = timezone.now() - 3 * YEAR


@pytest.fixture
def log(folder):
    """Thirty entries below three checkpoints."""
    sealed_log(30, batch=10)


def next_position():
    """A copy of an entry stands where the next one is to be sealed."""
    logs.insert_copy(30, at=31)


def far_position():
    logs.insert_copy(30, at=4_000_000_000)


def entry_called_sealed():
    """The only entry that waits says that it does not."""
    newest = AuditEntry.objects.first().pk
    sql(f"UPDATE {TABLE} SET position = 900, seal = 'x' WHERE id = {newest}")


@pytest.mark.parametrize("attack", [next_position, far_position, entry_called_sealed])
def test_what_stands_in_the_way_keeps_no_entry_from_being_sealed(log, attack):
    write(1)
    attack()
    write(2)
    assert sweep().sealed == AuditEntry.objects.count() - 30
    assert not AuditEntry.objects.filter(position=None).exists()
    if attack is entry_called_sealed:
        assert verify().wrong == ""
    else:
        assert "was not written by this application" in verify().wrong
    logs.remove(32)
    assert verify().wrong  # nothing of it can be removed any more


def last_checkpoint_changed():
    sql(f"UPDATE {CHECKPOINTS} SET last_position = 20 WHERE number = 3")


def checkpoint_put_in():
    sql(f"UPDATE {CHECKPOINTS} SET number = 9223372036854775807 WHERE number = 3")


@pytest.mark.parametrize("attack", [last_checkpoint_changed, checkpoint_put_in])
def test_a_changed_checkpoint_raises_an_alarm(log, attack, caplog, admin_client):
    write(1)
    attack()
    for _ in range(3):
        assert sweep().sealed == 0
    [entry] = AuditEntry.objects.filter(action="log_contradicted")
    assert "was changed: its signature is not ours" in entry.data["reason"]
    alarms = [record for record in caplog.records if "event=contradicted" in record.message]
    assert [record.levelname for record in alarms] == ["ERROR"]
    assert verify().wrong
    assert "django_reports.E042" in checks()
    assert "New entries are not sealed." in admin_client.get("/reports/rights/").text


def checks():
    return [message.id for message in run_checks(tags=["database"], databases=["default"])]


def test_once_it_is_put_right_all_is_sealed(log):
    write(3)
    last_checkpoint_changed()
    assert sweep().sealed == 0
    sql(f"UPDATE {CHECKPOINTS} SET last_position = 30 WHERE number = 3")
    assert sweep().sealed == 4  # with the entry of the alarm
    assert (verify().wrong, verify().entries) == ("", 34)
    assert sealing.alarm() is not None
    call_command("verify_reports", accept="it was put right")
    assert sealing.alarm() is None
    with pytest.raises(CommandError, match="nothing to accept"):
        call_command("verify_reports", accept="again")


@pytest.fixture
def refusing(transactional_db, folder):
    """A log whose database refuses the next checkpoint, and not those before."""
    sealed_log(10, batch=10)
    write(1)
    entry_called_sealed()
    call_command("protect_audit", stdout=io.StringIO())
    try:
        yield
    finally:
        triggers.remove()


def test_a_refusal_of_the_database_is_not_taken_for_another_process(refusing):
    """Here a trigger refuses to have an entry that says that it is sealed be sealed."""
    assert sweep().sealed == 0
    assert sealing.alarm().data["number"] == 1
    assert "only ever added to" in sealing.alarm().data["reason"]


def test_another_process_that_was_faster_is_no_alarm(log):
    write(1)
    last, waiting = last_checkpoint(), chain.waiting_entries(last_checkpoint())
    assert sweep().sealed == 1
    assert chain.seal_batch(last, waiting) == 0
    assert sealing.alarm() is None


def test_entries_that_wait_for_long_are_told(log, monkeypatch, admin_client, capsys):
    said = "Entries of the audit log have waited for more than"
    pages = ("/admin/django_reports/auditentry/", "/reports/rights/")
    write(1)
    assert "django_reports.W044" not in checks()
    assert not any(said in admin_client.get(url).text for url in pages)
    monkeypatch.setattr(chain, "LATE", dt.timedelta(0))
    assert "django_reports.W044" in checks()
    assert all(said in admin_client.get(url).text for url in pages)
    call_command("verify_reports")
    assert said in capsys.readouterr().out
    sweep()
    assert "django_reports.W044" not in checks()


# The end of their time


def test_a_checkpoint_that_was_made_older_has_nothing_removed(log, configure, caplog):
    configure(AUDIT_RETENTION=YEAR)
    made_at = AuditCheckpoint.objects.get(number=2).created_at
    AuditCheckpoint.objects.filter(number=2).update(created_at=LONG_AGO)
    sweep(tidies=True)
    assert AuditEntry.objects.filter(position__lte=30).count() == 30
    assert "checkpoint=2 event=changed" in caplog.text
    AuditCheckpoint.objects.filter(number=2).update(created_at=made_at)
    assert verify().wrong == ""


def test_entries_that_were_removed_before_their_time_are_missed(log, configure, monkeypatch):
    """Even if the application was brought to do it, and to record it."""
    monkeypatch.setattr(retention, "is_ours", lambda checkpoint: True)
    made_at = AuditCheckpoint.objects.get(number=2).created_at
    AuditCheckpoint.objects.filter(number__lte=2).update(created_at=LONG_AGO)
    assert retention.purge_entries(timezone.now() - YEAR) == 20
    AuditCheckpoint.objects.filter(number=2).update(created_at=made_at)
    assert "The entries up to 20 were removed before their time." in verify().wrong
