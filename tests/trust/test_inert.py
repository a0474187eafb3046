"""What comes from outside stays data in the log: no secret in it, no line or markup out of it."""

import json

import pytest
from django import forms
from django.contrib.auth.models import User

from django_reports import Report
from django_reports.audit import log
from django_reports.audit.log import Origin
from django_reports.core.choices import AuditAction
from django_reports.exports import file_metadata
from django_reports.jobs import dispatch
from django_reports.jobs.file_verification import verify
from django_reports.models import AuditEntry, ReportJob
from tests.entry_points.helpers import EXPORT, asking, browse, enqueue, make, run, spec_of, text_of

pytestmark = pytest.mark.django_db

BREAK = "\r\n2026-01-01 action=finished actor='root'"
MARKUP = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'


@pytest.fixture
def remote(declare):
    """A report that needs a password to read from somewhere."""

    class Credentials(forms.Form):
        host = forms.CharField()
        pin = forms.CharField(widget=forms.PasswordInput)
        api_key = forms.CharField()

    @declare
    class Remote(Report):
        identifier = "shop.remote"
        permission = "shop.view_order"
        columns = ["host"]
        parameters = Credentials

        def rows(self, context):
            assert context.parameters["pin"] == "1234"
            yield {"host": context.parameters["host"]}

    return {"host": ["a.example"], "pin": ["1234"], "api_key": ["k-1"]}


def test_secret_parameters_do_not_get_into_the_log(alice, remote):
    job = run(enqueue(alice, "shop.remote", parameters=remote))
    assert job.status == "succeeded"
    dispatch.preview(spec_of("shop.remote", parameters=remote), *asking(alice), rows=1)
    told = AuditEntry.objects.filter(action__in=("requested", "previewed"))
    hidden = {"host": ["a.example"], "pin": ["•••"], "api_key": ["•••"]}
    assert [entry.data["spec"]["parameters"] for entry in told] == [hidden] * 2
    everything = json.dumps([entry.data for entry in AuditEntry.objects.all()])
    assert "1234" not in everything
    assert "k-1" not in everything


def test_secret_filters_of_a_list_do_not_get_into_the_log():
    selection = {"kind": "changelist", "query": "region=n&customer__token__exact=t-1"}
    spec = {"parameters": {}, "selection": selection}
    found = file_metadata.without_secrets(spec, Report())["selection"]["query"]
    assert found == "region=n&customer__token__exact=%E2%80%A2%E2%80%A2%E2%80%A2"
    plain = {"parameters": {}, "selection": {"kind": "changelist", "query": "q=a+b%20c"}}
    assert file_metadata.without_secrets(plain, Report())["selection"] == plain["selection"]


@pytest.fixture
def mallory(carol):
    """A person whose name is an attack, and who is refused."""
    User.objects.filter(pk=carol.pk).update(username=f"c{BREAK}{MARKUP}"[:150])
    carol.refresh_from_db()
    return carol


def test_every_log_line_is_one_line(mallory, alice, orders, configure, caplog):
    configure(REQUEST_ID_HEADER="X-Request-ID", TRUSTED_PROXIES=1)
    headers = {"user-agent": f"curl{BREAK}", "x-request-id": f"r{BREAK}",
               "x-forwarded-for": f"1.2.3.4{BREAK}"}  # fmt: skip
    User.objects.filter(pk=alice.pk).update(username=f"alice{BREAK}")
    alice.refresh_from_db()
    caplog.set_level("DEBUG", "django_reports")
    browse(mallory).get(EXPORT, headers=headers)
    browse(mallory).get(f"/reports/no{BREAK}/".replace("\r\n", "%0d%0a"), headers=headers)
    client = browse(alice)
    client.post(EXPORT, {"_export": "1", "_across": "1", "format": f"csv{BREAK}"}, headers=headers)
    make(alice)
    lines = [record.getMessage() for record in caplog.records
             if record.name.startswith("django_reports")]  # fmt: skip
    assert len(lines) >= 4
    assert [line for line in lines if len(line.splitlines()) > 1] == []


def test_every_page_shows_them_as_text(mallory, root, orders):
    log.record(
        AuditAction.DENIED,
        origin=Origin(user=mallory, user_agent=MARKUP, request_id=MARKUP),
        report=MARKUP,
        reason=MARKUP,
    )
    entry = AuditEntry.objects.first()
    User.objects.filter(pk=root.pk).update(username=MARKUP)
    root.refresh_from_db()
    job = make(root)
    client = browse(root)
    for page in (
        "/admin/django_reports/auditentry/",
        f"/admin/django_reports/auditentry/{entry.pk}/change/",
        "/admin/django_reports/reportjob/",
        f"/admin/django_reports/reportjob/{job.pk}/change/",
        "/reports/jobs/",
        f"/reports/jobs/{job.pk}/",
    ):
        text = text_of(client.get(page))
        assert "<script>alert(1)" not in text, page
        assert "<img src=x" not in text, page


def test_what_no_database_can_store_does_not_stop_the_entry():
    log.record(
        AuditAction.DENIED,
        origin=Origin(user_agent="a\0b\udc80", request_id="r\0"),
        report="r\0",
        reason=["x\0", {"y\0": 1.0, "z": 1e22}],
        share=0.1,
    )
    entry = AuditEntry.objects.get()
    assert (entry.user_agent, entry.report) == ("a�b?", "r�")
    assert entry.data["share"] == 0.1
    assert verify().wrong == ""


def test_without_its_entry_nothing_is_made(alice, orders, monkeypatch):
    def broken(*args, **kwargs):
        raise OSError("no key")

    monkeypatch.setattr("django_reports.audit.signing.sign", broken)
    with pytest.raises(OSError, match="no key"):
        dispatch.enqueue(spec_of("shop.orders"), *asking(alice))
    assert not ReportJob.objects.exists()
