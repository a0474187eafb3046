"""The shape of the admin's answers to an export, and what they ask of the database."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_reports.models import ReportJob
from tests.conftest import make_orders
from tests.entry_points.helpers import (
    EXPORT,
    JOBS,
    LIST,
    browse,
    chosen,
    enqueue,
    job_url,
    ticked,
    unbounded_counts,
)
from tests.shop.models import Order
from tests.shop.reports import Orders

pytestmark = pytest.mark.django_db

# Ours, and what the admin's never_cache adds.
NEVER_CACHED = "private, no-store, max-age=0, no-cache, must-revalidate"
TODAY = dt.datetime(2026, 2, 3, 23, 30, tzinfo=dt.UTC)  # in Berlin it is the fourth already


@pytest.fixture
def today(monkeypatch):
    monkeypatch.setattr("django.utils.timezone.now", lambda: TODAY)


# Headers


def test_immediate_csv(alice, orders, today):
    response = browse(alice).post(EXPORT, chosen())
    response.getvalue()
    headers = {
        name: response[name]
        for name in (
            "Content-Type",
            "Content-Disposition",
            "Cache-Control",
            "X-Content-Type-Options",
            "X-Accel-Buffering",
            "X-Export-Job-Id",
        )
    }
    assert response.status_code == 200
    assert headers == {
        "Content-Type": "text/csv; charset=utf-8",
        "Content-Disposition": 'attachment; filename="orders-2026-02-04.csv"',
        "Cache-Control": NEVER_CACHED,
        "X-Content-Type-Options": "nosniff",
        "X-Accel-Buffering": "no",
        "X-Export-Job-Id": str(ReportJob.objects.get().pk),
    }


def test_immediate_xlsx(alice, orders, today):
    response = browse(alice).post(EXPORT, chosen(format="xlsx"))
    response.getvalue()
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    assert response["Content-Type"] == kind
    assert response["Content-Disposition"] == 'attachment; filename="orders-2026-02-04.xlsx"'


def test_an_answer_is_streamed(alice, orders):
    response = browse(alice).post(EXPORT, chosen())
    response.getvalue()
    assert response.streaming
    assert "Content-Length" not in response


@pytest.mark.parametrize(
    ("label", "disposition"),
    [
        ("Kundenübersicht", "filename*=utf-8''kunden%C3%BCbersicht-2026-02-04.csv"),
        ("注文", "filename*=utf-8''%E6%B3%A8%E6%96%87-2026-02-04.csv"),
        ("u\u0308ber", "filename*=utf-8''%C3%BCber-2026-02-04.csv"),
        ("../../etc/passwd", 'filename="etcpasswd-2026-02-04.csv"'),
        ('a"b\\c;d', 'filename="abcd-2026-02-04.csv"'),
        ("a\r\nSet-Cookie: x\x00", 'filename="a-set-cookie-x-2026-02-04.csv"'),
        ("***", 'filename="shoporders-2026-02-04.csv"'),
        ("x" * 300, f'filename="{"x" * 100}-2026-02-04.csv"'),
    ],
)
def test_any_label_gives_a_safe_dated_name(alice, orders, today, monkeypatch, label, disposition):
    monkeypatch.setattr(Orders, "label", label)
    response = browse(alice).post(EXPORT, chosen())
    response.getvalue()
    assert response["Content-Disposition"] == f"attachment; {disposition}"


# Questions to the database


def capture(act):
    """The statements of an act, its answer read to the end."""
    with CaptureQueriesContext(connection) as queries:
        response = act()
        response.getvalue()
    assert response.status_code in (200, 302), response.status_code
    return queries.captured_queries


ACTS = {
    "export page": lambda client, job: client.get(f"{EXPORT}?region__exact=n"),
    "export page of a search": lambda client, job: client.get(f"{EXPORT}?q=ann"),
    "action": lambda client, job: client.post(LIST, ticked(Order.objects.all()[:3])),
    "action across pages": lambda client, job: client.post(
        LIST, ticked(Order.objects.all()[:1], select_across="1")
    ),
    "immediate": lambda client, job: client.post(EXPORT, chosen()),
    "xlsx": lambda client, job: client.post(EXPORT, chosen(format="xlsx")),
    "job list": lambda client, job: client.get(JOBS),
    "job list with facets": lambda client, job: client.get(f"{JOBS}?_facets=True"),
    "job page": lambda client, job: client.get(job_url(job)),
    "job status": lambda client, job: client.get(job_url(job, "status")),
    "audit list": lambda client, job: client.get("/admin/django_reports/auditentry/"),
    "audit list with facets": lambda client, job: client.get(
        "/admin/django_reports/auditentry/?_facets=True"
    ),
}


@pytest.mark.parametrize("name", ACTS)
def test_nothing_is_counted_without_a_bound(root, orders, name):
    job = enqueue(root)
    client = browse(root)
    queries = capture(lambda: ACTS[name](client, job))
    assert unbounded_counts(queries) == []


def test_a_background_export_is_not_counted_without_a_bound(alice, orders, configure):
    configure(STREAM_MAX_ROWS=5)
    client = browse(alice)
    assert unbounded_counts(capture(lambda: client.post(EXPORT, chosen()))) == []


@pytest.mark.parametrize("name", ACTS)
def test_queries_do_not_grow_with_the_rows(root, name):
    make_orders(20)
    client, job = browse(root), enqueue(root)
    capture(lambda: ACTS[name](client, job))  # what the first one caches
    few = len(capture(lambda: ACTS[name](client, job)))
    make_orders(180)
    assert len(capture(lambda: ACTS[name](client, job))) == few


def test_immediate_export_is_one_insert_and_one_update_of_its_job(alice, orders):
    client = browse(alice)
    queries = capture(lambda: client.post(EXPORT, chosen()))
    about_jobs = [q["sql"] for q in queries if "django_reports_reportjob" in q["sql"]]
    writes = [sql.split()[0] for sql in about_jobs if not sql.startswith("SELECT")]
    assert writes == ["INSERT", "UPDATE"]


def test_rows_of_an_immediate_export_are_read_by_one_select(alice, orders):
    client = browse(alice)
    queries = capture(lambda: client.post(EXPORT, chosen()))
    orders_read = [q["sql"] for q in queries if "shop_order" in q["sql"]]
    assert len(orders_read) == 1
    assert "LIMIT 5001" in orders_read[0]
