"""Tidying up: files that no job names, jobs whose file is gone, folders of dead processes."""

import datetime as dt
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from django.core.files.storage import InMemoryStorage
from django.core.management import call_command

from django_reports.core import storages
from django_reports.core.tempdirs import Workspace, remove_abandoned
from django_reports.jobs import files
from django_reports.jobs.maintenance import Swept
from django_reports.models import AuditEntry
from tests.entry_points.helpers import enqueue, files_in, make, put, sweep

NAME = "2026/01/" + "k" * 43 + ".csv"
YEAR = 365 * 24 * 60 * 60


@pytest.fixture
def key(db):
    """As of a file of this database."""
    return f"{storages.folder_of_database('default')}/{NAME}"


def tidy():
    return sweep(tidies=True)


def put_file(folder, key, age=YEAR):
    path = folder / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    os.utime(path, (time.time() - age,) * 2)


@pytest.mark.django_db
@pytest.mark.parametrize("ending", ["csv", "csv.gz", "xlsx"])
def test_a_file_that_no_job_names_is_removed(alice, orders, folder, key, ending):
    kept = make(alice).file_key
    put_file(folder, key.replace("csv", ending))
    assert tidy().orphans == 1
    assert files_in(folder) == [kept]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name",
    ["notes.txt", "2026/notes.csv", "2026/01/short.csv", "2026/01/" + "k" * 44 + ".csv",
     "other/01/" + "k" * 43 + ".csv"],
)  # fmt: skip
def test_files_of_others_are_left_alone(folder, key, name):
    name = key.replace(NAME, name)
    put_file(folder, name)
    assert tidy().orphans == 0
    assert files_in(folder) == [name]


@pytest.mark.django_db
def test_files_of_another_database_are_left_alone(folder, key):
    """Development, test and production may share a storage."""
    name = f"another-0123456789ab/{NAME}"
    put_file(folder, name)
    put_file(folder, key)
    assert tidy().orphans == 1
    assert files_in(folder) == [name]


@pytest.mark.django_db
def test_a_young_file_is_left_alone(folder, key):
    put_file(folder, key, age=60 * 60)
    assert (tidy().orphans, files_in(folder)) == (0, [key])


@pytest.mark.django_db
def test_a_file_in_use_is_left_alone(alice, orders, folder, key):
    """An attempt notes its key before there is a file under it."""
    job = put(enqueue(alice), status="running", attempt=1, storage="private", file_key=key)
    put(job, lease_until=dt.datetime(2100, 1, 1, tzinfo=dt.UTC))
    put_file(folder, key)
    assert (tidy().orphans, files_in(folder)) == (0, [key])


@pytest.mark.django_db
def test_a_job_whose_file_is_gone_says_so(alice, orders, folder):
    kept, lost = make(alice), make(alice)
    (folder / lost.file_key).unlink()
    assert tidy().missing == 1
    lost.refresh_from_db()
    kept.refresh_from_db()
    assert (lost.status, lost.error) == ("expired", "Its file is missing in the storage.")
    assert kept.status == "succeeded"
    entry = AuditEntry.objects.get(action="expired")
    assert entry.data["reason"] == "Its file is missing in the storage."
    assert tidy().missing == 0


@pytest.mark.django_db
def test_a_folder_that_is_not_mounted_expires_nothing(alice, orders, folder, caplog):
    job = make(alice)
    (folder / job.file_key).unlink()
    (folder / job.manifest_key).unlink()
    assert tidy().missing == 0
    job.refresh_from_db()
    assert job.status == "succeeded"
    assert "event=all_files_missing" in caplog.text


class Unlistable(InMemoryStorage):
    def listdir(self, path):
        raise NotImplementedError


@pytest.mark.django_db
def test_a_storage_that_cannot_be_listed_is_asked_for_what_was_noted(alice, orders, settings):
    settings.STORAGES = {**settings.STORAGES, "reports": {"BACKEND": f"{__name__}.Unlistable"}}
    kept, lost = make(alice), make(alice)
    files.delete("reports", lost.file_key)
    assert (tidy().missing, tidy().orphans) == (1, 0)
    lost.refresh_from_db()
    assert (lost.status, make(alice).status, kept.has_file) == ("expired", "succeeded", True)


@pytest.mark.django_db
def test_a_storage_that_fails_stops_nothing_else(alice, orders, folder, monkeypatch, caplog):
    def broken(self, path):
        raise OSError("disconnected")

    monkeypatch.setattr(storages.PrivateFileSystemStorage, "listdir", broken)
    assert tidy() == Swept()
    assert "event=not_tidied" in caplog.text


@pytest.mark.django_db
def test_the_command_tidies(folder, key, capsys):
    put_file(folder, key)
    call_command("sweep_reports")
    assert "orphans=1 missing=0" in capsys.readouterr().out
    assert files_in(folder) == []


# Folders of dead processes


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def old(path):
    os.utime(path, (time.time() - YEAR,) * 2)
    return path


def test_a_folder_of_a_living_process_stays(temporary):
    made = Workspace()
    old(made.path)
    assert (remove_abandoned(), made.path.exists()) == (0, True)
    made.close()
    made.close()
    assert list(temporary.iterdir()) == []


def test_a_folder_of_a_killed_process_is_removed(temporary):
    code = (
        "import os, signal; from django_reports.core.tempdirs import Workspace;"
        "w = Workspace(); (w.path / 'sheet.xml').write_text('x'); print(w.path, flush=True);"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary)},
        check=False,
    )
    folder = Path(ended.stdout.strip())
    assert (folder / "sheet.xml").exists()
    assert remove_abandoned() == 0  # it might just have been made
    old(folder)
    assert (remove_abandoned(), folder.exists()) == (1, False)


def test_what_others_keep_there_stays(temporary):
    for name in ("django-reports-work-without-lock", "django-reports-tests", "other-reports"):
        old_path = temporary / name
        old_path.mkdir()
        old(old_path)
    (temporary / "django-reports-work-file").write_text("x")
    old(temporary / "django-reports-work-file")
    link = temporary / "django-reports-work-link"
    link.symlink_to(temporary / "other-reports")
    assert remove_abandoned() == 0
    assert len(list(temporary.iterdir())) == 5
