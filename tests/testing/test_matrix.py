"""`assert_may_export`: who may export which columns."""

import pytest
from django.contrib.auth.models import AnonymousUser, Permission, User

from django_reports import Column, ModelReport
from django_reports.models import AuditEntry, GroupReportPermission
from django_reports.testing import (
    assert_may_export,
)
from tests.shop.models import Order
from tests.shop.reports import Numbers


@pytest.mark.django_db
def test_a_matrix_that_holds(alice, bob, carol, dave, root):
    seen = ["id", "number", "customer__name", "customer__email (masked)", "region", "total",
            "margin", "is_paid", "placed_at", "remark"]  # fmt: skip
    unmasked = ["customer__email" if name.startswith("customer__email") else name for name in seen]
    assert_may_export({
        alice: {"shop.orders": reversed(seen), Numbers: ["n", "text"], "shop.old_orders": True},
        bob: {"shop.orders": True},
        carol: {"shop.orders": False, "shop.numbers": False},
        dave: {"shop.orders": False},
        root: {"shop.orders": [*unmasked, "cost"]},
        None: {"shop.orders": [*unmasked, "cost"]},
        AnonymousUser(): {"shop.orders": False},
    })  # fmt: skip


@pytest.mark.django_db
def test_everything_that_is_otherwise_is_said_at_once(alice, carol, root):
    matrix = {
        alice: {
            "shop.orders": ["id", "customer__email", "cost"],
            "shop.numbers": False,
            "shop.bogus": False,
        },
        carol: {"shop.orders": True, Numbers: ["n"]},
        root: {"shop.numbers": ["n"]},
        None: {"shop.numbers": ["text", "n", "m"]},
    }
    with pytest.raises(AssertionError) as caught:
        assert_may_export(matrix)
    assert str(caught.value).splitlines() == [
        (
            "alice gets shop.orders without customer__email, cost and with number, customer__name, "
            "customer__email (masked), region, total, margin, is_paid, placed_at, remark"
        ),
        "alice may export shop.numbers: n, text",
        "there is no report shop.bogus",
        "carol may not export shop.orders",
        "carol may not export shop.numbers",
        "root gets shop.numbers with text",
        "the system gets shop.numbers without m",
    ]


@pytest.mark.django_db
def test_columns_are_a_list(alice):
    with pytest.raises(TypeError, match="a list of names, not 'number'"):
        assert_may_export({alice: {"shop.orders": "number"}})


@pytest.mark.django_db
def test_a_lost_grant_is_noticed(alice):
    assert_may_export({alice: {"shop.orders": True}})
    GroupReportPermission.objects.all().delete()
    assert_may_export({alice: {"shop.orders": False}})


@pytest.mark.django_db
def test_a_report_without_a_column_for_somebody_is_not_theirs(alice, declare):
    permission = Permission.objects.get(codename="delete_order")

    @declare
    class Secret(ModelReport):
        identifier = "shop.secret"
        model = Order
        columns = [Column("number", permission="shop.delete_order")]

    assert_may_export({alice: {"shop.secret": False}})
    alice.user_permissions.add(permission)
    assert_may_export({User.objects.get(pk=alice.pk): {"shop.secret": ["number"]}})
    assert AuditEntry.objects.filter(action="denied").count() == 0
