"""Answers as a client gets them from a real server."""

import io

import openpyxl
import pytest
from django.utils import timezone

from django_reports.models import AuditEntry, ReportJob
from tests.conftest import make_orders
from tests.entry_points.helpers import make
from tests.processes.conftest import Browser, wait_for

EXPORT = "/admin/shop/order/export-report/"
CHOICE = {"format": "csv", "profile": "spreadsheet", "columns": ["number", "total"]}
NUMBERS = {
    "_report": "shop.numbers",
    "format": "csv",
    "profile": "machine",
    "columns": ["n", "text"],
}


@pytest.fixture(params=["gunicorn", "uvicorn"])
def browser(request, processes):
    return Browser(processes.server(request.param))


def ended():
    job = ReportJob.objects.get()
    return job if job.finished_at else None


def today():
    return timezone.localdate().isoformat()


def test_csv(processes, alice, browser):
    make_orders(3)
    answer = browser.log_in("alice").export(EXPORT + "?o=-1", **CHOICE)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="orders-{today()}.csv"'
    assert {"private", "no-store"} <= set(answer.headers["Cache-Control"].split(", "))
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert answer.headers["X-Export-Job-Id"] == str(ReportJob.objects.get().pk)
    assert answer.text == (
        "\ufeffOrder number,Total\r\nA00003,3.50\r\nA00002,2.50\r\nA00001,1.50\r\n"
    )
    assert wait_for(ended).status == "succeeded"


def test_xlsx(processes, alice, browser):
    make_orders(3)
    answer = browser.log_in("alice").export(
        EXPORT + "?o=1",
        **{
            **CHOICE,
            "format": "xlsx",
            "position_1": "5",
            "position_5": "1",
            "columns": ["number", "total"],
        },
    )
    assert answer.status == 200
    assert answer.headers["Content-Type"] == (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    )
    assert answer.headers["Content-Disposition"] == f'attachment; filename="orders-{today()}.xlsx"'
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    assert book.sheetnames == ["Orders", "About"]
    assert [[cell.value for cell in row] for row in book["Orders"].rows][:2] == [
        ["Total", "Order number"],
        [1.5, "A00001"],
    ]


def test_without_a_grant(processes, carol, browser):
    make_orders(1)
    browser.log_in("carol")
    assert "export" not in browser.text("/admin/shop/order/").lower().split("<main")[-1]
    assert browser.open(EXPORT).status == 403
    assert not ReportJob.objects.exists()


def test_error_before_the_first_row_is_an_error_page(processes, alice, browser):
    answer = browser.log_in("alice").export(EXPORT, **NUMBERS, **{"parameter-fail_at": "1"})
    assert answer.status == 500
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "ValueError" in answer.text
    job = ReportJob.objects.get()
    assert (job.status, job.rows_done) == ("failed", 0)


def test_error_in_the_middle_breaks_the_transfer(processes, alice, browser):
    fields = {"parameter-rows": "20000", "parameter-fail_at": "10000"}
    answer = browser.log_in("alice").export(EXPORT, **NUMBERS, **fields)
    assert answer.status == 200
    assert answer.is_broken
    assert 0 < len(answer.content) < 300_000
    job = wait_for(ended)
    assert job.status == "failed"
    assert "ValueError" in job.error
    assert 0 < job.rows_done < 10_000
    assert job.bytes > 0
    assert AuditEntry.objects.get(action="failed").data["rows"] == job.rows_done


def test_reader_who_leaves_is_recorded(processes, alice, browser):
    """Over a bare socket, so that leaving is really leaving."""
    browser.log_in("alice")
    with browser.begin(EXPORT, **NUMBERS, **{"parameter-rows": "5000000"}) as reader:
        assert reader.recv(1000).startswith(b"HTTP/1.1 200")
    job = wait_for(ended)
    assert job.status == "canceled"
    assert job.error == "The reader left before the end."
    assert 0 < job.rows_done < 5_000_000
    assert job.bytes > 0
    entry = AuditEntry.objects.get(action="canceled")
    assert (entry.data["rows"], entry.data["bytes"]) == (job.rows_done, job.bytes)
    assert entry.actor_label == "alice"


def test_reader_who_leaves_a_file_is_recorded(processes, alice, browser):
    job = make(alice, "shop.numbers", parameters={"rows": ["1000000"]})
    browser.log_in("alice")
    with browser.connect("GET", f"/admin/django_reports/reportjob/{job.pk}/download/") as reader:
        taken = b""
        while b"row number" not in taken:
            taken += reader.recv(1000)
    entry = wait_for(lambda: AuditEntry.objects.filter(action="broken_off").first())
    assert (entry.actor_label, entry.job_key) == ("alice", str(job.pk))
    assert 0 < entry.data["bytes"] < job.bytes
