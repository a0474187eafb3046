"""The value of a secret parameter is told to nobody but whoever typed it."""

import json
import logging

import pytest
from django import forms
from django.core import mail
from django.core.exceptions import PermissionDenied, ValidationError

from django_reports import ModelReport
from django_reports.audit import signing
from django_reports.exceptions import InvalidParameters, ReportDenied
from django_reports.models import AuditEntry, ReportJob
from tests.conftest import VIEW
from tests.entry_points.helpers import browse, put, run, text_of
from tests.entry_points.staff import Program, page_of, pressed
from tests.shop.models import Order

pytestmark = pytest.mark.django_db

GUARDED = "/reports/shop.guarded/"
SECRET = "tok-4711x"
TOKENS = [("", "-"), (SECRET, "t")]


class Codes(forms.Form):
    """`token` looks like a secret, `code` is typed into a password field; `pair` is made of two."""

    token = forms.ChoiceField(choices=[*TOKENS, ("7", "seven")], required=False)
    tokens = forms.MultipleChoiceField(choices=TOKENS, required=False)
    code = forms.TypedChoiceField(choices=TOKENS, widget=forms.PasswordInput, required=False)
    pin_token = forms.IntegerField(required=False)
    day_token = forms.DateField(widget=forms.SelectDateWidget, required=False)
    region = forms.CharField(required=False)


@pytest.fixture
def guarded(declare, make_person, configure):
    """A report that takes secrets, whoever may export it, and who sees that person's exports."""

    @declare
    class Guarded(ModelReport):
        identifier = "shop.guarded"
        model = Order
        columns = ("id", "number")
        parameters = Codes

        def filter_queryset(self, queryset, context):
            return queryset

    Guarded.ann = make_person("ann", *VIEW, report="*", visibility="all")
    Guarded.ben = make_person("ben", *VIEW, report="*", visibility="all")
    return Guarded


@pytest.fixture(autouse=True)
def lines(caplog):
    caplog.set_level(logging.DEBUG)
    return caplog


def asked(report, **parameters):
    return Program(report.ann).post(GUARDED, {"parameters": parameters})


def assert_told_nowhere(report, lines, answer):
    """Neither to a program nor to a colleague, in the log, a mail or the audit log."""
    told = [answer.text, lines.text]
    told += [json.dumps(entry.data) for entry in AuditEntry.objects.all()]
    for job in ReportJob.objects.all():
        told.append(job.error)
        colleague = Program(report.ben)
        told += [colleague.get(page_of(job, name)).text for name in ("", "status", "manifest")]
        told.append(text_of(browse(report.ben).get(page_of(job))))
    told += [f"{message.subject} {message.body}" for message in mail.outbox]
    for text in told:
        plain = text.casefold().replace("-", "").replace(",", "")
        assert ("tok4711x" in plain, "4711" in plain) == (False, False), text


GIVEN = {
    "a choice": {"token": SECRET},
    "several choices": {"tokens": [SECRET]},
    "a password": {"code": SECRET},
}


@pytest.mark.parametrize("given", GIVEN)
def test_a_choice_that_is_gone_when_its_job_runs(guarded, orders, monkeypatch, lines, given):
    answer = asked(guarded, **GIVEN[given])
    job = ReportJob.objects.get()
    put(job, wants_email=True)
    (name,) = GIVEN[given]
    monkeypatch.setattr(Codes.base_fields[name], "choices", [("", "-")])
    ended = run(job)
    assert (ended.status, f"{name}: It cannot be used." in ended.error) == ("failed", True)
    assert_told_nowhere(guarded, lines, answer)


WRONG = {
    "a choice": {"token": "tok-4711x "},
    "of another type": {"pin_token": ["tok-4711x"]},
    "no number": {"pin_token": "tok-4711x"},
    "no date": {"day_token_year": "4711", "day_token_month": "13", "day_token_day": "4711"},
    "an object": {"code": {"a": "tok-4711x"}},
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_a_program_may_not_send(guarded, lines, wrong):
    answer = asked(guarded, **WRONG[wrong])
    assert answer.status_code == 422
    assert_told_nowhere(guarded, lines, answer)


def test_parameters_that_are_no_object(guarded, lines):
    answer = Program(guarded.ann).post(GUARDED, {"parameters": [["token", SECRET]]})
    assert answer.status_code == 422
    assert_told_nowhere(guarded, lines, answer)


def wrong_together(self):
    raise ValidationError("bad %(token)s", params={"token": self.cleaned_data["token"]})


def wrong_elsewhere(self):
    self.add_error("region", f"not for {self.cleaned_data['token'].upper()!r}")


@pytest.mark.parametrize("clean", [wrong_together, wrong_elsewhere])
def test_what_a_form_says_of_all(guarded, monkeypatch, lines, clean):
    monkeypatch.setattr(Codes, "clean", clean)
    answer = asked(guarded, token=SECRET, region="n")
    assert answer.status_code == 422
    assert_told_nowhere(guarded, lines, answer)
    page = text_of(pressed(guarded.ann, GUARDED, **{"parameter-token": SECRET}))
    assert "bad tok-4711x" in page or "not for &#x27;TOK-4711X&#x27;" in page


RAISED = [
    PermissionDenied(f"not with {SECRET}"),
    ReportDenied(f"not with {SECRET}"),
    InvalidParameters({"region": [f"not with {SECRET}"]}),
]


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
def test_what_a_report_says(guarded, orders, monkeypatch, lines, error):
    def refuse(self, queryset, context):
        raise error

    answer = asked(guarded, token=SECRET)
    monkeypatch.setattr(guarded, "filter_queryset", refuse)
    ended = run(ReportJob.objects.get())
    assert (ended.status, "a secret value was given" in ended.error) == ("failed", True)
    assert asked(guarded, token=SECRET).status_code in (403, 422)
    assert_told_nowhere(guarded, lines, answer)


def test_a_value_that_a_report_refuses(guarded, orders, monkeypatch):
    """Python's traceback in the server's log has what the report has put into its error."""

    def refuse(self, queryset, context):
        raise ValidationError({"token": [f"not {SECRET}"]})

    answer = asked(guarded, token=SECRET)
    monkeypatch.setattr(guarded, "filter_queryset", refuse)
    run(ReportJob.objects.get())
    assert_told_nowhere(guarded, logging.makeLogRecord({"text": ""}), answer)


@pytest.mark.parametrize(
    ("said", "is_told"),
    [("Take 17 of them.", True), ("It is “7”.", False), ("Not 7!", False), ("At least 70.", True)],
)
def test_a_short_value_is_told_by_a_word_of_its_own(guarded, monkeypatch, said, is_told):
    monkeypatch.setattr(Codes, "clean", lambda self: self.add_error("region", said))
    answer = asked(guarded, token="7", region="n")
    assert (said in answer.json()["detail"]) == is_told


def test_who_typed_it_is_shown_what_django_says(guarded):
    page = text_of(pressed(guarded.ann, GUARDED, **{"parameter-token": "gone"}))
    assert "Select a valid choice. gone is not one of the available choices." in page


def test_without_a_secret_all_is_told(guarded):
    errors = asked(guarded, token="", region=["a"]).json()["errors"]
    assert "['a']" in errors["parameters.region"][0]


def raw(job):
    """The row as the database has it."""
    return json.dumps(list(ReportJob.objects.filter(pk=job.pk).values("spec")))


def succeeded(report):
    asked(report, token=SECRET, region="n")
    return run(ReportJob.objects.get())


def failed(report):
    asked(report, token=SECRET, region="n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "filter_queryset", lambda self, queryset, context: 1 / 0)
        return run(ReportJob.objects.get())


def canceled(report):
    asked(report, token=SECRET, region="n")
    job = ReportJob.objects.get()
    assert SECRET in raw(job)  # it has to run with it
    browse(report.ann).post(page_of(job, "cancel"))
    job.refresh_from_db()
    return job


def sent(report):
    fields = {"parameter-token": SECRET, "parameter-region": "n"}
    b"".join(pressed(report.ann, GUARDED, columns=["id"], **fields).streaming_content)
    return ReportJob.objects.get()


@pytest.mark.parametrize("end", [succeeded, failed, canceled, sent])
def test_of_a_job_that_has_ended_no_secret_is_left(guarded, orders, end):
    job = end(guarded)
    assert SECRET not in raw(job)
    assert job.spec["parameters"] == {"token": ["•••"], "region": ["n"]}
    assert signing.is_file_of(job) or signing.is_request_of(job)
    program = Program(guarded.ann)
    if job.sha256:
        assert program.get(page_of(job, "manifest")).json()["sha256"] == job.sha256
    if job.has_file:
        assert program.get(page_of(job, "download")).status_code == 200
    again = program.post(page_of(job, "rerun"))
    assert (again.status_code, "not kept" in again.text) == (403, True)
    form = text_of(browse(guarded.ann).get(f"{GUARDED}?from={job.pk}"))
    assert ('value="n"' in form, f'value="{SECRET}" selected' in form) == (True, False)


def test_a_row_that_was_changed_is_not_signed_for_that(guarded, orders):
    asked(guarded, token=SECRET)
    job = put(ReportJob.objects.get(), filename="x.hta")
    assert run(job).status == "failed"
    assert SECRET not in raw(job)
    assert not signing.is_request_of(job)


def test_an_idempotency_key_still_gives_the_job(guarded, orders):
    def post(**parameters):
        return Program(guarded.ann).post(GUARDED, {"parameters": parameters}, idempotency_key="key")

    first = post(token=SECRET, region="n").json()["id"]
    assert post(token="7", region="n").status_code == 422
    run(ReportJob.objects.get())
    assert post(token=SECRET, region="n").json()["id"] == first
    assert post(token=SECRET, region="s").status_code == 422
    assert ReportJob.objects.count() == 1
