"""What is told of an export before it is made: rows as the database guesses, size and time."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_reports.exports.estimates import RUNS
from django_reports.models import ReportJob
from django_reports.web.pages.forecasts import (
    describe_course,
    format_roughly,
    format_row_count,
    format_size,
    rounded,
)
from tests.conftest import make_orders
from tests.entry_points.helpers import enqueue, plan, put
from tests.shop.models import Order

pytestmark = pytest.mark.django_db

GUESSES = connection.vendor in ("postgresql", "mysql")


def ran(user, rows, seconds, size, **wanted):
    """A past run of orders in the background."""
    start = timezone.now()
    job = enqueue(user, columns=("id", "number"), **wanted)
    end = start + dt.timedelta(seconds=seconds)
    return put(job, status="succeeded", rows_done=rows, bytes=size, started_at=start,
               finished_at=end)  # fmt: skip


def analyze():
    """Let the database look at its rows, as it does by itself now and then."""
    word = {"postgresql": "ANALYZE", "mysql": "ANALYZE TABLE"}.get(connection.vendor)
    with connection.cursor() as cursor:
        if word:
            cursor.execute(f"{word} {Order._meta.db_table}")


def test_nothing_is_said_of_what_never_ran(alice, orders):
    made = plan(alice)
    assert (made.estimate.rows, made.estimate.size, made.estimate.seconds) == (20, None, None)
    assert format_size(made) == ""
    assert describe_course(made) == "Downloads now"


def test_size_and_time_are_learned_from_past_runs(alice, orders, configure):
    configure(STREAM_MAX_ROWS=20)
    ran(alice, 1000, 10, 20_000)
    ran(alice, 1000, 30, 40_000)
    ran(alice, 1000, 20, 30_000)
    ran(alice, 1, 9, 900)  # too small to tell anything
    made = plan(alice, columns=("id", "number"))
    assert (made.estimate.size, made.estimate.seconds) == (600, pytest.approx(0.4))
    assert format_size(made) == "about 600\xa0bytes, as before"
    # Twice the columns, twice of everything.
    assert plan(alice, columns=("id", "number", "total", "region")).estimate.size == 1200


def test_other_formats_reports_and_failures_teach_nothing(alice, orders):
    ran(alice, 1000, 10, 20_000, format="xlsx")
    put(ran(alice, 1000, 10, 20_000), status="failed")
    put(ran(alice, 1000, 10, 20_000), report="shop.numbers")
    assert plan(alice).estimate.size is None


def test_a_download_takes_as_long_as_its_reader(alice, orders):
    put(ran(alice, 1000, 500, 20_000), execution="immediate")
    estimate = plan(alice, columns=("id", "number")).estimate
    assert (estimate.size, estimate.seconds) == (400, None)


def test_the_newest_count(alice, orders):
    for n in range(RUNS + 1):
        ran(alice, 1000, 10, 1000 if n else 1_000_000)
    assert plan(alice, columns=("id", "number")).estimate.size == 20
    assert ReportJob.objects.count() == RUNS + 1


@pytest.mark.skipif(not GUESSES, reason="SQLite has no estimate")
@pytest.mark.django_db(transaction=True)  # MariaDB commits when it analyzes
def test_the_database_guesses_and_that_is_said(alice, configure):
    make_orders(3000)
    analyze()
    configure(STREAM_MAX_ROWS=100)
    made = plan(alice)
    assert 2500 <= made.estimate.rows <= 3500
    assert (
        format_row_count(made)
        == f"about {rounded(made.estimate.rows):,} rows, the database estimates"
    )
    half = plan(alice, parameters={"region": ["n"]})
    assert half.estimate.rows < made.estimate.rows or connection.vendor == "mysql"
    # What was counted is worth more than a guess.
    made = plan(alice, parameters={"minimum": ["2990"]})
    assert (format_row_count(made), made.rows.is_exact) == ("11 rows", True)


def test_without_a_guess_it_is_more_than_was_counted(alice, configure, monkeypatch):
    make_orders(20)
    configure(STREAM_MAX_ROWS=10)
    monkeypatch.setattr("django_reports.engine.rows.planned_rows", lambda queryset: 5)
    assert format_row_count(plan(alice)) == "more than 10 rows"
    monkeypatch.setattr("django_reports.engine.rows.planned_rows", lambda queryset: 1_234_567)
    made = plan(alice)
    assert format_row_count(made) == "about 1.2 million rows, the database estimates"
    assert describe_course(made) == "Runs in the background"


def test_rows_of_a_report_without_a_queryset_are_unknown(alice):
    assert format_row_count(plan(alice, "shop.numbers")) == "an unknown number of rows"


def test_the_number_of_queries_does_not_grow(alice, configure):
    configure(STREAM_MAX_ROWS=10)
    counts = []
    for rows in (20, 300):
        make_orders(rows)
        for _n in range(rows // 20):
            ran(alice, 10, 1, 10)
        with CaptureQueriesContext(connection) as queries:
            plan(alice)
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "a few seconds"), (38, "about 40 s"), (89, "about 90 s"), (100, "about 2 minutes"),
        (3600, "about 60 minutes"), (20_000, "about 6 hours"),
    ],
)  # fmt: skip
def test_times_in_words(seconds, words):
    assert format_roughly(seconds) == words


@pytest.mark.parametrize(("number", "about"), [(0, 0), (7, 7), (123, 120), (1_250_001, 1_300_000)])
def test_two_digits_count(number, about):
    assert rounded(number) == about


@pytest.mark.skipif(not GUESSES, reason="SQLite is not broken off")
@pytest.mark.parametrize("guess", [3, 100_000])
def test_rare_rows_are_looked_for_for_a_moment_only(alice, orders, monkeypatch, guess):
    """And the connection is as it was before."""
    word, default = {
        "postgresql": ("SHOW statement_timeout", "0"),
        "mysql": ("SELECT @@max_statement_time", 0.0),
    }[connection.vendor]
    monkeypatch.setattr("django_reports.engine.rows.planned_rows", lambda queryset: guess)
    with monkeypatch.context() as patch:
        patch.setattr("django_reports.jobs.dispatch.PATIENCE", 0.05)
        made = plan(alice, "shop.long_count")
    assert (made.rows.n, made.estimate.rows) == (None, guess)
    assert made.execution == ("immediate" if guess == 3 else "background")
    assert format_row_count(made) == f"about {guess:,} rows, the database estimates"
    with connection.cursor() as cursor:
        cursor.execute(word)
        assert cursor.fetchone() == (default,)
    assert str(plan(alice).rows) == "20 rows"
