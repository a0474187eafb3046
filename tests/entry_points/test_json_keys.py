"""Idempotency keys: whoever asks twice under one key gets one export."""

import threading

import pytest
from django.db import connections
from django.utils import timezone

from django_reports.jobs import dispatch
from django_reports.models import GroupReportPermission, ReportJob
from tests.entry_points.helpers import put, run
from tests.entry_points.staff import NUMBERS, ORDERS, Program, assert_problem, page_of


def under(key, program, path=ORDERS, value=None):
    return program.post(path, value, idempotency_key=key)


@pytest.mark.django_db
def test_the_same_request_gives_the_same_job(alice, orders):
    program = Program(alice)
    answers = [under("monday", program, value={"columns": ["id"]}) for _ in range(3)]
    job = ReportJob.objects.get()
    assert {(answer.status_code, answer["Location"]) for answer in answers} == {(202, page_of(job))}
    assert {answer.json()["id"] for answer in answers} == {str(job.pk)}


@pytest.mark.django_db
def test_the_same_request_in_other_words(alice, orders):
    """It is the export that counts, not how it was spelled."""
    program = Program(alice)
    first = under("monday", program, value={"format": "csv", "parameters": {"region": "n"}})
    again = under(
        "monday",
        program,
        path="/reports/shop.old_orders/",
        value={"parameters": {"region": "n", "minimum": None}, "options": {}},
    )
    assert first["Location"] == again["Location"]


@pytest.mark.django_db
def test_a_job_that_has_ended_is_given_again(alice, orders):
    program = Program(alice)
    under("monday", program)
    job = run(ReportJob.objects.get())
    again = under("monday", program)
    assert (again.status_code, again.json()["status"]) == (202, "succeeded")
    put(job, status="expired", finished_at=timezone.now())
    assert under("monday", program).json()["status"] == "expired"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "value"),
    [
        (ORDERS, {"format": "xlsx"}),
        (ORDERS, {"columns": ["id"]}),
        (ORDERS, {"parameters": {"region": "n"}}),
        (ORDERS, {"time_zone": "UTC"}),
        (NUMBERS, {}),
    ],
)
def test_another_request_under_the_key_is_refused(alice, orders, path, value):
    program = Program(alice)
    under("monday", program)
    assert_problem(under("monday", program, path, value), 422, "used for another export already")
    assert ReportJob.objects.count() == 1


@pytest.mark.django_db
def test_another_key_makes_another_job(alice, orders):
    program = Program(alice)
    for key in ("monday", "Monday", "monday.", "x" * 255):
        under(key, program)
        ReportJob.objects.update(active_key=None)  # as if it had ended
    program.post(ORDERS)
    assert ReportJob.objects.count() == 5


@pytest.mark.django_db
def test_the_same_is_made_once_at_a_time_whatever_the_key(alice, orders):
    program = Program(alice)
    answers = [under("monday", program), under("tuesday", program), program.post(ORDERS)]
    assert len({answer.json()["id"] for answer in answers}) == 1


@pytest.mark.django_db
def test_a_key_that_was_answered_with_an_active_job_is_kept(alice, orders):
    program = Program(alice)
    program.post(ORDERS)
    job = ReportJob.objects.get()
    assert under("monday", program)["Location"] == page_of(job)
    run(job)
    again = under("monday", program)
    assert (again["Location"], again.json()["status"]) == (page_of(job), "succeeded")
    assert_problem(under("monday", program, NUMBERS), 422, "used for another export already")


@pytest.mark.django_db
def test_a_job_has_one_key(alice, orders):
    program = Program(alice)
    under("monday", program)
    job = ReportJob.objects.get()
    assert under("tuesday", program)["Location"] == page_of(job)
    run(job)
    assert under("monday", program)["Location"] == page_of(job)
    assert under("tuesday", program, NUMBERS)["Location"] != page_of(job)


@pytest.mark.django_db
def test_a_key_that_is_used_meanwhile_is_not_taken_twice(alice, orders, monkeypatch):
    program = Program(alice)
    under("monday", program, NUMBERS)
    program.post(ORDERS)
    look, looked = dispatch._asked_before, []

    def too_early(export, digest):
        looked.append(digest)
        return look(export, digest) if len(looked) > 1 else None

    monkeypatch.setattr(dispatch, "_asked_before", too_early)
    assert_problem(under("monday", program), 422, "used for another export already")
    assert len(looked) == 2


@pytest.mark.django_db
def test_a_key_is_its_persons(alice, root, orders):
    mine, theirs = under("monday", Program(alice)), under("monday", Program(root), NUMBERS)
    assert (mine.status_code, theirs.status_code) == (202, 202)
    assert {job.requested_by for job in ReportJob.objects.all()} == {alice, root}


@pytest.mark.django_db
def test_a_request_that_was_refused_does_not_use_up_its_key(alice, orders):
    program = Program(alice)
    assert_problem(under("monday", program, value={"format": "pdf"}), 422, format="'pdf'")
    assert under("monday", program).status_code == 202


@pytest.mark.django_db
def test_a_key_gives_nothing_to_whoever_lost_the_right(alice, orders):
    program = Program(alice)
    under("monday", program)
    GroupReportPermission.objects.update(can_view=False, can_export=False, can_download=False)
    assert under("monday", program).status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there", "ümlaut", "nul\0", "del\x7f"])
def test_what_is_no_key(alice, orders, key):
    assert_problem(
        under(key, Program(alice)), 400, "Idempotency-Key must be 1 to 255 printable ASCII"
    )
    assert not ReportJob.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_at_once_make_one(alice, orders, configure):
    configure(RUNNER="local", LOCAL_THREAD=False)  # nobody runs it
    program = Program(alice)
    program.get(ORDERS)
    together = threading.Barrier(6)
    answers = []

    def ask():
        try:
            own = Program(None)
            own.client.cookies = program.client.cookies
            together.wait()
            answers.append(under("monday", own))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    job = ReportJob.objects.get()
    assert [(answer.status_code, answer["Location"]) for answer in answers] == [
        (202, page_of(job))
    ] * 6
