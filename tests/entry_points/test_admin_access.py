"""Who gets through which of the admin's entry points: allowed, with the least rights, denied."""

import re

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client

from django_reports.models import AuditEntry, ReportJob
from tests.conftest import VIEW
from tests.entry_points.helpers import (
    EXPORT,
    JOBS,
    LIST,
    browse,
    chosen,
    enqueue,
    job_url,
    make,
    text_of,
    ticked,
)
from tests.shop.models import Order

pytestmark = pytest.mark.django_db

AUDIT = "/admin/django_reports/auditentry/"
GRANTS = "/admin/django_reports/groupreportpermission/"


@pytest.fixture
def outsider(make_person):
    """Has every right but that of entering the admin."""
    user = make_person("olga", *VIEW, report="*")
    User.objects.update(is_staff=False)
    return user


@pytest.fixture
def leaver(make_person):
    """Had every right, and is not active any more."""
    user = make_person("leo", *VIEW, report="*")
    User.objects.filter(pk=user.pk).update(is_active=False)
    return user


@pytest.fixture
def somebody(request):
    """A client of the person whose fixture is named, or of nobody."""
    return lambda name: browse(request.getfixturevalue(name)) if name else Client()


LOGIN, OK, NO, GONE = 302, 200, 403, 404
PEOPLE = ["root", "alice", "bob", "carol", "dave", "outsider", "leaver", None]
ANSWERS = {
    "page": [OK, OK, OK, NO, NO, LOGIN, LOGIN, LOGIN],
    "export": [OK, OK, OK, NO, NO, LOGIN, LOGIN, LOGIN],
    "exports": [OK, OK, OK, NO, OK, LOGIN, LOGIN, LOGIN],
    "someone's export": [OK, GONE, GONE, GONE, GONE, LOGIN, LOGIN, LOGIN],
    "someone's status": [OK, GONE, GONE, GONE, GONE, LOGIN, LOGIN, LOGIN],
    "someone's file": [OK, GONE, GONE, GONE, GONE, LOGIN, LOGIN, LOGIN],
    "someone's cancel": [LOGIN, GONE, GONE, GONE, GONE, LOGIN, LOGIN, LOGIN],
    "audit log": [OK, NO, NO, NO, NO, LOGIN, LOGIN, LOGIN],
    "grants": [OK, NO, NO, NO, NO, LOGIN, LOGIN, LOGIN],
}
ACTS = {
    "page": lambda client, job: client.get(EXPORT),
    "export": lambda client, job: client.post(f"{EXPORT}?region__exact=n", chosen()),
    "exports": lambda client, job: client.get(JOBS),
    "someone's export": lambda client, job: client.get(job_url(job)),
    "someone's status": lambda client, job: client.get(job_url(job, "status")),
    "someone's file": lambda client, job: client.get(job_url(job, "download")),
    "someone's cancel": lambda client, job: client.post(job_url(job, "cancel")),
    "audit log": lambda client, job: client.get(AUDIT),
    "grants": lambda client, job: client.get(GRANTS),
}


@pytest.mark.parametrize(
    ("act", "person", "status"),
    [
        (act, person, status)
        for act, statuses in ANSWERS.items()
        for person, status in zip(PEOPLE, statuses, strict=True)
    ],
)
def test_who_gets_through(somebody, make_person, orders, act, person, status):
    job = make(make_person("mia", *VIEW, report="shop.orders"))
    response = ACTS[act](somebody(person), job)
    text_of(response)
    assert response.status_code == status
    if status == LOGIN and act != "someone's cancel":
        assert response["Location"].startswith("/admin/login/")


@pytest.mark.parametrize("permission", ["shop.view_order", "shop.change_order"])
def test_the_least_rights_are_the_lists_and_a_grant(make_person, orders, permission):
    client = browse(make_person("mia", permission, report="shop.orders"))
    assert "export_selected" in text_of(client.get(LIST))
    assert client.get(EXPORT).status_code == 200
    assert "20 rows" in text_of(client.get(EXPORT))
    assert len(text_of(client.post(EXPORT, chosen())).splitlines()) == 21


def test_a_grant_for_the_old_identifier_counts(make_person, orders):
    client = browse(make_person("mia", "shop.view_order", report="shop.old_orders"))
    assert client.get(EXPORT).status_code == 200


@pytest.mark.parametrize(
    "permission", [{"report": "shop.numbers_of_others"}, {"report": "*", "can_export": False}]
)
def test_other_grants_do_not_count(make_person, orders, permission):
    client = browse(make_person("mia", "shop.view_order", **permission))
    assert "export-report" not in text_of(client.get(LIST))
    assert client.post(EXPORT, chosen()).status_code == 403


def test_without_a_grant_there_is_neither_action_nor_button(carol, orders):
    client = browse(carol)
    text = text_of(client.get(LIST))
    assert "export_selected" not in text
    assert "export-report" not in text
    response = client.post(LIST, ticked(Order.objects.all()[:1]), follow=True)
    assert "reports-plan" not in text_of(response)


def test_an_attempt_without_a_grant_is_recorded(carol, orders):
    browse(carol).post(EXPORT, chosen(), headers={"user-agent": "curl"}, REMOTE_ADDR="10.0.0.7")
    entry = AuditEntry.objects.get(action="denied")
    assert (entry.actor_label, entry.actor_key) == ("carol", str(carol.pk))
    assert (entry.report, entry.address) == ("shop.orders", "10.0.0.7")
    facts = {"what": "generate", "lacking": "grant"}
    assert (entry.data, entry.user_agent) == (facts, "curl")
    assert not ReportJob.objects.exists()


def test_a_refused_form_does_not_tell_the_columns(carol, orders):
    response = browse(carol).post(EXPORT, chosen(columns=["bogus"]))
    assert response.status_code == 403
    assert "margin" not in text_of(response).lower()


def test_index_offers_exports_only_to_those_who_have_some(alice, carol, orders):
    assert JOBS in text_of(browse(alice).get("/admin/"))
    assert JOBS not in text_of(browse(carol).get("/admin/"))


def test_whoever_lost_their_grant_still_finds_their_exports(make_person, orders):
    person = make_person("mia", *VIEW, report="shop.orders")
    enqueue(person)
    person.groups.clear()
    response = browse(person).get(JOBS)
    assert response.status_code == 200
    assert "orders-" in text_of(response)


@pytest.mark.parametrize("page", ["add/", "{key}/delete/"])
@pytest.mark.parametrize("model", ["reportjob", "auditentry"])
def test_nobody_adds_or_deletes_records(root, orders, model, page):
    job = enqueue(root)
    key = job.pk if model == "reportjob" else AuditEntry.objects.first().pk
    url = f"/admin/django_reports/{model}/{page.format(key=key)}"
    client = browse(root)
    assert (client.get(url).status_code, client.post(url).status_code) == (403, 403)


def test_history_of_someone_elses_export_does_not_tell_of_it(alice, make_person, orders):
    job = enqueue(make_person("mia", *VIEW, report="shop.orders"))
    response = browse(alice).get(job_url(job, "history"), follow=True)
    assert "orders-" not in text_of(response)


def test_who_sees_nothing_is_not_led_to_the_list_of_exports(alice, carol):
    assert JOBS in text_of(browse(alice).get("/admin/"))
    assert JOBS not in text_of(browse(carol).get("/admin/"))
    assert browse(carol).get("/admin/django_reports/").status_code == GONE


def test_others_exports_may_not_be_viewed_whoever_asks_the_admin(rf, alice, root, orders):
    job, model_admin = make(root), admin.site.get_model_admin(ReportJob)
    request = rf.get(JOBS)
    request.user = alice
    assert not model_admin.has_view_permission(request, job)
    request.user = root
    assert model_admin.has_view_permission(request, job)


def test_a_list_is_filtered_by_the_reports_that_one_may_make(make_person, root):
    ida = make_person("ida", *VIEW, report="shop.orders")
    ways = {
        person: set(re.findall(r"report=([\w.]+)", text_of(browse(person).get(JOBS))))
        for person in (ida, root)
    }
    assert ways[ida] == {"shop.orders"}
    assert {"shop.orders", "shop.numbers"} < ways[root]


def test_without_the_right_to_view_nothing_is_told_of_a_list(dave):
    """Not even that a filter is not one of the list's."""
    assert browse(dave).post(f"{EXPORT}?password__x=1", chosen()).status_code == NO
