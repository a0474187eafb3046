"""The database itself refuses what nobody may do to the log, and lets through what must be."""

import datetime as dt
import io

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from django_reports.audit import retention, sealing, triggers
from django_reports.jobs.file_verification import verify
from django_reports.models import AuditCheckpoint, AuditEntry
from tests.trust import logs
from tests.trust.logs import CHECKPOINTS, TABLE, sealed_log, sql, write

FAR = dt.timedelta(days=1)


@pytest.fixture
def protected(transactional_db):
    """Triggers last longer than a transaction; they go before the tables are emptied."""
    call_command("protect_audit", stdout=io.StringIO())
    try:
        sealed_log(20, batch=10)
        write(2)
        yield
    finally:
        triggers.remove()


def refused(do, *arguments):
    with pytest.raises(DatabaseError, match="only ever added to"), transaction.atomic():
        do(*arguments)


REPLACE = f"REPLACE INTO {TABLE} SELECT * FROM {TABLE} WHERE position = 7"


def test_changes_are_refused(protected):
    assert triggers.missing() == []
    for attack, position in (
        (logs.edit, 7), (logs.edit_data, 7), (logs.edit_person, 7), (logs.remove, 7),
        (logs.copy_in, 7), (logs.swap, 7), (logs.swap_ids, 7), (logs.cut_tail, 11),
    ):  # fmt: skip
        refused(attack, position)
    refused(sql, f"UPDATE {TABLE} SET digest = 'x'")
    refused(sql, f"UPDATE {TABLE} SET position = NULL WHERE position = 7")
    refused(sql, f"DELETE FROM {TABLE} WHERE position IS NULL")
    refused(sql, f"UPDATE {CHECKPOINTS} SET seal = 'x'")
    refused(sql, f"DELETE FROM {CHECKPOINTS} WHERE number = 2")
    if connection.vendor == "postgresql":
        refused(sql, f"TRUNCATE {TABLE}")
        refused(sql, f"TRUNCATE {CHECKPOINTS}")
    else:
        refused(sql, REPLACE)
    if connection.vendor == "sqlite":
        refused(sql, f"UPDATE OR REPLACE {TABLE} SET position = 7 WHERE position IS NULL")
    assert (verify().wrong, verify().entries) == ("", 20)


def test_what_the_application_does_goes_through(protected):
    write(1)
    assert sealing.seal().entries == 3
    AuditCheckpoint.objects.filter(number=1).update(anchors={"log": "2026-01-31"}, is_anchored=True)
    now = timezone.now() + FAR
    assert retention.purge_personal_data(now) == 23
    AuditCheckpoint.objects.filter(number=3).update(anchors={"log": "2026-01-31"})
    assert retention.purge_entries(now) == 23
    assert sealing.seal().entries == 2
    assert verify().wrong == ""
    refused(sql, f"DELETE FROM {TABLE}")
    refused(sql, f"DELETE FROM {CHECKPOINTS}")
    refused(sql, f"UPDATE {CHECKPOINTS} SET cut_at = NULL WHERE number = 3")


def test_they_can_be_removed_and_that_is_noticed(protected, capsys):
    def told():
        found = run_checks(tags=["security"], include_deployment_checks=True)
        return "django_reports.W041" in [message.id for message in found]

    assert not told()
    call_command("protect_audit", remove=True)
    assert "removed django_reports_entry_update" in capsys.readouterr().out
    assert told()
    logs.edit(7)
    assert AuditEntry.objects.get(position=7).report == "shop.other"


def test_checks_recommend_keys_and_anchors_of_its_own(db, configure):
    def told():
        found = run_checks(tags=["security"], include_deployment_checks=True)
        return sorted(m.id for m in found if m.id.startswith("django_reports.W04"))

    assert told() == ["django_reports.W041", "django_reports.W042"]
    configure(AUDIT_KEYS=["own"])
    assert told() == ["django_reports.W041"]
    configure(AUDIT_KEYS=["own"], AUDIT_ANCHORS=[])
    assert told() == ["django_reports.W041", "django_reports.W043"]


CUT = "2026-01-31 00:00:00"


def put_in_checkpoint(number, last, cut_at):
    sql(
        f"INSERT INTO {CHECKPOINTS} (number, created_at, first_position, last_position, seal, "
        "signature, anchors, is_anchored, cut_at) VALUES (%s, %s, 1, %s, 'x', 'x', '{}', %s, %s)",
        *(number, CUT, last, False, cut_at),
    )


def test_a_checkpoint_that_is_put_in_licenses_no_deletion(protected):
    refused(put_in_checkpoint, 3, 1_000_000, CUT)
    put_in_checkpoint(3, 1_000_000, None)
    refused(sql, f"UPDATE {CHECKPOINTS} SET cut_at = '{CUT}' WHERE number = 3")
    refused(sql, f"DELETE FROM {TABLE}")
    sql(f"DELETE FROM {CHECKPOINTS} WHERE number > 3")  # nothing is there, nothing is refused
    refused(sql, f"DELETE FROM {CHECKPOINTS} WHERE number = 1")


def test_what_differs_in_bytes_only_is_a_change(protected):
    """MariaDB's usual collations take them for the same."""
    refused(sql, f"UPDATE {TABLE} SET report = 'SHOP.Orders' WHERE position = 7")
    refused(sql, f"UPDATE {TABLE} SET report = 'shop.orders ' WHERE position = 7")
    refused(sql, f"UPDATE {TABLE} SET user_agent = '  ' WHERE position = 7")
    refused(sql, f"UPDATE {CHECKPOINTS} SET seal = UPPER(seal) WHERE number = 1")


def exchanged_for_nothing(guard):
    if connection.vendor == "postgresql":
        function = f"{guard.name}() RETURNS trigger LANGUAGE plpgsql"
        return [f"CREATE OR REPLACE FUNCTION {function} AS $$ BEGIN RETURN NEW; END $$"]
    body = "BEGIN END" if connection.vendor == "mysql" else "BEGIN SELECT 1; END"
    return [
        f"DROP TRIGGER {guard.name}",
        f"CREATE TRIGGER {guard.name} BEFORE {guard.event} ON {guard.table} FOR EACH ROW {body}",
    ]


def with_a_condition(guard):
    """PostgreSQL and SQLite have one on triggers; MariaDB has it in the body."""
    body = {
        "postgresql": f"WHEN (false) EXECUTE FUNCTION {guard.name}()",
        "mysql": "BEGIN IF FALSE THEN SIGNAL SQLSTATE '45000'; END IF; END",
        "sqlite": "WHEN 0 BEGIN SELECT RAISE(ABORT, 'x'); END",
    }[connection.vendor]
    on = f" ON {guard.table}" if connection.vendor == "postgresql" else ""
    return [
        f"DROP TRIGGER {guard.name}{on}",
        f"CREATE TRIGGER {guard.name} BEFORE {guard.event} ON {guard.table} FOR EACH ROW {body}",
    ]


def on_another_table(guard):
    """All of it, but where nothing happens."""
    on = f" ON {guard.table}" if connection.vendor == "postgresql" else ""
    making = [
        statement.replace(f"ON {guard.table} ", "ON django_reports_preset ")
        for statement in triggers._dialect().making(guard)
    ]
    if connection.vendor == "mysql":  # it looks at the columns
        table = "django_reports_preset"
        making = [f"CREATE TRIGGER {guard.name} BEFORE UPDATE ON {table} FOR EACH ROW BEGIN END"]
    return [f"DROP TRIGGER {guard.name}{on}", *making]


def switched_off(guard):
    if connection.vendor != "postgresql":
        return [f"DROP TRIGGER {guard.name}"]
    return [f"ALTER TABLE {guard.table} DISABLE TRIGGER {guard.name}"]


def for_replicas_only(guard):
    if connection.vendor != "postgresql":
        return [f"DROP TRIGGER {guard.name}"]
    return [f"ALTER TABLE {guard.table} ENABLE REPLICA TRIGGER {guard.name}"]


@pytest.mark.parametrize(
    "change",
    [exchanged_for_nothing, with_a_condition, on_another_table, switched_off, for_replicas_only],
)
def test_a_trigger_that_only_has_the_name_is_missing(protected, change):
    guard = next(g for g in triggers._dialect().guards() if g.name.endswith("entry_update"))
    for statement in change(guard):
        sql(statement)
    try:
        assert triggers.missing() == [guard.name]
    finally:
        if change is on_another_table and connection.vendor == "postgresql":
            sql(f"DROP TRIGGER {guard.name} ON django_reports_preset")
