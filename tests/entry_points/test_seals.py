"""A file that is not the one that was made is handed out to nobody, in whichever way."""

import datetime as dt
import os
from html import unescape

import pytest
from django.utils import timezone

from django_reports.audit import signing
from django_reports.core import storages
from django_reports.exceptions import ChecksumMismatch
from django_reports.jobs import checksums, files
from django_reports.jobs.checksums import VERIFIED_FOR
from django_reports.jobs.file_verification import verify
from tests.entry_points.helpers import actions, browse, entries, make, put, sign, text_of
from tests.entry_points.staff import Program, page_of

pytestmark = pytest.mark.django_db

NOT_THE_ONE = "The file of this export is not the one that was made."
CHANGED = "The record of this export was changed, so its file is not handed out."
MISSING = "The file of this export is missing."
WAYS = ("django", "x-accel-redirect", "x-sendfile")


@pytest.fixture
def job(alice, orders):
    return make(alice)


@pytest.fixture
def path(job, folder):
    return folder / job.file_key


def change(path, at=-1):
    """Change one byte, and nothing that can be seen from outside but the time."""
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def get(user, job, method="get", **headers):
    return getattr(browse(user), method)(page_of(job, "download"), headers=headers)


def assert_refused(user, job, reason):
    response = get(user, job)
    assert (response.status_code, response.streaming) == (404, False)
    assert reason in unescape(text_of(response))
    denial = entries(job).last()
    assert (denial.action, denial.data["reason"]) == ("denied", reason)
    assert "downloaded" not in actions(job)
    page = text_of(browse(user).get(page_of(job)))
    assert f'<p class="errornote" role="alert">{reason}</p>' in unescape(page)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("at", [0, -1])
def test_a_changed_byte(alice, job, path, configure, way, at):
    configure(DOWNLOAD_METHOD=way)
    change(path, at)
    assert_refused(alice, job, NOT_THE_ONE)


@pytest.mark.parametrize("way", WAYS)
def test_a_deleted_file(alice, job, path, configure, way):
    configure(DOWNLOAD_METHOD=way)
    path.unlink()
    assert_refused(alice, job, MISSING)


def test_files_that_were_swapped(alice, job, path, folder):
    other = make(alice, format="jsonl")
    swapped = folder / other.file_key
    path.rename(folder / "aside")
    swapped.rename(path)
    (folder / "aside").rename(swapped)
    assert_refused(alice, job, NOT_THE_ONE)
    assert_refused(alice, other, NOT_THE_ONE)


def test_rows_that_name_each_others_files(alice, job):
    other = make(alice, columns=("id",))
    key, other_key = job.file_key, other.file_key
    assert_refused(alice, put(job, file_key=other_key), CHANGED)
    assert_refused(alice, put(other, file_key=key, bytes=job.bytes), CHANGED)


@pytest.mark.parametrize(
    ("method", "headers"),
    [("head", {}), ("get", {"range": "bytes=0-1"}), ("get", {"if_none_match": "*"})],
)
def test_no_question_gets_around_it(alice, job, path, method, headers):
    change(path)
    assert get(alice, job, method, **headers).status_code == 404


def test_a_program_is_told(alice, job, path):
    change(path)
    answer = Program(alice).get(page_of(job, "download"))
    assert (answer.status_code, answer.json()["detail"]) == (404, NOT_THE_ONE)
    assert Program(alice).get(page_of(job, "status")).json()["error"] == NOT_THE_ONE


def test_a_file_that_is_whole_again_is_handed_out(alice, job, path):
    change(path)
    assert_refused(alice, job, NOT_THE_ONE)
    change(path)
    assert get(alice, job).getvalue() == path.read_bytes()
    job.refresh_from_db()
    assert job.error == ""


def test_a_storage_that_fails_is_no_broken_seal(alice, job):
    sign(put(job, storage="away"))
    assert get(alice, job).status_code == 404
    job.refresh_from_db()
    assert job.error == ""


# Large files


@pytest.fixture
def large(job, monkeypatch):
    """The job, whose file counts as large. It has been handed out once."""
    monkeypatch.setattr(checksums, "AT_ONCE", 10)
    files.open_file(job).close()
    job.refresh_from_db()
    assert job.verified_file_stamp
    return job


@pytest.fixture
def no_reading(monkeypatch):
    """Whoever reads a whole file fails."""

    def read(*args):
        raise ChecksumMismatch("it was read again")

    monkeypatch.setattr(checksums, "check", read)


def test_a_large_file_is_not_read_each_time(alice, large, path, no_reading):
    assert get(alice, large).getvalue() == path.read_bytes()
    assert get(alice, large, range="bytes=3-5").getvalue() == path.read_bytes()[3:6]


def test_a_large_file_that_was_changed(alice, large, path):
    change(path)
    assert_refused(alice, large, NOT_THE_ONE)
    assert_refused(alice, large, NOT_THE_ONE)


def test_a_large_file_that_was_changed_and_put_back_in_time(alice, large, path):
    facts = path.stat()
    change(path)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert_refused(alice, large, NOT_THE_ONE)


def seen(job, path, at):
    """Have the application know that a job's file was right at a moment."""
    with path.open("rb") as file:
        text = signing.file_stamp_text(job, checksums.file_stamp_of(file), at)
    put(job, verified_at=at, verified_file_stamp=signing.sign(text))


def test_a_large_file_is_read_again_after_a_while(large, path, no_reading):
    now = timezone.now().replace(microsecond=0)
    seen(large, path, now - VERIFIED_FOR + dt.timedelta(minutes=1))
    files.open_file(large).close()
    seen(large, path, now - VERIFIED_FOR - dt.timedelta(minutes=1))
    with pytest.raises(ChecksumMismatch, match="read again"):
        files.open_file(large)


def test_a_large_file_that_ends_while_it_is_sent_breaks_the_transfer(alice, large, path):
    response = get(alice, large)
    os.truncate(path, 20)
    with pytest.raises(Exception, match="ended while it was sent"):
        response.getvalue()


def test_what_was_checked_is_what_is_sent(alice, job, path):
    """A small file may change between the check and the sending."""
    content = path.read_bytes()
    response = get(alice, job)
    change(path)
    assert response.getvalue() == content


def test_a_seal_that_was_never_made_is_broken(job):
    with pytest.raises(ChecksumMismatch):
        files.open_file(put(job, sha256=""))


# Other servers send it


def test_nginx_is_told_where_the_file_is(alice, job, configure):
    configure(DOWNLOAD_METHOD="x-accel-redirect", ACCEL_PREFIX="/kept/")
    response = get(alice, job)
    assert (response.status_code, response.content) == (200, b"")
    assert response["X-Accel-Redirect"] == f"/kept/{job.file_key}"
    assert response["ETag"] == f'"{job.sha256}"'
    assert entries(job).last().data["handed_to"] == "x-accel-redirect"


def test_apache_is_told_where_the_file_is(alice, job, path, configure):
    configure(DOWNLOAD_METHOD="x-sendfile")
    assert get(alice, job)["X-Sendfile"] == str(path)


def test_a_reader_is_sent_to_the_storage(alice, orders, settings, configure):
    backend = {"BACKEND": "tests.storages.Signing"}
    settings.STORAGES = {**settings.STORAGES, "reports": backend}
    configure(DOWNLOAD_METHOD="redirect")
    job = make(alice)
    response = get(alice, job)
    assert (response.status_code, response["Cache-Control"]) == (302, "private, no-store")
    address = response["Location"]
    assert address.startswith(f"https://kept.example.com/{job.file_key}?")
    assert address.endswith("&expire=60")
    assert f"attachment%3B+filename%3D%22{job.filename}%22" in address
    assert entries(job).last().data["handed_to"] == "redirect"
    assert get(alice, job, "head")["Content-Length"] == str(job.bytes)
    storages.storage_of("reports").kept[job.file_key] += b"x"
    assert get(alice, job).status_code == 404


def test_files_of_a_storage_that_was_left_come_from_the_site(alice, job, path, settings, configure):
    backend = {"BACKEND": "tests.storages.Signing"}
    settings.STORAGES = {**settings.STORAGES, "reports": backend}
    configure(DOWNLOAD_METHOD="redirect")
    assert get(alice, job).getvalue() == path.read_bytes()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("../../etc/passwd", 'filename="etcpasswd"'),
        ("a\r\nSet-Cookie: b=c.csv", 'filename="aSet-Cookie_bc.csv"'),
        ("orders\u202evsc.exe", 'filename="ordersvsc.exe"'),
        ("ob\u2066\u200ejects\x01\x1b.csv", 'filename="objects.csv"'),
        ("Aufträge.csv", "filename*=utf-8''Auftr%C3%A4ge.csv"),
        ("..", 'filename="export"'),
    ],
)
def test_names_are_harmless(alice, job, name, told):
    response = get(alice, sign(put(job, filename=name)))
    assert response["Content-Disposition"] == f"attachment; {told}"


# The row of a job


def without_permission(job, other, bob):
    return {"columns": [{**column, "permission": None} for column in job.columns]}


def unmasked(job, other, bob):
    return {"columns": [{**column, "masked": not column["masked"]} for column in job.columns]}


FILE = ("file_key", "bytes", "sha256", "columns", "storage")
EXCHANGES = {
    "whose": lambda job, other, bob: {"requested_by": bob, "requested_by_text": "bob"},
    "whose, with its key": lambda job, other, bob: {"requested_by": bob, "requester_key": bob.pk},
    "tenant": lambda job, other, bob: {"tenant_key": "x"},
    "report": lambda job, other, bob: {"report": "shop.numbers"},
    "permissions": without_permission,
    "masks": unmasked,
    "another export's file": lambda job, other, bob: {n: getattr(other, n) for n in FILE},
    "another's, signed": lambda job, other, bob: {
        name: getattr(other, name) for name in (*FILE, "signature")
    },
    "size": lambda job, other, bob: {"bytes": job.bytes + 1},
    "selection": lambda job, other, bob: {
        "spec": {**job.spec, "selection": {"kind": "keys", "keys": ["1"]}}
    },
    "its name": lambda job, other, bob: {"filename": "evil.html"},
    "its time": lambda job, other, bob: {"expires_at": job.expires_at + dt.timedelta(days=999)},
    "who asked": lambda job, other, bob: {"requested_by_text": "bob"},
    "when": lambda job, other, bob: {"created_at": job.created_at - dt.timedelta(days=9)},
    "when it was made": lambda job, other, bob: {"finished_at": job.created_at},
    "as of when": lambda job, other, bob: {"snapshot_at": job.created_at},
    "by which code": lambda job, other, bob: {"project_version": "9"},
    "rows": lambda job, other, bob: {"rows_done": 1},
    "losses": lambda job, other, bob: {"losses": {"cut": 1}},
    "unsigned": lambda job, other, bob: {"signature": ""},
}


@pytest.mark.parametrize("what", EXCHANGES)
def test_what_is_exchanged_in_the_row_of_a_job_makes_its_file_unavailable(
    alice, make_person, orders, job, what
):
    other = make(alice, columns=("id", "number"))
    bob = make_person("bob")
    put(job, **EXCHANGES[what](job, other, bob))
    with pytest.raises(ChecksumMismatch, match="The record of this export was changed"):
        files.open_file(job)
    assert CHANGED in verify().wrong or "another SHA-256" in verify().wrong


def test_a_file_of_somebody_who_was_deleted_is_still_theirs(alice, job):
    alice.delete()
    job.refresh_from_db()
    assert job.requested_by is None
    files.open_file(job).close()


def test_a_file_stays_available_with_a_new_key(job, configure, settings):
    configure(AUDIT_KEYS=["new", settings.SECRET_KEY])
    files.open_file(job).close()
    configure(AUDIT_KEYS=["new"])
    with pytest.raises(ChecksumMismatch):
        files.open_file(job)


def test_that_a_large_file_was_verified_cannot_be_written_into_its_row(large, path):
    """By who has the storage and the database, and no key."""
    change(path)
    with path.open("rb") as file:
        put(large, verified_file_stamp=checksums.file_stamp_of(file), verified_at=timezone.now())
    with pytest.raises(ChecksumMismatch):
        files.open_file(large)
