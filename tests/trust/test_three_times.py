"""A right that is gone is gone at once: when asked for, when made, when fetched. No byte out."""

import pytest
from django.contrib.auth.models import Permission, User

from django_reports import Column, testing
from django_reports.exceptions import ReportError
from django_reports.models import AuditEntry, GroupReportPermission, ReportJob
from tests.conftest import give
from tests.entry_points.helpers import (
    browse,
    deliver,
    enqueue,
    files_in,
    job_url,
    make,
    run,
    text_of,
)
from tests.entry_points.staff import ORDERS, Program

pytestmark = pytest.mark.django_db

COLUMNS = ("id", "cost")  # the second one needs a permission of its own


def drop(codename):
    Permission.objects.get(codename=codename).user_set.clear()


REVOKED = {
    "person": lambda: User.objects.filter(username="alice").update(is_active=False),
    "group": lambda: User.objects.get(username="alice").groups.clear(),
    "grant": lambda: GroupReportPermission.objects.all().delete(),
    "model permission": lambda: drop("view_order"),
    "column permission": lambda: drop("view_cost"),
}
# What the log says was lacking, asked for by whoever is still let in.
LACKING = {
    "person": "inactive",
    "group": "grant",
    "grant": "grant",
    "model permission": "permission",
    "column permission": "column",
}


@pytest.fixture
def alice(alice, orders):
    return give(alice, "shop.view_cost")


def fresh():
    return User.objects.get(username="alice")


def denials():
    return [entry.data for entry in AuditEntry.objects.filter(action="denied")]


@pytest.mark.parametrize("right", REVOKED)
@pytest.mark.parametrize("ask", [deliver, enqueue])
def test_at_the_request(alice, right, ask, folder):
    REVOKED[right]()
    with pytest.raises(ReportError):
        ask(fresh(), columns=COLUMNS)
    assert files_in(folder) == []
    assert not ReportJob.objects.exists()
    if right != "column permission":  # which reads like a column that never was
        assert denials()[0]["lacking"] == LACKING[right]


@pytest.mark.parametrize("right", REVOKED)
def test_at_the_request_of_a_program(alice, right):
    program = Program(alice)
    REVOKED[right]()
    answer = program.post(ORDERS, {"columns": list(COLUMNS)})
    assert answer.status_code == {"person": 401, "column permission": 422}.get(right, 404)
    assert not ReportJob.objects.exists()


@pytest.mark.parametrize("right", REVOKED)
def test_at_the_run(alice, right, folder):
    job = enqueue(alice, columns=COLUMNS)
    REVOKED[right]()
    run(job)
    assert (job.status, job.file_key, job.bytes) == ("failed", "", 0)
    assert files_in(folder) == []


@pytest.mark.parametrize("right", REVOKED)
def test_at_the_download(alice, right):
    job = make(alice, columns=COLUMNS)
    client = browse(alice)
    content = text_of(client.get(job_url(job, "download")))
    assert content.startswith("id,cost")
    REVOKED[right]()
    answer = client.get(job_url(job, "download"))
    assert answer.status_code == (302 if right == "person" else 403)
    assert content.splitlines()[1] not in text_of(answer)
    if right != "person":  # whose session is over
        assert denials()[0]["lacking"] == LACKING[right]


def test_a_column_that_was_masked_needs_no_permission_later(alice):
    drop("view_cost")
    job = make(fresh(), columns=("id", "customer__email"))
    assert [column["mask"] for column in job.columns] == [None, "partial"]
    assert "a•••@e•••.com" in text_of(browse(fresh()).get(job_url(job, "download")))


def test_a_column_that_needs_a_permission_by_now_locks_old_files(alice, monkeypatch):
    from tests.shop.reports import Orders

    job = make(alice, columns=("id", "number"))
    columns = ["id", Orders.columns[-1].__class__("number", permission="shop.view_number")]
    monkeypatch.setattr(Orders, "columns", columns)
    assert browse(alice).get(job_url(job, "download")).status_code == 403
    assert denials()[0]["lacking"] == "column"


def test_a_foreign_job_is_none(alice, make_person):
    job = make(alice)
    ben = browse(make_person("ben", "shop.view_order", report="*"))
    for page in ("change", "status", "download"):
        assert ben.get(job_url(job, page)).status_code == 404
    assert [data["lacking"] for data in denials()] == ["grant"] * 3


# What stands in a file in place of what is hidden


MASKS = {
    "null": ("null", ""),
    "partial": ("partial", "'=•••@e•••.com"),
    "a callable": (lambda value: f"={len(value)}", "'=15"),
    "omit": ("omit", None),
}


@pytest.mark.parametrize("mask", MASKS)
def test_masks_in_a_file_are_guarded_like_any_text(alice, mask, monkeypatch):
    from tests.shop.models import Customer
    from tests.shop.reports import Orders

    Customer.objects.update(email="=nn@example.com")
    how, shown = MASKS[mask]
    column = Column("mail", path="customer__email", permission="shop.view_mail", mask=how)
    monkeypatch.setattr(Orders, "columns", ["id", column])
    table = testing.export(Orders, alice)
    assert table.header == (("id",) if shown is None else ("id", "mail"))
    if shown is not None:
        assert set(table.column("mail")) == {shown}
    whole = testing.export(Orders, give(alice, "shop.view_mail"))
    assert set(whole.column("mail")) == {"'=nn@example.com"}


def test_hashes_join_files_of_two_people_and_two_reports(
    alice, make_person, monkeypatch, configure
):
    from tests.shop.reports import Orders

    configure(MASK_KEY="a long random text")
    column = Column("mail", path="customer__email", permission="shop.view_mail", mask="hash")
    monkeypatch.setattr(Orders, "columns", ["id", column])
    first = testing.export(Orders, alice, time_zone="Asia/Tokyo").column("mail")
    ben = make_person("ben", "shop.view_order", report="*")
    second = testing.export(Orders, ben, language="de", format="xlsx").column("mail")
    assert first == second
    assert len(set(first)) == 2
    assert {len(text) for text in first} == {64}
