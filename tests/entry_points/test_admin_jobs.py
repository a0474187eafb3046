"""The admin's pages of exports: list, page, status, download, cancel."""

import datetime as dt
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from django_reports.jobs import files
from django_reports.models import AuditEntry, GroupReportPermission, ReportJob
from django_reports.web.pages import filters
from tests.conftest import VIEW, give
from tests.entry_points.helpers import (
    JOBS,
    actions,
    browse,
    deliver,
    enqueue,
    entries,
    files_in,
    job_url,
    lines_of,
    make,
    put,
    sign,
    text_of,
)

pytestmark = pytest.mark.django_db

PAGES = ["change", "status", "download", "cancel"]


@pytest.fixture
def overseer(make_person):
    """May see everybody's exports of every report, and make none."""
    return make_person("olga", *VIEW, report="*", can_export=False, visibility="all")


def listed(user, query=""):
    """The keys of the jobs on a person's list."""
    changelist = browse(user).get(f"{JOBS}{query}").context["cl"]
    return {job.pk for job in changelist.result_list}


def last_denial():
    return AuditEntry.objects.filter(action="denied").first()


# The list


def test_list_shows_ones_own_only(alice, bob, orders):
    mine = enqueue(alice)
    enqueue(bob, parameters={"region": ["n"]})
    assert listed(alice) == {mine.pk}


def test_list_shows_those_of_others_by_grant(alice, overseer, orders):
    job = enqueue(alice)
    assert listed(overseer) == {job.pk}


def test_list_shows_those_of_the_same_group(alice, bob, make_person, orders):
    team = Group.objects.create(name="team")
    GroupReportPermission.objects.create(group=team, report="shop.orders", visibility="group")
    mia = make_person("mia", *VIEW)
    for person in (mia, alice):
        person.groups.add(team)
    job = enqueue(alice)
    enqueue(bob, parameters={"region": ["n"]})
    assert listed(mia) == {job.pk}


def test_list_shows_a_superuser_everything(root, alice, orders):
    jobs = {enqueue(alice).pk, enqueue(root).pk, enqueue(None).pk}
    assert listed(root) == jobs


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?status__exact=queued", "orders"),
        ("?status__exact=failed", "numbers"),
        ("?format=xlsx", "orders"),
        ("?execution__exact=immediate", "numbers"),
        ("?report=shop.orders", "orders"),
        ("?report=shop.old_orders", "orders"),
        ("?report=shop.numbers", "numbers"),
        ("?q=numbers", "numbers"),
        ("?q=root", "both"),
        ("?q=nothing-like-it", "none"),
    ],
)
def test_list_is_filtered_and_searched(root, orders, query, found):
    numbers = deliver(root, "shop.numbers", parameters={"rows": ["3"]})
    numbers.close()
    put(numbers.job, status="failed")
    waiting = enqueue(root, format="xlsx")
    wanted = {
        "orders": {waiting.pk},
        "numbers": {numbers.job.pk},
        "both": {waiting.pk, numbers.job.pk},
        "none": set(),
    }[found]
    assert listed(root, query) == wanted


def test_list_is_searched_by_key(root, orders):
    enqueue(root)
    job = enqueue(root)
    assert listed(root, f"?q={job.pk}") == {job.pk}


@pytest.mark.parametrize(
    ("query", "is_found", "is_told"),
    [
        ("", True, False),
        ("?status__exact=canceled", True, False),
        ("?report=shop.numbers", True, False),
        ("?created_at__gte=2020-01-01 00:00:00%2B00:00", True, False),
        ("?q={key}", True, False),
        ("?q=numbers", False, True),
        ("?execution__exact=background", False, True),
        ("?format=csv", False, True),
        ("?status__exact=canceled&format=csv", False, True),
        ("?o=-5", False, True),
    ],
)
def test_what_no_index_finds_is_sought_among_the_newest(
    root, orders, monkeypatch, query, is_found, is_told
):
    monkeypatch.setattr(filters, "WINDOW", 2)
    old = put(enqueue(root, "shop.numbers"), status="canceled")
    for _n in range(3):
        enqueue(root)
    query = query.format(key=old.pk)
    assert (old.pk in listed(root, query)) == is_found
    text = text_of(browse(root).get(f"{JOBS}{query}"))
    assert ("Only the first 10,000" in text) == is_told


def test_list_offers_no_action_but_to_look(root, orders):
    enqueue(root)
    text = text_of(browse(root).get(JOBS))
    assert 'name="action"' not in text
    assert "/add/" not in text.split("content-main")[1]


# The page


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"status": "queued"}, ["Waiting", "Waiting to be started", "as soon as a worker"]),
        (
            {
                "status": "running",
                "rows_done": 5,
                "rows_expected": 20,
                "started_at": timezone.now(),
            },
            ["Running", "5 of 20 rows", 'value="25"', "25 %"],
        ),
        ({"status": "running", "rows_done": 5, "rows_expected": None}, ["5 rows"]),
        ({"status": "failed", "error": "It <broke>."}, ["Failed", "It &lt;broke&gt;."]),
        ({"status": "canceled", "error": "Canceled while running."}, ["Canceled while running."]),
        (
            {"status": "expired", "rows_done": 20, "rows_expected": 20},
            ["Expired", "20 rows", "Its file is no longer kept. Run it again to have a new one."],
        ),
        ({"status": "failed", "attempt": 3}, ["<dt>Attempts</dt><dd>3</dd>"]),
        (
            {"status": "succeeded", "losses": {"replaced_characters": 2, "shortened_texts": 1}},
            [
                "2 characters that the file cannot hold were replaced.",
                "1 text was longer than a cell can hold and was shortened.",
            ],
        ),
    ],
)
def test_page_tells_the_state(alice, orders, facts, words):
    job = sign(put(enqueue(alice), **facts))
    response = browse(alice).get(job_url(job))
    assert response.status_code == 200
    assert [word for word in words if word not in text_of(response)] == []


def test_page_of_a_finished_job_has_its_facts_and_a_download(alice, orders):
    job = make(alice)
    text = text_of(browse(alice).get(job_url(job)))
    assert f'href="{job_url(job, "download")}"' in text
    assert job.sha256 in text
    assert "Email (masked)" in text
    assert "Cancel this export" not in text


@pytest.mark.parametrize("status", ["queued", "running"])
def test_page_of_an_active_job_watches_it_and_can_cancel(alice, orders, status):
    job = put(enqueue(alice), status=status)
    text = text_of(browse(alice).get(job_url(job)))
    assert f'data-status-url="{job_url(job, "status")}"' in text
    assert f'action="{job_url(job, "cancel")}"' in text
    assert "Download (" not in text


def test_page_of_an_immediate_export_has_no_file(alice, orders):
    export = deliver(alice)
    list(export)
    text = text_of(browse(alice).get(job_url(export.job)))
    assert "Downloaded at once" in text
    assert "Download (" not in text
    assert "<progress" not in text


def test_page_of_a_report_that_is_gone(alice, orders):
    job = put(make(alice), report="shop.gone")
    response = browse(alice).get(job_url(job))
    assert response.status_code == 200
    assert "shop.gone" in text_of(response)
    assert "Download (" not in text_of(response)


def test_page_of_a_job_in_a_time_zone_that_is_gone(alice, orders):
    job = make(alice)
    put(job, spec={**job.spec, "time_zone": "Mars/Olympus"})
    assert browse(alice).get(job_url(job)).status_code == 200


def test_status_as_json(alice, orders):
    job = put(enqueue(alice), status="running", rows_done=5, rows_expected=20)
    response = browse(alice).get(job_url(job, "status"))
    told = response.json()
    assert told.pop("created_at").startswith(str(job.created_at.year))
    assert told == {
        "id": str(job.pk),
        "report": "shop.orders",
        "format": "csv",
        "filename": job.filename,
        "status": "running",
        "label": "Running",
        "is_active": True,
        "rows_done": 5,
        "rows_expected": 20,
        "percent": 25,
        "progress": "5 of 20 rows",
        "rows_per_second": None,
        "seconds_left": None,
        "place_in_queue": None,
        "pace": "",
        "bytes": 0,
        "sha256": None,
        "losses": {},
        "error": None,
        "cause": None,
        "remedy": None,
        "wants_email": False,
        "started_at": None,
        "finished_at": None,
        "expires_at": None,
        "links": {
            "self": job_url(job),
            "status": job_url(job, "status"),
            "cancel": job_url(job, "cancel"),
        },
    }
    assert "no-store" in response["Cache-Control"]


# The download


def test_owner_downloads(alice, orders, folder):
    job = make(alice)
    response = browse(alice).get(job_url(job, "download"))
    day = timezone.localdate()
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == f'attachment; filename="orders-{day}.csv"'
    assert response["Content-Length"] == str(job.bytes)
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Export-Job-Id"] == str(job.pk)
    assert "no-store" in response["Cache-Control"]
    assert response.getvalue() == (folder / job.file_key).read_bytes()


def test_download_is_recorded(alice, orders):
    job = make(alice)
    browse(alice).get(job_url(job, "download"), REMOTE_ADDR="10.0.0.7").getvalue()
    entry = entries(job).get(action="downloaded")
    assert (entry.actor_label, entry.address) == ("alice", "10.0.0.7")
    assert entry.data == {"filename": job.filename, "bytes": job.bytes, "file_key": job.file_key}


def test_others_download_by_grant(alice, overseer, orders):
    job = make(alice)
    assert len(lines_of(browse(overseer).get(job_url(job, "download")))) == 21
    assert entries(job).get(action="downloaded").actor_label == "olga"


def assert_refused(user, job, status, reason):
    """Assert that a download is refused, told and recorded."""
    client = browse(user)
    response = client.get(job_url(job, "download"))
    assert response.status_code == status
    assert reason in text_of(response)
    denial = last_denial()
    assert denial.job_key == str(job.pk)
    assert denial.data["what"] == "django_reports_reportjob_download"
    assert denial.data["status"] == status
    assert "downloaded" not in actions(job)


NOT_ANY_MORE = "You may no longer download this export."


def test_without_the_grant_that_made_it_the_owner_may_not_download(alice, orders):
    job = make(alice)
    GroupReportPermission.objects.update(can_view=False, can_export=False, can_download=False)
    assert_refused(alice, job, 403, NOT_ANY_MORE)


def test_without_the_permission_to_view_the_owner_may_not_download(alice, orders):
    job = make(alice)
    alice.user_permissions.clear()
    assert_refused(alice, job, 403, NOT_ANY_MORE)


def test_without_a_columns_permission_the_file_that_holds_it_stays_closed(alice, orders):
    give(alice, "shop.view_customer_email")
    job = make(type(alice).objects.get(pk=alice.pk))
    alice.user_permissions.filter(codename="view_customer_email").delete()
    assert_refused(alice, job, 403, NOT_ANY_MORE)


def test_a_masked_column_needs_no_permission_to_download(alice, orders):
    job = make(alice)
    assert [c["name"] for c in job.columns if c["masked"]] == ["customer__email"]
    assert browse(alice).get(job_url(job, "download")).getvalue()


def test_others_need_the_columns_permission_too(make_person, overseer, orders):
    job = make(make_person("mia", *VIEW, "shop.view_customer_email", report="*"))
    assert_refused(overseer, job, 403, NOT_ANY_MORE)


def test_expired_file_returns_410_before_maintenance_has_come(alice, orders):
    job = put(make(alice), expires_at=timezone.now() - dt.timedelta(seconds=1))
    assert job.status == "succeeded"
    page = text_of(browse(alice).get(job_url(job)))
    assert job_url(job, "download") not in page
    assert job_url(job, "link") not in page
    assert_refused(alice, job, 410, "This export has expired.")


def test_an_expired_file_is_gone(alice, orders):
    assert_refused(alice, put(make(alice), status="expired"), 410, "This export has expired.")


@pytest.mark.parametrize("status", ["queued", "running", "failed", "canceled"])
def test_an_unfinished_job_has_no_file(alice, orders, status):
    assert_refused(
        alice, put(enqueue(alice), status=status), 404, "This export has no file to download."
    )


def test_a_missing_file_is_said(alice, orders):
    job = make(alice)
    files.delete(job.storage, job.file_key)
    assert_refused(alice, job, 404, "The file of this export is missing.")


def test_a_file_of_another_size_is_not_served(alice, orders, folder):
    job = make(alice)
    (folder / job.file_key).write_bytes(b"id\r\n1\r\n")
    assert_refused(alice, job, 404, "The file of this export is not the one that was made.")


def test_a_storage_that_is_gone_is_said(alice, orders):
    job = sign(put(make(alice), storage="old"))
    assert_refused(alice, job, 404, "is no longer configured in STORAGES")


# Foreign jobs


@pytest.mark.parametrize("page", PAGES)
def test_a_foreign_job_reads_like_none_and_is_recorded(alice, bob, orders, page):
    job = make(alice)
    client = browse(bob)
    foreign, unknown = (
        client.post(url) if page == "cancel" else client.get(url)
        for url in (job_url(job, page), f"{JOBS}{uuid4()}/{page}/")
    )
    assert (foreign.status_code, unknown.status_code) == (404, 404)
    assert foreign.content == unknown.content
    denial = last_denial()
    assert (denial.actor_label, denial.job_key) == ("bob", str(job.pk))
    assert denial.data["what"] == f"django_reports_reportjob_{page}"


def test_a_foreign_job_without_a_page_name_reads_like_none(alice, bob, orders):
    job = make(alice)
    assert browse(bob).get(f"{JOBS}{job.pk}/").status_code == 404
    assert last_denial().actor_label == "bob"


# Cancel


def test_looking_at_the_address_of_cancel_cancels_nothing(alice, orders):
    job = enqueue(alice)
    response = browse(alice).get(job_url(job, "cancel"))
    job.refresh_from_db()
    assert (response.status_code, response["Location"]) == (302, job_url(job))
    assert (job.status, job.cancel_requested_at) == ("queued", None)


def test_cancel_ends_a_waiting_job(alice, orders):
    job = enqueue(alice)
    response = browse(alice).post(job_url(job, "cancel"), follow=True)
    assert "The export is being canceled." in text_of(response)
    job.refresh_from_db()
    assert job.status == "canceled"
    assert entries(job).get(action="canceled").actor_label == "alice"


def test_cancel_asks_a_running_job_to_stop(alice, orders):
    job = put(enqueue(alice), status="running", attempt=1)
    browse(alice).post(job_url(job, "cancel"))
    job.refresh_from_db()
    assert job.status == "running"
    assert timezone.now() - job.cancel_requested_at < dt.timedelta(minutes=1)


def test_cancel_says_that_a_job_has_ended(alice, orders):
    job = make(alice)
    response = browse(alice).post(job_url(job, "cancel"), follow=True)
    assert "This export has ended already" in text_of(response)
    job.refresh_from_db()
    assert job.status == "succeeded"


def test_whoever_may_only_see_it_may_not_cancel_it(alice, overseer, orders):
    job = enqueue(alice)
    client = browse(overseer)
    assert "Cancel this export" not in text_of(client.get(job_url(job)))
    assert client.post(job_url(job, "cancel")).status_code == 403
    job.refresh_from_db()
    assert (job.status, job.cancel_requested_at) == ("queued", None)
    assert last_denial().data["reason"] == "You may not cancel this export."


def test_a_superuser_cancels_anybodys(root, alice, orders):
    job = enqueue(alice)
    browse(root).post(job_url(job, "cancel"))
    assert ReportJob.objects.get().status == "canceled"


def test_no_file_is_left_by_these_pages(alice, orders, folder):
    job = enqueue(alice)
    for page in PAGES:
        browse(alice).get(job_url(job, page))
    assert files_in(folder) == []
