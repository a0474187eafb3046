"""Where files are kept: whole, private, under names that nobody guesses."""

import datetime as dt
import io
import re
import stat

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, InMemoryStorage

from django_reports.core import storages
from django_reports.core.storages import PrivateFileSystemStorage
from django_reports.exceptions import FileUnavailable
from django_reports.jobs import files
from tests.entry_points.helpers import files_in, make, put, sign

DAY = dt.date(2026, 2, 3)


@pytest.fixture
def use(settings):
    """Configure STORAGES["reports"]."""

    def configure(backend, **options):
        settings.STORAGES = {
            **settings.STORAGES,
            "reports": {"BACKEND": f"{__name__}.{backend.__name__}", "OPTIONS": options},
        }

    return configure


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "made.csv"
    path.write_bytes(b"id\r\n1\r\n")
    with path.open("rb") as opened:
        yield opened


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


# The private folder


def test_private_files_are_for_their_owners_eyes(file, folder):
    name = files.publish("private", "2026/02/key.csv", file, 7)
    assert name == "2026/02/key.csv"
    assert mode_of(folder / name) == 0o600
    assert [mode_of(folder / part) for part in ("2026/02", "2026", "")] == [0o700] * 3


def test_private_files_have_no_url(settings):
    settings.MEDIA_URL = "/media/"
    kept = PrivateFileSystemStorage()
    with pytest.raises(ValueError, match="Report files have no URL"):
        kept.url("key.csv")
    assert kept.base_url is None


def test_folder_is_beside_the_project_unless_set(settings, configure, tmp_path):
    configure(STORAGE_DIR=None)
    settings.BASE_DIR = tmp_path
    assert storages.private_folder() == tmp_path / "var" / "reports"


def test_folder_is_never_below_what_is_served(settings, configure, tmp_path):
    configure(STORAGE_DIR=None)
    settings.BASE_DIR, settings.MEDIA_ROOT = tmp_path, tmp_path / "media"
    assert not storages.private_folder().is_relative_to(settings.MEDIA_ROOT)


# Keys


def test_a_key_is_a_date_and_43_characters_by_chance():
    key = files.new_key("csv", DAY)
    assert re.fullmatch(r"[\w-]+-[0-9a-f]{12}/2026/02/[\w-]{43}\.csv", key)
    assert key != files.new_key("csv", DAY)


@pytest.mark.django_db
def test_a_key_tells_nothing_of_the_export(alice, orders):
    job = make(alice)
    for word in ("orders", "alice", str(job.pk), job.sha256):
        assert word not in job.file_key
    assert job.filename.startswith("orders-")


# Which storage


@pytest.mark.django_db
def test_the_private_folder_is_used_if_nothing_is_configured(alice, orders, folder):
    job = make(alice)
    assert job.storage == "private"
    assert files_in(folder) == [job.file_key]


@pytest.mark.django_db
def test_the_configured_storage_is_used(alice, orders, use, folder):
    use(InMemoryStorage)
    job = make(alice)
    assert job.storage == "reports"
    assert not folder.exists()
    with files.open_file(job) as kept:
        assert len(kept.read().splitlines()) == 21


@pytest.mark.django_db
def test_another_alias_can_be_named(alice, orders, settings, configure):
    backend = {"BACKEND": f"{__name__}.InMemoryStorage"}
    settings.STORAGES = {**settings.STORAGES, "vault": backend}
    configure(STORAGE="vault")
    assert make(alice).storage == "vault"


@pytest.mark.django_db
def test_a_file_stays_where_it_was_made(alice, orders, use):
    job = make(alice)
    use(InMemoryStorage)
    with files.open_file(job) as kept:
        assert kept.read().startswith(b"id,")


def test_a_missing_alias_is_named():
    with pytest.raises(FileUnavailable, match="storage 'old' of this file is no longer configured"):
        storages.storage_of("old")


# Opening and removing


@pytest.mark.django_db
def test_a_missing_file_is_told(alice, orders):
    job = make(alice)
    files.delete(job.storage, job.file_key)
    with pytest.raises(FileUnavailable, match="The file of this export is missing"):
        files.open_file(job)


@pytest.mark.django_db
def test_a_file_of_another_length_is_not_opened(alice, orders):
    job = sign(put(make(alice), bytes=1))
    with pytest.raises(FileUnavailable, match="is not the one that was made"):
        files.open_file(job)


def test_removing_what_is_not_there_is_no_error(alice, orders):
    kept = make(alice)
    files.delete("private", "2026/02/nothing.csv")
    files.delete("private", "")
    files.delete("no such storage", "")
    with files.open_file(kept) as file:
        assert len(file.read()) == kept.bytes


def test_the_private_storage_can_be_named_in_storages(tmp_path):
    kept = PrivateFileSystemStorage(location=tmp_path / "elsewhere")
    assert isinstance(kept, FileSystemStorage)
    kept.save("a/b.csv", ContentFile(b"x"))
    assert mode_of(tmp_path / "elsewhere/a/b.csv") == 0o600
    assert kept.deconstruct()[0] == "django_reports.PrivateFileSystemStorage"


def test_a_key_does_not_lead_out_of_the_folder():
    from django.core.exceptions import SuspiciousFileOperation

    with pytest.raises(SuspiciousFileOperation):
        storages.storage_of("private").save("../out.csv", io.BytesIO(b"x"))
