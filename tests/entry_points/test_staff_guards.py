"""What every answer of the staff pages keeps to: CSRF, methods, caches."""

import re

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client

from django_reports.models import ReportJob
from tests.entry_points.helpers import browse, enqueue, make, text_of
from tests.entry_points.staff import (
    CATALOG,
    JOBS,
    JSON,
    OPENAPI,
    ORDERS,
    PROBLEM,
    Program,
    page_of,
    pressed,
)

pytestmark = pytest.mark.django_db


# CSRF


@pytest.fixture
def strict(alice):
    """Alice's browser, whose requests are checked as a server checks them."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    return client


def token_of(client):
    """What a form of ours carries; the cookie that it belongs to comes along."""
    client.get(ORDERS)
    return client.cookies["csrftoken"].value


def test_a_form_without_its_token_is_refused(strict, orders, caplog):
    answer = pressed(strict)
    assert (answer.status_code, answer["Content-Type"]) == (403, "text/html; charset=utf-8")
    text = text_of(answer)
    assert "You have logged in or out since this page was opened, so nothing was done." in text
    assert f'<a href="{ORDERS}?#reports-kept">Back</a>' in text
    assert [record.name for record in caplog.records] == ["django.security.csrf"]
    assert not ReportJob.objects.exists()


def test_a_project_has_its_own_page_for_that(strict, orders, settings):
    settings.CSRF_FAILURE_VIEW = f"{__name__}.own_failure"
    assert text_of(pressed(strict)) == "our own"


def own_failure(request, reason=""):
    return HttpResponse("our own", status=403)


@pytest.mark.parametrize("name", ["cancel", "rerun", "email", "link"])
def test_who_was_logged_out_comes_back_to_the_page_of_the_button(alice, orders, name):
    job = enqueue(alice)
    answer = Client().post(page_of(job, name))
    assert answer["Location"] == f"/admin/login/?next={page_of(job)}"
    assert Client().get(page_of(job, "status"))["Location"].endswith(page_of(job, "status"))


def test_the_pages_form_carries_its_token(strict, orders):
    token = token_of(strict)
    assert '<input type="hidden" name="csrfmiddlewaretoken"' in text_of(strict.get(ORDERS))
    answer = pressed(strict, csrfmiddlewaretoken=token)
    assert len(text_of(answer).splitlines()) == 21


@pytest.mark.parametrize(("name", "prepared"), [("cancel", enqueue), ("rerun", make)])
def test_the_buttons_of_a_job(alice, strict, orders, name, prepared):
    job = prepared(alice)
    assert strict.post(page_of(job, name)).status_code == 403
    assert [j.status for j in ReportJob.objects.all()] == [job.status]
    page = text_of(strict.get(page_of(job)))
    form = page.split(f'<form method="post" action="{page_of(job, name)}">')[1].split("</form>")[0]
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form)[1]
    answer = strict.post(page_of(job, name), {"csrfmiddlewaretoken": token})
    assert answer.status_code == 302


@pytest.mark.parametrize("name", ["", "cancel", "rerun"])
def test_a_program_without_a_token_is_told_as_a_problem(alice, orders, name):
    program = Program(alice, enforce_csrf_checks=True)
    job = make(alice)
    answer = program.post(page_of(job, name) if name else ORDERS)
    assert (answer.status_code, answer["Content-Type"]) == (403, PROBLEM)
    assert answer.json()["detail"].startswith("CSRF verification failed: CSRF cookie not set")
    assert ReportJob.objects.get() == job


def test_a_program_sends_the_cookies_token_as_a_header(alice, orders):
    program = Program(alice, enforce_csrf_checks=True)
    token = token_of(program.client)
    assert program.post(ORDERS, x_csrftoken=token).status_code == 202
    assert program.post(ORDERS, x_csrftoken="x" * 32).status_code == 403
    elsewhere = {"x_csrftoken": token, "origin": "https://elsewhere.example.com"}
    assert program.post(ORDERS, **elsewhere).status_code == 403


def test_it_is_checked_in_a_project_that_leaves_it_to_its_views(strict, orders, settings):
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "Csrf" not in name]
    assert pressed(strict).status_code == 403


def test_who_is_not_there_is_asked_to_log_in_before(orders):
    assert Program(None, enforce_csrf_checks=True).post(ORDERS).status_code == 401


def let_in_by_token(get_response):
    """What a project's middleware does that knows programs by a token and without a cookie."""

    def middleware(request):
        if request.headers.get("Authorization") == "Token of-alice":
            request.user = User.objects.get(username="alice")
            request.csrf_processing_done = True
        return get_response(request)

    return middleware


def test_a_program_with_a_token_of_the_projects_needs_no_cookie(alice, orders, settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.let_in_by_token"]
    program = Program(None, enforce_csrf_checks=True)
    asked = program.post(ORDERS, authorization="Token of-alice")
    assert (asked.status_code, ReportJob.objects.get().requested_by) == (202, alice)
    canceled = program.post(f"{asked['Location']}cancel/", authorization="Token of-alice")
    assert canceled.json()["status"] == "canceled"
    assert program.post(ORDERS, authorization="Token of-bob").status_code == 401


# Methods

READ, WRITE, BOTH = "GET, HEAD", "POST", "GET, HEAD, POST"
METHODS = {
    CATALOG: READ,
    OPENAPI: READ,
    JOBS: READ,
    ORDERS: BOTH,
    "": READ,
    "status": READ,
    "download": READ,
    "cancel": WRITE,
    "rerun": WRITE,
}


@pytest.mark.parametrize("kind", ["text/html", JSON])
@pytest.mark.parametrize(("place", "allowed"), METHODS.items())
def test_other_methods_are_refused(alice, orders, place, allowed, kind):
    job = make(alice)
    client = browse(alice)
    address = place if place.startswith("/") else page_of(job, place)
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
        answer = client.generic(method, address, headers={"accept": kind})
        text_of(answer)
        if method in allowed.split(", "):
            assert answer.status_code != 405, method
            continue
        assert (answer.status_code, answer["Allow"]) == (405, allowed), method
        if kind == JSON:
            assert answer["Content-Type"] == PROBLEM
        if kind == JSON and method != "HEAD":
            assert answer.json()["detail"] == f"Send {allowed}, not {method}."


def test_head_is_get_without_a_body(alice, orders):
    answer = browse(alice).head(page_of(make(alice), "status"))
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer["ETag"]


# Caches


def parts(answer, name):
    return set(answer[name].split(", "))


FOR_NOBODY = {"private", "no-cache", "no-store"}
ASK_AGAIN = {"private", "no-cache"}
NOT_KEPT = {"private", "no-store"}


@pytest.mark.parametrize(
    ("place", "page", "program"),
    [
        (CATALOG, FOR_NOBODY, ASK_AGAIN),
        (OPENAPI, ASK_AGAIN, ASK_AGAIN),
        (JOBS, FOR_NOBODY, ASK_AGAIN),
        (ORDERS, FOR_NOBODY, ASK_AGAIN),
        ("", FOR_NOBODY, ASK_AGAIN),
        ("status", ASK_AGAIN, ASK_AGAIN),
        ("download", NOT_KEPT, NOT_KEPT),
        ("/reports/shop.bogus/", FOR_NOBODY, ASK_AGAIN),
    ],
)
def test_what_caches_may_do(alice, orders, place, page, program):
    job = make(alice)
    address = place if place.startswith("/") else page_of(job, place)
    for answer, expected in (
        (browse(alice).get(address), page),
        (Program(alice).get(address), program),
        (Client().get(address), FOR_NOBODY),
        (Program(None).get(address), ASK_AGAIN),
        (Client().put(address), FOR_NOBODY),
    ):
        text_of(answer)
        assert parts(answer, "Cache-Control") == expected
        assert parts(answer, "Vary") >= {"Accept", "Cookie"}


def test_what_caches_may_do_with_what_was_posted(alice, orders):
    page, program = browse(alice), Program(alice)
    assert parts(page.post(page_of(enqueue(alice), "cancel")), "Cache-Control") == FOR_NOBODY
    assert parts(page.post(page_of(make(alice), "rerun")), "Cache-Control") == FOR_NOBODY
    assert parts(program.post(ORDERS), "Cache-Control") == ASK_AGAIN
    file = pressed(page)
    assert parts(file, "Cache-Control") == NOT_KEPT
    assert parts(file, "Vary") >= {"Accept", "Cookie"}
    text_of(file)


def test_nothing_new_says_the_same_of_caches(alice, orders):
    program = Program(alice)
    known = program.get(page_of(enqueue(alice)))
    again = program.get(known.json()["links"]["status"], if_none_match=known["ETag"])
    assert again.status_code == 304
    assert (again["ETag"], again["Retry-After"]) == (known["ETag"], "1")
    assert parts(again, "Cache-Control") == ASK_AGAIN
    assert parts(again, "Vary") >= {"Accept", "Cookie"}


@pytest.mark.parametrize(
    ("accepted", "kind"),
    [
        ("*/*", "text/html; charset=utf-8"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("application/json, text/html;q=0.9", JSON),
        ("text/html;q=0.1, application/json;q=0.2", JSON),
        ("application/problem+json", JSON),
        ("application/*", JSON),
        ("image/png", "text/html"),
        ("", "text/html"),
        (";;;,*/", "text/html"),
        ("application/json;q=much", JSON),
        ("\0ä", "text/html"),
    ],
)
def test_who_is_answered_in_json(alice, accepted, kind):
    answer = browse(alice).get(CATALOG, headers={"accept": accepted})
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith(kind)
