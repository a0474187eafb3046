"""The anchor that needs no configuration: SQL rights alone cannot have a log sealed anew."""

import json
import shutil

import pytest
from django.core.checks import run_checks
from django.core.files.storage import FileSystemStorage
from django.core.management import CommandError, call_command
from django.db import connections

from django_reports.audit import anchors, chain, sealing
from django_reports.jobs.file_verification import verify
from django_reports.models import AuditCheckpoint, AuditEntry
from tests.entry_points.helpers import sweep
from tests.trust import logs
from tests.trust.logs import CHECKPOINTS, TABLE, sealed_log, sql, write

pytestmark = pytest.mark.django_db


@pytest.fixture
def log(folder):
    sealed_log(30, batch=10)


@pytest.fixture
def anchored(folder):
    """The folder of the files that the anchor has been told."""

    def path(series=""):
        [database] = (folder / "audit").iterdir()
        return database / f"checkpoints{series}"

    return path


def unseal(condition="1 = 1"):
    sql(f"UPDATE {TABLE} SET position = NULL, seal = '' WHERE {condition}")


def forget_everything():
    sql(f"DELETE FROM {CHECKPOINTS}")
    unseal()
    sql(f"DELETE FROM {TABLE} WHERE report = 'shop.orders' AND id % 3 = 0")


def forget_the_tail():
    sql(f"DELETE FROM {CHECKPOINTS} WHERE number > 1")
    unseal("position > 10")
    newest = AuditEntry.objects.first().pk
    sql(f"DELETE FROM {TABLE} WHERE id = {newest}")


def forget_and_swap():
    sql(f"DELETE FROM {CHECKPOINTS} WHERE number = 3")
    logs.swap_ids(25)
    unseal("position > 20")


def empty_both_tables():
    sql(f"DELETE FROM {CHECKPOINTS}")
    sql(f"DELETE FROM {TABLE}")


def cut_the_last_checkpoint():
    sql(f"DELETE FROM {CHECKPOINTS} WHERE number = 3")
    sql(f"DELETE FROM {TABLE} WHERE position > 20")


ATTACKS = [
    forget_everything,
    forget_the_tail,
    forget_and_swap,
    empty_both_tables,
    cut_the_last_checkpoint,
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_what_is_left_after_an_attack_is_not_sealed(log, attack, caplog):
    attack()
    write(2)
    before = AuditCheckpoint.objects.count()
    for _ in range(3):
        assert sweep().sealed == 0
    assert AuditCheckpoint.objects.count() == before
    assert "reports was told of checkpoint 3" in verify().wrong
    [entry] = AuditEntry.objects.filter(action="log_contradicted")
    assert entry.data == {"anchor": "reports", "number": before}
    assert sealing.alarm() == entry
    alarms = [record for record in caplog.records if "event=contradicted" in record.message]
    assert [record.levelname for record in alarms] == ["ERROR"]


def test_a_checkpoint_that_was_exchanged_is_not_sealed_upon(log):
    """By who has the keys as well."""
    logs.rewrite(lambda entry: setattr(entry, "report", "shop.other"))
    write(2)
    assert sweep().sealed == 0
    assert "something was written anew" in verify().wrong


def test_a_sweep_with_nothing_to_do_asks_the_storage_nothing(log, monkeypatch):
    for name in ("open", "exists", "save", "listdir"):
        monkeypatch.setattr(FileSystemStorage, name, None)
    assert sealing.seal() == (0, 0)


def test_a_new_checkpoint_takes_six_calls(log, monkeypatch):
    calls = []

    def counted(name):
        call = getattr(FileSystemStorage, name)
        monkeypatch.setattr(
            FileSystemStorage, name, lambda *args, **options: calls.append(name) or call(*args)
        )

    for name in ("open", "exists", "save", "listdir"):
        counted(name)
    write(1)
    assert sealing.seal() == (1, 1)
    # Two probes and which series it is, before; whether it is there, and saving it, after.
    assert len(calls) <= 7, calls
    assert "listdir" not in calls


def test_two_workers_at_once_are_no_contradiction(log, monkeypatch):
    write(5)
    may_seal = sealing._may_seal

    def late(found, last):
        monkeypatch.setattr(sealing, "_may_seal", may_seal)
        assert sealing.seal().entries == 5  # the other worker, between two looks of this one
        return may_seal(found, last)

    monkeypatch.setattr(sealing, "_may_seal", late)
    assert sealing.seal() == (0, 0)
    assert sealing.alarm() is None
    assert verify().wrong == ""


def test_a_checkpoint_that_was_not_told_yet_is_told_before_the_next_one(log, anchored):
    """A process that dies between the commit and the storage leaves one behind."""
    write(1)
    last = chain.last_checkpoint()
    chain.seal_batch(last, chain.waiting_entries(last))
    write(1)
    assert sealing.seal() == (1, 2)
    assert len(list(anchored().iterdir())) == 5
    assert (verify().wrong, verify().notes) == ("", [])


def test_a_storage_that_lost_its_files_is_said_and_does_not_stop_sealing(log, anchored, caplog):
    (anchored() / "000000000003.json").unlink()
    assert "reports no longer has checkpoint 3" in verify().notes[0]
    write(1)
    assert sealing.seal() == (1, 1)
    assert "event=partial" in caplog.text
    shutil.rmtree(anchored())
    write(1)
    assert sealing.seal() == (1, 1)
    assert verify().wrong == ""


def test_a_new_anchor_says_what_it_does_not_know(log, folder):
    shutil.rmtree(folder)
    AuditCheckpoint.objects.update(anchors={}, is_anchored=True)
    assert verify().wrong == ""
    assert verify().notes == [
        "reports was not told of the checkpoints after 0; the log ends with 3."
    ]


class Broken(FileSystemStorage):
    def _open(self, *args, **kwargs):
        raise ConnectionError("no route to the storage")

    exists = listdir = _save = _open


def test_a_storage_that_is_away_does_not_stop_sealing(log, settings, caplog):
    usual = settings.STORAGES
    settings.STORAGES = {**usual, "reports": {"BACKEND": f"{__name__}.Broken"}}
    write(1)
    assert sealing.seal() == (1, 0)
    assert "event=unreachable" in caplog.text
    assert "reports cannot be read (ConnectionError" in verify().wrong
    settings.STORAGES = usual
    assert sealing.publish() == 1


class Full(FileSystemStorage):
    """Leaves a part of the file behind, as a full disk does."""

    def _save(self, name, content):
        super()._save(name, type(content)(content.read()[:10]))
        raise OSError(28, "No space left on device")


def test_a_part_of_a_checkpoint_is_not_left_behind(log, settings, tmp_path, folder, anchored):
    full = {"BACKEND": f"{__name__}.Full", "OPTIONS": {"location": str(folder)}}
    settings.STORAGES = {**settings.STORAGES, "reports": full}
    write(1)
    assert sealing.seal() == (1, 0)
    assert len(list(anchored().iterdir())) == 3


def test_there_is_none_in_memory_unless_asked_for(settings, configure):
    memory = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    settings.STORAGES = {**settings.STORAGES, "reports": memory}
    assert anchors.all_anchors() == []
    configure(AUDIT_ANCHORS=["reports"])
    assert [str(anchor) for anchor in anchors.all_anchors()] == ["reports"]


def test_databases_that_share_a_storage_are_apart(log, folder, monkeypatch):
    database = connections["default"]
    known = database.settings_dict
    for change in ({"NAME": "other"}, {"HOST": "elsewhere"}, {"PORT": "1"}):
        monkeypatch.setattr(database, "settings_dict", {**known, **change})
        assert sealing.contradicting() == []
        last = chain.last_checkpoint()
        assert sealing.agreement_of(anchors.ReportsAnchor(), None).value == "agrees"
        assert sealing.agreement_of(anchors.ReportsAnchor(), last).value == "partial"
        monkeypatch.setattr(database, "settings_dict", known)


def test_a_new_key_changes_nothing(log, configure, settings):
    configure(AUDIT_KEYS=["new", settings.SECRET_KEY])
    write(3)
    assert sealing.seal() == (3, 1)
    assert (verify().wrong, verify().notes) == ("", [])


def restored_backup():
    """The log as it was after its first checkpoint."""
    sql(f"DELETE FROM {CHECKPOINTS} WHERE number > 1")
    sql(f"DELETE FROM {TABLE} WHERE position > 10")


def test_a_restored_backup_is_accepted_by_a_command_that_is_recorded(log, anchored, capsys):
    restored_backup()
    write(1)
    assert sweep().sealed == 0
    call_command("verify_reports", accept="backup of Monday")
    assert "Told: reports." in capsys.readouterr().out
    assert sealing.alarm() is None
    entry = AuditEntry.objects.first()
    assert (entry.action, entry.data["number"]) == ("log_accepted", 1)
    assert entry.data["reason"] == "backup of Monday"
    assert sweep().sealed == 3
    found = verify()
    assert found.wrong == ""
    assert "to go on from checkpoint 1: backup of Monday" in found.notes[0]
    start = json.loads((anchored("-2") / "start.json").read_text())
    assert (start["number"], start["reason"]) == (1, "backup of Monday")
    assert len(list(anchored().iterdir())) == 3  # nothing of before was removed


def test_after_a_backup_was_accepted_attacks_are_found_again(log):
    restored_backup()
    call_command("verify_reports", accept="backup")
    write(1)
    assert sweep().sealed == 2
    forget_everything()
    assert sweep().sealed == 0
    assert "reports was told of checkpoint 2" in verify().wrong
    with pytest.raises(CommandError, match="needs a reason"):
        call_command("verify_reports", accept=" ")


def test_a_log_that_was_accepted_at_its_beginning_goes_on(log):
    empty_both_tables()
    call_command("verify_reports", accept="a new database")
    assert sweep().sealed == 1
    assert verify().wrong == ""


def test_there_is_nothing_to_accept_where_nothing_contradicts(log):
    with pytest.raises(CommandError, match="nothing to accept"):
        call_command("verify_reports", accept="just so")


def test_a_contradiction_is_shown_to_who_may_see_the_log(log, admin_client, capsys):
    forget_everything()
    write(1)
    sweep()
    for url in ("/admin/django_reports/auditentry/", "/reports/rights/"):
        assert "New entries are not sealed." in admin_client.get(url).text
    found = run_checks(tags=["database"], databases=["default"])
    assert [message.id for message in found if "reports.E0" in message.id] == [
        "django_reports.E042"
    ]
    call_command("verify_reports", accept="it was me")
    for url in ("/admin/django_reports/auditentry/", "/reports/rights/"):
        assert "New entries are not sealed." not in admin_client.get(url).text
    assert "django_reports.E042" not in [
        message.id for message in run_checks(tags=["database"], databases=["default"])
    ]
