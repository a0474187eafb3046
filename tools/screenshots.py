"""Takes the pictures of the documentation from the demo: python -m tools.screenshots

Prepares the demo (below var/), serves it, and writes docs/images. Needs Playwright and Chromium.
"""

import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.services import find_chromium

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
PORT = "8090"
BASE = f"http://127.0.0.1:{PORT}"
PATIENCE = 180  # seconds until the demo is prepared
LIST = "/admin/flights/flight/?carrier__code__exact=UA&date__month=7"
WIDTH = 1200


@contextmanager
def demo():
    with subprocess.Popen(
        [sys.executable, "manage.py", "demo", "--port", PORT], cwd=ROOT
    ) as process:
        try:
            end = time.monotonic() + PATIENCE
            while time.monotonic() < end:
                with suppress(OSError):
                    urllib.request.urlopen(f"{BASE}/admin/login/").close()
                    break
                time.sleep(1)
            yield
        finally:
            process.terminate()


def log_in(page):
    page.goto(f"{BASE}/admin/login/?next=/reports/")
    page.get_by_label("Username").fill("alice")
    page.get_by_label("Password").fill("demo")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/reports/")


def shoot(page, name, height=None):
    """As it is seen, or down to a height."""
    path = IMAGES / f"{name}.png"
    if height is None:
        page.screenshot(path=path, full_page=True)
    else:
        page.screenshot(path=path, clip={"x": 0, "y": 0, "width": WIDTH, "height": height},
                        full_page=True)  # fmt: skip


def export(page, address, **ticked):
    page.goto(f"{BASE}{address}")
    for label in ticked.values():
        page.get_by_label(label).check()
    page.get_by_role("button", name="Export", exact=True).click()


def take(page):
    page.set_viewport_size({"width": WIDTH, "height": 800})
    log_in(page)
    # Some history first, from which sizes and times are learned.
    for _ in range(2):
        export(page, "/reports/flights.flights/")
        again = page.get_by_role("button", name="Make a new one")
        if again.count():
            again.click()
        page.locator(".reports-succeeded").wait_for(timeout=120_000)
    page.goto(f"{BASE}{LIST}")
    shoot(page, "list", 620)
    page.get_by_role("link", name="Export", exact=True).click()
    page.get_by_role("button", name="Preview").wait_for()
    shoot(page, "export")
    page.get_by_role("button", name="Preview").click()
    preview = page.get_by_role("heading", name="Preview")
    preview.wait_for()
    preview.locator("xpath=ancestor::section").screenshot(path=IMAGES / "preview.png")
    export(page, "/reports/flights.flights/", format="Excel (XLSX)")
    page.wait_for_function("document.querySelector('progress')?.value > 20", timeout=60_000)
    shoot(page, "job", 700)
    page.goto(f"{BASE}/reports/")
    shoot(page, "catalog", 800)
    page.goto(f"{BASE}/reports/jobs/")
    shoot(page, "exports", 560)
    page.goto(f"{BASE}/reports/dashboard/")
    page.emulate_media(color_scheme="dark")
    shoot(page, "dashboard-dark", 900)


def main():
    IMAGES.mkdir(exist_ok=True)
    with demo(), sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu"]
        )
        take(chromium.new_page(locale="en-US"))
        chromium.close()


if __name__ == "__main__":
    main()
