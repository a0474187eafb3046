"""Who can write to the database keeps no entry from being sealed without a word."""

import datetime as dt
import io

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from django_reports.audit import chain, retention, sealing, triggers
from django_reports.audit.chain import last_checkpoint
from django_reports.jobs.file_verification import verify
from django_reports.models import AuditCheckpoint, AuditEntry
from tests.entry_points.helpers import sweep
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


def not_a_record_of_anchors():
    sql(f"UPDATE {CHECKPOINTS} SET is_anchored = %s, anchors = '7' WHERE number = 3", False)


def checkpoint_of_somebody_else():
    sql(
        f"INSERT INTO {CHECKPOINTS} (number, created_at, first_position, last_position, seal, "
        "signature, anchors, is_anchored) VALUES (4, %s, 31, 31, 'x', 'x', '{}', %s)",
        *("2026-01-31 00:00:00", False),
    )


def checkpoint_without_a_time():
    sql(f"UPDATE {CHECKPOINTS} SET created_at = 'yesterday' WHERE number = 3")


def marked_as_cut(number=1):
    sql(f"UPDATE {CHECKPOINTS} SET cut_at = '2026-01-31 00:00:00' WHERE number = {number}")


MALFORMED = {
    not_a_record_of_anchors: "what it says of anchors cannot be read",
    checkpoint_of_somebody_else: "Checkpoint 4 was changed: its signature is not ours",
    marked_as_cut: "Checkpoint 1 is marked as if the entries up to 10 had been removed",
}
if connection.vendor == "sqlite":  # others refuse such a value
    MALFORMED[checkpoint_without_a_time] = "Checkpoint 3 was changed"


@pytest.mark.parametrize("attack", MALFORMED)
def test_a_row_that_stops_sealing_raises_an_alarm(log, attack, caplog, admin_client, folder):
    write(1)
    told = sorted(folder.rglob("*.json"))
    attack()
    for _ in range(3):
        assert sweep().sealed == 0
    [entry] = AuditEntry.objects.filter(action="log_contradicted")
    assert MALFORMED[attack] in entry.data["reason"]
    assert MALFORMED[attack] in verify().wrong
    assert "event=contradicted" in caplog.text
    assert "django_reports.E042" in checks()
    assert "New entries are not sealed." in admin_client.get("/reports/rights/").text
    assert sorted(folder.rglob("*.json")) == told  # no anchor was told of it


@pytest.mark.parametrize("is_removed", [True, False])
def test_a_checkpoint_that_is_marked_as_cut_raises_an_alarm(log, is_removed, configure):
    marked_as_cut(2)
    if is_removed:
        sql(f"DELETE FROM {TABLE} WHERE position BETWEEN 11 AND 20")
    write(1)
    assert sweep().sealed == 0
    reason = "Checkpoint 2 is marked as if the entries up to 20 had been removed"
    assert reason in sealing.alarm().data["reason"]
    assert verify().wrong
    # The end of their time does not cover it up.
    configure(AUDIT_RETENTION=dt.timedelta(microseconds=1))
    sweep(tidies=True)
    assert AuditEntry.objects.filter(position__gt=20).count() == 10
    call_command("verify_reports", accept="a mistake of ours")
    assert sealing.alarm() is None
    configure(AUDIT_RETENTION=None)
    assert sweep().sealed > 1
    assert ("is missing" in verify().wrong) is is_removed


@pytest.mark.parametrize("position", ["1000000 + id", "0 - 0"])
def test_entries_that_only_say_that_they_are_sealed_wait(log, monkeypatch, position):
    write(1)
    sql(f"UPDATE {TABLE} SET position = {position}, seal = 'x' WHERE position IS NULL")
    last_checkpoint_changed()
    monkeypatch.setattr(chain, "LATE", dt.timedelta(0))
    assert chain.is_overdue()
    sql(f"UPDATE {CHECKPOINTS} SET last_position = 30 WHERE number = 3")
    assert sweep().sealed == 1
    assert verify().wrong == ""


# Entries that were there before


def kept_rows(table, condition):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} WHERE {condition}")
        return [column[0] for column in cursor.description], cursor.fetchall()


def put_in_again(table, columns, rows):
    names = ", ".join(map(connection.ops.quote_name, columns))
    for row in rows:
        sql(f"INSERT INTO {table} ({names}) VALUES ({', '.join(['%s'] * len(row))})", *row)


SNAPSHOTS = "django_reports_permissionsnapshot"


@pytest.mark.parametrize("is_sealed", [True, False])
def test_a_right_is_not_hidden_by_an_entry_that_was_removed_at_its_time(
    folder, configure, django_user_model, is_sealed
):
    def set_superuser(value):
        sql("UPDATE auth_user SET is_superuser = %s WHERE username = 'mia'", value)
        sweep(tidies=True)

    mia = django_user_model.objects.create_user("mia")
    holder = f"holder = 'user:{mia.pk}'"
    write(1)
    django_user_model.objects.create_superuser("root")
    sweep(tidies=True)
    set_superuser(True)
    sweep()
    entries = kept_rows(TABLE, holder)
    [snapshot] = [kept_rows(SNAPSHOTS, holder)]
    assert len(entries[1]) == 1
    set_superuser(False)
    sweep()
    retention.purge_entries(timezone.now())
    sweep(tidies=True)
    assert not AuditEntry.objects.filter(holder=f"user:{mia.pk}").exists()
    assert verify().wrong == ""
    # They come back, with what they told of.
    sql(f"DELETE FROM {SNAPSHOTS} WHERE {holder}")
    columns, rows = entries
    if not is_sealed:
        later = {"position": None, "seal": ""}
        rows = [[later.get(n, v) for n, v in zip(columns, row, strict=True)] for row in rows]
    put_in_again(TABLE, columns, rows)
    put_in_again(SNAPSHOTS, *snapshot)
    set_superuser(True)
    for _ in range(2):
        assert sweep().sealed == 0
    [pk] = AuditEntry.objects.filter(holder=f"user:{mia.pk}").values_list("pk", flat=True)
    assert f"Entry id {pk} waits to be sealed" in sealing.alarm().data["reason"]
    assert verify().wrong
    assert "django_reports.E042" in checks()
    call_command("verify_reports", accept="we have looked at who that is")
    assert sealing.alarm() is None
    sweep(tidies=True)
    sweep()
    assert not AuditEntry.objects.filter(position=None).exists()
    assert verify().wrong == ""
    newest = AuditEntry.objects.filter(holder=f"user:{mia.pk}").order_by("-id").first()
    assert newest.pk != pk
    assert newest.data["snapshot"] == "lost"
    assert newest.data["changes"]["is_superuser"] == [False, True]


def test_an_entry_that_was_held_back_for_more_than_a_day_is_put_back(log, monkeypatch):
    write(1)
    late = AuditEntry.objects.first()
    columns, rows = kept_rows(TABLE, f"id = {late.pk}")
    sql(f"DELETE FROM {TABLE} WHERE id = {late.pk}")
    write(1)
    monkeypatch.setattr(chain, "OLD", dt.timedelta(0))  # as if it were days ago
    sweep()
    put_in_again(TABLE, columns, rows)
    assert sweep().sealed == 0
    assert f"Entry id {late.pk} waits to be sealed" in verify().wrong
    monkeypatch.undo()
    assert sweep().sealed == 2


def test_an_acceptance_that_is_put_in_again_accepts_nothing(log):
    last_checkpoint_changed()
    write(1)
    sweep()
    call_command("verify_reports", accept="it was put right")
    newest = AuditEntry.objects.get(action="log_accepted")
    columns, [row] = kept_rows(TABLE, f"id = {newest.pk}")
    sql(f"DELETE FROM {TABLE} WHERE id = {newest.pk}")
    sweep()
    assert sealing.alarm() is not None
    named = zip(columns, row, strict=True)
    later = [newest.pk + 1000 if name == "id" else value for name, value in named]
    accepted_at = newest.created_at
    sweep()
    raised = sealing.alarm()
    if raised.created_at < accepted_at:  # the alarm of before stands again
        sql(f"DELETE FROM {TABLE} WHERE id = {raised.pk}")
        sweep()
    put_in_again(TABLE, columns, [later])
    assert sealing.alarm() is not None


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
