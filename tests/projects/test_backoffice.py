"""An admin site of the project's own, below a language: every address and word follows."""

import re

import pytest

from tests.projects.conftest import Person

pytestmark = pytest.mark.integration

CHOICE = {"profile": "spreadsheet", "columns": ["number", "is_paid"]}
GERMAN = ["Order number;Paid", *(f"A{n:05};{'Nein' if n % 3 else 'Ja'}" for n in range(8, 0, -1))]
ENGLISH = [line.replace("Nein", "No").replace("Ja", "Yes").replace(";", ",") for line in GERMAN]


def links(text):
    return [link for link in re.findall(r'(?:href|action)="(/[^"]*)"', text)
            if not link.startswith("/static/")]  # fmt: skip


def test_admin_site(start):
    site = start("backoffice", admin="/de/office/")
    alice = site.person("alice")
    assert alice.open("/admin/").status == 404

    # List, page between, job and download: all below the same language and site.
    page = alice.text("/de/office/shop/order/?is_paid__exact=1")
    export = "/de/office/shop/order/export-report/?is_paid__exact=1"
    assert f'href="{export}"' in page
    between = alice.text(export)
    assert "The back office" in between
    assert export in links(between)
    assert "/de/office/shop/order/?is_paid__exact=1" in links(between)
    lines = alice.by_admin("shop/order", "?is_paid__exact=1", **CHOICE)
    assert lines == [line for line in GERMAN if "Nein" not in line]

    answer = alice.export("/de/office/shop/order/export-report/", format="csv", **CHOICE)
    job = answer.headers["Location"]
    assert re.fullmatch(r"/de/office/django_reports/reportjob/[0-9a-f-]{36}/change/", job)
    assert alice.file_of(answer).content.decode("utf-8-sig").splitlines() == GERMAN
    text = alice.text(job)
    assert "The back office" in text
    assert job.replace("change", "download") in links(text)
    elsewhere = {link for link in links(text) if not link.startswith("/de/office/")}
    # The admin's own "View site", and the report's page, where something can be changed first.
    assert elsewhere == {"/", f"/de/exports/shop.orders/?from={job.split('/')[-3]}"}

    # The other language is one address away, and another language does not remake a file.
    english = alice.open(job.replace("/de/", "/en/").replace("change", "download"))
    assert english.content.decode("utf-8-sig").splitlines() == GERMAN
    alice.admin = "/en/office/"
    assert alice.by_admin("shop/order", **CHOICE) == ENGLISH
    follows = alice.by_admin("shop/customer", columns=["name", "email"])
    assert follows == ["name,email", "Böb,bob@example.org", "Ann,ann@example.com"]
    assert site.audit("requested")[-1][2] == "backoffice.shop.customer"

    root = site.person("root")
    key = job.split("/")[-3]
    assert f"/de/office/django_reports/reportjob/{key}/change/" in root.text(
        "/de/office/django_reports/auditentry/"
    )
    stranger = Person(site.base).open(job)
    assert stranger.status == 302
    assert stranger.headers["Location"].startswith("/de/office/login/")


def test_staff_pages(start):
    site = start("backoffice", admin="/de/office/")
    stranger = Person(site.base).open("/de/exports/shop.orders/")
    assert stranger.status == 302
    assert stranger.headers["Location"].startswith("/de/office/login/?next=/de/exports/")
    alice = site.person("alice")
    assert "/de/exports/shop.orders/" in links(alice.text("/de/exports/"))

    page = "/de/exports/shop.orders/"
    for link in set(links(alice.text(page))) - {"/"}:
        assert link.startswith(("/de/exports/", "/de/office/")), link
        assert alice.open(link).status in (200, 302, 405), link
    answer = alice.export(page, format="csv", **CHOICE)
    job = answer.headers["Location"]
    assert re.fullmatch(r"/de/exports/jobs/[0-9a-f-]{36}/", job)
    file = alice.file_of(answer)
    assert sorted(file.content.decode("utf-8-sig").splitlines()) == sorted(GERMAN)
    assert f"{job}download/" in links(alice.text(job))

    english = alice.by_page("shop.orders", "/en/exports/", **CHOICE)
    assert sorted(english) == sorted(ENGLISH)
    body = {"options": {"profile": "spreadsheet"}, "columns": ["number", "is_paid"]}
    assert sorted(alice.by_json("shop.orders", "/de/exports/", **body)) == sorted(GERMAN)
    english = alice.by_json("shop.orders", "/de/exports/", **body, language="en")
    assert sorted(english) == sorted(ENGLISH)
    assert len(site.audit("downloaded")) == 4
