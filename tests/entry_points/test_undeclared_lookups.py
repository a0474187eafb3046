"""A list's address may filter by any field. Nobody learns a column by it that they may not see."""

import pytest
from django import forms
from django.contrib import admin

from django_reports import Column, ModelReport
from django_reports.checks.reports import check_report
from django_reports.models import AuditEntry, ReportJob
from tests.conftest import VIEW, give
from tests.entry_points.helpers import browse, chosen, run, text_of, ticked
from tests.entry_points.test_admin_replay import OWN_EXPORT, OWN_LIST
from tests.shop.models import Order

pytestmark = pytest.mark.django_db


class Guarded(ModelReport):
    identifier = "shop.guarded"
    model = Order
    columns = (
        "id",
        "number",
        "region",
        "is_paid",
        Column("cost", permission="shop.view_cost", mask="null"),
        Column("customer__email", permission="shop.view_customer_email", mask="partial"),
    )


@pytest.fixture
def a_list(own_orders):
    return own_orders(
        reports=[Guarded],
        list_display=["number", "is_paid"],
        list_filter=[
            "is_paid",
            ("customer__name", admin.AllValuesFieldListFilter),
            ("note", admin.EmptyFieldListFilter),
        ],
        search_fields=["^total", "=customer__api_token", "note__endswith"],
        date_hierarchy="placed_at",
        # Django's own takes every field of the model; a project's may take relations as well.
        lookup_allowed=lambda self, lookup, value, request=None: True,
    )


@pytest.fixture
def olga(make_person):
    return make_person("olga", *VIEW, "shop.view_customer_email", "shop.view_cost",
                       report="*", visibility="all")  # fmt: skip


HIDDEN = [
    "cost__gt=5",
    "is_paid__exact=1&cost__in=1,2,3",
    "customer__email__startswith=a",
    "customer__email=x",
    "customer__id__exact=1",
    "customer=1",
    "number__gt=1&customer__id__gt=0",
    "customer__name__startswith=C&customer_id__gt=1",
    "id__gt=0&customer__email__contains=a",
    # A filter or a search of the field declares what it asks of it, and nothing else.
    "note__startswith=a",
    "note=a",
    "note__isempty=0&note__regex=a",
    "customer__name__startswith=A",
    "customer__name__gte=A",
    "total__gte=0",
    "customer__api_token__startswith=t",
    "extra__a__gt=0",
]


@pytest.mark.parametrize("query", HIDDEN)
def test_export_by_a_field_that_is_not_seen_is_denied(alice, orders, a_list, query):
    client = browse(alice)
    for answer in (
        client.get(f"{OWN_EXPORT}?{query}"),
        client.post(f"{OWN_EXPORT}?{query}", chosen()),
        client.post(f"{OWN_LIST}?{query}", ticked(orders[:1])),
    ):
        assert answer.status_code == 403
        assert "its address filters by" in text_of(answer)
        assert AuditEntry.objects.first().action == "denied"
    assert not ReportJob.objects.exists()


DECLARED = [
    "",
    "number__startswith=1",
    "region=n",
    "is_paid__exact=1",
    "note__isempty=0",
    "customer__name=Ann",
    "customer__name__in=Ann,Bob",
    "customer__name__isnull=False",
    "customer__api_token=t0ken",
    "total__istartswith=1",
    "note__endswith=a",
    "placed_at__year=2026",
    "placed_at__month=3",
    "placed_at__date__gt=2020-01-01",
    "placed_at__year=2026&placed_at__month=2&placed_at__day=3",
    "placed_at__gte=2026-01-01T00:00Z&placed_at__lt=2026-02-01T00:00Z",
    "q=1",
    "o=1",
]


@pytest.mark.parametrize("query", DECLARED)
def test_export_by_what_is_declared_or_seen_is_made(alice, orders, a_list, query):
    answer = browse(alice).post(f"{OWN_EXPORT}?{query}", chosen())
    assert answer.status_code == 200, text_of(answer)


def test_whoever_sees_the_column_filters_by_it(olga, orders, a_list):
    answer = browse(olga).post(f"{OWN_EXPORT}?customer__email__contains=x", chosen())
    assert answer.status_code == 200, text_of(answer)


def test_not_even_by_running_again_what_somebody_chose_who_sees_it(
    olga, alice, make_person, orders, a_list, configure
):
    configure(STREAM_MAX_ROWS=0)
    browse(olga).post(f"{OWN_EXPORT}?customer__email__contains=e", chosen())
    job = run(ReportJob.objects.get())
    assert job.status == "succeeded", job.error
    nosy = make_person("nosy", *VIEW, report="*", visibility="all")
    answer = browse(nosy).post(f"/own/django_reports/reportjob/{job.pk}/rerun/")
    assert answer.status_code == 403
    assert ReportJob.objects.count() == 1


def test_not_in_a_worker_either(olga, orders, a_list, configure):
    configure(STREAM_MAX_ROWS=0)
    browse(olga).post(f"{OWN_EXPORT}?customer__email__contains=e", chosen())
    olga.user_permissions.clear()
    give(olga, *VIEW)
    job = run(ReportJob.objects.get())
    assert (job.status, job.file_key) == ("failed", "")
    assert "its address filters by customer__email__contains" in job.error


def test_parameter_on_a_protected_column_is_a_warning():
    class Choice(forms.Form):
        cost = forms.DecimalField(required=False)
        customer__email = forms.CharField(required=False)
        region = forms.CharField(required=False)

    class WithParameters(Guarded):
        identifier = "shop.with_parameters"
        parameters = Choice

    found = [message for message in check_report(WithParameters()) if message.id.endswith("W062")]
    assert [message.msg.split("'")[1] for message in found] == ["cost", "customer__email"]
