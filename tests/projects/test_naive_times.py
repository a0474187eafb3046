"""USE_TZ=False: times come as they are, and what depends on the clock happens on time."""

import datetime as dt
import io
import json
import time
from zoneinfo import ZoneInfo

import openpyxl
import pytest

pytestmark = pytest.mark.integration

COLUMNS = ["number", "placed_at"]
MACHINE = ["number,placed_at", *(f"A{n:05},2026-07-01T23:30:15" for n in range(8, 0, -1))]
DIE = """
import datetime as dt
from django.core.management import call_command
from django.utils import timezone
from django_reports.models import ReportJob
past = timezone.now() - dt.timedelta(minutes=1)
ReportJob.objects.filter(status="queued").update(status="running", attempt=1, lease_until=past)
call_command("sweep_reports")
"""


def tokyo(text):
    """A moment in a JSON answer; without a zone it is the project's."""
    moment = dt.datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo("Asia/Tokyo"))


@pytest.fixture(scope="module")
def site(start_once):
    return start_once("naive_times")


def test_times_without_a_zone(site):
    alice = site.person("alice")
    page = "/admin/shop/order/export-report/"

    # At once.
    today = dt.datetime.now(ZoneInfo("Asia/Tokyo")).date().isoformat()
    lines = alice.by_admin("shop/order", "?q=A00001", columns=COLUMNS)
    assert lines == [MACHINE[0], MACHINE[-1]]
    choice = {"format": "xlsx", "profile": "spreadsheet", "columns": COLUMNS}
    answer = alice.export(f"{page}?q=A00001", **choice)
    assert f'filename="orders-{today}.xlsx"' in answer.headers["Content-Disposition"]
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    assert sheet["B2"].value == dt.datetime(2026, 7, 1, 23, 30, 15)

    # In the background, where a first worker dies: the sweep sees that its lease is over.
    job = alice.export(page, format="csv", profile="machine", columns=COLUMNS).headers["Location"]
    job = job.removesuffix("change/")
    swept = site.manage("shell", "--verbosity", "0", "-c", DIE)
    assert swept.startswith("rerun=1 failed=0 enqueued=1 expired=0 ")
    site.manage("reports_worker", "--burst")
    assert alice.end_of(job)["status"] == "succeeded"
    assert alice.open(f"{job}download/").text.splitlines() == MACHINE
    text = alice.text(f"{job}change/")
    assert "Kept until" in text

    # Its file's time ends, neither at once nor in nine hours.
    (kept,) = (site.folder / "reports").rglob("*.csv")
    time.sleep(1)
    assert site.manage("sweep_reports").startswith("rerun=0 failed=0 enqueued=0 expired=1 ")
    assert not kept.exists()
    assert alice.open(f"{job}download/").status == 410
    assert [action for (action,) in site.audit("expired", fields="action")] == ["expired"]

    # The staff page, and JSON with a zone that times without one cannot be put into.
    lines = alice.by_page("shop.orders", columns=COLUMNS, **{"parameter-region": "n"})
    assert lines == [MACHINE[0], *MACHINE[:0:-2]]
    asked = alice.ask("/reports/shop.orders/", {"columns": COLUMNS, "time_zone": "America/Lima"})
    assert asked.status == 202
    created = tokyo(json.loads(asked.content)["created_at"])
    assert abs(dt.datetime.now(dt.UTC) - created) < dt.timedelta(hours=4)
    site.manage("reports_worker", "--burst")
    assert sorted(alice.file_of(asked).text.splitlines()) == sorted(MACHINE)
    ended = json.loads(alice.ask(f"{asked.headers['Location']}status/").content)
    assert tokyo(ended["finished_at"]) - created < dt.timedelta(hours=4)
    assert tokyo(ended["expires_at"]) - tokyo(ended["finished_at"]) == dt.timedelta(seconds=1)


def test_times_in_json_have_an_offset(site):
    """The schema says date-time, which is RFC 3339's: nobody else knows the project's zone."""
    alice = site.person("alice")
    job = json.loads(alice.ask("/reports/shop.orders/", {}).content)
    canceled = json.loads(alice.ask(job["links"]["cancel"], {}).content)
    assert canceled["status"] == "canceled"
    for name in ("created_at", "finished_at"):
        assert dt.datetime.fromisoformat(canceled[name]).utcoffset() is not None, name
