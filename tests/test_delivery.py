"""A spec is planned, then answered at once or turned into a job."""

import pytest
from django import forms
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation
from django.utils.functional import lazystr

from django_reports.exceptions import InvalidParameters, InvalidSpec, ReportFailed, RowLimitExceeded
from django_reports.jobs import dispatch
from django_reports.jobs.immediate import ImmediateExport
from django_reports.models import AuditEntry, ReportJob
from tests.conftest import make_orders
from tests.entry_points.helpers import (
    actions,
    asking,
    browse,
    chosen,
    deliver,
    enqueue,
    lines_of,
    plan,
    spec_of,
    unbounded_counts,
)
from tests.shop.reports import Numbers, Orders

pytestmark = pytest.mark.django_db


def numbers(**parameters):
    return {name: [str(value)] for name, value in parameters.items()}


def until_it_breaks(export):
    """The bytes that were sent, and the error that ended them."""
    sent = b""
    try:
        for block in export:
            sent += block
    except ValueError as error:
        return sent, error
    return sent, None


def outcome(export):
    """What the record of an immediate export says."""
    job = ReportJob.objects.get(pk=export.job.pk)
    return job.status, job.rows_done, job.bytes


# The plan


@pytest.mark.parametrize(
    ("threshold", "rows", "way", "reason"),
    [
        (20, "20 rows", "immediate", "It is small enough to be downloaded at once."),
        (19, "more than 19 rows", "background", "It is too large to wait for."),
        (1, "more than 1 row", "background", "It is too large to wait for."),
    ],
)
def test_size_decides(alice, orders, configure, threshold, rows, way, reason):
    configure(STREAM_MAX_ROWS=threshold)
    made = plan(alice)
    assert (str(made.rows), made.execution, made.reason) == (rows, way, reason)


@pytest.mark.parametrize("fixed", ["immediate", "background"])
def test_a_report_may_fix_its_delivery(alice, orders, monkeypatch, fixed):
    monkeypatch.setattr(Orders, "execution", fixed)
    assert plan(alice).execution == fixed


def test_rows_of_a_report_without_a_queryset_are_not_counted(alice):
    made = plan(alice, "shop.numbers")
    assert str(made.rows) == "an unknown number of rows"
    assert (made.execution, made.is_over_limit) == ("immediate", False)
    assert plan(alice, "shop.slow_numbers").execution == "background"


def test_plan_knows_what_is_masked_and_hidden(alice, orders):
    made = plan(alice)
    assert [column.name for column in made.masked] == ["customer__email"]
    assert [column.name for column in made.hidden] == ["cost"]


def test_plan_warns_of_the_limit(bob, orders):
    made = plan(bob)
    assert made.is_over_limit
    assert made.warnings == [
        "This export has more than 10 rows, which is your limit. Narrow it down."
    ]
    assert not plan(bob, parameters={"region": ["n"]}).warnings


@pytest.mark.parametrize("threshold", [5, 15, 5000])
def test_counting_stops_where_it_stops_to_matter(bob, orders, configure, threshold):
    configure(STREAM_MAX_ROWS=threshold)
    with CaptureQueriesContext(connection) as queries:
        plan(bob)
    assert unbounded_counts(queries) == []
    bound = max(threshold, 10) + 1
    assert [q["sql"] for q in queries if f"LIMIT {bound}" in q["sql"]]


def test_plan_leaves_nothing_behind(alice, orders):
    before = AuditEntry.objects.count()
    plan(alice)
    assert (ReportJob.objects.count(), AuditEntry.objects.count()) == (0, before)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"format": "pdf"}, "There is no format 'pdf'. Choose from: csv, csv.gz, "),
        ({"columns": ["bogus"]}, "Orders has no column 'bogus' that you may export."),
        ({"columns": []}, "Choose at least one column."),
        ({"columns": ["id", "id"]}, "Column id is asked for twice."),
        ({"profile": "x"}, "There is no profile 'x'. Choose from: machine, spreadsheet."),
        ({"time_zone": "Mars/Olympus"}, "There is no time zone 'Mars/Olympus'"),
        ({"time_zone": "../etc/passwd"}, "There is no time zone"),
    ],
)
def test_what_is_not_there_is_named(alice, wanted, message):
    with pytest.raises(InvalidSpec) as refusal:
        plan(alice, **wanted)
    assert str(refusal.value).startswith(message)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"bogus": ["1"]}, "bogus: unknown; the legal ones are: region, minimum."),
        ({"minimum": ["-1"]}, "minimum: Ensure this value is greater than or equal to 0."),
        ({"region": ["x"]}, "region: Select a valid choice."),
    ],
)
def test_wrong_parameters_are_named(alice, parameters, message):
    with pytest.raises(InvalidParameters) as refusal:
        plan(alice, parameters=parameters)
    assert str(refusal.value).startswith(message)


# The answer


def test_small_is_answered_at_once(alice, orders):
    export = deliver(alice, columns=["number"], parameters={"region": ["n"]})
    assert isinstance(export, ImmediateExport)
    content = b"".join(export)
    assert content.startswith(b"number\r\nA00001\r\nA00003\r\n")
    assert outcome(export) == ("succeeded", 10, len(content))


def test_large_becomes_a_job(alice, orders, configure):
    configure(STREAM_MAX_ROWS=19)
    job = deliver(alice)
    assert isinstance(job, ReportJob)
    assert (job.status, job.execution, job.rows_expected) == ("queued", "background", None)


def test_xlsx_of_rows_becomes_a_job_once_it_is_too_large(alice, configure):
    configure(STREAM_MAX_ROWS=1000)
    small = deliver(alice, "shop.numbers", format="xlsx", parameters=numbers(rows=900))
    assert isinstance(small, ImmediateExport)
    small.close()
    large = deliver(alice, "shop.numbers", format="xlsx", parameters=numbers(rows=3000))
    assert (large.status, large.execution) == ("queued", "background")


def test_a_fixed_delivery_is_kept(alice, orders, configure, monkeypatch):
    assert deliver(alice, "shop.slow_numbers").status == "queued"
    configure(STREAM_MAX_ROWS=5)
    monkeypatch.setattr(Orders, "execution", "immediate")
    export = deliver(alice)
    assert len(b"".join(export).splitlines()) == 21


@pytest.mark.parametrize("threshold", [5, 15, 5000])
def test_beyond_the_limit_nothing_is_made(bob, orders, configure, threshold):
    configure(STREAM_MAX_ROWS=threshold)
    with pytest.raises(RowLimitExceeded, match="more than 10 rows"):
        deliver(bob)
    with pytest.raises(RowLimitExceeded):
        enqueue(bob)
    assert not ReportJob.objects.exists()
    assert AuditEntry.objects.filter(action="denied", actor_label="bob").count() == 2


def test_rows_beyond_the_limit_end_in_failure_and_not_in_fewer_rows(bob):
    with pytest.raises(RowLimitExceeded):
        deliver(bob, "shop.numbers", parameters=numbers(rows=11))
    assert not ReportJob.objects.exists()
    assert (
        len(b"".join(deliver(bob, "shop.numbers", parameters=numbers(rows=10))).splitlines()) == 11
    )


def test_the_database_is_left_alone_while_the_answer_is_sent(alice):
    make_orders(2000)
    export = deliver(alice)
    with CaptureQueriesContext(connection) as queries:
        next(export)
        next(export)
    assert len(queries) == 0
    export.close()


# What goes wrong on the way


def test_an_error_in_the_first_row_is_raised_before_anything_is_sent(alice):
    with pytest.raises(ReportFailed) as failure:
        deliver(alice, "shop.numbers", parameters=numbers(fail_at=1))
    job = ReportJob.objects.get()
    assert failure.value.job_key == str(job.pk)
    assert (job.status, job.rows_done, job.bytes) == ("failed", 0, 0)
    assert job.error == str(failure.value)
    assert "row 1 is broken" not in job.error


def test_an_error_in_the_middle_breaks_off_and_is_recorded(alice):
    export = deliver(alice, "shop.numbers", parameters=numbers(rows=20_000, fail_at=10_000))
    sent, error = until_it_breaks(export)
    assert str(error) == "row 10000 is broken"
    assert sent.startswith(b"n,text\r\n1,row number 1\r\n")
    assert outcome(export) == ("failed", sent.count(b"\r\n") - 1, len(sent))
    assert actions(export.job) == ["requested", "failed"]
    export.close()
    assert outcome(export)[0] == "failed"


def test_a_reader_who_leaves_is_recorded(alice):
    export = deliver(alice, "shop.numbers", parameters=numbers(rows=20_000))
    sent = next(export) + next(export)
    export.close()
    status, rows, size = outcome(export)
    assert (status, size) == ("canceled", len(sent))
    assert 0 <= rows - (sent.count(b"\r\n") - 1) < 500  # of the last block, all
    assert ReportJob.objects.get().error == "The reader left before the end."
    assert actions(export.job) == ["requested", "canceled"]


def test_rows_that_nobody_took_did_not_leave(alice):
    export = deliver(alice, "shop.numbers", parameters=numbers(rows=20_000))
    while export.pull():
        pass
    taken = export.take(100)
    export.close()
    _status, rows, size = outcome(export)
    assert (len(taken), size) == (100, 100)
    assert 0 < rows < 2000  # those of the block that was taken in part


def test_a_reader_who_leaves_ends_the_report(alice, monkeypatch):
    ended = []

    def rows(self, context):
        try:
            for n in range(100_000):
                yield {"n": n, "text": "x" * 50}
        finally:
            ended.append(True)

    monkeypatch.setattr(Numbers, "rows", rows)
    export = deliver(alice, "shop.numbers")
    next(export)
    assert ended == []
    export.close()
    assert ended == [True]


def test_closing_after_the_end_changes_nothing(alice, orders):
    export = deliver(alice)
    list(export)
    export.close()
    export.close()
    assert outcome(export)[0] == "succeeded"
    assert actions(export.job) == ["requested", "finished"]


# Whose language and time


def test_language_and_time_zone_are_the_specs_while_it_is_made(alice, monkeypatch):
    """Rows are made where they are chosen; what the file says of them is written where it is."""
    seen, written = set(), set()

    class Text:
        def __str__(self):
            written.add((translation.get_language(), timezone.get_current_timezone_name()))
            return "x"

    def rows(self, context):
        assert (context.language, context.time_zone.key) == ("de", "Asia/Tokyo")
        for n in range(3000):
            seen.add((translation.get_language(), timezone.get_current_timezone_name()))
            yield {"n": n, "text": lazystr(Text())}

    monkeypatch.setattr(Numbers, "rows", rows)
    export = deliver(
        alice, "shop.numbers", language="de", time_zone="Asia/Tokyo",
        filter_language="fr", filter_time_zone="America/New_York",
    )  # fmt: skip
    outside = translation.get_language(), timezone.get_current_timezone_name()
    for _block in export:
        assert (translation.get_language(), timezone.get_current_timezone_name()) == outside
    assert outside == ("en-us", "Europe/Berlin")
    assert seen == {("fr", "America/New_York")}
    assert written == {("de", "Asia/Tokyo")}


def test_local_time_is_that_of_the_time_zone(alice, orders):
    wanted = {"columns": ["placed_at"], "time_zone": "Asia/Tokyo"}
    machine = b"".join(deliver(alice, **wanted)).splitlines()
    people = b"".join(deliver(alice, profile="spreadsheet", **wanted)).splitlines()
    assert machine[1] == b"2026-01-01T22:00:00+09:00"
    assert b"2026-01-01 22:00" in people[1]


# In the caller's transaction


@pytest.mark.django_db(transaction=True)
def test_a_job_is_handed_over_after_the_commit(alice, orders):
    with transaction.atomic():
        job = enqueue(alice)
        assert ReportJob.objects.get().status == "queued"
    job.refresh_from_db()
    assert job.status == "succeeded"


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_is_rolled_back_leaves_no_job(alice, orders, monkeypatch):
    handed_over = []
    monkeypatch.setattr("django_reports.jobs.runners.enqueue", handed_over.append)
    before = AuditEntry.objects.count()
    with transaction.atomic():
        enqueue(alice)
        transaction.set_rollback(True)
    assert (ReportJob.objects.count(), AuditEntry.objects.count()) == (0, before)
    assert handed_over == []


def test_progress_is_told_to_whoever_wants_it(alice, orders):
    told = []
    export = dispatch.export_now(
        spec_of(), *asking(alice), on_progress=lambda done, expected: told.append((done, expected))
    )
    list(export)
    assert told[-1] == (20, 20)


def test_parameters_whose_widgets_have_several_parts(alice, orders, monkeypatch):
    """A moment in two boxes and a day in three: each part is kept under its own name."""

    class Moments(forms.Form):
        since = forms.SplitDateTimeField()
        day = forms.DateField(widget=forms.SelectDateWidget(years=[2026]))

    monkeypatch.setattr(Orders, "parameters", Moments)
    seen = []
    monkeypatch.setattr(
        Orders,
        "filter_queryset",
        lambda self, queryset, context: seen.append(dict(context.parameters)) or queryset,
    )
    fields = {
        "parameter-since_0": "2026-01-02",
        "parameter-since_1": "03:04",
        "parameter-day_year": "2026",
        "parameter-day_month": "5",
        "parameter-day_day": "6",
    }
    response = browse(alice).post("/reports/shop.orders/", chosen(**fields))
    assert response.status_code == 200
    assert len(lines_of(response)) == 21
    assert {str(moment["since"]) for moment in seen} == {"2026-01-02 03:04:00+01:00"}
    assert {str(moment["day"]) for moment in seen} == {"2026-05-06"}
    assert "since_0" in ReportJob.objects.get().spec["parameters"]
