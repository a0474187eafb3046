"""Lists that decide in their own code what stands on a page: exported only where that is all."""

import pytest
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator

from tests.entry_points.helpers import browse, chosen, lines_of, text_of
from tests.shop.models import Order

pytestmark = pytest.mark.django_db

OWN_EXPORT = "/own/shop/order/export-report/"


class Narrowing(ChangeList):
    def get_results(self, request):
        self.queryset = self.queryset.filter(region="n")
        super().get_results(request)


class LeavingOut(ChangeList):
    def get_results(self, request):
        super().get_results(request)
        self.result_list = [order for order in self.result_list if order.region == "n"]


class Summing(ChangeList):
    """Adds to a list what is no row of it."""

    def get_results(self, request):
        super().get_results(request)
        self.total = sum(order.total for order in self.result_list)


class Capped(Paginator):
    @property
    def count(self):
        return min(3, self.object_list.count())


class Filtering(Paginator):
    def __init__(self, object_list, *args, **kwargs):
        super().__init__(object_list.filter(region="n"), *args, **kwargs)


class Guessing(Paginator):
    """Counts no large table, and has pages behind the last one instead."""

    @property
    def count(self):
        return 1000


class Uneven(Paginator):
    """Has other pages than the list asks for, and a longer last one."""

    def __init__(self, object_list, per_page, *args, **kwargs):
        super().__init__(object_list, 6, orphans=3)


def changelist(changelist_class):
    return {"get_changelist": lambda self, request, **kwargs: changelist_class}


def narrowed_view(self, request, extra_context=None):
    response = admin.ModelAdmin.changelist_view(self, request, extra_context)
    shown = response.context_data["cl"]
    shown.result_list = [order for order in shown.result_list if order.region == "n"]
    return response


def filtering_paginator(self, request, queryset, per_page, *args, **kwargs):
    return Paginator(queryset.filter(region="n"), per_page, *args, **kwargs)


@pytest.mark.parametrize(
    "attributes",
    [
        changelist(Narrowing),
        changelist(LeavingOut),
        {"paginator": Capped},
        {"paginator": Filtering},
        {"get_paginator": filtering_paginator},
        {"changelist_view": narrowed_view},
    ],
    ids=["queryset", "result_list", "capped", "filtering", "get_paginator", "changelist_view"],
)
def test_list_whose_pages_leave_rows_out_is_refused(alice, orders, own_orders, attributes):
    own_orders(**attributes, list_per_page=2, list_max_show_all=1)
    client = browse(alice)
    for response in (client.get(OWN_EXPORT), client.post(OWN_EXPORT, chosen())):
        assert response.status_code == 400, text_of(response)
        assert "its pages have other rows" in text_of(response)


@pytest.mark.parametrize(
    "attributes",
    [
        changelist(Summing),
        {"paginator": Guessing},
        {"paginator": Uneven},
        {"paginator": Uneven, "list_max_show_all": 1},
    ],
    ids=["summing", "guessing", "uneven and whole", "uneven"],
)
@pytest.mark.parametrize("query", ["", "?p=2", "?p=3", "?region__exact=n", "?o=-1", "?all="])
def test_list_whose_pages_have_all_rows_is_exported(alice, orders, own_orders, attributes, query):
    own_orders(**attributes, list_per_page=4)
    response = browse(alice).post(f"{OWN_EXPORT}{query}", chosen())
    assert response.status_code == 200, text_of(response)
    count = Order.objects.filter(region="n").count() if "region" in query else 20
    assert len(lines_of(response)) == count + 1
