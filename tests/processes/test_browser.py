"""The main way through a real browser: filter, select all, export, watch, download."""

import csv
import datetime as dt

from django_reports.models import ReportJob
from tests.conftest import make_orders
from tests.shop.models import Order

LIST = "/admin/shop/order/"


def log_in(page, base, name):
    page.goto(f"{base}/admin/login/?next={LIST}")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill("secret")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{base}{LIST}*")


def test_filter_select_all_export_watch_download(
    page, processes, alice, configure, tmp_path, browser
):
    make_orders(1200)
    processes.changed.update(
        {"RUNNER": "local", "STREAM_MAX_ROWS": 100, "JOB_LEASE": dt.timedelta(seconds=5)}
    )
    base = processes.server()
    processes.worker()
    log_in(page, base, "alice")
    page.goto(f"{base}{LIST}?region__exact=n&o=-1")
    if page.has_script:
        page.locator("#action-toggle").check()
        page.locator(".actions .question a").click()
        page.get_by_label("Action:").select_option("export_selected")
        page.get_by_role("button", name="Run").or_(page.get_by_role("button", name="Go")).click()
    else:  # "select all" across pages is Django's own script; the button does the same
        page.get_by_role("link", name="Export", exact=True).click()
    assert "more than 100 rows" in page.locator("#reports-plan + dl").inner_text()
    assert "Runs in the background" in page.locator("#reports-plan + dl").inner_text()
    for label in ("ID", "Margin", "Remark"):
        page.get_by_label(label, exact=True).uncheck()
    page.get_by_label("Position of Total").fill("1")
    page.get_by_role("button", name="Export").click()
    download = page.get_by_role("link", name="Download")
    download.wait_for()
    page.get_by_text("Finished").wait_for()
    with page.expect_download() as waiting:
        download.click()
    file = tmp_path / "orders.csv"
    waiting.value.save_as(file)
    assert waiting.value.suggested_filename == ReportJob.objects.get().filename
    with file.open(encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.reader(handle))
    assert rows[0][:2] == ["Total", "Order number"]
    expected = Order.objects.filter(region="n").order_by("-number")
    assert [row[:2] for row in rows[1:]] == [[str(o.total), o.number] for o in expected]


def test_without_a_grant_there_is_nothing_to_click(page, processes, carol, browser):
    make_orders(2)
    log_in(page, browser.base, "carol")
    page.goto(f"{browser.base}{LIST}")
    assert page.get_by_role("link", name="Export").count() == 0
    assert page.locator("option[value=export_selected]").count() == 0
    assert page.goto(f"{browser.base}{LIST}export-report/").status == 403


def test_small_export_downloads_at_once(page, processes, alice, browser):
    make_orders(3)
    log_in(page, browser.base, "alice")
    page.goto(f"{browser.base}{LIST}export-report/")
    page.get_by_label("Excel (XLSX)").check()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Export").click()
    assert waiting.value.suggested_filename.endswith(".xlsx")
