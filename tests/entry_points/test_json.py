"""A program's way to a file: ask, look, be led to it; and what it finds on the way."""

import csv

import pytest
from django.utils import timezone

from django_reports.models import GroupReportPermission, ReportJob
from tests.entry_points.helpers import deliver, enqueue, make, put, run, text_of
from tests.entry_points.staff import (
    CATALOG,
    FORMATS,
    JOBS,
    JSON,
    NUMBERS,
    ORDERS,
    PROBLEM,
    Program,
    page_of,
)

pytestmark = pytest.mark.django_db


# What there is


def test_catalog(make_person):
    person = make_person("mia", "shop.view_order", report="shop.orders")
    assert Program(person).get(CATALOG).json() == {
        "reports": [
            {
                "identifier": "shop.orders",
                "label": "Orders",
                "description": "",
                "category": "",
                "is_favorite": False,
                "url": ORDERS,
            }
        ]
    }


def test_description_of_a_report(make_person):
    person = make_person("mia", "shop.view_order", report="shop.orders", max_rows=10)
    told = Program(person).get(ORDERS).json()
    assert (told["identifier"], told["max_rows"]) == ("shop.orders", 10)
    assert [column["name"] for column in told["columns"]][:4] == [
        "id", "number", "customer__name", "customer__email"
    ]  # fmt: skip
    assert told["columns"][3] == {
        "name": "customer__email", "label": "Email", "kind": "text", "masked": True
    }  # fmt: skip
    assert "cost" not in [column["name"] for column in told["columns"]]
    assert [one["name"] for one in told["formats"]] == FORMATS
    assert {one["name"]: one["options"] for one in told["formats"]}["xlsx"] == [
        "profile", "header"
    ]  # fmt: skip
    assert told["options"]["profile"] == ["machine", "spreadsheet"]
    assert told["options"]["delimiter"] == ["comma", "semicolon", "tab"]
    assert told["parameters"]["properties"]["minimum"] == {"type": ["number", "null"], "minimum": 0}


def test_description_without_a_row_limit(alice):
    assert Program(alice).get(ORDERS).json()["max_rows"] is None


# Asked


def test_from_the_request_to_the_file(alice, orders):
    program = Program(alice)
    asked = program.post(
        ORDERS,
        {
            "format": "csv",
            "columns": ["total", "number"],
            "options": {"profile": "machine"},
            "parameters": {"region": "n", "minimum": 15.5},
            "time_zone": "America/New_York",
            "language": "de",
        },
    )
    job = ReportJob.objects.get()
    assert (asked.status_code, asked["Location"]) == (202, page_of(job))
    assert (asked["Retry-After"], asked["Content-Type"]) == ("1", JSON)
    waiting = program.get(asked["Location"])
    assert waiting.status_code == 200
    assert waiting["Retry-After"] == "1"
    assert waiting.json() == asked.json()
    run(job)
    found = program.get(asked["Location"])
    assert (found.status_code, found["Location"]) == (303, page_of(job, "download"))
    assert found.json()["status"] == "succeeded"
    assert "Retry-After" not in found
    file = program.get(found["Location"])
    assert file["Content-Type"] == "text/csv; charset=utf-8"
    assert list(csv.reader(text_of(file).splitlines())) == [
        ["total", "number"], ["15.50", "A00015"], ["17.50", "A00017"], ["19.50", "A00019"]
    ]  # fmt: skip


def test_what_the_job_keeps(alice, orders):
    Program(alice).post(ORDERS, {"columns": ["id"], "parameters": {"minimum": 1.50}})
    job = ReportJob.objects.get()
    assert (job.requested_by, job.execution, job.rows_expected) == (alice, "background", 20)
    assert job.spec == {
        "report": "shop.orders",
        "format": "csv",
        "columns": ["id"],
        "options": {"profile": "machine"},
        "parameters": {"minimum": ["1.5"]},
        "selection": {"kind": "all"},
        "time_zone": "Europe/Berlin",
        "language": "en-us",
        "labels": {},
        "filter_time_zone": "Europe/Berlin",
        "filter_language": "en-us",
    }


@pytest.mark.parametrize("body", [b"", b"{}", b" {\n} ", b"\xef\xbb\xbf{}", "{}".encode("utf-16")])
def test_nothing_needs_to_be_said(alice, orders, body):
    assert Program(alice).post(ORDERS, body).status_code == 202
    spec = ReportJob.objects.get().spec
    assert (spec["format"], spec["columns"], spec["parameters"]) == ("csv", None, {})
    assert spec["options"] == {"profile": "machine"}


def test_a_small_export_is_a_job_as_well(alice, orders):
    Program(alice).post(NUMBERS, {"parameters": {"rows": 1}})
    assert ReportJob.objects.get().execution == "background"


def test_under_an_old_name(alice, orders):
    told = Program(alice).post("/reports/shop.old_orders/").json()
    assert told["report"] == ReportJob.objects.get().spec["report"] == "shop.orders"


def test_who_sends_json_and_takes_whatever_comes_gets_json(alice, orders):
    program = Program(alice)
    assert program.post(ORDERS, accept="*/*").status_code == 202
    assert program.post(ORDERS, {"format": "pdf"}, accept="*/*")["Content-Type"] == PROBLEM
    # A page is for who wants a page.
    assert program.post(ORDERS, accept="text/html").status_code == 200
    assert ReportJob.objects.count() == 1


@pytest.mark.parametrize(
    ("given", "kept"), [("de", "de"), ("de-at", "de"), ("pt-br", "pt-br"), ("zh-hans", "zh-hans")]
)
def test_languages(alice, orders, given, kept):
    assert Program(alice).post(ORDERS, {"language": given}).status_code == 202
    assert ReportJob.objects.get().spec["language"] == kept


# A job's state


def test_states(alice, orders):
    program = Program(alice)
    job = enqueue(alice)
    told = program.get(page_of(job)).json()
    assert {name: told[name] for name in ("status", "is_active", "percent", "progress")} == {
        "status": "queued", "is_active": True, "percent": 0, "progress": "Waiting to be started"
    }  # fmt: skip
    assert set(told["links"]) == {"self", "status", "cancel"}
    put(job, status="running", rows_done=5, started_at=timezone.now())
    told = program.get(page_of(job)).json()
    assert (told["status"], told["percent"], told["progress"]) == ("running", 25, "5 of 20 rows")
    put(job, status="failed", error="It broke.", finished_at=timezone.now())
    answer = program.get(page_of(job))
    assert (answer.status_code, answer.json()["error"]) == (200, "It broke.")
    assert set(answer.json()["links"]) == {"self", "status", "rerun", "change"}
    assert "Retry-After" not in answer


def test_a_finished_job(alice, orders):
    job = make(alice)
    program = Program(alice)
    answer = program.get(page_of(job, "status"))
    told = answer.json()
    assert answer.status_code == 200
    assert program.get(page_of(job)).json() == told
    assert (told["percent"], told["bytes"], told["sha256"]) == (100, job.bytes, job.sha256)
    possible = {"download", "link", "discard", "manifest", "rerun", "change"}
    assert set(told["links"]) == {"self", "status"} | possible
    assert told["expires_at"] == job.expires_at.isoformat()


def test_a_finished_job_whose_file_is_not_ones_to_have_leads_nowhere(alice, orders):
    job = make(alice)
    GroupReportPermission.objects.update(can_view=False, can_export=False, can_download=False)
    answer = Program(alice).get(page_of(job))
    assert (answer.status_code, set(answer.json()["links"])) == (
        200,
        {"self", "status", "discard", "rerun"},
    )


def test_an_export_that_was_answered_at_once_has_a_state_too(alice, orders):
    export = deliver(alice)
    list(export)
    answer = Program(alice).get(page_of(export.job))
    assert (answer.status_code, answer.json()["status"]) == (200, "succeeded")
    assert "download" not in answer.json()["links"]


@pytest.mark.parametrize("name", ["", "status"])
def test_nothing_is_sent_again_until_something_changes(alice, orders, name):
    program = Program(alice)
    job = enqueue(alice)
    known = program.get(page_of(job, name))
    for tag in (known["ETag"], f'"other", {known["ETag"]}', "*"):
        again = program.get(page_of(job, name), if_none_match=tag)
        assert (again.status_code, again.content) == (304, b"")
    for change in (
        {"status": "running"},
        {"rows_done": 3},
        {"rows_expected": None},
        {"status": "failed"},
        {"error": "It broke."},
    ):
        put(job, **change)
        answer = program.get(page_of(job, name), if_none_match=known["ETag"])
        assert answer.status_code == 200
        assert answer["ETag"] != known["ETag"]
        known = answer


def test_the_way_to_the_file_is_told_to_whoever_knew_the_state_before(alice, orders):
    program = Program(alice)
    job = enqueue(alice)
    known = program.get(page_of(job))["ETag"]
    run(job)
    assert program.get(page_of(job), if_none_match=known).status_code == 303


def test_a_link_that_is_gone_is_a_change(alice, orders):
    job = make(alice)
    program = Program(alice)
    known = program.get(page_of(job, "status"))["ETag"]
    GroupReportPermission.objects.update(can_view=False, can_export=False, can_download=False)
    assert program.get(page_of(job, "status"), if_none_match=known).status_code == 200


# Cancel, run again


def test_cancel(alice, orders):
    program = Program(alice)
    waiting, running, ended = enqueue(alice), enqueue(alice), make(alice)
    put(running, status="running", attempt=1)
    answers = [program.post(page_of(job, "cancel")) for job in (waiting, running, running, ended)]
    assert [answer.status_code for answer in answers] == [200, 202, 202, 409]
    assert [answer.json()["status"] for answer in answers[:2]] == ["canceled", "running"]
    assert "cancel" not in answers[0].json()["links"]
    assert answers[3]["Content-Type"] == PROBLEM
    assert answers[3].json()["detail"].startswith("This export has ended already")


def test_cancel_what_its_reader_is_taking(alice, orders):
    export = deliver(alice)
    answer = Program(alice).post(page_of(export.job, "cancel"))
    assert answer.status_code == 409
    assert answer.json()["detail"].startswith("It is downloaded at once")
    export.close()


def test_run_again(alice, orders):
    job = make(alice, columns=("number",))
    answer = Program(alice).post(page_of(job, "rerun"))
    made = ReportJob.objects.get(rerun_of=job)
    assert (answer.status_code, answer["Location"]) == (202, page_of(made))
    assert (answer.json()["id"], answer["Retry-After"]) == (str(made.pk), "1")
    assert made.spec == job.spec


# The list


def test_list(alice, bob, orders):
    first, second = make(alice), enqueue(alice)
    enqueue(bob, parameters={"region": ["n"]})
    program = Program(alice)
    listed = program.get(JOBS).json()
    assert listed["next"] is None
    assert listed["jobs"] == [program.get(page_of(job, "status")).json() for job in (second, first)]


def test_list_with_those_of_others(root, alice, orders):
    jobs = {str(enqueue(alice).pk), str(enqueue(root).pk), str(enqueue(None).pk)}
    program = Program(root)
    assert len(program.get(JOBS).json()["jobs"]) == 1
    assert {job["id"] for job in program.get(f"{JOBS}?others=1").json()["jobs"]} == jobs
