"""The dashboard: what the exports of the last days add up to."""

import datetime as dt
import math
import re
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_reports.jobs import statistics
from django_reports.models import HangingProcess, ReportJob
from tests.conftest import give
from tests.entry_points.helpers import browse, text_of
from tests.entry_points.staff import CATALOG, Program
from tests.test_states import make_job

pytestmark = pytest.mark.django_db

DASHBOARD = "/reports/dashboard/"


@pytest.fixture(autouse=True)
def _fresh():
    cache.clear()
    yield
    cache.clear()


def add(days_ago=0, status="succeeded", seconds=1.0, rows=10, who="ann", **facts):
    now = timezone.now() - dt.timedelta(days=days_ago)
    return make_job(
        status,
        created_at=now,
        started_at=now,
        finished_at=now + dt.timedelta(seconds=seconds),
        rows_done=rows,
        bytes=rows * 100,
        requested_by_text=who,
        **facts,
    )


def test_without_exports():
    found = statistics.collect()
    assert (found.exports, found.failed, found.rows, found.ended) == (0, 0, 0, 0)
    assert (found.median, found.slowest, found.people) == (None, None, [])
    assert len(found.days) == statistics.DAYS
    assert found.days[-1].date == timezone.localdate()


def test_sums():
    first = add(rows=5)
    add(status="failed", rows=1, who="bob")
    add(3, rows=7, who="bob", rerun_of=first, file_key="k", report="shop.numbers")
    add(3, status="expired", rows=100)
    add(3, status="canceled", rows=0)
    add(statistics.DAYS + 1, rows=1000, file_key="old", status="succeeded")
    make_job("queued")
    found = statistics.collect()
    today, before = found.days[-1], found.days[-4]
    assert (today.exports, today.failed, today.rows) == (3, 1, 6)
    assert (before.exports, before.failed, before.rows) == (3, 0, 107)
    assert (found.exports, found.ended, found.reruns, found.rows) == (6, 4, 1, 113)
    assert [(one.name, one.exports, one.rows) for one in found.people] == [
        ("ann", 3, 105), ("bob", 2, 8), ("", 1, 0)
    ]  # fmt: skip
    assert [(one.name, one.rows) for one in found.reports] == [
        ("shop.orders", 106), ("shop.numbers", 7)
    ]  # fmt: skip
    assert (found.stored_files, found.stored_bytes) == (2, 100_700)


def test_days_are_those_of_the_time_zone():
    """Midnight in Berlin; a day that has 23 or 25 hours is one."""
    midnight = statistics._beginning(timezone.localdate())
    put_at(midnight, midnight - dt.timedelta(seconds=1))
    days = statistics.collect().days
    assert (days[-1].exports, days[-2].exports) == (1, 1)


def put_at(*moments):
    for moment in moments:
        ReportJob.objects.filter(pk=add().pk).update(created_at=moment)


@pytest.mark.parametrize("count", [1, 2, 3, 19, 20, 21, 100])
def test_percentiles_are_those_of_the_sorted_durations(count):
    seconds = [((n * 37) % count) + 0.5 for n in range(count)]
    for one in seconds:
        add(seconds=one)
    add(status="failed", seconds=9999)
    add(status="canceled", seconds=9999)
    found, ranked = statistics.collect(), sorted(seconds)
    assert found.median.total_seconds() == ranked[math.ceil(count / 2) - 1]
    assert found.slowest.total_seconds() == ranked[math.ceil(count * 0.95) - 1]


def test_as_many_queries_for_many_as_for_none(root):
    client = browse(root)

    def count():
        cache.clear()
        client.get(DASHBOARD)
        cache.clear()
        with CaptureQueriesContext(connection) as queries:
            assert client.get(DASHBOARD).status_code == 200
        return len(queries)

    none = count()
    for n in range(60):
        add(n % 30, who=f"person {n}", report=f"report.{n}", file_key=f"k{n}")
    assert count() == none
    kept = CaptureQueriesContext(connection)
    with kept:
        client.get(DASHBOARD)
    assert not [q for q in kept if "rows_done" in q["sql"] and "SUM(" in q["sql"].upper()]


def test_each_query_finds_all_that_it_reads_in_one_index():
    """No export itself is read, which holds much more."""
    options = ReportJob._meta
    indexes = [
        {options.get_field(name).column for name, _order in index.fields_orders}
        for index in options.indexes
    ]
    with CaptureQueriesContext(connection) as queries:
        statistics.collect()
    assert len(queries) == 5
    for query in queries:
        read = set(re.findall(rf"{options.db_table}[\"`]\.[\"`](\w+)", query["sql"]))
        assert read
        assert any(read <= index for index in indexes), read


def test_the_page_has_charts_with_tables(root):
    add(rows=1234)
    add(status="failed", rows=0, who="<b>bob</b>")
    text = text_of(browse(root).get(DASHBOARD))
    assert text.count('<svg viewBox="0 0 720 160"') == 2
    assert text.count('role="img"') == 2
    assert text.count('class="reports-bar-bad"') == 1
    assert text.count('class="reports-bar-good"') == 2
    assert "50.0 %" in text
    assert "&lt;b&gt;bob&lt;/b&gt;" in text
    assert "<b>bob" not in text
    assert "style=" not in text.split('id="content-main"')[1].split("<footer")[0]
    assert text.split("<details")[1].count("<tr>") >= 31


def test_an_empty_page_says_so(root):
    text = text_of(browse(root).get(DASHBOARD))
    assert text.count("There was none.") == 2
    assert text.count("There was no export.") == 2


def test_for_whom_it_is(alice, root):
    link = f'href="{DASHBOARD}"'
    assert browse(alice).get(DASHBOARD).status_code == 403
    assert link not in text_of(browse(alice).get(CATALOG))
    given = give(alice, "django_reports.view_dashboard")
    assert browse(given).get(DASHBOARD).status_code == 200
    assert link in text_of(browse(given).get(CATALOG))
    told = Program(root).get(DASHBOARD).json()
    assert (len(told["days"]), told["median_seconds"]) == (30, None)
    assert Program(None).get(DASHBOARD).status_code == 401


def test_what_hangs_is_shown_as_long_as_it_gives_signs(root):
    now = timezone.now()
    for host, seconds in (("first", 50), ("second", 70)):
        HangingProcess.objects.create(
            process=f"{host}, process 7",
            job_key=uuid4(),
            report="shop.orders",
            since=now - dt.timedelta(hours=1),
            seen_at=now - dt.timedelta(seconds=seconds),
        )
    shown = text_of(browse(root).get(DASHBOARD))
    assert "(first, process 7) has been stuck in “Orders” since" in shown
    assert "second" not in shown
