"""What a program is told when something cannot be: where, why, and what would be right."""

import json

import pytest
from django.core.files.storage import FileSystemStorage
from django.test import RequestFactory

from django_reports.definitions.registry import registry
from django_reports.jobs import files
from django_reports.models import AuditEntry, GroupReportPermission, ReportJob
from django_reports.web.api import endpoints
from tests.entry_points.helpers import make, put
from tests.entry_points.staff import JSON, NUMBERS, ORDERS, Program, assert_problem, page_of
from tests.shop.reports import Orders

pytestmark = pytest.mark.django_db


# What cannot be read


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"{", "This is no JSON"),
        (b"format=csv", "This is no JSON"),
        (b'{"format": NaN}', "NaN is not in JSON"),
        (b'{"parameters": {"minimum": -Infinity}}', "-Infinity is not in JSON"),
        (b'{"format": "\xff"}', "This is no JSON"),
        (b'{"format": "\\ud800"}', "surrogates not allowed"),
        (b'{"parameters": {"\\udfff": "x"}}', "surrogates not allowed"),
        (b'{"format": ' + b"7" * 5000 + b"}", "This is no JSON"),
        (b"[" * 100_000, "This is no JSON"),
        (b'{"columns": ' + b"[" * 50 + b"]" * 50 + b"}", "This is nested too deeply."),
        (b'{"bogus": ' * 50 + b"1" + b"}" * 50, "This is nested too deeply."),
        (b"[]", "Send a JSON object."),
        (b"null", "Send a JSON object."),
        (b'"csv"', "Send a JSON object."),
        (b"7", "Send a JSON object."),
    ],
)
def test_what_cannot_be_read(alice, orders, body, detail):
    assert_problem(Program(alice).post(ORDERS, body), 400, detail)
    assert not ReportJob.objects.exists()


@pytest.mark.parametrize("depth", [*range(100, 1500, 53), 10_000, 100_000])
def test_no_depth_breaks_anything(alice, orders, depth):
    body = b'{"columns": ' + b"[" * depth + b"]" * depth + b"}"
    assert Program(alice).post(ORDERS, body).status_code == 400


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_what_is_not_sent_as_json(alice, orders, kind):
    answer = Program(alice).post(ORDERS, b'{"format": "csv"}', kind=kind)
    assert_problem(answer, 415, kind.split(";")[0])
    assert "application/json" in answer.json()["detail"]


def test_a_character_set_may_be_named(alice, orders):
    assert Program(alice).post(ORDERS, b"{}", kind=f"{JSON}; charset=utf-8").status_code == 202


def test_what_is_too_long(alice, orders, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    body = json.dumps({"columns": ["id" * 500]}).encode()
    assert_problem(Program(alice).post(ORDERS, body), 413, "DATA_UPLOAD_MAX_MEMORY_SIZE")


@pytest.mark.parametrize(
    "value",
    [
        {"columns": [f"column{n}" for n in range(1001)]},
        {"parameters": {"region": ["n"] * 1001}},
        {"parameters": {f"name{n}": 1 for n in range(1001)}},
        {"columns": [[]] * 1001},
        {"columns": [[[], {}]] * 501},
    ],
)
def test_what_holds_more_values_than_a_form_may(alice, orders, value):
    assert_problem(Program(alice).post(ORDERS, value), 413, "more than 1,000 values")


def test_as_many_values_as_a_form_may_have_are_read(alice, orders):
    answer = Program(alice).post(ORDERS, {"columns": [f"column{n}" for n in range(1000)]})
    assert_problem(answer, 422, columns="has no column 'column0'")


def test_too_many_empty_lists_are_refused_before_they_are_looked_at(alice, orders, monkeypatch):
    """680 KB of them: no part of the body is visited twice, or written out again."""
    body = b'{"columns": [' + b"[]," * 226_000 + b"[]]}"
    monkeypatch.setattr(endpoints.json, "dumps", lambda *args, **kwargs: pytest.fail("written out"))
    request = RequestFactory().post(ORDERS, body, content_type="application/json")
    with pytest.raises(endpoints.Unreadable, match="more than 1,000 values") as refused:
        endpoints.spec_of(request, registry.get("shop.orders"))
    assert refused.value.status == 413


def test_a_project_may_do_without_that_limit(alice, orders, settings):
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = None
    assert_problem(
        Program(alice).post(ORDERS, {"columns": ["id"] * 1001}), 422, columns="asked for twice"
    )


# What is not there


@pytest.mark.parametrize(
    ("value", "field", "words"),
    [
        ({"bogus": 1}, "bogus", ["'bogus'", "format, columns, labels, options, parameters"]),
        ({"Format": "csv"}, "Format", ["'Format'", "format"]),
        ({"format": "pdf"}, "format", ["'pdf'", "csv, csv.gz, csv.zip, xlsx, tsv, "]),
        ({"format": ""}, "format", ["''", "csv, csv.gz"]),
        ({"format": "c\0sv"}, "format", ["'c\\x00sv'", "csv, csv.gz"]),
        ({"format": 1.5}, "format", ["1.5", "a string"]),
        ({"format": None}, "format", ["a string", "None"]),
        ({"format": ["csv"]}, "format", ["a string", "['csv']"]),
        ({"columns": "id"}, "columns", ["a list", "'id'"]),
        ({"columns": None}, "columns", ["a list", "None"]),
        ({"columns": []}, "columns", "Choose at least one column."),
        ({"columns": ["id", "bogus"]}, "columns", ["'bogus'", "id, number, customer__name"]),
        ({"columns": ["id", 7]}, "columns", "a list of names"),
        ({"columns": [["id"]]}, "columns", "a list of names"),
        ({"columns": [{}]}, "columns", "a list of names"),
        ({"columns": ["id", "number", "id"]}, "columns", "id is asked for twice"),
        ({"columns": ["cost"]}, "columns", "no column 'cost' that you may export"),
        ({"columns": ["id\0"]}, "columns", "'id\\x00'"),
        ({"options": []}, "options", "an object"),
        ({"options": {"bogus": 1}}, "options", ["'bogus'", "profile"]),
        ({"options": {"profile": "x"}}, "options.profile", ["'x'", "machine, spreadsheet"]),
        ({"options": {"profile": None}}, "options.profile", ["None", "machine, spreadsheet"]),
        ({"options": {"profile": ["machine"]}}, "options.profile", "machine, spreadsheet"),
        ({"time_zone": "Mars/Olympus"}, "time_zone", ["'Mars/Olympus'", "Europe/Berlin"]),
        ({"time_zone": "../../etc/passwd"}, "time_zone", "There is no time zone"),
        ({"time_zone": "/etc/passwd"}, "time_zone", "There is no time zone"),
        ({"time_zone": ""}, "time_zone", "There is no time zone"),
        ({"time_zone": "Europe"}, "time_zone", "There is no time zone"),
        ({"time_zone": "a\0b"}, "time_zone", "There is no time zone"),
        ({"time_zone": "x" * 5000}, "time_zone", "There is no time zone"),
        ({"time_zone": 1}, "time_zone", "a string"),
        ({"language": "xx"}, "language", ["'xx'", "de, "]),
        ({"language": ""}, "language", "There is no language"),
        ({"language": "x" * 5000}, "language", "There is no language"),
        ({"language": False}, "language", "a string"),
        ({"parameters": []}, "parameters", "an object"),
        ({"parameters": None}, "parameters", "an object"),
    ],
)
def test_what_is_not_there(alice, orders, value, field, words):
    told = assert_problem(Program(alice).post(ORDERS, value), 422, **{field: words})
    assert told["errors"][field][0] in told["detail"]
    assert not ReportJob.objects.exists()


def test_a_language_is_kept_as_the_projects_own(alice, orders):
    """Not as it was sent, which no database would keep."""
    assert Program(alice).post(ORDERS, {"language": "de-\0"}).status_code == 202
    assert ReportJob.objects.get().spec["language"] == "de"


def test_everything_is_told_at_once(alice, orders):
    value = {"bogus": 1, "columns": "id", "language": "xx", "parameters": {"no": 1, "region": 2}}
    assert_problem(
        Program(alice).post(ORDERS, value),
        422,
        **{
            "bogus": "There is no",
            "columns": "a list",
            "language": "There is no",
            "parameters.no": ["'no'", "region, minimum"],
            "parameters.region": "Send a string, not 2.",
        },
    )


# What may not be, or no longer


def test_beyond_the_row_limit(bob, orders):
    assert_problem(Program(bob).post(ORDERS), 403, "more than 10 rows, which is your limit")
    assert AuditEntry.objects.get(action="denied").actor_label == "bob"
    assert not ReportJob.objects.exists()


def test_a_report_whose_columns_are_all_somebody_elses(alice, orders, monkeypatch):
    columns = [column for column in Orders.columns if getattr(column, "name", "") == "cost"]
    monkeypatch.setattr(Orders, "columns", columns)
    for answer in (Program(alice).get(ORDERS), Program(alice).post(ORDERS)):
        assert_problem(answer, 403, "Orders has no column that you may export.")


def test_download_without_the_right_of_now(alice, orders):
    job = make(alice)
    GroupReportPermission.objects.update(can_view=False, can_export=False, can_download=False)
    answer = Program(alice).get(page_of(job, "download"))
    assert_problem(answer, 403, "You may no longer download this export.")


def test_download_of_what_has_expired(alice, orders):
    answer = Program(alice).get(page_of(put(make(alice), status="expired"), "download"))
    assert_problem(answer, 410, "This export has expired.")


def test_download_of_what_is_missing(alice, orders):
    job = make(alice)
    files.delete(job.storage, job.file_key)
    answer = Program(alice).get(page_of(job, "download"))
    assert_problem(answer, 404, "The file of this export is missing.")


class Away(FileSystemStorage):
    def _open(self, name, mode="rb"):
        raise ConnectionResetError("the line is dead")


def test_download_from_a_storage_that_fails(alice, orders, settings, tmp_path):
    away = {"BACKEND": f"{__name__}.Away", "OPTIONS": {"location": tmp_path}}
    settings.STORAGES = {**settings.STORAGES, "reports": away}
    job = make(alice)
    assert job.has_file
    assert_problem(Program(alice).get(page_of(job, "download")), 503)


def test_run_again_too_early(alice, orders):
    answer = Program(alice).post(page_of(put(make(alice), status="running"), "rerun"))
    assert_problem(answer, 409, "This export has not ended yet.")


def test_run_again_without_the_right_of_now(alice, orders):
    job = make(alice)
    GroupReportPermission.objects.update(can_view=False, can_export=False, can_download=False)
    answer = Program(alice).post(page_of(job, "rerun"))
    assert_problem(answer, 403, "There is no report “shop.orders” that you may export.")


def test_run_again_beyond_the_row_limit_of_now(alice, orders):
    job = make(alice)
    GroupReportPermission.objects.update(max_rows=5)
    assert_problem(Program(alice).post(page_of(job, "rerun")), 403, "more than 5 rows")


def test_run_again_with_a_column_that_is_gone(alice, orders, monkeypatch):
    job = make(alice, columns=("id", "number"))
    monkeypatch.setattr(Orders, "columns", ["id"])
    answer = Program(alice).post(page_of(job, "rerun"))
    assert_problem(answer, 422, columns=["no column 'number'", "Choose from: id."])


def test_nobody(db):
    answer = Program(None).post(NUMBERS)
    assert_problem(answer, 401, "Log in")
    assert answer["WWW-Authenticate"] == "Session"
