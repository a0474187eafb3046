"""Values that a list computes with its request are those that it shows, or it is refused."""

import pytest
from django.contrib import admin

from django_reports.models import ReportJob
from tests.entry_points.helpers import browse, lines_of, run, text_of
from tests.shop.models import Order

pytestmark = pytest.mark.django_db

OWN_EXPORT = "/own/shop/order/export-report/"


def keeps_request(self, request):
    self.request = request
    return admin.ModelAdmin.get_queryset(self, request)


def by_session(self, order):
    return f"{order.number} {self.request.session.get('currency', 'EUR')}"


def by_cookie(self, order):
    return f"{order.number} {self.request.COOKIES.get('currency', 'EUR')}"


def by_header(self, order):
    return f"{order.number} {self.request.headers.get('x-currency', 'EUR')}"


def by_attribute(self, order):
    try:
        return f"{order.number} {self.request.currency}"
    except Exception:  # swallows whatever the request says
        return f"{order.number} EUR"


def by_view(self, order):
    return f"{order.number} {self.currency}"


def view(self, request, extra_context=None):
    self.currency = request.session.get("currency", "EUR")
    return super(type(self), self).changelist_view(request, extra_context)


def set_currency(get_response):
    def middleware(request):
        request.currency = "USD"
        return get_response(request)

    return middleware


@pytest.fixture
def client(alice, orders, settings):
    """Of a person who reads prices in dollars."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.set_currency"]
    client = browse(alice)
    session = client.session
    session["currency"] = "USD"
    session.save()
    client.cookies["currency"] = "USD"
    client.defaults["HTTP_X_CURRENCY"] = "USD"
    return client


def values(**fields):
    return {"_export": "anyway", "_across": "1", "format": "csv", "profile": "spreadsheet",
            "columns": ["number", "price"],
            "language": "en", **fields}  # fmt: skip


@pytest.mark.parametrize("price", [by_session, by_cookie, by_header, by_attribute, by_view])
def test_value_that_reads_what_is_not_there_later_is_refused(client, make_site, price):
    own = {"changelist_view": view} if price is by_view else {}
    make_site({Order: {"list_display": ["number", "price"], "get_queryset": keeps_request,
                       "price": price, **own}})  # fmt: skip
    assert "USD" in text_of(client.get("/own/shop/order/"))
    for response in (client.get(OWN_EXPORT), client.post(OWN_EXPORT, values())):
        assert response.status_code == 400, text_of(response)
        assert "it depends on request." in text_of(response)
    assert not ReportJob.objects.exists()


def test_what_only_a_later_row_reads_is_refused_then(client, make_site, configure):
    last = Order.objects.order_by("-pk").first().pk

    def price(self, order):
        return by_session(self, order) if order.pk == last else order.number

    make_site({Order: {"list_display": ["number", "price"], "get_queryset": keeps_request,
                       "ordering": ["pk"], "price": price}})  # fmt: skip
    configure(STREAM_MAX_ROWS=0)
    client.post(OWN_EXPORT, values())
    job = run(ReportJob.objects.get())
    assert job.status == "failed"
    assert "it depends on request.session['currency']" in job.error


def test_what_the_request_lacks_as_well_is_no_reason(client, make_site):
    def price(self, order):
        return f"{order.number} {getattr(self.request, 'discount', 0)}"

    make_site({Order: {"list_display": ["number", "price"], "get_queryset": keeps_request,
                       "price": price}})  # fmt: skip
    response = client.post(OWN_EXPORT, values())
    assert response.status_code == 200, text_of(response)
    assert len(lines_of(response)) == 21
