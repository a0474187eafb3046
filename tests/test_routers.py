"""Django's documented primary/replica router, and a replica that lags behind.

It stays as it was before the test began: it knows the people, their report permissions and the
orders, and nothing that was written since.
"""

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.db import connections, transaction

from django_reports.audit import sealing
from django_reports.audit.log import Origin
from django_reports.checks.report_permissions import check_powers, check_tenants
from django_reports.exceptions import QuotaExceeded, ReportDenied
from django_reports.jobs import lifecycle
from django_reports.jobs.runners.local import drain
from django_reports.models import AuditEntry, GroupReportPermission, ReportJob
from tests.conftest import VIEW, make_orders
from tests.entry_points.helpers import (
    EXPORT,
    actions,
    browse,
    chosen,
    deliver,
    enqueue,
    entries,
    job_url,
    lines_of,
    make,
)

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "replica"])

ROWS = [f"A{n:05}" for n in range(1, 21)]


class PrimaryReplicaRouter:
    def db_for_read(self, model, **hints):
        return "replica"

    def db_for_write(self, model, **hints):
        return "default"

    def allow_relation(self, one, other, **hints):
        return True


@pytest.fixture
def mia(make_person):
    """May export thirty rows a day."""
    return make_person("mia", *VIEW, report="*", max_rows_per_day=30)


@pytest.fixture(autouse=True)
def replica(alice, mia, settings, configure):
    make_orders(20)
    configure(STREAM_MAX_ROWS=5)
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    replica = connections["replica"]
    with transaction.atomic(using="replica"), replica.cursor() as cursor:
        if replica.vendor != "sqlite":
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SELECT COUNT(*) FROM shop_order")  # from here on it sees this state
        settings.DATABASE_ROUTERS = [PrimaryReplicaRouter()]
        yield


MODELS = list(apps.get_app_config("django_reports").get_models())


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_model_is_read_where_it_is_written(model):
    for manager in (model._default_manager, model._base_manager):
        assert manager.all().filter(pk=None).db == "default"
        assert manager.using("replica").db == "replica"
        assert manager.db_manager("replica").all().db == "replica"


def test_the_replica_of_these_tests_lags(alice):
    job = enqueue(alice)
    assert User.objects.all().db == "replica"
    assert ReportJob.objects.get() == job
    assert not ReportJob.objects.using("replica").exists()
    with pytest.raises(ReportJob.DoesNotExist):
        job.refresh_from_db(using="replica")


def test_from_the_page_to_the_file(alice):
    client = browse(alice)
    answer = client.post(EXPORT, chosen(columns=["number"]))
    job = ReportJob.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, job_url(job))
    assert (job.status, job.rows_done) == ("succeeded", 20)
    assert client.get(job_url(job)).status_code == 200
    assert lines_of(client.get(job_url(job, "download"))) == ["number", *ROWS[::-1]]
    assert actions(job) == ["requested", "started", "finished", "downloaded"]


def test_the_end_is_recorded_with_what_was_made(alice, capsys):
    job = make(alice)
    finished = entries(job).get(action="finished").data
    assert (finished["sha256"], finished["rows"]) == (job.sha256, 20)
    assert finished["file_key"] == job.file_key != ""
    b"".join(deliver(alice, "shop.numbers", parameters={"rows": ["3"]}))
    sealing.seal()
    capsys.readouterr()
    call_command("verify_reports")
    assert "files=1" in capsys.readouterr().out


def test_an_export_at_once_is_recorded_with_what_was_sent(alice, configure):
    configure(STREAM_MAX_ROWS=100)
    b"".join(deliver(alice))
    job = ReportJob.objects.get()
    finished = entries(job).get(action="finished").data
    assert (finished["sha256"], finished["rows"]) == (job.sha256, 20)


def test_a_job_is_run_once(alice, configure):
    configure(RUNNER="local")
    job = enqueue(alice)
    assert drain() == 1
    job.refresh_from_db()
    assert (job.status, job.attempt) == ("succeeded", 1)


def test_a_job_is_canceled(alice, configure):
    configure(RUNNER="local")
    job = enqueue(alice)
    assert lifecycle.cancel(job, Origin(user=alice))
    job.refresh_from_db()
    assert (job.status, job.cancel_requested_by_id) == ("canceled", alice.pk)


def test_the_same_is_made_once(alice, configure):
    configure(RUNNER="local")
    first, second = (browse(alice).post(EXPORT, chosen()) for _ in range(2))
    assert first["Location"] == second["Location"] == job_url(ReportJob.objects.get())


def test_quotas_count_what_was_made(mia):
    make(mia)
    with pytest.raises(QuotaExceeded):
        make(mia)


def test_a_grant_counts_as_long_as_it_is_there(alice):
    group = alice.groups.get()
    group.report_permissions.update(can_export=False)
    assert not group.report_permissions.get().can_export
    with pytest.raises(ReportDenied):
        enqueue(alice)
    GroupReportPermission.objects.all().delete()
    with pytest.raises(ReportDenied):
        enqueue(alice)
    changes = AuditEntry.objects.filter(action="report_permission_changed").order_by("id")
    changed = [entry.data for entry in changes][2:]  # without those of the fixtures
    assert (changed[0]["before"]["can_export"], changed[0]["after"]["can_export"]) == (
        True,
        False,
    )
    assert len(changed) == 3


def test_a_membership_of_new_people_is_recorded():
    group = Group.objects.create(name="new")
    zoe = User.objects.create_user("zoe")
    group.user_set.add(zoe)
    group.user_set.clear()
    entries = AuditEntry.objects.filter(action="permission_changed").order_by("-id")[:2]
    assert [entry.data["name"] for entry in entries] == ["zoe", "zoe"]
    assert [entry.data["changes"]["groups"] for entry in entries] == [
        {"added": [], "removed": ["new"]},
        {"added": ["new"], "removed": []},
    ]


def test_checks_ask_the_database_of_the_grants():
    GroupReportPermission.objects.filter(max_rows=None).update(visibility="tenant")
    assert [found.id for found in check_tenants(databases=["default"])] == [
        "django_reports.E022"
    ] * 2
    assert check_tenants(databases=["replica"]) == []
    mighty = Group.objects.create(name="mighty")
    mighty.permissions.add(Permission.objects.get(codename="change_group"))
    (found,) = check_powers(databases=["default"])
    assert "The members of 'mighty'" in found.msg
