"""Lists that depend on more than their URL, lists of several reports, sites of one's own."""

import datetime as dt
import json

import pytest
from django.contrib import admin
from django.utils import timezone

from django_reports import Column, ModelReport
from django_reports.admin.changelists import ReplayedRequest
from django_reports.models import ReportJob
from tests.entry_points.helpers import EXPORT, LIST, browse, chosen, lines_of, run, text_of, ticked
from tests.shop.models import Order
from tests.shop.reports import Numbers, Orders

pytestmark = pytest.mark.django_db

OWN_LIST = "/own/shop/order/"
OWN_EXPORT = "/own/shop/order/export-report/"


class Numbered(ModelReport):
    identifier = "shop.numbered"
    label = "Only numbers"
    model = Order
    columns = [Column("number", label="No.")]


def set_tenant(get_response):
    """What a project's middleware does."""

    def middleware(request):
        request.tenant = "n"
        return get_response(request)

    return middleware


@pytest.fixture
def tenants(settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.set_tenant"]


def of_tenant(self, request):
    return admin.ModelAdmin.get_queryset(self, request).filter(region=request.tenant)


def of_tenant_if_any(self, request):
    rows = admin.ModelAdmin.get_queryset(self, request)
    tenant = getattr(request, "tenant", None)
    return rows if tenant is None else rows.filter(region=tenant)


def capture_request(self, request):
    return {"tenant": request.tenant}


def restore_request(self, request, state):
    request.tenant = state["tenant"]


# What a list reads from its request


@pytest.mark.parametrize("get_queryset", [of_tenant, of_tenant_if_any])
def test_a_list_that_reads_what_is_not_there_later_is_refused_at_the_click(
    alice, orders, own_orders, tenants, get_queryset
):
    own_orders(get_queryset=get_queryset)
    client = browse(alice)
    for response in (
        client.get(OWN_EXPORT),
        client.post(OWN_EXPORT, chosen()),
        client.post(OWN_LIST, ticked(orders[:2])),
    ):
        assert response.status_code == 400
        assert "it depends on request.tenant" in text_of(response)
    assert not ReportJob.objects.exists()


@pytest.mark.parametrize("get_queryset", [of_tenant, of_tenant_if_any])
def test_what_it_reads_can_be_captured(alice, orders, own_orders, tenants, get_queryset):
    own_orders(get_queryset=get_queryset, capture_request=capture_request,
               restore_request=restore_request)  # fmt: skip
    response = browse(alice).post(OWN_EXPORT, chosen())
    assert len(lines_of(response)) == 11


def ago(**time):
    return timezone.now() - dt.timedelta(**time)


def test_a_list_that_reads_the_clock_reads_it_again(alice, orders, own_orders, configure):
    def of_this_hour(self, request):
        return admin.ModelAdmin.get_queryset(self, request).filter(placed_at__gt=ago(hours=1))

    configure(STREAM_MAX_ROWS=1)
    Order.objects.filter(pk__in=[order.pk for order in orders[:3]]).update(placed_at=ago(minutes=1))
    Order.objects.filter(pk=orders[0].pk).update(placed_at=ago(minutes=59))
    own_orders(get_queryset=of_this_hour)
    response = browse(alice).post(OWN_EXPORT, chosen())
    assert response.status_code == 302, text_of(response)
    Order.objects.filter(pk=orders[0].pk).update(placed_at=ago(minutes=61))
    assert run(ReportJob.objects.get()).rows_done == 2


@pytest.mark.parametrize("seconds", [-60, 60])
def test_a_moment_that_is_another_without_the_request_is_no_clock(
    alice, orders, own_orders, seconds
):
    def since(self, request):
        moved = seconds if isinstance(request, ReplayedRequest) else 0
        rows = admin.ModelAdmin.get_queryset(self, request)
        return rows.filter(placed_at__gt=ago(hours=1, seconds=moved))

    own_orders(get_queryset=since)
    response = browse(alice).get(OWN_EXPORT)
    assert response.status_code == 400
    assert "it would hold other rows" in text_of(response)


def test_what_was_captured_is_there_in_the_background(
    alice, orders, own_orders, tenants, configure
):
    configure(STREAM_MAX_ROWS=5)
    own_orders(get_queryset=of_tenant, capture_request=capture_request,
               restore_request=restore_request)  # fmt: skip
    client = browse(alice)
    client.post(f"{OWN_EXPORT}?o=number", chosen())
    job = run(ReportJob.objects.get())
    assert (job.status, job.rows_done, job.error) == ("succeeded", 10, "")
    assert job.spec["selection"]["state"] == {"tenant": "n"}
    page = f"/own/django_reports/reportjob/{job.pk}/download/"
    assert len(lines_of(client.get(page))) == 11


def test_a_permission_that_reads_what_is_not_there_is_refused_at_the_click(
    alice, orders, own_orders, tenants
):
    """It cannot be asked again in a worker. The list itself is never broken by that."""

    def has_view_permission(self, request, obj=None):
        return request.tenant == "n"

    own_orders(has_view_permission=has_view_permission)
    client = browse(alice)
    assert client.get(OWN_LIST).status_code == 200
    response = client.get(OWN_EXPORT)
    assert response.status_code == 400
    assert "it depends on request.tenant" in text_of(response)


def test_whole_list_is_exported_as_a_get_shows_it(alice, orders, own_orders):
    def get_queryset(self, request):
        rows = admin.ModelAdmin.get_queryset(self, request)
        return rows.filter(region="n") if request.method == "POST" else rows

    own_orders(get_queryset=get_queryset)
    client = browse(alice)
    assert len(lines_of(client.post(OWN_EXPORT, chosen()))) == 21
    across = client.post(OWN_LIST, ticked(orders[:1], select_across="1"))
    assert "20 rows" in text_of(across)


def test_a_list_of_ones_own_is_that_persons_in_the_worker(
    alice, make_person, orders, own_orders, configure
):
    def get_queryset(self, request):
        return admin.ModelAdmin.get_queryset(self, request).filter(note=request.user.username)

    configure(STREAM_MAX_ROWS=0)
    Order.objects.filter(region="n").update(note="alice")
    own_orders(get_queryset=get_queryset)
    browse(alice).post(OWN_EXPORT, chosen())
    assert run(ReportJob.objects.get()).rows_done == 10


def test_a_changelist_of_ones_own_is_honoured(alice, orders, own_orders):
    class Northern(admin.views.main.ChangeList):
        def get_queryset(self, request, **kwargs):
            return super().get_queryset(request, **kwargs).filter(region="n")

    own_orders(get_changelist=lambda self, request, **kwargs: Northern)
    assert len(lines_of(browse(alice).post(OWN_EXPORT, chosen()))) == 11


# Sites


def test_a_site_of_ones_own_has_everything(alice, orders, own_orders):
    own_orders(list_display=["number"])
    client = browse(alice)
    assert f'href="{OWN_EXPORT}"' in text_of(client.get(OWN_LIST))
    assert "2 rows" in text_of(client.post(OWN_LIST, ticked(orders[:2])))
    assert len(lines_of(client.post(OWN_EXPORT, chosen()))) == 21


def test_a_job_leads_to_the_page_of_its_own_site(alice, orders, own_orders, configure):
    configure(STREAM_MAX_ROWS=5)
    own_orders(list_display=["number"])
    client = browse(alice)
    response = client.post(OWN_EXPORT, chosen())
    job = ReportJob.objects.get()
    assert response["Location"] == f"/own/django_reports/reportjob/{job.pk}/change/"
    page = text_of(client.get(response["Location"]))
    assert f'action="/own/django_reports/reportjob/{job.pk}/cancel/"' in page
    assert 'href="/admin/' not in page


def test_a_site_whose_list_is_gone_fails_the_job_and_shows_it(alice, orders, own_orders, configure):
    configure(STREAM_MAX_ROWS=5)
    site = own_orders(list_display=["number"])
    client = browse(alice)
    client.post(OWN_EXPORT, chosen())
    site.unregister(Order)
    job = run(ReportJob.objects.get())
    assert job.status == "failed"
    assert "no longer has a list of shop.order" in job.error
    assert "no longer has a list" in text_of(
        client.get(f"/own/django_reports/reportjob/{job.pk}/change/")
    )


def test_a_finished_job_whose_list_is_gone_still_has_its_page(alice, orders, own_orders, configure):
    configure(STREAM_MAX_ROWS=5)
    site = own_orders(list_display=["number"])
    client = browse(alice)
    client.post(OWN_EXPORT, chosen())
    job = run(ReportJob.objects.get())
    site.unregister(Order)
    page = f"/own/django_reports/reportjob/{job.pk}"
    assert client.get(f"{page}/change/").status_code == 200
    assert client.get(f"{page}/download/").status_code == 403


# Several reports of one list


def test_every_report_of_a_list_is_offered(alice, orders, make_site):
    make_site({Order: {"reports": [Orders, Numbered]}})
    text = text_of(browse(alice).get(OWN_EXPORT))
    assert 'name="_report" value="shop.numbered">Only numbers</button>' in text


def test_another_report_of_a_list_is_shown_and_exported(alice, orders, make_site):
    make_site({Order: {"reports": [Orders, Numbered]}})
    client = browse(alice)
    carried = {"_report": "shop.numbered", "_across": "1"}
    assert "Only numbers" in text_of(client.post(f"{OWN_EXPORT}?o=-1", carried))
    response = client.post(OWN_EXPORT, chosen(_report="shop.numbered", columns=["number"]))
    assert lines_of(response)[0] == "number"
    assert ReportJob.objects.get().report == "shop.numbered"


def test_only_granted_reports_of_a_list_are_offered(make_person, orders, make_site):
    make_site({Order: {"reports": [Orders, Numbered]}})
    client = browse(make_person("mia", "shop.view_order", report="shop.numbered"))
    text = text_of(client.get(OWN_EXPORT))
    assert "<dd>Only numbers" in text
    assert "shop.orders" not in text


def test_a_report_without_a_model_can_stand_beside_a_list(alice, orders, make_site):
    make_site({Order: {"reports": [Orders, Numbers]}})
    fields = chosen(_report="shop.numbers", columns=["n"], **{"parameter-rows": "3"})
    assert lines_of(browse(alice).post(OWN_EXPORT, fields)) == ["n", "1", "2", "3"]


def test_ticked_rows_are_nothing_to_a_report_without_a_model(make_person, orders, make_site):
    make_site({Order: {"reports": [Numbers]}})
    client = browse(make_person("mia", "shop.view_order", report="shop.numbers"))
    response = client.post(OWN_LIST, ticked(orders[:2]), follow=True)
    assert response.status_code in (200, 400)


# Without `reports`


def test_the_query_is_kept_and_not_the_keys(alice, orders, configure):
    configure(STREAM_MAX_ROWS=5)
    browse(alice).post(f"{EXPORT}?region__exact=n", chosen())
    selection = ReportJob.objects.get().spec["selection"]
    assert selection == {
        "kind": "changelist", "path": "/admin/shop/order/", "urlconf": None, "model": "shop.order",
        "query": "region__exact=n", "keys": None, "state": None,
        "captured_for": None, "lacked": None,
    }  # fmt: skip
    assert len(json.dumps(selection)) < 200


def test_a_popup_offers_no_export(root, orders):
    text = text_of(browse(root).get(f"{LIST}?_popup=1"))
    assert "export-report" not in text
