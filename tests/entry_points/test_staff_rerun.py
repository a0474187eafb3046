"""Run again: the same export once more, in the name and with the rights of whoever asks now."""

import pytest
from django.contrib.auth.models import User

from django_reports.models import AuditEntry, GroupReportPermission, ReportJob
from tests.conftest import VIEW, give
from tests.entry_points.helpers import browse, deliver, enqueue, lines_of, make, put, run, text_of
from tests.entry_points.staff import page_of
from tests.shop.reports import Orders

pytestmark = pytest.mark.django_db


@pytest.fixture
def overseer(make_person):
    """Sees everybody's exports of orders, and may make some."""
    return make_person("olga", *VIEW, report="shop.orders", visibility="all")


def last_denial():
    return AuditEntry.objects.filter(action="denied").first()


def again(user, job):
    """Press "Run again"; the job that was made."""
    client = browse(user)
    answer = client.post(page_of(job, "rerun"))
    made = ReportJob.objects.exclude(pk=job.pk).get()
    assert (answer.status_code, answer["Location"]) == (302, page_of(made))
    assert f'<dt>Run again from</dt><dd><a href="{page_of(job)}">{job}</a></dd>' in text_of(
        client.get(page_of(made))
    )
    return made


def test_run_again(alice, orders):
    job = make(alice, columns=("number", "total"), parameters={"region": ["n"]}, format="xlsx")
    made = again(alice, job)
    assert (made.rerun_of, made.spec, made.execution) == (job, job.spec, "background")
    assert run(made).rows_done == 10
    assert AuditEntry.objects.filter(action="requested").first().data["rerun_of"] == str(job.pk)


def test_run_again_what_was_answered_at_once(alice, orders):
    export = deliver(alice)
    list(export)
    made = again(alice, export.job)
    assert (made.execution, run(made).rows_done) == ("background", 20)


def test_run_again_after_a_failure(alice, orders):
    job = make(alice, "shop.numbers", parameters={"fail_at": ["2"]})
    assert job.status == "failed"
    assert run(again(alice, job)).status == "failed"  # it is the same export, so it fails the same


def test_run_again_what_somebody_else_had_made(make_person, overseer, orders):
    mia = make_person("mia", *VIEW, "shop.view_customer_email", report="shop.orders")
    job = make(mia, columns=("number", "customer__email"))
    made = run(again(overseer, job))
    assert (made.requested_by, made.requested_by_text) == (overseer, "olga")
    assert [column["masked"] for column in made.columns] == [False, True]
    client = browse(overseer)
    assert lines_of(client.get(page_of(made, "download")))[1] == "A00001,b•••@e•••.org"
    assert client.get(page_of(job, "download")).status_code == 403  # hers is unmasked


def test_not_while_it_is_at_work(alice, orders):
    answer = browse(alice).post(page_of(enqueue(alice), "rerun"))
    assert answer.status_code == 409
    assert "This export has not ended yet." in text_of(answer)
    assert ReportJob.objects.count() == 1


def assert_not_again(user, job, code, message):
    """Assert that a job cannot be run again, that its reader is told why, and the way back."""
    answer = browse(user).post(page_of(job, "rerun"))
    assert answer.status_code == code
    assert message in text_of(answer).replace("&#x27;", "'")
    assert f'<a href="{page_of(job)}">Back</a>' in text_of(answer)
    assert ReportJob.objects.count() == 1


def test_not_without_the_grant_that_it_needs_now(alice, orders):
    job = make(alice)
    GroupReportPermission.objects.update(can_view=False, can_export=False, can_download=False)
    assert_not_again(alice, job, 403, "There is no report “shop.orders” that you may export.")
    assert last_denial().data["what"] == "generate"


def test_not_beyond_the_row_limit_of_now(alice, orders):
    job = make(alice)
    GroupReportPermission.objects.update(max_rows=5)
    assert_not_again(alice, job, 400, "more than 5 rows, which is your limit")


def test_not_with_a_column_that_is_no_longer_ones_own(alice, orders):
    user = give(alice, "shop.view_cost")
    job = make(user, columns=("number", "cost"))
    user.user_permissions.filter(codename="view_cost").delete()
    assert_not_again(
        User.objects.get(pk=user.pk), job, 400, "Orders has no column 'cost' that you may export."
    )


def test_not_with_a_column_that_is_gone(alice, orders, monkeypatch):
    job = make(alice, columns=("id", "number"))
    monkeypatch.setattr(Orders, "columns", ["id", "total"])
    message = "Orders has no column 'number' that you may export. Choose from: id, total."
    assert_not_again(alice, job, 400, message)


def test_not_with_a_report_that_is_gone(alice, orders):
    job = put(make(alice), report="shop.gone")
    put(job, spec={**job.spec, "report": "shop.gone"})
    assert_not_again(alice, job, 403, "There is no report “shop.gone” that you may export.")


def test_not_with_what_no_longer_is_a_description(alice, orders):
    job = put(make(alice), spec={"report": "shop.orders"})
    assert_not_again(alice, job, 400, "This is no description of an export")
