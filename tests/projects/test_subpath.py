"""A site below a path of its host: every address has it, and lists are found all the same."""

import json
import re

import pytest

from tests.projects.conftest import Person

pytestmark = pytest.mark.integration

ALL = ["number,total", *(f"A{n:05},{n}.50" for n in range(8, 0, -1))]
COLUMNS = ["number", "total"]


def links(text):
    found = re.findall(r'(?:href|action)="(/[^"]*)"', text)
    return {link for link in found if "/static/" not in link}


@pytest.fixture(scope="module")
def site(start_once):
    return start_once("subpath", admin="/office/admin/", environment={"SCRIPT_NAME": "/office"})


def test_admin(site):
    alice = site.person("alice")
    page = "/office/admin/shop/order/export-report/"
    assert f"{page}?region__exact=n" in links(
        alice.text("/office/admin/shop/order/?region__exact=n")
    )
    assert {link.split("/")[1] for link in links(alice.text(page))} == {"office"}
    found = alice.by_admin("shop/order", "?region__exact=n", columns=COLUMNS)
    assert found == [ALL[0], *ALL[2::2]]
    answer = alice.export(page, format="csv", profile="machine", columns=COLUMNS)
    job = answer.headers["Location"]
    assert job.startswith("/office/admin/django_reports/reportjob/")
    site.manage("reports_worker", "--burst")
    assert alice.file_of(answer).text.splitlines() == ALL
    assert job.replace("change", "download") in links(alice.text(job))


def test_staff_pages(site):
    stranger = Person(site.base).open("/office/reports/shop.orders/")
    assert stranger.status == 302
    assert stranger.headers["Location"].startswith("/office/admin/login/?next=/office/reports/")
    alice = site.person("alice")
    text = alice.text("/office/reports/")
    assert "/office/reports/shop.orders/" in links(text)
    assert "Django site admin" in text  # in the look of the admin
    choice = {"columns": COLUMNS, "parameter-region": "n"}
    assert alice.by_page("shop.orders", "/office/reports/", **choice) == [ALL[0], *ALL[:0:-2]]
    answer = alice.ask("/office/reports/shop.orders/", {"columns": COLUMNS})
    site.manage("reports_worker", "--burst")
    assert alice.file_of(answer).text.splitlines() == [ALL[0], *ALL[:0:-1]]
    (first, *_) = json.loads(alice.ask("/office/reports/jobs/").content)["jobs"]
    assert all(link.startswith("/office/reports/") for link in first["links"].values())
