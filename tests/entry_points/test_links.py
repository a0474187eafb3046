"""Signed links to a file: for one person, one job and a short time, and never a right."""

import datetime as dt
import re
import threading
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.core import signing
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import Client
from django.urls import get_script_prefix, reverse, set_script_prefix
from django.utils import timezone

from django_reports.access import signed_urls
from django_reports.exceptions import ReportDenied
from django_reports.models import GroupReportPermission
from django_reports.signals import job_downloaded
from tests.conftest import VIEW
from tests.entry_points.helpers import (
    actions,
    browse,
    enqueue,
    entries,
    job_url,
    make,
    put,
    sign,
    text_of,
)
from tests.entry_points.staff import Program, page_of

pytestmark = pytest.mark.django_db

PLACES = {"staff": page_of, "admin": job_url}


@pytest.fixture
def job(alice, orders):
    return make(alice)


@pytest.fixture(params=PLACES)
def page(request):
    return PLACES[request.param]


@pytest.fixture
def link(alice, job):
    """Alice's link to her job's file, as its token."""
    return signed_urls.make(job, alice)[0]


def address(job, token, page=page_of):
    return page(job, "link").removesuffix("link/") + f"signed/{token}/"


def follow(job, token, user=None, page=page_of, **headers):
    client = browse(user) if user else Client()
    return client.get(address(job, token, page), headers=headers)


def assert_refused(job, token, status, reason, user=None, actor=None):
    """Nothing of the file leaves, and the log says who was refused and why."""
    for page in PLACES.values():
        response = follow(job, token, user, page)
        assert (response.status_code, response.streaming) == (status, False)
        denial = entries(job).last()
        assert denial.action == "denied"
        assert (denial.data.get("reason"), denial.data["by"]) == (reason, "link")
        who = actor or user
        assert denial.actor_label == (who.username if who else "anonymous")
    assert "downloaded" not in actions(job)
    return text_of(response)


# Made


def test_a_link_is_made_on_the_page(alice, job, page):
    client = browse(alice)
    home = page(job) if page is page_of else page(job, "change")
    form = re.search(r'<form method="post" action="([^"]+/link/)">', text_of(client.get(home)))[1]
    response = client.post(form)
    url = unescape(re.search(r'readonly value="([^"]+)"', text_of(response))[1])
    assert url.startswith(f"http://testserver{page(job, 'link').removesuffix('link/')}signed/")
    assert "no-store" in response["Cache-Control"]
    assert Client().get(url.removeprefix("http://testserver")).getvalue().startswith(b"id,")
    assert "sessionid" not in Client().get(url).cookies
    assert [(e.action, e.actor_label) for e in entries(job)][-3:] == [
        ("linked", "alice"), ("downloaded", "alice"), ("downloaded", "alice")
    ]  # fmt: skip
    assert entries(job).last().data["by"] == "link"


def test_a_program_is_told_the_link(alice, job):
    answer = Program(alice).post(page_of(job, "link"))
    told = answer.json()
    assert (answer.status_code, answer["Location"]) == (201, told["url"])
    assert answer["Cache-Control"] == "private, no-store"
    left = dt.datetime.fromisoformat(told["expires_at"]) - dt.datetime.now(dt.UTC)
    assert dt.timedelta(minutes=14) < left <= dt.timedelta(minutes=15)
    assert Program(None).get(told["url"]).getvalue().startswith(b"id,")
    entry = entries(job).get(action="linked")
    assert (entry.data["person"], entry.data["expires_at"]) == ("alice", told["expires_at"])


@pytest.mark.parametrize("base", ["https://shop.example.com", "https://shop.example.com/"])
def test_a_forged_host_is_in_no_link(alice, job, page, configure, settings, base):
    settings.ALLOWED_HOSTS = ["*"]
    forged = {"host": "evil.example.com"}
    answer = Program(alice).post(page(job, "link"), **forged)
    assert answer.json()["url"].startswith("http://evil.example.com/")
    configure(BASE_URL=base)
    answer = Program(alice).post(page(job, "link"), **forged)
    told = answer.json()["url"]
    assert told.startswith(f"https://shop.example.com{page(job, 'link').removesuffix('link/')}sign")
    assert (answer["Location"], "evil" in answer.text) == (told, False)
    text = text_of(browse(alice).post(page(job, "link"), headers=forged))
    assert ("https://shop.example.com/" in text, "evil" in text) == (True, False)
    assert Client().get(told.removeprefix("https://shop.example.com")).status_code == 200
    settings.LOGIN_URL = "https://login.example.com/"
    asked = Client().get(page_of(job), headers=forged)
    assert ("shop.example.com" in asked["Location"], "evil" in asked["Location"]) == (True, False)


QUESTIONS = {
    "HEAD 200": ("head", {}),
    "HEAD 304": ("head", {"if-none-match": "*"}),
    "GET 304": ("get", {"if-none-match": "*"}),
    "GET 412": ("get", {"if-match": '"other"'}),
    "GET 416": ("get", {"range": "bytes=999999999-"}),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_about_a_file_is_recorded_once(alice, job, link, question):
    """By a link and by its person: with nothing of the file in the answer, and no word of one."""
    method, headers = QUESTIONS[question]
    told = []

    def receive(sender, **kwargs):
        told.append(kwargs)

    job_downloaded.connect(receive)
    try:
        for client, path, by in (
            (Client(), address(job, link), "link"),
            (browse(alice), page_of(job, "download"), None),
        ):
            before = actions(job)
            response = getattr(client, method)(path, headers=headers)
            assert str(response.status_code) == question.split()[1]
            assert actions(job) == [*before, "downloaded"]
            entry = entries(job).last()
            assert (entry.actor_label, entry.data.get("by")) == ("alice", by)
            assert (entry.data["question"], entry.data["bytes"]) == (question, 0)
    finally:
        job_downloaded.disconnect(receive)
    assert told == []


def test_opening_the_address_makes_no_link(alice, job):
    assert browse(alice).get(job_url(job, "link")).status_code == 302
    assert browse(alice).get(page_of(job, "link")).status_code == 405
    assert "linked" not in actions(job)


def test_no_link_is_offered_without_a_file(alice, orders):
    waiting = enqueue(alice)
    assert page_of(waiting, "link") not in text_of(browse(alice).get(page_of(waiting)))
    assert browse(alice).post(page_of(waiting, "link")).status_code == 404


def test_a_link_for_a_mail(alice, job, configure):
    configure(BASE_URL="https://shop.example.com/")
    url = signed_urls.url_for(job, alice)
    assert url.startswith(f"https://shop.example.com/reports/jobs/{job.pk}/signed/")
    assert Client().get(url.removeprefix("https://shop.example.com")).status_code == 200
    entry = entries(job).get(action="linked")
    assert (entry.actor_label, entry.data["person"]) == ("system", "alice")


@pytest.mark.parametrize("base", ["https://shop.example.com", "https://shop.example.com/"])
def test_an_address_in_a_mail_is_whole_whichever_thread_sends_it(job, configure, settings, base):
    configure(BASE_URL=base)
    settings.FORCE_SCRIPT_NAME = "/office"
    found = []

    def look():
        found.append(signed_urls.page_url(job))
        set_script_prefix("/office/")  # as in the thread of a request
        found.append(signed_urls.page_url(job))
        found.append(get_script_prefix())

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    url = f"https://shop.example.com/office/reports/jobs/{job.pk}/"
    assert found == [url, url, "/office/"]
    assert signed_urls.page_url(job) == url
    assert reverse("django_reports:job", args=[job.pk]) == page_of(job)  # here it is as it was


def test_a_link_for_a_mail_needs_the_sites_address(alice, job):
    with pytest.raises(ImproperlyConfigured, match="BASE_URL"):
        signed_urls.url_for(job, alice)
    assert "linked" not in actions(job)


@pytest.mark.parametrize("status", ["expired", "failed", "running"])
def test_no_link_without_a_file(alice, job, status):
    with pytest.raises(ReportDenied, match="alice may not download this export"):
        signed_urls.make(put(job, status=status), alice)


def test_no_link_for_who_may_not(carol, dave, job):
    for user in (carol, dave):
        with pytest.raises(ReportDenied):
            signed_urls.make(job, user)
    assert "linked" not in actions(job)


# Followed


def test_a_link_gives_the_file_in_parts_too(job, link, page):
    whole = follow(job, link, page=page)
    content = whole.getvalue()
    assert whole["Cache-Control"].startswith("private, no-store")
    part = follow(job, link, page=page, range="bytes=3-9")
    assert (part.status_code, part.getvalue()) == (206, content[3:10])
    head = Client().head(address(job, link, page))
    assert (head.status_code, head["Content-Length"]) == (200, str(len(content)))


def test_its_person_may_be_logged_in(alice, job, link):
    assert follow(job, link, alice).status_code == 200


@pytest.mark.parametrize("other", ["root", "colleague", "nobody_much"])
def test_another_person_gets_nothing(job, link, make_person, root, other):
    """Not even who could download the file in their own name."""
    people = {
        "root": root,
        "colleague": make_person("colleague", *VIEW, report="*", visibility="all"),
        "nobody_much": User.objects.create_user("nobody_much"),
    }
    assert_refused(job, link, 404, "The link is another person's.", people[other])


def test_a_link_that_has_expired(alice, job, link, configure):
    configure(SIGNED_URL_MAX_AGE=dt.timedelta(microseconds=1))
    reason = "This link has expired. Ask for another one."
    text = assert_refused(job, link, 410, reason, actor=alice)
    assert reason in text
    assert "alice" not in text.replace(job.filename, "")
    assert Program(None).get(address(job, link)).json()["detail"] == reason


def test_expired_link_stays_expired_when_the_lifetime_is_raised(alice, job, configure):
    configure(SIGNED_URL_MAX_AGE=dt.timedelta(microseconds=1))
    token, _until = signed_urls.make(job, alice)
    configure(SIGNED_URL_MAX_AGE=dt.timedelta(days=30))
    assert_refused(job, token, 410, "This link has expired. Ask for another one.", actor=alice)


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has the process's clock")
@pytest.mark.parametrize("hours", [-5, 5])
def test_a_link_and_its_file_live_by_the_clock_of_the_database(
    alice, job, link, configure, monkeypatch, hours
):
    """Not by that of the host that answers."""
    wrong = timezone.now() + dt.timedelta(hours=hours)
    sign(put(job, expires_at=timezone.now() + dt.timedelta(hours=1)))
    monkeypatch.setattr("django.utils.timezone.now", lambda: wrong)
    assert Program(None).get(address(job, link)).status_code == 200
    assert Program(None).get(address(job, signed_urls.make(job, alice)[0])).status_code == 200
    configure(SIGNED_URL_MAX_AGE=dt.timedelta(microseconds=1))
    assert Program(None).get(address(job, link)).status_code == 410


NOT_SIGNED = "The link was not signed for this file."


@pytest.mark.parametrize("change", ["first", "last", "short", "long", "empty", "salt", "session"])
def test_a_link_that_was_changed(alice, job, link, change):
    ticket = [str(job.pk), str(alice.pk), 2**40, 2**40]
    forged = {
        "first": ("A" if link[0] != "A" else "B") + link[1:],
        "last": link[:-1] + ("A" if link[-1] != "A" else "E"),
        "short": link[:-5],
        "long": link + "a",
        "empty": ":",
        "salt": signing.dumps(ticket),
        "session": signing.dumps(ticket, salt="django.core.signing"),
    }
    assert_refused(job, forged[change], 404, NOT_SIGNED)


def test_a_link_to_another_job(alice, job, link):
    assert_refused(make(alice), link, 404, NOT_SIGNED)


def test_a_link_to_no_job(job, link):
    key = "00000000-0000-0000-0000-000000000001"
    for name in ("django_reports:job-signed", "admin:django_reports_reportjob_signed"):
        assert Client().get(reverse(name, args=[key, link])).status_code == 404


def test_a_link_survives_the_rotation_of_the_key(job, link, settings):
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new", [settings.SECRET_KEY]
    assert follow(job, link).status_code == 200
    settings.SECRET_KEY_FALLBACKS = []
    assert follow(job, link).status_code == 404


# Rights of now


def test_a_link_of_who_lost_the_grant(alice, job, link):
    GroupReportPermission.objects.all().delete()
    assert_refused(job, link, 403, "You may no longer download this export.", actor=alice)


def test_a_link_of_who_lost_the_permission(alice, job, link):
    alice.user_permissions.clear()
    assert_refused(job, link, 403, "You may no longer download this export.", actor=alice)


@pytest.mark.parametrize("lost", [{"is_active": False}, {"is_staff": False}])
def test_a_link_of_who_is_not_let_in_any_more(alice, job, link, lost):
    User.objects.filter(pk=alice.pk).update(**lost)
    assert_refused(job, link, 404, None, actor=alice)


def test_a_link_of_who_is_gone(alice, job, link):
    alice.delete()
    assert_refused(job, link, 404, "The link's person is gone.")


def test_a_link_to_a_file_that_was_changed(alice, job, link, folder):
    (folder / job.file_key).write_bytes(b"another")
    reason = "The file of this export is not the one that was made."
    assert reason in assert_refused(job, link, 404, reason, actor=alice)


def test_nobody_is_asked_to_log_in(job, link, settings, page):
    name = "django.contrib.auth.middleware.LoginRequiredMiddleware"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, name]
    assert follow(job, link, page=page).status_code == 200


def test_a_link_is_only_read(job, link, page):
    assert Client().post(address(job, link, page)).status_code == 405
