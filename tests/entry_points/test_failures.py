"""A report that fails, or a value that its database refuses: said at every entry point."""

import re
from io import StringIO

import pytest
from django import forms
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import DurationField, Value
from django.utils import timezone

from django_reports import Column, ModelReport, Report
from django_reports.models import AuditEntry, ReportJob
from tests.entry_points.helpers import (
    EXPORT,
    browse,
    chosen,
    enqueue,
    make,
    put,
    run,
    sign,
    text_of,
    ticked,
)
from tests.entry_points.staff import Program, assert_problem, pressed
from tests.shop.models import Order
from tests.shop.reports import Orders

pytestmark = pytest.mark.django_db

ADDRESS = "/reports/shop.odd/"
REFERENCE = re.compile(r"[Rr]eference:? ([0-9a-f]{8})\b")


class OddForm(forms.Form):
    moment = forms.DateTimeField(required=False)
    span = forms.DurationField(required=False)
    extra = forms.JSONField(required=False)
    text = forms.CharField(required=False)


def broken(*args):
    raise KeyError("the report's own error")


class OddReport(ModelReport):
    """Asks the database for whatever it is given."""

    identifier = "shop.odd"
    model = Order
    columns = ["id", "number", Column("made", value=lambda row: row["number"], fields=["number"])]
    parameters = OddForm

    def filter_queryset(self, queryset, context):
        given = context.parameters
        if given["moment"]:
            queryset = queryset.filter(placed_at__gte=given["moment"])
        if given["span"]:
            spans = queryset.annotate(span=Value(given["span"], output_field=DurationField()))
            queryset = spans.filter(placed_at__gte=timezone.now() - given["span"])
        if given["extra"] is not None:
            queryset = queryset.filter(extra__contained_by=given["extra"])
        if given["text"]:
            queryset = queryset.filter(note__icontains=given["text"])
        return queryset


@pytest.fixture
def odd(declare, monkeypatch):
    """The report, which breaks where the test says whatever its parameters are."""
    declared = declare(OddReport)

    def break_at(where, error=None):
        def raising(*args, **kwargs):
            raise error or KeyError("the report's own error")

        if where == "value":
            columns = ["id", "number", Column("made", value=raising, fields=["number"])]
            monkeypatch.setattr(declared, "columns", columns)
        elif where == "form":
            monkeypatch.setattr(OddForm, "clean", raising)
        else:
            monkeypatch.setattr(declared, where, raising)

    declared.break_at = break_at
    return declared


def asked(user, **fields):
    return pressed(user, ADDRESS, columns=["id", "number", "made"], **fields)


def previewed(user, **fields):
    return asked(user, _export=None, _preview="1", **fields)


def updated(user, **fields):
    return asked(user, _export=None, _update="1", **fields)


def reference_in(text):
    (reference,) = set(REFERENCE.findall(text))
    return reference


def assert_recorded(reference, caplog, *, action="failed"):
    """One line of the log, with the traceback, and one entry of the audit log have it."""
    (line,) = [r for r in caplog.records if f"reference={reference}" in r.getMessage()]
    assert line.exc_info[1] is not None
    entry = AuditEntry.objects.filter(action=action).latest("id")
    assert reference in entry.data["reason"]
    return entry


@pytest.mark.parametrize("where", ["filter_queryset", "get_queryset", "value", "form"])
@pytest.mark.parametrize("press", [asked, previewed])
def test_error_of_the_report_shows_the_page_with_what_was_typed(
    alice, orders, odd, caplog, where, press
):
    odd.break_at(where)
    answer = press(alice, **{"parameter-text": "note 1"})
    text = text_of(answer)
    assert answer.status_code == 500
    assert "The report failed with an error (KeyError)." in text
    assert "the report&#x27;s own error" not in text
    assert 'value="note 1"' in text
    assert 'name="_export" value="Export"' in text
    entry = assert_recorded(reference_in(text), caplog)
    assert (entry.report, entry.actor_label) == ("shop.odd", "alice")
    assert AuditEntry.objects.filter(action="failed").count() == 1


@pytest.mark.parametrize("where", ["filter_queryset", "get_queryset"])
def test_error_while_the_page_counts_is_said_on_the_page(alice, orders, odd, caplog, where):
    odd.break_at(where)
    for open_page in (lambda: browse(alice).get(ADDRESS), lambda: updated(alice)):
        answer = open_page()
        text = text_of(answer)
        assert answer.status_code == 500
        assert 'name="_export" value="Export"' in text
        entry = assert_recorded(reference_in(text), caplog)
        assert entry.data["spec"]["report"] == "shop.odd"


def test_error_of_columns_leaves_no_page_but_says_why(alice, orders, odd, caplog):
    odd.break_at("get_columns")
    answer = browse(alice).get(ADDRESS)
    assert answer.status_code == 500
    assert_recorded(reference_in(text_of(answer)), caplog)


@pytest.mark.parametrize("where", ["filter_queryset", "get_queryset", "form"])
def test_error_of_the_report_is_a_problem_to_programs(alice, orders, odd, caplog, where):
    odd.break_at(where)
    answer = Program(alice).post(ADDRESS, {"parameters": {"text": "a"}})
    assert_problem(answer, 500, "The report failed with an error (KeyError).")
    assert_recorded(answer.json()["reference"], caplog)
    assert not ReportJob.objects.exists()


def test_rerun_of_a_report_that_fails_says_so(alice, orders, odd, caplog):
    job = make(alice, "shop.odd")
    odd.break_at("filter_queryset")
    answer = browse(alice).post(f"/reports/jobs/{job.pk}/rerun/")
    assert answer.status_code == 500
    assert_recorded(reference_in(text_of(answer)), caplog)
    answer = Program(alice).post(f"/reports/jobs/{job.pk}/rerun/")
    assert_problem(answer, 500, "The report failed with an error (KeyError).")


@pytest.mark.parametrize("options", [{}, {"queue": True}, {"user": "alice"}])
@pytest.mark.parametrize("where", ["filter_queryset", "value"])
def test_command_names_the_failure(alice, orders, odd, caplog, tmp_path, options, where):
    odd.break_at(where)
    if not options.get("queue"):
        options = {**options, "output": str(tmp_path / "file.csv")}
    elif where == "value":
        return  # nothing is read yet
    with pytest.raises(CommandError, match=r"failed with an error \(KeyError\)") as told:
        call_command("export_report", "shop.odd", stdout=StringIO(), **options)
    assert_recorded(reference_in(str(told.value)), caplog)
    assert not list(tmp_path.glob("*.csv"))


def test_job_of_a_report_that_fails_has_a_reference(alice, orders, odd, caplog):
    odd.break_at("value")
    job = make(alice, "shop.odd")
    assert (job.status, job.cause) == ("failed", "error")
    entry = assert_recorded(reference_in(job.error), caplog)
    assert entry.job_key == str(job.pk)


def test_rows_that_fail_are_said_before_the_first_block(alice, declare, caplog):
    @declare
    class Rows(Report):
        identifier = "shop.odd"
        permission = "shop.view_order"
        columns = ["n"]

        def rows(self, context):
            raise RuntimeError("no rows today")

    for buttons in ({"_export": "1"}, {"_export": None, "_preview": "1"}):
        answer = pressed(alice, ADDRESS, columns=["n"], **buttons)
        text = text_of(answer)
        assert (answer.status_code, "no rows today" in text) == (500, False)
        assert_recorded(reference_in(text), caplog)


@pytest.mark.parametrize(
    ("address", "posted"),
    [
        (EXPORT, None),
        ("/admin/shop/order/", "ticked"),
        (EXPORT, chosen()),
        (EXPORT, chosen(_export="", _preview="1")),
    ],
)
def test_admin_list_of_a_report_that_fails(alice, orders, monkeypatch, caplog, address, posted):
    monkeypatch.setattr(Orders, "filter_queryset", broken)
    if posted is None:
        answer = browse(alice).get(address)
    else:
        answer = browse(alice).post(address, ticked(orders[:2]) if posted == "ticked" else posted)
    text = text_of(answer)
    assert answer.status_code == 500
    assert 'name="_export" value="Export"' in text
    assert_recorded(reference_in(text), caplog)


def test_permission_denied_by_the_report_is_a_denial(alice, orders, odd):
    odd.break_at("filter_queryset", PermissionDenied("Not on Sundays."))
    answer = asked(alice)
    assert (answer.status_code, "Not on Sundays." in text_of(answer)) == (403, True)
    assert (
        AuditEntry.objects.filter(action="denied").latest("id").data["reason"] == "Not on Sundays."
    )
    assert_problem(Program(alice).post(ADDRESS), 403, "Not on Sundays.")


# Values that a form accepts and a database refuses

LONG = "x" * 100_000
SQLITE, POSTGRESQL, MARIADB = "sqlite", "postgresql", "mysql"
# What is refused, and by which databases.
REFUSED = {
    "year 1 in Paris": ({"moment": "0001-01-01 00:00:00"}, {SQLITE, MARIADB}),
    "a billion days": ({"span": "999999999 00:00:00"}, {SQLITE, MARIADB, POSTGRESQL}),
    "NaN": ({"extra": '{"a": NaN}'}, {POSTGRESQL}),
    "half a character": ({"extra": '"\\ud800"'}, {POSTGRESQL}),
    "a long text": ({"text": LONG}, {SQLITE}),
}
HERE = {
    name: given for name, (given, databases) in REFUSED.items() if connection.vendor in databases
}
WORDS = "A value that was given cannot be used here."


@pytest.fixture
def paris(settings):
    settings.TIME_ZONE = "Europe/Paris"
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000_000


@pytest.mark.parametrize("name", HERE)
def test_refused_value_is_an_error_at_its_field(alice, orders, odd, paris, caplog, name):
    ((parameter, value),) = HERE[name].items()
    for press in (asked, previewed, updated):
        answer = press(alice, time_zone="Europe/Paris", **{f"parameter-{parameter}": value})
        text = text_of(answer)
        assert (answer.status_code, text.count(WORDS)) == (400, 1), press
        assert 'role="alert">Please correct the errors below.' in text
        row = text.split(f'for="id_parameter-{parameter}"')[0].rsplit('<div class="form-row', 1)[1]
        assert row.startswith(" errors")
        assert 'name="_export" value="Export"' in text
    assert not AuditEntry.objects.filter(action="failed", job_key="").exists()


def test_half_a_character_stands_on_the_page_as_it_was_spelled(alice, orders, odd):
    text = text_of(updated(alice, **{"parameter-extra": '{"é": "\\ud800"}'}))
    assert "{&quot;é&quot;: &quot;\\ud800&quot;}</textarea>" in text


@pytest.mark.parametrize("name", HERE)
def test_refused_value_is_a_problem_with_its_field(alice, orders, odd, paris, name):
    ((parameter, value),) = HERE[name].items()
    body = {"parameters": {parameter: value}, "time_zone": "Europe/Paris"}
    answer = Program(alice).post(ADDRESS, body)
    assert answer.status_code == 422
    (message,) = answer.json()["errors"][f"parameters.{parameter}"]
    assert WORDS in message
    assert answer.json()["reference"] in message


@pytest.mark.parametrize("name", HERE)
def test_refused_value_fails_a_command_and_a_job_in_words(
    alice, orders, odd, paris, name, tmp_path
):
    ((parameter, value),) = HERE[name].items()
    with pytest.raises(CommandError, match=WORDS):
        call_command(
            "export_report",
            "shop.odd",
            param=[f"{parameter}={value}"],
            output=str(tmp_path / "file.csv"),
        )
    job = enqueue(alice, "shop.odd")
    parameters = {parameter: [value]}
    spec = {**job.spec, "parameters": parameters, "time_zone": "Europe/Paris"}
    job = run(sign(put(job, spec=spec)))
    assert (job.status, job.cause, WORDS in job.error) == ("failed", "spec", True)
