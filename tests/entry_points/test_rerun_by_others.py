"""What was captured of a person's request, and their secrets, run in nobody else's name."""

import pytest
from django import forms
from django.contrib import admin

from django_reports import ModelReport
from django_reports.definitions.registry import registry
from django_reports.jobs.manifests import manifest_of
from django_reports.models import AuditEntry, ReportJob
from tests.conftest import VIEW
from tests.entry_points.helpers import browse, chosen, enqueue, put, run, sign, text_of
from tests.entry_points.staff import page_of
from tests.entry_points.test_admin_replay import OWN_EXPORT
from tests.sheets import opened
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
    return [make_person(name, *VIEW, report="*", visibility="all") for name in TENANTS]


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
    sign(put(job, requested_by=ben, requester_key=str(ben.pk)))
    ended = run(job)
    assert (ended.status, ended.file_key) == ("failed", "")
    assert "another person" in ended.error


class Several(forms.MultiValueField):
    """A name and a PIN, in two widgets, one of which is several itself."""

    def __init__(self, **options):
        fields = [forms.CharField(required=False), forms.CharField(required=False)]
        pins = forms.MultiWidget({"a": forms.PasswordInput, "b": forms.TextInput})
        widget = forms.MultiWidget([forms.TextInput, pins])
        super().__init__(fields=fields, widget=widget, require_all_fields=False, **options)

    def compress(self, values):
        return " ".join(str(value) for value in values)


class Login(forms.Form):
    api_token = forms.CharField(required=False)
    password = forms.CharField(widget=forms.PasswordInput, required=False)
    region = forms.CharField(required=False)
    pin = forms.CharField(required=False)
    several = Several(required=False)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.data.get("region") != "open":
            self.fields["pin"].widget = forms.PasswordInput()


SECRETS = [
    {"api_token": ["swordfish"]},
    {"password": ["marlin"], "region": ["n"]},
    {"pin": ["swordfish"]},
    {"several_0": ["name"], "several_1_a": ["marlin"]},
]


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
    job = enqueue(ann, "shop.guarded", parameters=secret, format="xlsx")
    job = run(job)
    for told in (AuditEntry.objects.get(action="requested").data["spec"], manifest_of(job)):
        shown = [value for (value,) in told["parameters"].values()]
        assert {"swordfish", "marlin"}.isdisjoint(shown)
        assert set(shown) <= {"•••", "n", "name"}
    file = opened(b"".join(browse(ann).get(page_of(job, "download")).streaming_content))
    words = {str(cell.value) for row in file["About"] for cell in row}
    assert "•••" in words
    assert not any(word in text for word in ("swordfish", "marlin") for text in words)
    answer = browse(ben).post(page_of(job, "rerun"))
    assert answer.status_code == 403
    assert "secret parameter of the person who asked for it" in text_of(answer)
    assert AuditEntry.objects.first().action == "denied"
    assert ReportJob.objects.count() == 1
    page = text_of(browse(ben).get(f"/reports/shop.guarded/?from={job.pk}"))
    assert "swordfish" not in page
    assert "marlin" not in page
    answer = browse(ann).post(page_of(job, "rerun"))
    assert (answer.status_code, "which is not kept" in text_of(answer)) == (403, True)


def test_parameters_that_are_no_secret_run_again(guarded, orders):
    ann, ben = guarded
    job = enqueue(ann, "shop.guarded", parameters={"region": ["open"], "api_token": [""]})
    run(job)
    assert browse(ben).post(page_of(job, "rerun")).status_code == 302


def test_form_that_is_made_as_it_was_sent_says_what_is_secret(guarded, orders):
    enqueue(guarded[0], "shop.guarded", parameters={"region": ["open"], "pin": ["1"]})
    told = AuditEntry.objects.get(action="requested").data["spec"]["parameters"]
    assert told == {"region": ["open"], "pin": ["1"]}


@pytest.mark.parametrize("change", ["gone", "broken"])
def test_of_a_form_that_cannot_be_asked_nothing_is_shown(guarded, orders, monkeypatch, change):
    job = enqueue(guarded[0], "shop.guarded", parameters={"region": ["open"]})
    if change == "gone":
        monkeypatch.setattr(registry.get("shop.guarded"), "parameters", None)
    else:
        monkeypatch.setattr(Login, "__init__", lambda *args, **kwargs: Order.objects.get(pk="x"))
    assert manifest_of(job)["parameters"] == {"region": ["•••"]}
