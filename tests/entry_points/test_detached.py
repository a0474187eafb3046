"""Rows that depend on what a middleware keeps beside the request are not left to a worker."""

import contextvars
import threading

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection

from django_reports import ModelReport
from django_reports.exceptions import SelectionNotReplayable
from django_reports.jobs import dispatch
from django_reports.jobs.detached import detached
from django_reports.models import ReportJob
from tests.entry_points.helpers import asking, browse, chosen, lines_of, run, spec_of, text_of
from tests.shop.models import Order

pytestmark = pytest.mark.django_db

OWN_EXPORT = "/own/shop/order/export-report/"

of_context = contextvars.ContextVar("tenant", default=None)
of_thread = threading.local()


def set_tenant(get_response):
    """What a project's middleware does."""

    def middleware(request):
        of_thread.tenant = "n"
        token = of_context.set("n")
        request.user.tenant = "n"
        try:
            return get_response(request)
        finally:
            of_context.reset(token)
            del of_thread.tenant

    return middleware


def by_context(rows, user):
    tenant = of_context.get()
    return rows if tenant is None else rows.filter(region=tenant)


def by_thread(rows, user):
    tenant = getattr(of_thread, "tenant", None)
    return rows if tenant is None else rows.filter(region=tenant)


def by_user(rows, user):
    tenant = getattr(user, "tenant", None)
    return rows if tenant is None else rows.filter(region=tenant)


def only_with_thread(rows, user):
    return rows.filter(region=of_thread.tenant)


WAYS = [by_context, by_thread, by_user, only_with_thread]


@pytest.fixture
def tenants(settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.set_tenant"]


@pytest.mark.parametrize("narrow", WAYS)
def test_list_is_exported_at_once_and_not_left_to_a_worker(
    alice, orders, own_orders, tenants, configure, narrow
):
    def get_queryset(self, request):
        return narrow(admin.ModelAdmin.get_queryset(self, request), request.user)

    own_orders(get_queryset=get_queryset)
    client = browse(alice)
    assert len(lines_of(client.post(OWN_EXPORT, chosen()))) == 11
    configure(STREAM_MAX_ROWS=5)
    response = client.post(OWN_EXPORT, chosen())
    assert response.status_code == 400
    assert "cannot be made in the background" in text_of(response)
    assert not ReportJob.objects.filter(execution="background").exists()


@pytest.mark.parametrize("narrow", WAYS)
def test_declared_report_is_not_left_to_a_worker(alice, orders, tenants, declare, narrow):
    class OfTenant(ModelReport):
        identifier = "shop.of_tenant"
        model = Order
        columns = ["number"]
        execution = "background"

        def get_queryset(self, context):
            return narrow(super().get_queryset(context), context.user)

    declare(OfTenant)
    response = browse(alice).post("/reports/shop.of_tenant/", chosen(columns=["number"]))
    assert response.status_code == 400, response.status_code
    assert "cannot be made in the background" in text_of(response)
    assert not ReportJob.objects.exists()


def test_finished_export_is_not_run_again_with_other_rows(alice, orders, declare):
    class OfTenant(ModelReport):
        identifier = "shop.of_tenant"
        model = Order
        columns = ["number"]

        def get_queryset(self, context):
            return by_context(super().get_queryset(context), context.user)

    declare(OfTenant)
    job = run(dispatch.enqueue(spec_of("shop.of_tenant"), *asking(alice)))
    assert (job.status, job.rows_done) == ("succeeded", 20)
    token = of_context.set("n")
    try:
        with pytest.raises(SelectionNotReplayable):
            dispatch.rerun(job, *asking(alice))
    finally:
        of_context.reset(token)


def test_work_elsewhere_uses_the_same_connection(alice):
    """Else it would not see what the caller's transaction has written."""
    assert detached(lambda: User.objects.filter(pk=alice.pk).exists())
    here = connection.connection
    assert detached(lambda: connection.connection) is here
    connection.ensure_connection()  # the lender goes on with it
    with pytest.raises(ZeroDivisionError):
        detached(lambda: 1 // 0)
