"""The export page in a real browser, with and without JavaScript, under a strict CSP."""

import csv
import re

import pytest

from django_reports.models import Preset
from tests.conftest import make_orders
from tests.processes.test_browser_staff import enter, mia, shoot  # noqa: F401 - a fixture

pytestmark = pytest.mark.integration

ROOM = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
HEIGHT = "document.documentElement.scrollHeight"


def names_of(page):
    """The first ticked columns, from top to bottom."""
    lines = page.locator("ol.reports-columns > li", has=page.locator("input:checked"))
    return [lines.nth(n).get_attribute("data-column") for n in range(min(lines.count(), 4))]


def drag(page, column, below):
    """Take a column by its handle to just below another."""
    handle = page.locator(f"li[data-column={column}] .reports-handle")
    handle.scroll_into_view_if_needed()
    start = handle.bounding_box()
    end = page.locator(f"li[data-column={below}]").bounding_box()
    page.mouse.move(start["x"] + 5, start["y"] + 5)
    page.mouse.down()
    page.mouse.move(start["x"] + 5, end["y"] + end["height"] - 2, steps=8)
    page.mouse.up()


def choose_by_script(page):
    """Three of 200 columns: found, ticked, moved by keyboard and by pointer."""
    told = page.locator("[data-count]")
    assert told.inner_text() == "200 of 200 columns"
    page.get_by_role("button", name="None", exact=True).click()
    search = page.get_by_label("Find a column")
    search.fill("column 19")
    assert told.inner_text() == "11 found · 0 of 200 columns"  # 19 and 190 to 199
    search.press("Enter")  # which sends nothing
    page.get_by_label("Column 199", exact=True).check()
    page.get_by_label("Column 198", exact=True).check()
    search.fill("")
    page.get_by_label("Key", exact=True).check()
    assert told.inner_text() == "3 of 200 columns"
    up = page.get_by_role("button", name="Move Column 199 up")
    up.focus()
    page.keyboard.press("Enter")
    assert up.evaluate("button => button === document.activeElement")
    assert page.locator("[data-moved]").inner_text() == "Column 199: position 199 of 200"
    assert names_of(page) == ["key", "c199", "c198"]
    drag(page, "key", "c2")
    assert page.get_by_label("Position of Key").input_value() == "3"
    page.get_by_label("Position of Column 199").fill("1")
    page.get_by_label("Position of Column 199").blur()
    assert names_of(page) == ["c199", "key", "c198"]


def choose_by_number(page):
    page.get_by_role("button", name="None", exact=True).click()
    for number, label in ((1, "Column 199"), (2, "Key"), (200, "Column 198")):
        page.get_by_label(label, exact=True).check()
        page.get_by_label(f"Position of {label}").fill(str(number))


def test_columns_of_a_wide_report(page, mia, processes, tmp_path):  # noqa: F811
    make_orders(15)
    processes.environment["TEST_URLCONF"] = "tests.processes.wide"
    base = processes.server()
    enter(page, base)
    page.goto(f"{base}/reports/shop.wide/")
    shoot(page, "wide")
    assert page.get_by_label("Cost").is_disabled()
    assert "it needs the permission shop.view_cost" in page.locator("#content").inner_text()
    (choose_by_script if page.has_script else choose_by_number)(page)
    page.get_by_label("New name of Key").fill("Nr.")
    page.get_by_role("button", name="Preview").click()
    table = page.locator("#reports-preview table")
    table.wait_for()
    assert table.locator("th").all_inner_texts() == ["Column 199", "Nr.", "Column 198"]
    rows = [row.locator("td").all_inner_texts() for row in table.locator("tbody tr").all()]
    assert len(rows) == 10
    assert names_of(page) == ["c199", "key", "c198"]  # all of it is still there
    shoot(page, "preview")
    page.set_viewport_size({"width": 375, "height": 800})
    assert not page.has_script or page.evaluate(ROOM) <= 0
    assert not page.has_script or page.evaluate(HEIGHT) < 4000  # the list scrolls by itself
    shoot(page, "preview-phone")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Export", exact=True).click()
    file = tmp_path / "wide.csv"
    waiting.value.save_as(file)
    with file.open(newline="", encoding="utf-8-sig") as handle:
        written = list(csv.reader(handle))
    assert written[:11] == [["Column 199", "Nr.", "Column 198"], *rows]


def test_a_preset_is_saved_applied_renamed_and_deleted(page, mia, processes):  # noqa: F811
    make_orders(3)
    base = processes.server()
    enter(page, base)
    page.goto(f"{base}/reports/shop.orders/")
    page.get_by_label("Excel (XLSX)").check()
    page.get_by_label("Total", exact=True).uncheck()
    page.locator("summary", has_text="Save as a preset").click()
    page.get_by_label("Name", exact=True).fill("Monthly")
    page.get_by_role("button", name="Save the preset").click()
    page.get_by_role("status").get_by_text("Your choices are saved as “Monthly”.").wait_for()
    page.get_by_label("CSV", exact=True).check()
    page.get_by_role("button", name="All", exact=True).click()
    shoot(page, "presets")
    page.get_by_role("button", name="Monthly", exact=True).click()
    page.get_by_text("Your preset “Monthly” is chosen.").wait_for()
    assert page.get_by_label("Excel (XLSX)").is_checked()
    assert not page.get_by_label("Total", exact=True).is_checked()
    page.locator("summary", has_text=re.compile("Rename or delete")).click()
    page.locator(".reports-presets").get_by_label("Name", exact=True).fill("Weekly")
    page.get_by_role("button", name="Rename").click()
    page.get_by_role("button", name="Weekly", exact=True).wait_for()
    page.locator("summary", has_text=re.compile("Rename or delete")).click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_text("The preset “Weekly” is deleted.").wait_for()
    assert not Preset.objects.exists()
