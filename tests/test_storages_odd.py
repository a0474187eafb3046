"""Every storage that Django allows keeps files, and gives them out whole or not at all."""

import datetime as dt
import hashlib
import logging
import re
from html import unescape

import pytest
from django.utils import timezone

from django_reports.audit.log import Origin
from django_reports.checks.storage import check_storage
from django_reports.core import storages
from django_reports.engine.pipeline import BLOCK
from django_reports.exceptions import FileUnavailable
from django_reports.jobs import execution, files, lifecycle
from django_reports.models import Leftover, ReportJob
from tests.entry_points.helpers import (
    actions,
    browse,
    enqueue,
    entries,
    job_url,
    make,
    put,
    run,
    sign,
    sweep,
    text_of,
)
from tests.storages import Unheard

pytestmark = pytest.mark.django_db

# One block is enough for these; those take several.
SMALL, LARGE = {"rows": ["10"]}, {"rows": ["8000"]}
NOT_THE_ONE = "The file of this export is not the one that was made."
NEVER_TOLD = ("Unsized", "Plain", "Unseekable", "Unknown")


@pytest.fixture
def use(settings):
    """Keep files in an odd storage from now on. Returns it."""

    def configure(name, **options):
        backend = {"BACKEND": f"tests.storages.{name}", "OPTIONS": options}
        settings.STORAGES = {**settings.STORAGES, "reports": backend}
        return storages.storage_of("reports")

    return configure


def numbers(user, rows=LARGE):
    return make(user, "shop.numbers", parameters=rows)


def download(user, job):
    return browse(user).get(job_url(job, "download"))


def assert_refused(user, job, reason):
    response = download(user, job)
    assert response.status_code in (404, 503)
    assert reason in unescape(text_of(response))
    denial = entries(job).last()
    assert (denial.action, denial.data["reason"]) == ("denied", reason)
    assert "downloaded" not in actions(job)


def expire(job):
    put(job, expires_at=timezone.now() - dt.timedelta(seconds=1))
    assert sweep().expired == 1
    job.refresh_from_db()
    return job


@pytest.fixture(autouse=True)
def no_anchor(configure):
    """These storages are to hold files and nothing else."""
    configure(AUDIT_ANCHORS=[])


# What works


WORKING = ["Bare", *NEVER_TOLD, "Renaming", "Foldering"]


@pytest.mark.parametrize("name", WORKING)
@pytest.mark.parametrize("rows", [SMALL, LARGE], ids=["small", "large"])
def test_made_downloaded_and_expired(alice, use, name, rows):
    odd = use(name)
    job = numbers(alice, rows)
    assert (job.status, job.storage) == ("succeeded", "reports")
    assert set(odd.kept) == {job.file_key, job.manifest_key}
    response = download(alice, job)
    content = b"".join(response.streaming_content)
    assert (response.status_code, response["Content-Length"]) == (200, str(job.bytes))
    assert (len(content), hashlib.sha256(content).hexdigest()) == (job.bytes, job.sha256)
    assert expire(job).file_key == ""
    assert odd.kept == {}


@pytest.mark.parametrize("name", WORKING)
def test_what_an_ended_job_still_names_is_removed(alice, use, name):
    odd = use(name)
    job = put(numbers(alice), status="failed")
    sweep()
    job.refresh_from_db()
    assert (job.file_key, odd.kept) == ("", {})


@pytest.mark.parametrize(
    ("name", "kept"),
    [("Renaming", r"[0-9a-f-]{36}\.bin"), ("Foldering", r"added/[\w-]+/20../../.{43}\.csv")],
)
def test_the_name_that_the_storage_chose_is_kept(alice, use, name, kept):
    use(name)
    assert re.fullmatch(kept, numbers(alice).file_key)


def test_a_file_that_was_downloaded_is_closed(alice, use):
    odd = use("Unsized")
    b"".join(download(alice, numbers(alice)).streaming_content)
    assert [file.closed for file in odd.opened] == [True]


@pytest.mark.parametrize("name", ["Bare", "Renaming", "Foldering"])
def test_a_job_that_is_overtaken_leaves_nothing(alice, use, name, monkeypatch):
    odd = use(name)
    job = enqueue(alice, "shop.numbers")
    publish = files.publish

    def overtaken(*args):
        name = publish(*args)
        put(job, attempt=2)
        return name

    monkeypatch.setattr(files, "publish", overtaken)
    run(job)
    assert (job.status, odd.kept) == ("running", {})


def test_a_file_that_is_gone_already_is_removed(alice, use):
    odd = use("Bare")
    job = numbers(alice)
    odd.kept.clear()
    assert expire(job).file_key == ""


def test_a_missing_file_is_told(alice, use):
    odd = use("Bare")
    job = numbers(alice)
    odd.kept.clear()
    assert_refused(alice, job, "The file of this export is missing.")


# What is not as it was made


@pytest.mark.parametrize("name", ["Bare", *NEVER_TOLD])
@pytest.mark.parametrize(
    "change", [lambda whole: whole[:-1], lambda whole: whole + b"x", lambda whole: b""],
    ids=["short", "long", "empty"],
)  # fmt: skip
def test_a_small_file_is_refused(alice, use, name, change):
    odd = use(name)
    job = numbers(alice, SMALL)
    odd.kept[job.file_key] = change(odd.kept[job.file_key])
    assert_refused(alice, job, NOT_THE_ONE)


@pytest.mark.parametrize("name", ["Bare", *NEVER_TOLD])
@pytest.mark.parametrize("by", [-30_000, -1, 1, 200_000])
def test_a_large_file_is_refused(alice, use, name, by):
    odd = use(name)
    job = numbers(alice)
    whole = odd.kept[job.file_key]
    odd.kept[job.file_key] = whole[:by] if by < 0 else whole + b"x" * by
    assert_refused(alice, job, NOT_THE_ONE)


@pytest.mark.parametrize("size", [1, 100, BLOCK, BLOCK + 1, 10 * BLOCK])
def test_a_file_reads_alike_in_blocks_of_every_size(alice, use, size):
    use("Plain")
    job = numbers(alice)
    with files.open_file(job) as file:
        content = b"".join(iter(lambda: file.read(size), b""))
        assert file.read(size) == file.read() == b""
    assert hashlib.sha256(content).hexdigest() == job.sha256


# What breaks


def test_a_storage_that_breaks_while_it_saves(alice, use, caplog):
    odd = use("Half")
    job = numbers(alice)
    reason = "The file could not be stored (Unheard). The server's log has the details."
    assert (job.status, job.error, odd.kept) == ("failed", reason, {})
    assert entries(job).last().data["reason"] == reason
    (record,) = (record for record in caplog.records if record.levelno == logging.ERROR)
    assert record.name.startswith("django_reports.")
    assert isinstance(record.exc_info[1], Unheard)


def test_what_cannot_be_removed_at_once_is_by_a_sweep(alice, use):
    odd = use("StubbornHalf")
    job = numbers(alice)
    assert (job.status, list(odd.kept)) == ("failed", [job.file_key])
    assert "could not be stored (Unheard)" in job.error
    sweep()
    assert list(odd.kept) == [job.file_key]
    odd.shut = False
    sweep()
    job.refresh_from_db()
    assert (job.file_key, odd.kept) == ("", {})


def test_a_file_that_cannot_be_removed_expires_and_stays_for_the_next_sweep(alice, use):
    odd = use("Stubborn")
    job = numbers(alice)
    assert expire(job).file_key in odd.kept
    odd.shut = False
    sweep()
    job.refresh_from_db()
    assert (job.status, job.file_key, odd.kept) == ("expired", "", {})


def test_a_storage_that_does_not_remove_tells_so(use):
    use("Stubborn")
    reason = r"A file could not be removed \(Unheard\). The server's log has the details."
    with pytest.raises(FileUnavailable, match=reason):
        files.delete("reports", "2026/02/k.csv")
    files.discard("reports", "2026/02/k.csv")


def test_leftover_that_cannot_be_removed_does_not_fail_a_rerun(alice, use):
    odd = use("Stubborn")
    left = numbers(alice).file_key
    job = sign(put(ReportJob.objects.get(), status="queued", attempt=1))  # as after a crash
    again = run(job)
    assert (again.status, again.attempt, again.error) == ("succeeded", 2, "")
    assert again.file_key != left
    assert {left, again.file_key} < set(odd.kept)
    sweep()
    assert left in odd.kept
    odd.shut = False
    sweep()
    assert left not in odd.kept
    assert again.file_key in odd.kept
    assert not Leftover.objects.exists()


@pytest.mark.parametrize(
    ("name", "sizes"), [("Lying", "171 of 170"), ("RenamingShort", "169 of 170")]
)
def test_another_size_fails_the_job(alice, use, name, sizes):
    odd = use(name)
    job = numbers(alice, SMALL)
    assert (job.status, odd.kept) == ("failed", {})
    assert job.error == f"The file could not be stored: the storage kept {sizes} bytes."


def test_a_size_that_breaks_fails_the_job_and_leaves_nothing(alice, use):
    odd = use("Unmeasurable")
    job = numbers(alice)
    assert (job.status, odd.kept) == ("failed", {})
    assert "could not be stored (Unheard)" in job.error


@pytest.mark.parametrize("name", ["Shut", "Late"])
def test_a_storage_that_does_not_open_is_told(alice, use, name, caplog):
    use(name)
    job = numbers(alice)
    assert_refused(
        alice, job, "The file of this export cannot be read now (Unheard). "
        "The server's log has the details."
    )  # fmt: skip
    assert any(record.name == "django_reports.jobs.files" for record in caplog.records)


def test_a_file_that_is_found_missing_late_is_missing(alice, use):
    use("Vanishing")
    assert_refused(alice, numbers(alice), "The file of this export is missing.")


def test_a_storage_that_breaks_while_it_is_read_is_told(alice, use):
    odd = use("BrokenLine")
    assert_refused(
        alice, numbers(alice), "The file of this export cannot be read now (Unheard). "
        "The server's log has the details."
    )  # fmt: skip
    assert [file.closed for file in odd.opened] == [True]


@pytest.mark.parametrize("name", ["Late", "Vanishing", "Unsized"])
def test_a_file_that_is_refused_is_closed(alice, use, name):
    odd = use(name)
    job = sign(put(numbers(alice, SMALL), bytes=1))
    with pytest.raises(FileUnavailable):
        files.open_file(job)
    assert [file.closed for file in odd.opened] == [True]


def test_a_storage_that_cannot_be_made_fails_the_job(alice, settings):
    backend = {"BACKEND": "tests.storages.Unbuildable"}
    settings.STORAGES = {**settings.STORAGES, "reports": backend}
    job = numbers(alice)
    assert job.status == "failed"
    assert job.error == "The storage 'reports' of this file is configured wrongly in STORAGES."


def test_a_storage_that_cannot_be_made_is_an_error_of_the_checks(settings):
    backend = {"BACKEND": "tests.storages.Unbuildable"}
    settings.STORAGES = {**settings.STORAGES, "reports": backend}
    (message,) = check_storage()
    assert (message.id, message.level) == ("django_reports.E014", 40)
    assert "missing 1 required positional argument: 'bucket'" in message.msg


def test_a_storage_that_cannot_be_made_does_not_stop_a_sweep(alice, settings):
    kept = numbers(alice)
    backend = {"BACKEND": "tests.storages.Unbuildable"}
    settings.STORAGES = {**settings.STORAGES, "reports": backend}
    key = files.new_key("csv", timezone.now())
    lost = put(numbers(alice), storage="reports", file_key=key, status="canceled")
    put(kept, expires_at=timezone.now() - dt.timedelta(seconds=1))
    sweep()
    assert list(ReportJob.objects.exclude(file_key="")) == [lost]


@pytest.mark.parametrize("name", ["Renaming", "Foldering"])
def test_the_name_that_the_storage_chose_is_noted_at_once(alice, use, name, monkeypatch):
    odd, noted = use(name), []

    def die(attempt, permission, **facts):
        noted.append(ReportJob.objects.get().file_key)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(execution, "_succeed", die)
        patch.setattr(files, "discard", lambda *args: None)
        with pytest.raises(KeyboardInterrupt):
            numbers(alice)
    assert noted == list(odd.kept)
    put(ReportJob.objects.get(), lease_until=timezone.now() - dt.timedelta(seconds=1), lost=2)
    sweep()
    assert (ReportJob.objects.get().file_key, odd.kept) == ("", {})


def test_a_canceled_job_whose_file_stays_is_canceled(alice, use, monkeypatch):
    odd, job, publish = use("Stubborn"), enqueue(alice, "shop.numbers"), files.publish

    def canceled_meanwhile(*args):
        name = publish(*args)
        lifecycle.cancel(job, Origin(user=alice))
        return name

    monkeypatch.setattr(files, "publish", canceled_meanwhile)
    assert run(job).status == "canceled"
    odd.shut = False
    sweep()
    assert odd.kept == {}
