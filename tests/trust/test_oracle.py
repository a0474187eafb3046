"""What one may not download tells nothing about its content, wherever the job is shown."""

import re

import pytest
from django.contrib.auth.models import Permission

from django_reports.jobs import lifecycle
from django_reports.models import AuditEntry, GroupReportPermission
from tests.conftest import VIEW
from tests.entry_points.helpers import browse, deliver, entries, job_url, make, sweep, text_of
from tests.entry_points.staff import Program, page_of

pytestmark = pytest.mark.django_db

HIDDEN = ("rows_done", "rows_expected", "rows_per_second", "bytes", "sha256")


def revoke(right, user):
    codenames = {"permission": "view_order", "column": "view_cost"}
    if right == "grant":
        GroupReportPermission.objects.update(can_download=False)
    else:
        Permission.objects.get(codename=codenames[right]).user_set.clear()


@pytest.fixture
def owner(make_person):
    return make_person("owner", *VIEW, "shop.view_cost", report="shop.orders")


@pytest.fixture
def job(owner, orders):
    return make(owner, columns=("id", "cost"), parameters={"minimum": ["7.25"]})


def everywhere(user, job):
    """All that a person is told of a job, at every address, without the addresses themselves."""
    client, program = browse(user), Program(user)
    pages = [client.get(address) for address in (
        "/reports/jobs/", "/reports/jobs/?others=1", page_of(job), job_url(job),
        job_url(job, "status"), job_url(job, "manifest"), "/admin/django_reports/reportjob/",
        page_of(job, "download"),
    )]  # fmt: skip
    answers = [program.get(address) for address in (
        "/reports/jobs/", page_of(job), page_of(job, "status"), page_of(job, "manifest"),
    )]  # fmt: skip
    return "\n".join(text_of(answer) + str(answer.headers) for answer in [*pages, *answers])


@pytest.mark.parametrize("right", ["permission", "column", "grant"])
def test_refused_file_tells_nothing_of_its_content(owner, job, right):
    assert job.sha256 in everywhere(owner, job)
    revoke(right, owner)
    text = everywhere(owner, job)
    assert job.sha256 not in text
    assert "7.25" not in text
    assert not re.search(rf"\b{job.bytes}\b", text)
    assert "20 rows" not in text
    for address in (page_of(job), page_of(job, "status")):
        state = Program(owner).get(address).json()
        assert {name: state[name] for name in HIDDEN} == dict.fromkeys(HIDDEN)
        assert "manifest" not in state["links"]
    page = text_of(browse(owner).get(page_of(job)))
    assert "Cost" not in page


def test_refused_manifest_is_recorded(owner, job):
    revoke("column", owner)
    answer = Program(owner).get(page_of(job, "manifest"))
    assert answer.status_code == 403
    entry = AuditEntry.objects.filter(action="denied").latest("id")
    assert (entry.job_key, entry.data["lacking"]) == (str(job.pk), "column")


def test_immediate_export_tells_its_checksum_to_who_may_have_it(owner, orders):
    made = deliver(owner, columns=("id", "cost"))
    b"".join(made)
    made.job.refresh_from_db()
    assert Program(owner).get(page_of(made.job, "status")).json()["sha256"] == made.job.sha256
    revoke("column", owner)
    assert Program(owner).get(page_of(made.job, "status")).json()["sha256"] is None


# One's own file, deleted before its time


def test_owner_deletes_the_file_now(owner, job, folder, django_capture_on_commit_callbacks):
    assert job_url(job, "discard") in text_of(browse(owner).get(job_url(job)))
    with django_capture_on_commit_callbacks(execute=True):
        answer = browse(owner).post(job_url(job, "discard"))
    assert answer["Location"] == job_url(job)
    job.refresh_from_db()
    assert (job.status, job.file_key, job.manifest_key) == ("expired", "", "")
    assert not list(folder.rglob("*.csv*"))
    entry = entries(job).get(action="deleted")
    assert (entry.actor_label, bool(entry.data["file_key"])) == ("owner", True)
    assert browse(owner).get(job_url(job, "download")).status_code == 410
    assert Program(owner).post(page_of(job, "discard")).status_code == 409


def test_program_deletes_its_file(owner, job):
    answer = Program(owner).post(page_of(job, "discard"))
    assert (answer.status_code, answer.json()["status"]) == (200, "expired")
    assert "discard" not in answer.json()["links"]


def test_owner_who_may_not_download_any_more_can_delete_the_file(owner, job):
    revoke("column", owner)
    assert Program(owner).post(page_of(job, "discard")).status_code == 200


def test_file_that_the_storage_keeps_is_removed_by_the_next_sweep(
    owner, job, monkeypatch, django_capture_on_commit_callbacks
):
    def fail(*args):
        raise OSError("the storage is away")

    with monkeypatch.context() as patched:
        patched.setattr(lifecycle.files, "delete", fail)
        with django_capture_on_commit_callbacks(execute=True):
            browse(owner).post(job_url(job, "discard"))
    job.refresh_from_db()
    assert (job.status, bool(job.file_key)) == ("expired", True)
    sweep()
    job.refresh_from_db()
    assert job.file_key == ""


def test_nobody_else_deletes_a_file(job, root):
    assert job_url(job, "discard") not in text_of(browse(root).get(job_url(job)))
    assert browse(root).post(job_url(job, "discard")).status_code == 403
    job.refresh_from_db()
    assert job.has_file
