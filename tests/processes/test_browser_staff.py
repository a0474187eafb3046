"""The staff pages in a real browser, with and without JavaScript, under a strict CSP."""

import csv
import datetime as dt
import os
import re
from pathlib import Path

import pytest

from django_reports.models import ReportJob
from tests.conftest import VIEW, make_orders
from tests.processes.conftest import wait_for
from tests.shop.models import Order

pytestmark = pytest.mark.integration

SHOTS = os.environ.get("TEST_SHOTS")  # a folder for pictures of the pages, in light and dark


@pytest.fixture
def mia(make_person):
    """May export orders and numbers, and sees those of others."""
    return make_person("mia", *VIEW, "shop.view_customer_email", report="*", visibility="all")


def shoot(page, name):
    if SHOTS and page.has_script:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=Path(SHOTS) / f"{name}-{scheme}.png", full_page=True)
        page.emulate_media(color_scheme="light")


def enter(page, base, name="mia"):
    """Ask for the catalog, be asked to log in, and be led back."""
    page.goto(f"{base}/reports/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill("secret")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{base}/reports/")


def field_of(page, label):
    """The line of a form in which a field is, with its errors."""
    return page.locator(".form-row", has=page.get_by_label(f"{label}:"))


def test_from_the_catalog_to_a_file(page, mia, processes, tmp_path):
    make_orders(20)
    processes.environment["TEST_URLCONF"] = "tests.processes.varied"
    base = processes.server()
    enter(page, base)
    shoot(page, "catalog")
    page.goto(f"{base}/reports/shop.varied/")
    shoot(page, "parameters")
    page.locator(".breadcrumbs").get_by_role("link", name="Reports").click()
    offers = page.locator("#content section", has_not=page.get_by_role("heading"))
    offers.get_by_role("link", name="Orders").click()
    shoot(page, "report")
    page.get_by_label("Minimum").fill("-1")
    page.get_by_label("Region:").select_option("n")
    page.get_by_role("button", name="Export").click()
    error = field_of(page, "Minimum").get_by_text("greater than or equal to 0")
    error.wait_for()
    assert field_of(page, "Region").locator(".errorlist").count() == 0
    assert page.get_by_label("Region:").input_value() == "n"
    assert page.get_by_label("Minimum").get_attribute("aria-invalid") == "true"
    shoot(page, "report-error")
    page.get_by_label("Minimum").fill("15")
    for label in ("ID", "Margin", "Remark", "Placed at"):
        page.get_by_label(label, exact=True).uncheck()
    page.get_by_label("Position of Total").fill("1")
    page.locator("summary", has_text="Options").click()
    page.get_by_label("For programs (names, ISO dates, raw values)").check()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Export").click()
    file = tmp_path / "orders.csv"
    waiting.value.save_as(file)
    with file.open(newline="") as handle:
        rows = list(csv.reader(handle))
    assert rows[0] == [
        "total", "number", "customer__name", "customer__email", "region", "is_paid"
    ]  # fmt: skip
    expected = Order.objects.filter(region="n", total__gte=15).order_by("pk")
    assert [row[1] for row in rows[1:]] == [order.number for order in expected]
    # The page is still there, and the list of exports knows of it.
    page.get_by_role("link", name="Back").click()
    page.get_by_role("link", name="Your exports").click()
    page.get_by_role("row").filter(has_text="Finished").wait_for()


def test_options_are_unfolded_chosen_and_taken(page, mia, processes, tmp_path):
    make_orders(3)
    base = processes.server()
    enter(page, base)
    page.locator("#content").get_by_role("link", name="Orders").click()
    separator = page.get_by_label("Separator:")
    assert not separator.is_visible()
    page.locator("summary", has_text="Options").click()
    shoot(page, "options")
    page.get_by_label("Excel (XLSX)").check()
    page.get_by_label("Compression:").select_option("gz")
    page.get_by_role("button", name="Export").click()
    # What is wrong there is seen without unfolding, and what was chosen is still there.
    field_of(page, "Compression").get_by_text("There is no format 'xlsx.gz'").wait_for()
    assert page.get_by_label("Compression:").input_value() == "gz"
    shoot(page, "options-error")
    page.set_viewport_size({"width": 380, "height": 800})
    shoot(page, "options-phone")
    room = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert not page.has_script or page.evaluate(room) <= 0
    page.get_by_label("Compression:").select_option("")
    page.get_by_label("CSV", exact=True).check()
    separator.select_option("semicolon")
    page.get_by_label("Header:").select_option("names")
    page.get_by_label("Decimal mark:").select_option("comma")
    page.get_by_label("Time zone:").select_option("Asia/Tokyo")
    page.get_by_label("Language:").select_option("de")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Export").click()
    file = tmp_path / "orders.csv"
    waiting.value.save_as(file)
    with file.open(newline="", encoding="utf-8-sig") as handle:
        first = next(csv.DictReader(handle, delimiter=";"))
    assert (first["total"], first["is_paid"]) == ("1,50", "Nein")
    assert first["placed_at"] == "2026-01-01 22:00:00"


def state_of(page):
    return page.locator("[data-field=label]").inner_text()


def test_a_job_is_watched_left_canceled_and_run_again(page, mia, processes, tmp_path):
    processes.changed.update({"RUNNER": "local", "JOB_LEASE": dt.timedelta(seconds=5)})
    base = processes.server()
    enter(page, base)
    page.get_by_role("link", name="Slow numbers").click()
    page.get_by_label("Rows:").fill("3000")
    page.get_by_label("Seconds").fill("0.01")
    page.get_by_role("button", name="Export").click()
    page.wait_for_url("**/jobs/*/")
    first = page.url
    assert "Waiting" in state_of(page)
    shoot(page, "job-waiting")
    processes.worker()
    counted = page.locator("[data-field=progress]", has_text=re.compile(r"^[1-9]\d* rows"))
    if page.has_script:
        page.evaluate("document.body.dataset.untouched = 'yes'")
    counted.wait_for()
    if page.has_script:  # it was told by the script: the page is the same
        assert page.locator("body[data-untouched=yes]").count() == 1
    assert re.match(r"(\d+ %|Running) · Slow numbers$", page.title())
    spoken = page.locator("[role=status]").inner_text()
    page.wait_for_timeout(1500)
    assert page.locator("[role=status]").inner_text() == spoken  # it does not chatter
    shoot(page, "job-running")

    # Leave, come back, cancel.
    page.locator(".breadcrumbs").get_by_role("link", name="Exports").click()
    page.get_by_role("row").filter(has_text="Running").wait_for()
    page.locator("#content th[scope=row] a").click()
    page.wait_for_url(first)
    page.get_by_role("button", name="Cancel this export").click()
    page.get_by_text("Canceled while running.").wait_for()
    page.locator("[data-field=label]", has_text="Canceled").wait_for()
    assert page.get_by_role("button", name="Cancel this export").count() == 0
    shoot(page, "job-canceled")

    # Run again, wait, download.
    page.get_by_role("button", name="Run again").click()
    page.wait_for_url(lambda url: "/jobs/" in url and url != first)
    download = page.get_by_role("link", name="Download")
    download.wait_for()
    page.locator("[data-field=label]", has_text="Finished").wait_for()
    shoot(page, "job-finished")
    with page.expect_download() as waiting:
        download.click()
    file = tmp_path / "numbers.csv"
    waiting.value.save_as(file)
    assert len(file.read_text(encoding="utf-8-sig").splitlines()) == 3001
    again = ReportJob.objects.get(status="succeeded")
    assert (again.rows_done, str(again.rerun_of_id) in first) == (3000, True)
    page.locator(".breadcrumbs").get_by_role("link", name="Exports").click()
    page.locator("#content tbody tr").nth(1).wait_for()
    assert page.locator("#content tbody tr").count() == 2
    shoot(page, "jobs")


def test_a_session_that_ends_while_one_watches_leads_to_the_login(page, mia, processes):
    processes.changed["RUNNER"] = "local"
    base = processes.server()
    enter(page, base)
    page.get_by_role("link", name="Slow numbers").click()
    page.get_by_role("button", name="Export").click()
    page.context.clear_cookies()
    wait_for(lambda: page.wait_for_timeout(100) or "/login/" in page.url)
    assert "next=/reports/jobs/" in page.url
