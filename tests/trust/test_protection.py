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


def put_in_checkpoint(number, last, cut_at, first=21):
    sql(
        f"INSERT INTO {CHECKPOINTS} (number, created_at, first_position, last_position, seal, "
        "signature, anchors, is_anchored, cut_at) VALUES (%s, %s, %s, %s, 'x', 'x', '{}', %s, %s)",
        *(number, CUT, first, last, False, cut_at),
    )


def test_a_checkpoint_that_is_put_in_licenses_no_deletion(protected):
    refused(put_in_checkpoint, 3, 1_000_000, CUT)
    refused(put_in_checkpoint, 0, 1_000_000, None)  # behind others
    refused(put_in_checkpoint, 4, 1_000_000, None)
    refused(put_in_checkpoint, 3, 1_000_000, None, 1)  # over the same positions
    refused(put_in_checkpoint, 3, 20, None)
    put_in_checkpoint(3, 1_000_000, None)
    refused(sql, f"UPDATE {CHECKPOINTS} SET cut_at = '{CUT}' WHERE number = 3")
    refused(sql, f"DELETE FROM {TABLE}")
    sql(f"DELETE FROM {CHECKPOINTS} WHERE number > 3")  # nothing is there, nothing is refused
    refused(sql, f"DELETE FROM {CHECKPOINTS} WHERE number = 1")


def test_no_position_is_given_but_below_the_newest_checkpoint(protected):
    mark_as_cut(1)
    for position in (0, 5, 21, 900):
        refused(sql, f"UPDATE {TABLE} SET position = {position} WHERE id = {unsealed()}")
        refused(
            sql, f"UPDATE {TABLE} SET position = {position}, seal = 'x' WHERE id = {unsealed()}"
        )
    refused(sql, f"UPDATE {TABLE} SET seal = 'x' WHERE position IS NULL")
    sql(f"DELETE FROM {TABLE} WHERE position = 5")
    refused(lambda: logs.insert_copy(7, at=5))
    refused(sql, f"UPDATE {TABLE} SET position = 5, seal = 'x' WHERE id = {unsealed()}")
    refused(sql, f"UPDATE {CHECKPOINTS} SET cut_at = NULL WHERE number = 1")


def unsealed():
    return AuditEntry.objects.filter(position=None).order_by("id").first().pk


def mark_as_cut(number):
    sql(f"UPDATE {CHECKPOINTS} SET cut_at = '{CUT}' WHERE number = {number}")


def test_what_is_not_sealed_is_not_removed_by_a_cut(protected):
    mark_as_cut(2)
    refused(sql, f"DELETE FROM {TABLE} WHERE position IS NULL")
    refused(sql, f"UPDATE {TABLE} SET position = 0 WHERE id = {unsealed()}")


def test_an_entry_that_is_not_sealed_leaves_a_trace_when_it_is_removed(protected):
    """Rows alone do not tell a checkpoint of ours. It stays on top, and nothing is sealed on it."""
    put_in_checkpoint(3, 21, None)
    sql(f"UPDATE {TABLE} SET position = 21, seal = 'x' WHERE id = {unsealed()}")
    mark_as_cut(3)
    sql(f"DELETE FROM {TABLE} WHERE position <= 21")
    sql(f"DELETE FROM {CHECKPOINTS} WHERE number < 3")
    refused(sql, f"DELETE FROM {CHECKPOINTS}")
    assert sealing.seal().entries == 0
    assert sealing.alarm() is not None
    assert "Checkpoint 3 was changed" in verify().wrong


@pytest.mark.skipif(connection.vendor == "mysql", reason="such tables need a right of their own")
def test_a_temporary_table_in_front_of_another_licenses_nothing(protected):
    sql(
        "CREATE TEMPORARY TABLE django_reports_auditcheckpoint AS "
        f"SELECT 999 AS number, '{CUT}' AS cut_at, 0 AS first_position, 999999 AS last_position"
    )
    main = "public" if connection.vendor == "postgresql" else "main"
    try:
        refused(sql, f"DELETE FROM {main}.{TABLE} WHERE position = 3")
        refused(sql, f"UPDATE {main}.{TABLE} SET position = 900, seal = 'x' WHERE position IS NULL")
        refused(sql, f"DELETE FROM {main}.{CHECKPOINTS} WHERE number = 1")
    finally:
        temporary = "pg_temp" if connection.vendor == "postgresql" else "temp"
        sql(f"DROP TABLE {temporary}.{CHECKPOINTS}")


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


def looking_elsewhere_first(guard):
    """As it was before it named the schema in which it looks for tables."""
    if connection.vendor != "postgresql":
        return [f"DROP TRIGGER {guard.name}"]
    return [f"ALTER FUNCTION {guard.name}() RESET ALL"]


CHANGES = [
    exchanged_for_nothing,
    with_a_condition,
    on_another_table,
    switched_off,
    for_replicas_only,
    looking_elsewhere_first,
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_trigger_that_only_has_the_name_is_missing(protected, change):
    guard = next(g for g in triggers._dialect().guards() if g.name.endswith("entry_update"))
    for statement in change(guard):
        sql(statement)
    try:
        assert triggers.missing() == [guard.name]
    finally:
        if change is on_another_table and connection.vendor == "postgresql":
            sql(f"DROP TRIGGER {guard.name} ON django_reports_preset")
