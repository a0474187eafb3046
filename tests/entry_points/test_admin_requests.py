"""What an admin's list may read from its request: never an error page, never other rows."""

import logging

import pytest
from django.contrib import admin
from django.test import Client, RequestFactory

from django_reports.admin import ReportAdminMixin
from django_reports.admin.changelists import Replay
from django_reports.definitions.selections import Selection
from django_reports.models import ReportJob
from tests.entry_points.helpers import browse, chosen, lines_of, run, text_of, ticked
from tests.shop.models import Order

pytestmark = pytest.mark.django_db

OWN_LIST = "/own/shop/order/"
OWN_EXPORT = "/own/shop/order/export-report/"
SHOWN = {"list_display": ["id", "number"]}


def reads(expression):
    """A get_queryset whose rows depend on an expression about its request."""

    def get_queryset(self, request):
        value = eval(expression, {"request": request})
        rows = admin.ModelAdmin.get_queryset(self, request)
        return rows.filter(region="n") if value else rows

    return get_queryset


KNOWN_LATER = [
    "request.method == 'GET'",
    "request.resolver_match.url_name == 'shop_order_changelist'",
    "request.path.endswith('/shop/order/')",
    "request.get_full_path() == '/own/shop/order/'",
    "request.META['REQUEST_METHOD'] == 'GET'",
    "request.META.get('QUERY_STRING', 'x') == ''",
    "request.content_type == ''",
    "not request.body and not request.POST and not request.FILES",
    "request.user.username == 'alice'",
]
NOT_KNOWN_LATER = {
    "request.META['REMOTE_ADDR'] == '127.0.0.1'": "META['REMOTE_ADDR']",
    "request.META.get('REMOTE_ADDR') == '127.0.0.1'": "META['REMOTE_ADDR']",
    "request.headers.get('X-Region') == 'n'": "META['HTTP_X_REGION']",
    "request.headers['x-region'] == 'n'": "META['HTTP_X_REGION']",
    "'HTTP_X_REGION' in request.META": "META['HTTP_X_REGION']",
    "request.COOKIES.get('region') == 'n'": "COOKIES['region']",
    "request.get_host() == 'testserver'": "get_host",
    "request.build_absolute_uri().startswith('http://testserver')": "get_host",
    "request.session['region'] == 'n'": "session['region']",
    "request.session.get('region')": "session['region']",
    "request.session.session_key": "session",
    "request.get_port() == '80'": "META['SERVER_PORT']",
    "not request.is_secure()": "scheme",
    "dict(request.META)": "META",
    "request.tenant": "tenant",
}


def set_all(get_response):
    def middleware(request):
        request.tenant = "n"
        return get_response(request)

    return middleware


@pytest.fixture
def anna(alice, settings):
    """Somebody whose requests have everything of which the lists here ask."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.set_all"]
    client = Client(headers={"X-Region": "n"})
    client.force_login(alice)
    session = client.session
    session["region"] = "n"
    session.save()
    client.cookies["region"] = "n"
    return client


@pytest.mark.parametrize("expression", KNOWN_LATER)
def test_what_is_known_later_may_choose_the_rows(anna, orders, own_orders, configure, expression):
    configure(STREAM_MAX_ROWS=0)
    own_orders(get_queryset=reads(expression))
    assert anna.get(OWN_LIST).context_data["cl"].result_count == 10
    response = anna.post(OWN_EXPORT, chosen())
    assert response.status_code == 302, text_of(response)
    assert run(ReportJob.objects.get()).rows_done == 10


@pytest.mark.parametrize(("expression", "name"), NOT_KNOWN_LATER.items())
def test_what_is_not_known_later_is_refused_by_name(anna, orders, own_orders, expression, name):
    own_orders(get_queryset=reads(expression))
    assert anna.get(OWN_LIST).status_code == 200
    for response in (anna.get(OWN_EXPORT), anna.post(OWN_LIST, ticked(orders[:2]))):
        assert response.status_code == 400
        assert f"it depends on request.{name}" in text_of(response).replace("&#x27;", "'")


@pytest.mark.parametrize("expression", NOT_KNOWN_LATER)
def test_permission_that_reads_its_request_never_breaks_the_list(
    anna, orders, own_orders, expression
):
    def has_view_permission(self, request, obj=None):
        return bool(eval(expression, {"request": request}))

    own_orders(has_view_permission=has_view_permission)
    assert anna.get(OWN_LIST).status_code == 200
    assert anna.get(OWN_EXPORT).status_code == 400


@pytest.mark.parametrize(
    "expression",
    [
        "getattr(request, 'branch', None)",
        "request.META.get('HTTP_X_BRANCH')",
        "request.headers.get('X-Branch')",
        "request.COOKIES.get('branch')",
        "request.session.get('branch')",
    ],
)
def test_what_the_request_lacks_as_well_is_no_difference(
    anna, orders, own_orders, configure, expression
):
    configure(STREAM_MAX_ROWS=0)
    own_orders(get_queryset=reads(expression))
    response = anna.post(OWN_EXPORT, chosen())
    assert response.status_code == 302, text_of(response)
    job = run(ReportJob.objects.get())
    assert (job.status, job.rows_done) == ("succeeded", 20)
    assert len(job.spec["selection"]["lacked"]["names"]) == 1


def test_what_one_person_lacked_is_not_taken_for_another(
    anna, make_person, orders, own_orders, configure
):
    """Of whoever runs an export again nobody knows what their own request would have had."""
    configure(STREAM_MAX_ROWS=0)
    own_orders(get_queryset=reads("getattr(request, 'branch', None)"))
    anna.post(OWN_EXPORT, chosen())
    selection = Selection.from_json(ReportJob.objects.get().spec["selection"])
    root = make_person("root", "shop.view_order")
    with pytest.raises(Exception, match=r"depends on request\.branch"):
        Replay(selection, root).rows()


def test_what_a_list_sets_on_its_request_is_no_difference(anna, orders, own_orders):
    """As the filters of django-admin-rangefilter do."""

    class OnceFilter(admin.SimpleListFilter):
        title = parameter_name = "once"

        def __init__(self, request, *args):
            super().__init__(request, *args)
            if getattr(request, "SCRIPTS", None) is None:
                request.SCRIPTS = object()

        def lookups(self, request, model_admin):
            return [("n", "North")]

        def queryset(self, request, queryset):
            return queryset.filter(region=self.value()) if self.value() else queryset

    own_orders(list_filter=[OnceFilter])
    assert len(lines_of(anna.post(f"{OWN_EXPORT}?once=n", chosen()))) == 11
    assert "2 rows" in text_of(anna.post(OWN_LIST, ticked(orders[:2])))


def test_captured_state_that_is_no_json_is_refused(anna, orders, own_orders):
    own_orders(capture_request=lambda self, request: {"tenant": object})
    response = anna.post(OWN_EXPORT, chosen())
    assert response.status_code == 400
    assert "capture_request() must return JSON, not {" in text_of(response)


# Views of their own


def top_level(self, request, *args, **kwargs):
    """As treebeard's TreeAdmin does."""
    if request.method == "GET":
        request.level = "n"
    return admin.ModelAdmin.changelist_view(self, request, *args, **kwargs)


class LevelsAdmin(admin.ModelAdmin):
    changelist_view = top_level

    def get_queryset(self, request):
        rows = super().get_queryset(request)
        return rows.filter(region=request.level) if hasattr(request, "level") else rows


@pytest.fixture
def levels(make_site):
    return make_site({Order: SHOWN}, bases=(ReportAdminMixin, LevelsAdmin))


def test_list_whose_view_sets_an_attribute_is_exported_as_shown(alice, orders, levels, configure):
    client = browse(alice)
    assert client.get(OWN_LIST).context_data["cl"].result_count == 10
    page = text_of(client.get(OWN_EXPORT))
    configure(STREAM_MAX_ROWS=0)
    assert "10 rows" in page
    assert "All orders · only the rows that the list shows when it opens" in page
    client.post(OWN_EXPORT, chosen())
    assert run(ReportJob.objects.get()).rows_done == 10


def test_ticked_rows_are_those_that_other_actions_would_get(alice, orders, levels):
    other = Order.objects.filter(region="s").first()
    shown = Order.objects.filter(region="n").first()
    client = browse(alice)
    assert "2 rows" in text_of(client.post(OWN_LIST, ticked([shown, other])))
    fields = chosen(_selected_action=[shown.pk, other.pk])
    del fields["_across"]
    assert len(lines_of(client.post(OWN_EXPORT, fields))) == 3


class DefaultFilterAdmin(admin.ModelAdmin):
    list_filter = ["region"]

    def changelist_view(self, request, extra_context=None):
        if not request.GET:
            request.GET = request.GET.copy()
            request.GET["region__exact"] = "s"
        return super().changelist_view(request, extra_context)


def test_default_filter_of_a_view_chooses_the_rows(alice, orders, make_site):
    make_site({Order: SHOWN}, bases=(ReportAdminMixin, DefaultFilterAdmin))
    Order.objects.filter(pk=orders[0].pk).update(region="n")
    client = browse(alice)
    shown = client.get(OWN_LIST).context_data["cl"].result_count
    assert len(lines_of(client.post(OWN_EXPORT, chosen()))) == 1 + shown
    assert "Region: =South" in text_of(client.get(OWN_EXPORT))


def test_what_a_view_reads_beside_its_list_is_no_reason_to_refuse(alice, orders, make_site):
    class ReadingAdmin(admin.ModelAdmin):
        def changelist_view(self, request, extra_context=None):
            request.session["last_list"] = request.META.get("HTTP_USER_AGENT")
            return super().changelist_view(request, extra_context)

    make_site({Order: SHOWN}, bases=(ReportAdminMixin, ReadingAdmin))
    client = browse(alice)
    client.defaults["HTTP_USER_AGENT"] = "Testing"
    response = client.post(OWN_EXPORT, chosen())
    assert len(lines_of(response)) == 21
    lacked = ReportJob.objects.get().spec["selection"]["lacked"]
    assert lacked["names"] == [["META", "HTTP_USER_AGENT"]]


def test_view_that_answers_403_is_never_exported(alice, orders, make_site):
    from django.core.exceptions import PermissionDenied

    class ClosedAdmin(admin.ModelAdmin):
        def changelist_view(self, request, extra_context=None):
            raise PermissionDenied

    make_site({Order: SHOWN}, bases=(ReportAdminMixin, ClosedAdmin))
    client = browse(alice)
    assert client.get(OWN_LIST).status_code == 403
    assert client.post(OWN_EXPORT, chosen()).status_code == 403


def test_view_that_leads_elsewhere_is_refused(alice, orders, make_site):
    from django.http import HttpResponseRedirect

    class LeadingAdmin(admin.ModelAdmin):
        def changelist_view(self, request, extra_context=None):
            return HttpResponseRedirect("/elsewhere/")

    make_site({Order: SHOWN}, bases=(ReportAdminMixin, LeadingAdmin))
    response = browse(alice).post(OWN_EXPORT, chosen())
    assert response.status_code == 400
    assert "its address answers with something else" in text_of(response)


def test_view_without_extra_context_is_a_base(alice, orders, make_site):
    class PlainAdmin(admin.ModelAdmin):
        def changelist_view(self, request):
            return super().changelist_view(request)

    make_site({Order: SHOWN}, bases=(ReportAdminMixin, PlainAdmin))
    client = browse(alice)
    assert f'href="{OWN_EXPORT}"' in text_of(client.get(OWN_LIST))
    assert len(lines_of(client.post(OWN_EXPORT, chosen()))) == 21


def test_list_is_shown_although_a_policy_fails(alice, orders, own_orders, monkeypatch, caplog):
    from django_reports.admin import mixin

    def fail(*args):
        raise RuntimeError("the policy's server is down")

    monkeypatch.setattr(mixin, "may_export", fail)
    own_orders()
    with caplog.at_level(logging.WARNING, "django_reports"):
        response = browse(alice).get(OWN_LIST)
    assert response.status_code == 200
    assert "export-report" not in text_of(response)
    (record,) = [r for r in caplog.records if r.name.startswith("django_reports")]
    assert "list=shop.order" in record.getMessage()


# ModelAdmins as unit tests make them


class UnitAdmin(ReportAdminMixin, admin.ModelAdmin):
    list_display = ["number"]


@pytest.mark.parametrize("site", [admin.AdminSite(), admin.AdminSite("unit"), admin.site])
def test_unregistered_instance_offers_nothing(root, orders, site):
    request = RequestFactory().get("/")
    request.user = root
    model_admin = UnitAdmin(Order, site)
    changelist = model_admin.get_changelist_instance(request)
    assert changelist.result_count == 20
    assert "export_selected" not in model_admin.get_actions(request)
    assert model_admin.changelist_view(request).status_code == 200


# What nobody's list has


@pytest.mark.parametrize("key", ["x", "", "1.5", "9" * 30, "1\0"])
def test_ticked_key_that_no_row_can_have_is_refused(alice, orders, own_orders, key):
    own_orders()
    client = browse(alice)
    fields = chosen(_selected_action=[key])
    del fields["_across"]
    posts = [(OWN_EXPORT, fields), (OWN_LIST, {**ticked([]), "_selected_action": [key]})]
    for url, data in posts:
        response = client.post(url, data)
        assert response.status_code == 400
        assert "has the key" in text_of(response)


@pytest.mark.parametrize("query", ["region__exact=%00", "q=%00", "q=a%00b", "nothing=1", "id=x"])
def test_filter_that_no_database_takes_is_refused(alice, orders, own_orders, query):
    own_orders(list_filter=["region"], search_fields=["number"])
    response = browse(alice).get(f"{OWN_EXPORT}?{query}")
    assert response.status_code == 400
    assert "cannot be filtered like this" in text_of(response)


# Queries


def test_checkboxes_of_our_action_cost_no_query_per_row(
    alice, orders, own_orders, monkeypatch, django_assert_num_queries
):
    monkeypatch.setattr(Order, "__str__", lambda order: f"of {order.customer.name}")
    own_orders(list_display=["number"])
    client = browse(alice)

    def count():
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(connection) as queries:
            page = text_of(client.get(OWN_LIST))
        return len(queries), page

    few, page = count()
    assert f"for an action - order {orders[0].pk}" in page
    Order.objects.bulk_create(
        Order(customer=order.customer, number=f"B{order.pk}") for order in orders
    )
    assert count()[0] == few


def test_checkboxes_keep_their_names_where_those_cost_nothing(alice, orders, own_orders):
    own_orders(list_display=["number"])
    page = text_of(browse(alice).get(OWN_LIST))
    assert f"for an action - {orders[0].number}" in page


def test_checkboxes_of_other_actions_are_left_alone(root, orders, own_orders, monkeypatch):
    monkeypatch.setattr(Order, "__str__", lambda order: f"of {order.customer.name}")
    own_orders(list_display=["number"])
    page = text_of(browse(root).get(OWN_LIST))
    assert f"for an action - of {orders[0].customer.name}" in page
