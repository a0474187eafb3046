"""What a row of the database names is removed only if it is a file that was made here."""

import uuid

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import connection
from django.utils import timezone

from django_reports.audit import sealing
from django_reports.jobs import files
from django_reports.jobs.file_verification import verify
from django_reports.models import Leftover, ReportJob
from tests.entry_points.helpers import enqueue, make, sweep
from tests.trust.logs import sql, write

pytestmark = pytest.mark.django_db
JOBS = "django_reports_reportjob"


@pytest.fixture
def anchored(folder):
    """The files that the anchor has been told, and others that lie beside the exports."""
    write(3)
    sealing.seal()
    (folder / "notes.txt").write_text("no export")
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.fixture
def media(settings, tmp_path):
    """A file that somebody has uploaded to another storage."""
    backend = "django.core.files.storage.FileSystemStorage"
    default = {"BACKEND": backend, "OPTIONS": {"location": str(tmp_path / "media")}}
    settings.STORAGES = {**settings.STORAGES, "default": default}
    storages["default"].save("upload.txt", ContentFile(b"theirs"))
    return tmp_path / "media" / "upload.txt"


def leftover(storage, key):
    sql(
        "INSERT INTO django_reports_leftover (storage, file_key, signature) VALUES (%s, %s, %s)",
        *(storage, key, "0" * 64),
    )


def by_a_job(job, column):
    def name(storage, key):
        own = job.pk if connection.features.has_native_uuid_field else job.pk.hex
        sql(
            f"UPDATE {JOBS} SET status = 'expired', storage = %s, {column} = %s WHERE id = %s",
            *(storage, key, own),
        )

    return name


def ways(user):
    """The rows that name a file to be removed: what noted it, its job's and its manifest's."""
    jobs = [make(user), make(user)]
    return [leftover, by_a_job(jobs[0], "file_key"), by_a_job(jobs[1], "manifest_key")]


def test_no_row_has_anything_removed_that_is_no_export(alice, orders, anchored, media, folder):
    keys = [("private", str(path.relative_to(folder))) for path in anchored]
    keys += [
        ("default", "upload.txt"),
        ("private", "../media/upload.txt"),
        ("private", f"{files._folder()}/2026/01/../../../{keys[0][1]}"),
        ("private", files.new_key("csv", timezone.now()) + "/../../../../notes.txt"),
    ]
    for storage, key in keys:
        for name in ways(alice):
            name(storage, key)
            sweep(tidies=True)
    assert all(path.exists() for path in [*anchored, media])
    assert not Leftover.objects.exists()


def test_an_attempt_removes_nothing_else_before_it_begins_again(alice, orders, media):
    job = enqueue(alice)
    sql(f"UPDATE {JOBS} SET storage = 'default', file_key = 'upload.txt'")
    sweep()
    job.refresh_from_db()
    assert media.exists()


def test_no_file_that_another_job_hands_out_is_removed(alice, orders, folder, caplog):
    kept = make(alice)
    for key in (kept.file_key, kept.manifest_key):
        for name in ways(alice):
            name("private", key)
        sweep()
        assert "event=not_removed reason=of_another_export" in caplog.text
        assert (folder / key).exists()
    assert "event=forged" in caplog.text


def test_nor_under_another_name_of_its_storage(alice, orders, folder, settings):
    kept = make(alice)
    backend = "django.core.files.storage.FileSystemStorage"
    same = {"BACKEND": backend, "OPTIONS": {"location": str(folder)}}
    settings.STORAGES = {**settings.STORAGES, "same": same}
    for name in ways(alice):
        name("same", kept.file_key)
    sweep()
    assert (folder / kept.file_key).exists()


def test_no_file_is_opened_for_a_row_that_was_changed(alice, orders, monkeypatch, media):
    job = make(alice)
    sql(f"UPDATE {JOBS} SET storage = 'default', file_key = 'upload.txt'")
    monkeypatch.setattr(storages["default"].__class__, "open", None)
    assert "was changed" in verify().wrong
    with pytest.raises(files.ChecksumMismatch):
        files.open_file(ReportJob.objects.get(pk=job.pk))


def test_what_a_row_names_of_ours_is_removed(alice, orders, folder):
    job = make(alice)
    by_a_job(job, "sha256")("private", uuid.uuid4().hex)
    sweep()
    assert not (folder / job.file_key).exists()
    assert f"{job.pk}" in verify().wrong
