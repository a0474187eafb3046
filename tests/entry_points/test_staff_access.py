"""Who gets through which of the staff pages' entry points, and what the others are told."""

import re
from types import ModuleType
from uuid import uuid4

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.urls import include, path

from django_reports.models import AuditEntry, ReportJob
from tests.conftest import VIEW
from tests.entry_points.helpers import browse, enqueue, make, text_of
from tests.entry_points.staff import (
    CATALOG,
    JOBS,
    OPENAPI,
    ORDERS,
    PROBLEM,
    Program,
    page_of,
    pressed,
)

pytestmark = pytest.mark.django_db

FOLLOWING = "/reports/admin.shop.customer/"  # follows an admin list, so it is in no catalog


@pytest.fixture
def people(make_person, alice, carol, dave, root):
    """One of each sort, by name. `owner` has the job that the others knock at."""
    outsider = make_person("olga", *VIEW, report="*")
    User.objects.filter(pk=outsider.pk).update(is_staff=False)
    leaver = make_person("leo", *VIEW, report="*")
    User.objects.filter(pk=leaver.pk).update(is_active=False)
    return {
        "nobody": None,
        "leaver": leaver,
        "outsider": outsider,
        "carol": carol,
        "dave": dave,
        "least": make_person("lea", "shop.view_order", report="shop.orders"),
        "other": make_person("otto", "shop.view_order", report="shop.numbers"),
        "owner": make_person("olaf", "shop.view_order", report="shop.orders"),
        "foreign": alice,
        "root": root,
    }


def who(nobody, leaver, outsider, carol, dave, least, other, owner, foreign, root):
    """A row of the tables below."""
    return dict(locals())


# What is asked, of which state the owner's job is, and what a person and a program are answered.
ACTS = {
    "catalog": (lambda client, job: client.get(CATALOG), make),
    "openapi": (lambda client, job: client.get(OPENAPI), make),
    "jobs": (lambda client, job: client.get(JOBS), make),
    "report": (lambda client, job: client.get(ORDERS), make),
    "job": (lambda client, job: client.get(page_of(job)), make),
    "status": (lambda client, job: client.get(page_of(job, "status")), make),
    "download": (lambda client, job: client.get(page_of(job, "download")), make),
    "cancel": (lambda client, job: client.post(page_of(job, "cancel")), enqueue),
    "rerun": (lambda client, job: client.post(page_of(job, "rerun")), make),
}
IN, NO, GONE, LOGIN, WHO, SEE = 200, 403, 404, 302, 401, 303
PAGES = {
    "catalog": who(LOGIN, LOGIN, NO, IN, IN, IN, IN, IN, IN, IN),
    "openapi": who(LOGIN, LOGIN, NO, IN, IN, IN, IN, IN, IN, IN),
    "jobs": who(LOGIN, LOGIN, NO, IN, IN, IN, IN, IN, IN, IN),
    "report": who(LOGIN, LOGIN, NO, GONE, GONE, IN, GONE, IN, IN, IN),
    "job": who(LOGIN, LOGIN, NO, GONE, GONE, GONE, GONE, IN, GONE, IN),
    "status": who(LOGIN, LOGIN, NO, GONE, GONE, GONE, GONE, IN, GONE, IN),
    "download": who(LOGIN, LOGIN, NO, GONE, GONE, GONE, GONE, IN, GONE, IN),
    "cancel": who(LOGIN, LOGIN, NO, GONE, GONE, GONE, GONE, 302, GONE, 302),
    "rerun": who(LOGIN, LOGIN, NO, GONE, GONE, GONE, GONE, 302, GONE, 302),
    "export": who(LOGIN, LOGIN, NO, GONE, GONE, IN, GONE, IN, IN, IN),
}
PROGRAMS = {
    "catalog": who(WHO, WHO, NO, IN, IN, IN, IN, IN, IN, IN),
    "openapi": who(WHO, WHO, NO, IN, IN, IN, IN, IN, IN, IN),
    "jobs": who(WHO, WHO, NO, IN, IN, IN, IN, IN, IN, IN),
    "report": who(WHO, WHO, NO, GONE, GONE, IN, GONE, IN, IN, IN),
    "job": who(WHO, WHO, NO, GONE, GONE, GONE, GONE, SEE, GONE, SEE),
    "status": who(WHO, WHO, NO, GONE, GONE, GONE, GONE, IN, GONE, IN),
    "download": who(WHO, WHO, NO, GONE, GONE, GONE, GONE, IN, GONE, IN),
    "cancel": who(WHO, WHO, NO, GONE, GONE, GONE, GONE, IN, GONE, IN),
    "rerun": who(WHO, WHO, NO, GONE, GONE, GONE, GONE, 202, GONE, 202),
    "export": who(WHO, WHO, NO, GONE, GONE, 202, GONE, 202, 202, 202),
}


def answers_to(act, people, client_of):
    """What each of the people is answered, by name; every one finds a job of their own act."""
    do, prepared = ACTS[act]
    answers = {
        name: do(client_of(user), prepared(people["owner"])) for name, user in people.items()
    }
    for answer in answers.values():
        text_of(answer)  # closes the files that were opened for it
    return answers


def browse_or_not(user):
    return browse(user) if user else Client()


def statuses(answers):
    return {name: answer.status_code for name, answer in answers.items()}


@pytest.mark.parametrize("act", ACTS)
def test_pages(people, orders, act):
    answers = answers_to(act, people, browse_or_not)
    assert statuses(answers) == PAGES[act]
    assert answers["nobody"]["Location"].startswith("/admin/login/?next=/reports/")


@pytest.mark.parametrize("act", ACTS)
def test_programs(people, orders, act):
    answers = answers_to(act, people, Program)
    assert statuses(answers) == PROGRAMS[act]
    refused = [answer for answer in answers.values() if answer.status_code >= 400]
    assert {answer["Content-Type"] for answer in refused} == {PROBLEM}


def test_the_button(people, orders):
    answers = {name: pressed(browse_or_not(user)) for name, user in people.items()}
    assert statuses(answers) == PAGES["export"]
    for answer in answers.values():
        text_of(answer)
    made = [job.requested_by_text for job in ReportJob.objects.order_by("created_at")]
    assert made == ["lea", "olaf", "alice", "root"]


def test_a_program_asks(people, orders):
    answers = {name: Program(user).post(ORDERS) for name, user in people.items()}
    assert statuses(answers) == PROGRAMS["export"]
    made = [job.requested_by_text for job in ReportJob.objects.order_by("created_at")]
    assert made == ["lea", "olaf", "alice", "root"]


# Asked to log in


@pytest.fixture
def urls(settings):
    """Serve these URLs."""

    def serve(*patterns):
        made = ModuleType(f"urls_{uuid4().hex}")
        made.urlpatterns = list(patterns)
        settings.ROOT_URLCONF = made

    return serve


def log_in(request):
    return HttpResponse("Who is there?")


def test_the_projects_own_login_comes_first(urls, settings, db):
    settings.LOGIN_URL = "log-in"
    urls(
        path("welcome/", log_in, name="log-in"),
        path("admin/", admin.site.urls),
        path("reports/", include("django_reports.urls")),
    )
    answer = Client().get(f"{JOBS}?others=1")
    assert answer["Location"] == "/welcome/?next=/reports/jobs/%3Fothers%3D1"


@pytest.mark.parametrize("elsewhere", ["https://sso.example.com/in", "//sso.example.com/in"])
def test_a_login_elsewhere_on_the_web(settings, db, elsewhere):
    settings.LOGIN_URL = elsewhere
    assert Client().get(JOBS)["Location"] == f"{elsewhere}?next=http%3A//testserver/reports/jobs/"


def test_without_any_login_page_the_setting_is_the_word(urls, db):
    urls(path("reports/", include("django_reports.urls")))
    assert Client().get(JOBS)["Location"] == "/accounts/login/?next=/reports/jobs/"


def test_a_project_that_asks_everybody_to_log_in_still_tells_programs_in_json(settings, db):
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"
    ]  # fmt: skip
    assert Program(None).get(CATALOG).status_code == 401
    assert Client().get(CATALOG)["Location"].startswith("/admin/login/")


# Unknown, ungranted, not for the catalog: alike


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("client_of", [browse, Program])
def test_what_one_may_not_have_reads_like_nothing(make_person, orders, client_of, method):
    client = client_of(make_person("mia", *VIEW, report="shop.numbers"))
    bodies = set()
    for identifier in ("shop.bogus", "shop.orders", "shop.old_orders", "admin.shop.customer"):
        answer = getattr(client, method)(f"/reports/{identifier}/")
        assert answer.status_code == 404
        text = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", text_of(answer))
        bodies.add(text.replace(identifier, "…"))
    assert len(bodies) == 1
    denied = AuditEntry.objects.filter(action="denied")
    assert [(entry.report, entry.actor_label) for entry in denied] == [("shop.orders", "mia")] * 2
    assert {entry.data["what"] for entry in denied} == {"generate"}


def test_not_even_a_superuser_has_a_list_without_its_list(root, orders):
    assert browse(root).get(FOLLOWING).status_code == 404
    assert Program(root).post(FOLLOWING).status_code == 404
    assert FOLLOWING not in text_of(browse(root).get(CATALOG))
    assert "admin.shop.customer" not in text_of(Program(root).get(OPENAPI))


@pytest.mark.parametrize("client_of", [browse, Program])
@pytest.mark.parametrize("name", ["", "status", "download", "cancel", "rerun"])
def test_a_foreign_job_reads_like_none_and_is_recorded(alice, bob, orders, client_of, name):
    job = make(alice)
    client = client_of(bob)
    ask = client.post if name in ("cancel", "rerun") else client.get
    foreign, unknown = ask(page_of(job, name)), ask(page_of(ReportJob(), name))
    assert (foreign.status_code, unknown.status_code) == (404, 404)
    assert foreign.content == unknown.content
    entry = AuditEntry.objects.get(action="denied")
    assert (entry.actor_label, entry.job_key) == ("bob", str(job.pk))
    assert entry.data["what"] == f"job-{name}".removesuffix("-")


def test_what_is_no_key_reads_like_an_unknown_one(alice):
    unknown, junk = (Program(alice).get(f"{JOBS}{key}/") for key in (uuid4(), "7"))
    assert (junk.status_code, junk["Content-Type"]) == (404, PROBLEM)
    assert junk.content == unknown.content
