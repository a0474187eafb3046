"""Whoever changes the log behind the application's back is found, and where."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from django_reports.audit import sealing
from django_reports.jobs.file_verification import verify
from django_reports.models import AuditCheckpoint, AuditEntry
from tests.entry_points.helpers import deliver, make
from tests.trust import logs
from tests.trust.logs import TABLE, sealed_log, sql, write

pytestmark = pytest.mark.django_db


@pytest.fixture
def log():
    """Thirty entries below three checkpoints, and two that are not sealed yet."""
    sealed_log(30, batch=10)
    write(2)


def test_what_was_written_is_right(log):
    found = verify()
    assert (found.wrong, found.entries, found.checkpoints, found.unsealed) == ("", 30, 3, 2)


def test_an_empty_log_is_right(db):
    assert verify().wrong == ""


def test_positions_have_no_gaps_and_follow_the_order_of_writing(log):
    sealing.seal()
    entries = AuditEntry.objects.order_by("id")
    assert [entry.position for entry in entries] == list(range(1, 33))
    points = AuditCheckpoint.objects.values_list("number", "first_position", "last_position")
    assert list(points) == [(1, 1, 10), (2, 11, 20), (3, 21, 30), (4, 31, 32)]
    assert sealing.seal().entries == 0


ATTACKS = {
    "edit": (logs.edit, 17, "Entry 17 (id"),
    "edit of the details": (logs.edit_data, 17, "Entry 17 (id"),
    "edit of who it was": (logs.edit_person, 17, "who, address or browser"),
    "removal of who it was": (logs.blank_person, 17, "Entry 17 (id"),
    "delete": (logs.remove, 17, "Entry 17 is missing"),
    "delete of the first": (logs.remove, 1, "Entry 1 is missing"),
    "insert of a copy": (logs.copy_in, 17, "Entry 17 (id"),
    "insert of one of our own": (logs.move_in, 17, "Entry 17 (id"),
    "reorder": (logs.swap, 17, "Entry 17 (id"),
    "reorder by number": (logs.swap_ids, 17, "Entry 17 (id"),
    "cut": (logs.cut_tail, 26, "The entries 26–30 are missing"),
    "cut to the checkpoint": (logs.cut_tail, 21, "The entries 21–30 are missing"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_it_is_found_and_located(log, attack):
    do, position, said = ATTACKS[attack]
    do(position)
    assert said in verify().wrong


def test_an_unsealed_entry_that_was_changed_is_found(log):
    newest = AuditEntry.objects.first()
    sql(f"UPDATE {logs.TABLE} SET report = 'x' WHERE id = {newest.pk}")
    assert f"Entry id {newest.pk} (not sealed yet) was changed" in verify().wrong


def test_a_changed_or_missing_checkpoint_is_found(log):
    AuditCheckpoint.objects.filter(number=2).update(last_position=19)
    assert "Checkpoint 2 was changed" in verify().wrong
    AuditCheckpoint.objects.filter(number=2).delete()
    assert "Checkpoint 2 is missing" in verify().wrong


def test_missing_checkpoints_at_the_end_are_found(log):
    AuditCheckpoint.objects.filter(number=3).delete()
    assert "Entry 21" in verify().wrong
    assert "its checkpoint is missing" in verify().wrong


def test_a_removed_head_is_found_though_the_rest_says_that_it_may_be(log):
    """Only an entry of the log tells of a removal, not a mark on a checkpoint."""
    sql(f"DELETE FROM {logs.TABLE} WHERE position <= 10")
    AuditCheckpoint.objects.filter(number=1).update(cut_at="2026-01-01T00:00:00Z")
    assert "entries up to 10 are missing, and no entry tells" in verify().wrong


def test_who_lacks_the_keys_cannot_rewrite(log, configure):
    configure(AUDIT_KEYS=["mallory's"])
    logs.rewrite()
    configure(AUDIT_KEYS=[])
    assert "Checkpoint 1 was changed" in verify().wrong


# Keys


def test_keys_rotate(configure):
    configure(AUDIT_KEYS=["old"])
    sealed_log(3, batch=2)
    configure(AUDIT_KEYS=["new", "old"])
    sealed_log(3, batch=2)
    assert (verify().wrong, verify().entries) == ("", 6)
    configure(AUDIT_KEYS=["new"])
    assert "Checkpoint 1 was changed" in verify().wrong


def test_own_keys_may_follow_the_secret_key(configure, settings):
    sealed_log(3, batch=2)
    configure(AUDIT_KEYS=["own", settings.SECRET_KEY])
    assert verify().wrong == ""
    settings.SECRET_KEY = "another"
    configure(AUDIT_KEYS=[])
    assert verify().wrong != ""
    settings.SECRET_KEY_FALLBACKS = ["for tests only"]
    assert verify().wrong == ""


# The command, and the files


def test_the_command_counts(log, capsys):
    call_command("verify_reports")
    assert capsys.readouterr().out == (
        "entries=30 unsealed=2 checkpoints=3 anchors=1 files=0\n"
        "not checked: Entries that were deleted before they were sealed cannot be missed.\n"
    )


def test_the_command_names_what_is_wrong(log, capsys):
    logs.edit(17)
    with pytest.raises(CommandError, match=r"Entry 17 \(id \d+\) was changed"):
        call_command("verify_reports")
    assert "entries=16" in capsys.readouterr().out


def changed(path):
    path.write_bytes(b"x" + path.read_bytes()[1:])


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (changed, "is not the one that was made"),
        (lambda path: path.unlink(), "is missing"),
        (lambda path: path.write_bytes(b""), "is not the one that was made"),
    ],
    ids=["changed by a byte", "deleted", "emptied"],
)
def test_files_are_verified(alice, orders, folder, harm, said):
    good, bad = make(alice), make(alice, columns=["id"])
    assert verify().files == 2
    harm(folder / bad.file_key)
    found = verify()
    assert found.files == 1
    assert str(bad.pk) in found.wrong
    assert said in found.wrong
    assert verify(with_files=False).wrong == ""
    assert good.filename


def test_a_file_that_was_swapped_together_with_its_job_is_found(alice, orders):
    good, bad = make(alice), make(alice, columns=["id"])
    facts = {"file_key": good.file_key, "sha256": good.sha256, "bytes": good.bytes}
    type(bad).objects.filter(pk=bad.pk).update(**facts)
    assert f"Export {bad.pk} has another SHA-256 than its entry tells." in verify().wrong


def test_the_command_says_which_export_a_file_is(alice, orders, folder, tmp_path, capsys):
    job = make(alice)
    call_command("verify_reports", file=str(folder / job.file_key))
    told = capsys.readouterr().out
    assert f"report=shop.orders job={job.pk} by=alice" in told
    assert f"rows=20 bytes={job.bytes} file={job.filename}" in told

    sent = tmp_path / "sent.csv"
    export = deliver(alice, columns=["number"])
    sent.write_bytes(b"".join(export))
    call_command("verify_reports", file=str(sent))
    assert f"job={export.job.pk}" in capsys.readouterr().out


def test_the_command_says_what_is_no_export(tmp_path, db):
    other = tmp_path / "other.csv"
    other.write_bytes(b"other")
    with pytest.raises(CommandError, match="is no export that was made here: SHA-256 d9298a10d1b"):
        call_command("verify_reports", file=str(other))
    for missing in (str(tmp_path / "none"), ""):
        with pytest.raises(CommandError, match="cannot be read: No such file"):
            call_command("verify_reports", file=missing)


def test_a_file_of_the_same_name_as_a_forged_line_stays_on_one(alice, orders, folder, capsys):
    alice.username = "alice\nreport=forged"
    alice.save()
    call_command("verify_reports", file=str(folder / make(alice).file_key))
    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.parametrize("column", ["digest", "personal_digest", "seal"])
def test_a_digest_that_is_none_is_named(log, column):
    sql(f"UPDATE {TABLE} SET {column} = 'schlüssel' WHERE position = 17")
    assert "Entry 17 (id" in verify().wrong
    sql(f"UPDATE {TABLE} SET {column} = '' WHERE position = 17")
    assert "Entry 17 (id" in verify().wrong


def test_a_signature_that_is_none_is_named(log):
    sql("UPDATE django_reports_auditcheckpoint SET signature = 'é' WHERE number = 2")
    assert "Checkpoint 2 was changed" in verify().wrong


@pytest.mark.skipif(connection.vendor != "sqlite", reason="others refuse such values")
@pytest.mark.parametrize("change", ["key = 'x'", "created_at = 'yesterday'"])
def test_a_row_that_cannot_be_read_is_named(log, change):
    sql(f"UPDATE {TABLE} SET {change} WHERE position = 17")
    assert "among those after 16" in verify().wrong or "Entry 17" in verify().wrong
