"""ATOMIC_REQUESTS: what must outlive a request is committed, what a request promises is kept."""

from concurrent.futures import ThreadPoolExecutor

import pytest

pytestmark = pytest.mark.integration

NORTH = ["number,total", "A00007,7.50", "A00005,5.50", "A00003,3.50", "A00001,1.50"]
COLUMNS = ["number", "total"]


def test_every_request_is_a_transaction(start):
    site = start("atomic")
    alice = site.person("alice")

    # At once: the rows are sent after the request's transaction is over.
    assert alice.by_admin("shop/order", "?region__exact=n", columns=COLUMNS) == NORTH
    numbers = {"_report": "shop.numbers", "columns": ["n"], "parameter-rows": "20000"}
    lines = alice.by_admin("shop/order", **numbers)
    assert lines == ["n", *(str(n) for n in range(1, 20001))]
    assert site.audit("requested", "finished") == [
        ("requested", "alice", "shop.orders"),
        ("finished", "alice", "shop.orders"),
        ("requested", "alice", "shop.numbers"),
        ("finished", "alice", "shop.numbers"),
    ]

    # In the background: the job is there once the request is committed, and it is made.
    answer = alice.export("/admin/shop/order/export-report/", format="csv", profile="machine",
                          columns=COLUMNS)  # fmt: skip
    assert answer.status == 302
    assert len(alice.file_of(answer).text.splitlines()) == 9
    assert alice.by_page("shop.orders", columns=COLUMNS)[1:] == sorted(
        f"A{n:05},{n}.50" for n in range(1, 9)
    )
    assert len(alice.by_json("shop.orders", columns=COLUMNS)) == 9

    # Refused: nothing is made, and the entry that says so stays.
    key = answer.headers["Location"].split("/")[-3]
    carol = site.person("carol")
    fields = {"_export": "1", "_across": "1", "csrfmiddlewaretoken": carol.token("/admin/")}
    assert carol.open("/admin/shop/order/export-report/", {**fields, **choice()}).status == 403
    assert carol.open(carol.job_page(key)).status == 404
    assert carol.open(carol.job_page(key, "download")).status == 404
    assert site.audit("denied") == [
        ("denied", "carol", "shop.orders"),
        ("denied", "carol", "shop.orders"),
        ("denied", "carol", "shop.orders"),
    ]
    assert carol.open("/reports/shop.orders/").status == 404
    assert carol.open(f"/reports/jobs/{key}/").status == 404
    assert carol.ask(f"/reports/jobs/{key}/download/").status == 404
    assert carol.ask("/reports/shop.orders/", {}).status == 404
    assert len(site.audit("denied")) == 7


def choice(columns=COLUMNS):
    return {"format": "csv", "profile": "machine", "columns": columns}


@pytest.fixture(scope="module")
def site(start_once):
    return start_once("atomic")


def test_asked_twice_at_once_with_one_key_is_one_job(site):
    """The second sees the first's job only when that one's transaction is committed."""
    alice = site.person("alice")
    body = {"columns": ["number"], "parameters": {"minimum": 2}}

    def ask(_number):
        return alice.ask("/reports/shop.orders/", body, **{"Idempotency-Key": "monday"})

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(4)))
    assert [answer.status for answer in answers] == [202] * 4
    (location,) = {answer.headers["Location"] for answer in answers}
    assert len(alice.file_of(answers[0]).text.splitlines()) == 8
    other = alice.ask("/reports/shop.orders/", {}, **{"Idempotency-Key": "monday"})
    assert other.status == 422
    asked = "SELECT id FROM django_reports_reportjob WHERE idempotency_key > ''"
    assert [str(key).replace("-", "") for (key,) in site.rows(asked)] == [
        location.split("/")[-2].replace("-", "")
    ]


@pytest.mark.parametrize("error", ["of Python", "of the database"])
def test_a_report_that_breaks_is_recorded(site, error):
    """Also where the error has spoilt the request's own transaction."""
    alice = site.person("alice")
    if error == "of Python":
        fields = {"_report": "shop.numbers", "parameter-fail_at": "1", "columns": ["n", "text"]}
        page, report, name = "/admin/shop/order/export-report/", "shop.numbers", "ValueError"
    else:
        fields = {"columns": ["n"]}
        page, report, name = "/admin/shop/line/export-report/", "atomic.broken", "Error"
    answer = alice.export(page, format="csv", profile="machine", **fields)
    assert answer.status == 500
    assert f"{name})" in answer.text
    made = site.rows(
        f"SELECT status, error FROM django_reports_reportjob WHERE report = '{report}'"
    )
    ((status, reason),) = made
    assert status == "failed"
    assert f"{name})" in reason
    told = [action for action, _name, about in site.audit() if about == report]
    assert told == ["requested", "failed"]


def test_rows_by_a_cursor_of_the_reports_own_come_whole(site):
    """More than a first block, so that most are read when the request's transaction is over."""
    answer = site.person("alice").export("/admin/shop/line/export-report/", **choice(["text"]),
                                         _report="atomic.flat")  # fmt: skip
    assert not answer.is_broken
    assert answer.text.splitlines() == ["text", *(f"{n:050}" for n in range(2000))]
    told = [action for action, _name, report in site.audit() if report == "atomic.flat"]
    assert told == ["requested", "finished"]
