"""Exports on the staff pages: one's list, a job's page, cancel, run again."""

import re
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_reports.models import AuditEntry, ReportJob
from tests.conftest import VIEW
from tests.entry_points.helpers import (
    browse,
    deliver,
    enqueue,
    entries,
    make,
    put,
    text_of,
    unbounded_counts,
)
from tests.entry_points.staff import JOBS, Program, page_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def overseer(make_person):
    """Sees everybody's exports of orders, and may make some."""
    return make_person("olga", *VIEW, report="shop.orders", visibility="all")


def content_of(response):
    return text_of(response).split('id="content-main"')[1].split("<footer")[0]


def listed(client, query=""):
    """The addresses of the jobs on a page of the list."""
    text = content_of(client.get(f"{JOBS}{query}"))
    return re.findall(r'<th scope="row"><a href="([^"]+)">', text)


def copies_of(job, count):
    """As many more jobs like this one, each a second older than the one before."""
    made = []
    for n in range(1, count + 1):
        values = {f.attname: getattr(job, f.attname) for f in ReportJob._meta.concrete_fields}
        older = job.created_at - timezone.timedelta(seconds=n)
        made.append(ReportJob(**{**values, "id": uuid4(), "created_at": older, "is_unread": False}))
    return ReportJob.objects.bulk_create(made)


def last_denial():
    return AuditEntry.objects.filter(action="denied").first()


# The list


def test_ones_own_newest_first(alice, overseer, orders):
    first, second = make(alice), enqueue(alice, "shop.numbers")
    foreign = make(overseer)
    client = browse(alice)
    assert listed(client) == [page_of(second), page_of(first)]
    text = content_of(client.get(JOBS))
    assert f'href="{page_of(first, "download")}"' in text
    assert page_of(second, "download") not in text
    assert '<td data-label="Report">Numbers</td>' in text
    assert '<td data-label="Rows">20</td>' in text
    assert "others=1" not in text
    assert page_of(foreign) not in listed(client, "?others=1")


def test_those_of_others_on_demand(alice, overseer, orders):
    mine, foreign = make(overseer), make(alice)
    enqueue(alice, "shop.numbers")  # which the report permission does not cover
    client = browse(overseer)
    assert listed(client) == [page_of(mine)]
    assert '<a href="?others=1">Those of others, too</a>' in content_of(client.get(JOBS))
    assert listed(client, "?others=1") == [page_of(foreign), page_of(mine)]
    text = content_of(client.get(f"{JOBS}?others=1"))
    assert '<td data-label="Requested by">alice</td>' in text
    assert '<a href="?">Only your own</a>' in text


def test_nothing_yet(alice):
    assert "There is no export yet." in content_of(browse(alice).get(JOBS))


def test_in_pages(root, orders):
    jobs = [job := make(root), *copies_of(job, 70)]
    addresses = [page_of(job) for job in jobs]
    client = browse(root)
    assert listed(client, "?others=1") == addresses[:50]
    first = content_of(client.get(f"{JOBS}?others=1"))
    assert "Page 1 of 2" in first
    assert '<a rel="next" href="?others=1&amp;page=2">Older</a>' in first
    assert listed(client, "?others=1&page=2") == addresses[50:]
    second = content_of(client.get(f"{JOBS}?others=1&page=2"))
    assert '<a rel="prev" href="?others=1&amp;page=1">Newer</a>' in second
    assert 'rel="next"' not in second


@pytest.mark.parametrize(("page", "count"), [("bogus", 50), ("0", 21), ("99", 21), ("-1", 21)])
def test_a_page_that_is_none(root, orders, page, count):
    copies_of(make(root), 70)
    assert len(listed(browse(root), f"?page={page}")) == count


def test_a_program_turns_the_pages(root, orders):
    copies_of(make(root), 70)
    program = Program(root)
    first = program.get(f"{JOBS}?others=1").json()
    assert (len(first["jobs"]), first["next"]) == (50, f"{JOBS}?others=1&page=2")
    second = program.get(first["next"]).json()
    assert (len(second["jobs"]), second["next"]) == (21, None)


def queries_for(client, address):
    client.get(address)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    return queries


@pytest.mark.parametrize("client_of", [browse, Program])
def test_a_long_list_costs_as_many_queries_as_a_short_one(overseer, alice, orders, client_of):
    client = client_of(overseer)
    jobs = [make(alice), make(overseer), enqueue(overseer)]
    short = queries_for(client, f"{JOBS}?others=1")
    for job in jobs:
        copies_of(job, 10)
    long = queries_for(client, f"{JOBS}?others=1")
    assert len(long) == len(short)
    assert unbounded_counts(long) == []


# A job's page


def test_page_of_a_finished_job(alice, orders):
    job = make(alice)
    text = text_of(browse(alice).get(page_of(job)))
    assert f'<a class="button default" href="{page_of(job, "download")}">' in text
    assert f'action="{page_of(job, "rerun")}"' in text
    assert page_of(job, "cancel") not in text
    assert f'<a href="{JOBS}">Exports</a>' in text
    assert "data-status-url" not in text
    assert "/admin/django_reports/" not in content_of(browse(alice).get(page_of(job)))


@pytest.mark.parametrize("status", ["queued", "running"])
def test_page_of_an_active_job_watches_it(alice, orders, status):
    job = put(enqueue(alice), status=status)
    text = text_of(browse(alice).get(page_of(job)))
    assert f'data-status-url="{page_of(job, "status")}"' in text
    assert '<noscript><meta http-equiv="refresh" content="3"></noscript>' in text
    assert f'action="{page_of(job, "cancel")}"' in text
    assert page_of(job, "rerun") not in text


def test_page_of_an_export_that_was_answered_at_once(alice, orders):
    export = deliver(alice)
    list(export)
    text = content_of(browse(alice).get(page_of(export.job)))
    assert "Downloaded at once" in text
    assert page_of(export.job, "download") not in text
    assert f'action="{page_of(export.job, "rerun")}"' in text


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        ("expired", 410, "This export has expired. Export it again."),
        ("failed", 404, "This export has no file to download."),
    ],
)
def test_a_file_that_is_not_there(alice, orders, status, code, reason):
    job = put(make(alice), status=status)
    answer = browse(alice).get(page_of(job, "download"))
    assert answer.status_code == code
    assert reason in text_of(answer)
    assert f'<a href="{page_of(job)}">Back</a>' in text_of(answer)
    denial = last_denial()
    assert (denial.data["what"], denial.data["status"]) == ("job-download", code)


# Cancel


def test_cancel_ends_a_waiting_job(alice, orders):
    job = enqueue(alice)
    answer = browse(alice).post(page_of(job, "cancel"), follow=True)
    assert answer.redirect_chain == [(page_of(job), 302)]
    assert "The export is being canceled." in text_of(answer)
    job.refresh_from_db()
    assert job.status == "canceled"


def test_cancel_asks_a_running_job_to_stop(alice, orders):
    job = put(enqueue(alice), status="running", attempt=1)
    answer = browse(alice).post(page_of(job, "cancel"), follow=True)
    assert "The export is being canceled." in text_of(answer)
    job.refresh_from_db()
    assert job.status == "running"
    assert job.cancel_requested_at is not None


def test_cancel_says_that_it_is_too_late(alice, orders):
    job = make(alice)
    answer = browse(alice).post(page_of(job, "cancel"), follow=True)
    assert "This export has ended already; there is nothing to cancel." in text_of(answer)
    job.refresh_from_db()
    assert job.status == "succeeded"


def test_whoever_only_sees_it_may_not_cancel_it(alice, overseer, orders):
    job = enqueue(alice)
    client = browse(overseer)
    assert page_of(job, "cancel") not in text_of(client.get(page_of(job)))
    answer = client.post(page_of(job, "cancel"))
    assert answer.status_code == 403
    assert "You may not cancel this export." in text_of(answer)
    job.refresh_from_db()
    assert job.status == "queued"
    assert (last_denial().data["what"], last_denial().actor_label) == ("job-cancel", "olga")


def test_an_export_that_its_reader_is_taking_is_not_canceled_from_here(alice, orders):
    export = deliver(alice)
    assert export.job.is_active
    client = browse(alice)
    assert page_of(export.job, "cancel") not in text_of(client.get(page_of(export.job)))
    answer = client.post(page_of(export.job, "cancel"), follow=True)
    assert "has ended already" not in text_of(answer)
    assert "It is downloaded at once; break the download off to cancel it." in text_of(answer)
    export.close()


def test_asking_about_the_file_is_no_download(alice, orders):
    job = make(alice)
    response = browse(alice).head(f"/reports/jobs/{job.pk}/download/")
    assert response.status_code == 200
    assert response["Content-Length"] == str(job.bytes)
    assert entries(job).last().data["question"] == "HEAD 200"
