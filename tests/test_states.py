import pytest

from django_reports.core.choices import ACTIVE, TRANSITIONS, JobStatus
from django_reports.exceptions import IllegalTransition
from django_reports.models import ReportJob

STATUSES = ["queued", "running", "succeeded", "failed", "canceled", "expired"]
ALLOWED = [
    ("queued", "running"),
    ("queued", "canceled"),
    ("running", "queued"),
    ("running", "succeeded"),
    ("running", "failed"),
    ("running", "canceled"),
    ("succeeded", "expired"),
]
FORBIDDEN = [(a, b) for a in STATUSES for b in STATUSES if (a, b) not in ALLOWED]
LEGAL_STEPS = [
    ("queued", "canceled, running"),
    ("running", "canceled, failed, queued, succeeded"),
    ("succeeded", "expired"),
    ("failed", "none"),
    ("canceled", "none"),
    ("expired", "none"),
]


def make_job(status, **facts):
    facts = {
        "report": "shop.orders",
        "spec": {},
        "format": "csv",
        "execution": "background",
        "authority": "system",
        **facts,
    }
    return ReportJob.objects.create(status=status, **facts)


def test_the_table_of_these_tests_has_every_state():
    assert JobStatus.values == STATUSES
    assert set(TRANSITIONS) == set(JobStatus)
    assert len(ALLOWED) + len(FORBIDDEN) == 36


@pytest.mark.parametrize(("start", "end"), ALLOWED)
def test_allowed_step(start, end):
    assert JobStatus(end) in TRANSITIONS[JobStatus(start)]


@pytest.mark.parametrize(("start", "end"), FORBIDDEN)
def test_forbidden_step(start, end):
    assert JobStatus(end) not in TRANSITIONS[JobStatus(start)]


def test_active_states():
    assert {"queued", "running"} == ACTIVE


@pytest.mark.django_db
@pytest.mark.parametrize(("start", "end"), ALLOWED)
def test_move_takes_an_allowed_step(start, end):
    job = make_job(start)
    assert ReportJob.objects.move(JobStatus(start), JobStatus(end)) is True
    job.refresh_from_db()
    assert job.status == end


@pytest.mark.django_db
@pytest.mark.parametrize(("start", "end"), FORBIDDEN)
def test_move_refuses_a_forbidden_step(start, end):
    job = make_job(start)
    with pytest.raises(IllegalTransition, match=f"A {start} job cannot become {end}"):
        ReportJob.objects.move(JobStatus(start), JobStatus(end))
    job.refresh_from_db()
    assert job.status == start


@pytest.mark.parametrize(("start", "legal"), LEGAL_STEPS)
def test_refusal_names_the_legal_steps(start, legal):
    with pytest.raises(IllegalTransition) as caught:
        ReportJob.objects.move(JobStatus(start), JobStatus(start))
    assert str(caught.value).endswith(f"the legal steps are: {legal}.")


@pytest.mark.django_db
def test_move_leaves_a_job_that_is_elsewhere_by_now():
    job = make_job("canceled")
    assert ReportJob.objects.move(JobStatus.RUNNING, JobStatus.SUCCEEDED) is False
    job.refresh_from_db()
    assert job.status == "canceled"


@pytest.mark.django_db
def test_move_changes_only_its_own_rows():
    moved, other = make_job("running"), make_job("running")
    ReportJob.objects.filter(pk=moved.pk).move(JobStatus.RUNNING, JobStatus.FAILED, error="no")
    moved.refresh_from_db()
    other.refresh_from_db()
    assert (moved.status, moved.error) == ("failed", "no")
    assert (other.status, other.error) == ("running", "")


@pytest.mark.django_db
def test_of_two_moves_one_wins():
    make_job("queued")
    queued = ReportJob.objects.filter(attempt=0)
    assert queued.move(JobStatus.QUEUED, JobStatus.RUNNING, attempt=1) is True
    assert queued.move(JobStatus.QUEUED, JobStatus.RUNNING, attempt=1) is False


@pytest.mark.django_db
def test_move_is_one_update(django_assert_num_queries):
    make_job("queued")
    with django_assert_num_queries(1):
        ReportJob.objects.move(JobStatus.QUEUED, JobStatus.CANCELED)
