"""What was captured of a person's request, and their secrets, run in nobody else's name."""

import pytest
from django import forms
from django.contrib import admin

from django_reports import ModelReport
from django_reports.models import AuditEntry, ReportJob
from tests.conftest import VIEW
from tests.doors.helpers import browse, chosen, enqueue, put, run, text_of
from tests.doors.staff import page_of
from tests.doors.test_admin_replay import OWN_EXPORT
from tests.shop.models import Order

pytestmark = pytest.mark.django_db

TENANTS = {"ann": "n", "ben": "s"}


def set_tenant_of_person(get_response):
    def middleware(request):
        request.tenant = TENANTS[request.user.get_username()]
        return get_response(request)

    return middleware


class OfTenant:
    def get_queryset(self, request):
        return admin.ModelAdmin.get_queryset(self, request).filter(region=request.tenant)

    def capture_request(self, request):
        return {"tenant": request.tenant}

    def restore_request(self, request, state):
        request.tenant = state["tenant"]


@pytest.fixture
def people(make_person):
    """Two in one group, of different tenants, who see each other's exports."""
    return [make_person(name, *VIEW, report="*", others="all") for name in TENANTS]


@pytest.fixture
def exported(people, orders, own_orders, settings, configure):
    """A job of Ann's, of her tenant's orders."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.set_tenant_of_person"]
    own_orders(**{name: value for name, value in vars(OfTenant).items() if "__" not in name})
    configure(STREAM_MAX_ROWS=1)
    ann, _ben = people
    assert browse(ann).post(OWN_EXPORT, chosen()).status_code == 302
    return run(ReportJob.objects.get())


def own_page(job, action=""):
    return f"/own/django_reports/reportjob/{job.pk}/{action}"


def test_owner_runs_it_again(exported, people):
    assert browse(people[0]).post(own_page(exported, "rerun/")).status_code == 302
    again = run(ReportJob.objects.exclude(pk=exported.pk).get())
    assert (again.status, again.rows_done) == ("succeeded", exported.rows_done)


def test_another_tenant_does_not_run_it_again(exported, people):
    answer = browse(people[1]).post(own_page(exported, "rerun/"))
    assert answer.status_code == 400
    assert "it was another person who chose these rows" in text_of(answer)
    assert ReportJob.objects.count() == 1


def test_another_tenant_exports_own_rows_from_the_list(exported, people):
    rows = Order.objects.filter(region="s").count()
    browse(people[1]).post(OWN_EXPORT, chosen())
    job = run(ReportJob.objects.exclude(pk=exported.pk).get())
    assert (job.status, job.rows_done) == ("succeeded", rows)


def test_page_of_the_export_stays_up_for_others(exported, people):
    page = browse(people[1]).get(own_page(exported, "change/"))
    assert page.status_code == 200


def test_job_whose_person_was_exchanged_gets_no_rows(exported, people):
    ann, ben = people
    browse(ann).post(f"{OWN_EXPORT}?o=1", chosen())
    job = ReportJob.objects.exclude(pk=exported.pk).get()
    put(job, requested_by=ben, requester_key=str(ben.pk))
    ended = run(job)
    assert (ended.status, ended.file_key) == ("failed", "")
    assert "another person" in ended.error


class Login(forms.Form):
    api_token = forms.CharField(required=False)
    password = forms.CharField(widget=forms.PasswordInput, required=False)
    region = forms.CharField(required=False)


SECRETS = [{"api_token": ["swordfish"]}, {"password": ["marlin"], "region": ["n"]}]


@pytest.fixture
def guarded(declare, people):
    """A report that takes secrets."""

    @declare
    class Guarded(ModelReport):
        identifier = "shop.guarded"
        model = Order
        columns = ("id", "number")
        parameters = Login

    return people


@pytest.mark.parametrize("secret", SECRETS)
def test_secret_parameters_of_others_do_not_run_again(guarded, orders, secret):
    ann, ben = guarded
    job = enqueue(ann, "shop.guarded", parameters=secret)
    run(job)
    answer = browse(ben).post(page_of(job, "rerun"))
    assert answer.status_code == 403
    assert "secret parameter of the person who asked for it" in text_of(answer)
    assert AuditEntry.objects.first().action == "denied"
    assert ReportJob.objects.count() == 1
    page = text_of(browse(ben).get(f"/reports/shop.guarded/?from={job.pk}"))
    assert "swordfish" not in page
    assert "marlin" not in page
    assert browse(ann).post(page_of(job, "rerun")).status_code == 302


def test_parameters_that_are_no_secret_run_again(guarded, orders):
    ann, ben = guarded
    job = enqueue(ann, "shop.guarded", parameters={"region": ["n"], "api_token": [""]})
    run(job)
    assert browse(ben).post(page_of(job, "rerun")).status_code == 302
