"""The list of exports narrowed down, and the catalog searched and sorted by favorites."""

import datetime as dt
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_reports import Report, register
from django_reports.definitions.registry import registry
from django_reports.models import Favorite, GroupReportPermission, ReportJob
from django_reports.web.pages import filters
from tests.conftest import VIEW
from tests.entry_points.helpers import browse, enqueue, make, put, text_of
from tests.entry_points.staff import CATALOG, JOBS, ORDERS, Program, page_of
from tests.shop.reports import Numbers, Orders

pytestmark = pytest.mark.django_db


@pytest.fixture
def some(alice, orders):
    """An old one that failed, a finished one of orders, and one of numbers that waits."""
    old = put(make(alice, "shop.numbers"), status="failed", error="It broke.", cause="error",
              created_at=dt.datetime(2026, 1, 31, 22, 30, tzinfo=dt.UTC))  # fmt: skip
    made = {"old": old, "orders": make(alice), "waiting": enqueue(alice, "shop.numbers")}
    ReportJob.objects.update(is_unread=False)
    return made


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["waiting", "orders", "old"]),
        ("status=failed", ["old"]),
        ("status=queued&report=shop.numbers", ["waiting"]),
        ("report=shop.numbers", ["waiting", "old"]),
        ("report=shop.old_orders", ["orders"]),  # an alias
        ("report=shop.unknown", []),
        ("since=2026-02-01", ["waiting", "orders"]),
        ("until=2026-01-31", ["old"]),  # half past eleven in Berlin
        ("since=2026-01-31&until=2026-01-31", ["old"]),
        ("since=0001-01-02&until=9999-12-30", ["waiting", "orders", "old"]),
        ("since=9999-12-30", []),
        ("until=0001-01-02", []),
        ("q=ORD", ["orders"]),
        ("q=numbers&status=failed", ["old"]),
        ("q=alice", ["waiting", "orders", "old"]),
        ("q=nothing+like+that", []),
        ("q=%25", []),
    ],
)
def test_filters_of_the_page_and_of_the_json(alice, some, query, names):
    ids = [str(some[name].pk) for name in names]
    told = Program(alice).get(f"{JOBS}?{query}").json()
    assert [job["id"] for job in told["jobs"]] == ids
    text = text_of(browse(alice).get(f"{JOBS}?{query}"))
    listed = re.findall(r'<th scope="row"><a href="/reports/jobs/([^/]+)/">', text)
    assert [key for key in listed if key in ids or "reports-cards" not in text] == ids
    assert ("No export is like that." in text) == (not names)


def test_a_key_is_found(alice, some):
    told = Program(alice).get(f"{JOBS}?q={some['old'].pk}").json()
    assert [job["id"] for job in told["jobs"]] == [str(some["old"].pk)]


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ("status=done", "status", "done is not one of the available choices"),
        ("since=yesterday", "since", "Enter a valid date."),
        ("since=0001-01-01", "since", "greater than or equal to 0001-01-02"),
        ("until=9999-12-31", "until", "less than or equal to 9999-12-30"),
        ("since=2026-02-02&until=2026-02-01", "until", "The end lies before the beginning."),
        ("q=" + "x" * 201, "q", "at most 200 characters"),
        ("q=%00", "q", "Null characters are not allowed."),
    ],
)
def test_what_is_no_filter(alice, some, query, field, words):
    answer = Program(alice).get(f"{JOBS}?{query}")
    assert (answer.status_code, list(answer.json()["errors"])) == (422, [field])
    assert words in answer.json()["detail"]
    text = text_of(browse(alice).get(f"{JOBS}?{query}"))
    assert words in text
    assert page_of(some["orders"]) not in text


@pytest.mark.parametrize(
    ("field", "moment", "words"),
    [
        ("since", "0001-01-01T00:00:00+05:00", "greater than or equal to 0001-01-02"),
        ("until", "9999-12-31T23:59:59-05:00", "less than or equal to 9999-12-30"),
    ],
)
def test_moments_of_the_audit_log_end_with_the_calendar(root, field, moment, words):
    answer = Program(root).post("/reports/django_reports.audit/", {"parameters": {field: moment}})
    assert (answer.status_code, words in answer.json()["detail"]) == (422, True)
    assert list(answer.json()["errors"]) == [f"parameters.{field}"]
    for edge in ("0001-01-02T00:00:00+14:00", "9999-12-30T23:59:59-12:00"):
        wanted = {"format": "jsonl", "parameters": {field: edge}}
        asked = Program(root).post("/reports/django_reports.audit/", wanted)
        assert asked.status_code == 202, asked.content


def test_filters_never_show_more(alice, root, some):
    foreign = put(make(root), is_unread=False)
    for query in ("q=root", "status=succeeded", f"q={foreign.pk}", "report=shop.orders"):
        assert page_of(foreign) not in text_of(browse(alice).get(f"{JOBS}?others=1&{query}"))
    assert page_of(foreign) not in text_of(browse(root).get(f"{JOBS}?others=1&q=alice"))
    assert page_of(foreign) in text_of(browse(root).get(f"{JOBS}?others=1&q=root"))


def test_the_reports_to_choose_from_are_those_that_there_are(alice, root, some):
    make(root, "shop.slow_numbers")
    text = text_of(browse(alice).get(JOBS))
    assert '<option value="shop.orders">Orders</option>' in text
    assert "shop.slow_numbers" not in text
    assert "shop.slow_numbers" in text_of(browse(root).get(f"{JOBS}?others=1"))


def test_filters_stay_from_page_to_page(alice, some, monkeypatch):
    monkeypatch.setattr("django_reports.web.pages.lists.JOBS_PER_PAGE", 1)
    text = text_of(browse(alice).get(f"{JOBS}?report=shop.numbers"))
    assert '<a rel="next" href="?report=shop.numbers&amp;page=2">Older</a>' in text
    assert '<option value="shop.numbers" selected>Numbers</option>' in text
    told = Program(alice).get(f"{JOBS}?report=shop.numbers").json()
    assert told["next"] == f"{JOBS}?report=shop.numbers&page=2"


def test_it_is_searched_among_the_newest(alice, some, monkeypatch):
    monkeypatch.setattr(filters, "WINDOW", 2)
    assert Program(alice).get(f"{JOBS}?status=failed").json()["jobs"] == []
    within = Program(alice).get(f"{JOBS}?status=failed&until=2026-02-01").json()["jobs"]
    assert [job["id"] for job in within] == [str(some["old"].pk)]


def test_a_line_has_age_size_rows_and_what_one_can_do(alice, some):
    put(some["orders"], expires_at=timezone.now() + dt.timedelta(days=3, minutes=1))
    text = text_of(browse(alice).get(JOBS)).replace("\xa0", " ")
    assert "3 days more" in text
    assert "just now" in text
    assert f'action="{page_of(some["orders"], "rerun")}"' in text
    assert f'action="{page_of(some["waiting"], "rerun")}"' not in text
    assert "It broke. Run it again." in text
    assert "It is the next one." in text


# The catalog


def offers(client, query=""):
    text = text_of(client.get(f"{CATALOG}{query}")).split('id="content-main"')[1]
    return re.findall(r'<div><a href="/reports/([^"]+)/">', text)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?q=orders", ["shop.orders"]),
        ("?q=SLOW", ["shop.slow_numbers"]),
        ("?q=slow+num", ["shop.slow_numbers"]),
        ("?q=every+single", ["shop.orders"]),
        ("?q=sales", ["shop.orders"]),
        ("?q=shop.num", ["shop.numbers"]),
        ("?q=zebra", []),
    ],
)
def test_search(alice, monkeypatch, query, found):
    monkeypatch.setattr(Orders, "description", "Every single one.")
    monkeypatch.setattr(Orders, "category", "Sales")
    client = browse(alice)
    assert offers(client, query) == found
    told = Program(alice).get(f"{CATALOG}{query}").json()["reports"]
    assert [report["identifier"] for report in told] == found
    if not found:
        assert "No report is like that." in text_of(client.get(f"{CATALOG}{query}"))


def test_favorites_stand_on_top_and_are_ones_own(alice, root):
    client = browse(alice)
    assert offers(client)[0] == "shop.orders" or "shop.orders" in offers(client)
    address = f"{ORDERS.replace('shop.orders', 'shop.slow_numbers')}favorite/"
    for _twice in range(2):
        assert client.post(address, {"favorite": "1"})["Location"] == CATALOG
    assert Favorite.objects.count() == 1
    assert offers(client)[0] == "shop.slow_numbers"
    assert offers(client).count("shop.slow_numbers") == 1
    assert "Favorites</h2>" not in text_of(browse(root).get(CATALOG))
    told = Program(alice).get(CATALOG).json()["reports"]
    assert {r["identifier"] for r in told if r["is_favorite"]} == {"shop.slow_numbers"}
    client.post(address, {"favorite": "0"})
    assert not Favorite.objects.exists()


def test_a_favorite_under_an_old_name_stays_one(alice):
    Favorite.objects.create(user=alice, report="shop.old_orders")
    assert offers(browse(alice))[0] == "shop.orders"
    Program(alice).post(f"{ORDERS}favorite/")
    assert Favorite.objects.count() == 1


def test_what_one_may_not_see_is_no_favorite(alice, carol):
    assert browse(carol).post(f"{ORDERS}favorite/").status_code == 404
    assert browse(alice).post("/reports/shop.unknown/favorite/").status_code == 404
    Favorite.objects.create(user=carol, report="shop.orders")
    assert "Orders" not in text_of(browse(carol).get(CATALOG)).split('id="content-main"')[1]


def test_the_last_run_is_told(alice, root, orders):
    client = browse(alice)
    assert "Your last export" not in text_of(client.get(CATALOG))
    make(root)
    put(make(alice), created_at=timezone.now() - dt.timedelta(hours=5, seconds=5))
    text = text_of(client.get(CATALOG)).replace("\xa0", " ")
    assert text.count("Your last export") == 1
    assert "Your last export: 5 hours ago" in text


def test_many_reports_cost_as_many_queries_as_few(make_person, monkeypatch, orders):
    person = make_person("mia", *VIEW, report="shop.orders")
    client = browse(person)
    make(person)

    def count(address):
        client.get(address)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).status_code == 200
        return len(queries)

    addresses = (CATALOG, f"{CATALOG}?q=n", "/reports/openapi.json")
    few = {address: count(address) for address in addresses}
    monkeypatch.setattr(registry, "_reports", list(registry))
    for n in range(20):
        name = f"many.report_{n}"
        register(type(f"Many{n}", (Numbers,), {"identifier": name}))
        GroupReportPermission.objects.create(group=person.groups.get(), report=name)
        Favorite.objects.create(user=person, report=name)
    assert len(offers(client)) == 21
    assert {address: count(address) for address in addresses} == few
    assert issubclass(Numbers, Report)
