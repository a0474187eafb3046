"""GZip, ConditionalGet and the cache of whole pages: files come right, and no page is stale."""

import gzip
import json
import re

import pytest

pytestmark = pytest.mark.integration

GZIP = {"Accept-Encoding": "gzip"}
CHOICE = {"format": "csv", "profile": "machine", "columns": ["number", "total"]}
NORTH = ["number,total", "A00007,7.50", "A00005,5.50", "A00003,3.50", "A00001,1.50"]
ALL = ["number,total", *(f"A{n:05},{n}.50" for n in range(8, 0, -1))]
PAGE = "/admin/shop/order/export-report/"


def zipped(person, path, data=None, **headers):
    """An answer to somebody who reads gzip, unpacked."""
    answer = person.open(path, data, {**GZIP, **headers})
    assert answer.status == 200, answer.status
    assert answer.headers["Content-Encoding"] == "gzip"
    return gzip.decompress(answer.content).decode()


def posted(person, page, **choice):
    token = person.token(page)
    return {"_export": "1", "_across": "1", "csrfmiddlewaretoken": token, **CHOICE, **choice}


def key_of(answer):
    return re.search(r"[0-9a-f-]{36}", answer.headers["Location"])[0]


def test_admin(start):
    site = start("caching")
    alice, bob = site.person("alice"), site.person("bob")
    # The cache works: otherwise this test could not fail.
    assert zipped(alice, "/hello/") == zipped(alice, "/hello/")

    # At once, two people with the same address. A stream has no length and no entity tag.
    query = "?region__exact=n"
    for person in (alice, bob, alice):
        fields = posted(person, PAGE + query)
        assert zipped(person, PAGE + query, fields).splitlines() == NORTH
        answer = person.open(PAGE + query, fields, GZIP)
        assert "no-store" in answer.headers["Cache-Control"]
        assert answer.headers["ETag"] is None
        assert answer.headers["Content-Length"] is None
    assert len(site.audit("requested")) == 6
    big = posted(alice, PAGE, _report="shop.numbers", columns=["n", "text"])
    text = zipped(alice, PAGE, {**big, "parameter-rows": "20000"})
    assert text.splitlines()[-1] == "20000,row number 20000"

    # In the background: the page of the job, its status and its file are as they are now.
    answer = alice.open(PAGE, posted(alice, PAGE))
    key = key_of(answer)
    zipped(alice, alice.job_page(key))
    assert alice.end_of(alice.job_page(key).removesuffix("change/"))["status"] == "succeeded"
    assert "Finished" in zipped(alice, alice.job_page(key))
    for _again in range(2):
        assert zipped(alice, alice.job_page(key, "download")).splitlines() == ALL
    assert len(site.audit("downloaded")) == 2

    # Nobody else gets them from the cache, not even who lost the right a moment ago.
    assert bob.open(alice.job_page(key), headers=GZIP).status == 404
    assert bob.open(alice.job_page(key, "status"), headers=GZIP).status == 404
    assert bob.open(alice.job_page(key, "download"), headers=GZIP).status == 404
    site.manage("shell", "--verbosity", "0", "-c", FORGET)
    assert alice.open(alice.job_page(key, "download"), headers=GZIP).status == 403
    assert alice.open(PAGE, headers=GZIP).status == 403


FORGET = "from django_reports.models import GroupReportPermission as G; G.objects.all().delete()"


def test_staff_pages(start):
    site = start("caching")
    alice, bob = site.person("alice"), site.person("bob")
    page = "/reports/shop.orders/"
    assert "/reports/shop.orders/" in alice.text("/reports/")
    assert "orders-" not in alice.text("/reports/jobs/")
    answer = alice.open(page, posted(alice, page))
    key = key_of(answer)
    job = f"/reports/jobs/{key}/"
    assert "orders-" in alice.text("/reports/jobs/")
    assert "orders-" not in bob.text("/reports/jobs/")
    zipped(alice, job)
    assert alice.end_of(job)["status"] == "succeeded"
    assert "Finished" in zipped(alice, job)
    for _again in range(2):
        assert sorted(zipped(alice, f"{job}download/").splitlines()) == sorted(ALL)
    assert len(site.audit("downloaded")) == 2
    assert bob.open(f"{job}download/", headers=GZIP).status == 404

    # The same address answers a browser and a program, each in its way and in any order.
    assert alice.open("/reports/").headers["Content-Type"].startswith("text/html")
    found = json.loads(alice.ask("/reports/").content)["reports"]
    assert "shop.orders" in [report["identifier"] for report in found]
    assert alice.open("/reports/").headers["Content-Type"].startswith("text/html")
    description = alice.ask(page, **GZIP)
    assert json.loads(gzip.decompress(description.content))["identifier"] == "shop.orders"
    assert alice.open(page).headers["Content-Type"].startswith("text/html")

    # Polling: what has not changed is not sent again, what has is.
    answer = alice.ask(page, {"columns": ["number"]})
    assert answer.status == 202
    job = answer.headers["Location"]
    assert alice.end_of(job)["status"] == "succeeded"
    status = alice.ask(f"{job}status/", **GZIP)
    assert json.loads(gzip.decompress(status.content))["status"] == "succeeded"
    again = alice.ask(f"{job}status/", **GZIP, **{"If-None-Match": status.headers["ETag"]})
    assert (again.status, again.content) == (304, b"")
    other = alice.ask(f"{job}status/", **GZIP, **{"If-None-Match": '"something else"'})
    assert other.status == 200
    found = alice.ask(job)
    assert found.status == 303
    assert alice.open(found.headers["Location"]).text.splitlines()[0] == "number"

    site.manage("shell", "--verbosity", "0", "-c", FORGET)
    assert "/reports/shop.orders/" not in alice.text("/reports/")
    assert alice.open(f"{job}download/", headers=GZIP).status == 403
    assert alice.open(page, headers=GZIP).status == 404
