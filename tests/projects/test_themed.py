"""Themes that replace the admin's templates and styles: what is ours stays usable in them."""

import json
import os
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

SHOTS = os.environ.get("TEST_SHOTS")  # a folder for pictures of the pages


def shoot(page, name):
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def is_hidden(label):
    box = label.bounding_box()
    return box is None or (box["width"] <= 1 and box["height"] <= 1)


@pytest.mark.parametrize("page", [True], indirect=True)
@pytest.mark.parametrize("theme", ["unfold", "jazzmin"])
def test_from_the_list_to_the_file(page, start, theme):
    small = json.dumps({"STREAM_MAX_ROWS": 1})
    site = start("themed", environment={"PROJECT_THEME": theme, "PROJECT_REPORTS": small})
    page.goto(f"{site.base}/admin/login/?next=/admin/shop/order/")
    page.locator("[name=username]").fill("root")
    page.locator("[name=password]").fill("secret")
    page.locator("[type=submit]").first.click()
    page.get_by_role("link", name="Export", exact=True).click()
    page.get_by_role("button", name="Export", exact=True).wait_for()
    shoot(page, f"{theme}-export")
    labels = page.locator("label.visually-hidden").all()
    assert labels
    assert all(map(is_hidden, labels))
    for field in page.locator("#content-main input[type=text]:visible").all()[:3]:
        assert field.evaluate("field => getComputedStyle(field).borderTopWidth") != "0px"
    page.get_by_role("button", name="Export", exact=True).click()
    page.locator(".reports-succeeded").wait_for()
    shoot(page, f"{theme}-job")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download").click()
    assert len(Path(waiting.value.path()).read_text("utf-8-sig").splitlines()) > 2
    for address in ("/reports/", "/reports/jobs/", "/reports/rights/", "/admin/"):
        page.goto(f"{site.base}{address}")
        shoot(page, f"{theme}{address.replace('/', '-')}")
        assert page.locator("#content-main, #content, main").first.is_visible()
