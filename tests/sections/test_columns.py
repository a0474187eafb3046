"""Which columns, rows and sections a person gets."""

import pytest

from django_reports import Column
from django_reports.definitions.selections import Selection
from django_reports.exceptions import InvalidSpec, ReportDenied, RowLimitExceeded
from django_reports.jobs import dispatch
from django_reports.models import ReportJob
from tests.conftest import make_orders
from tests.entry_points.helpers import asking, deliver, enqueue, make, plan, spec_of
from tests.sections.helpers import (
    MONTH,
    Customers,
    MonthForm,
    Notes,
    OpenOrders,
    content_of,
    members,
    now,
)


def test_columns_are_chosen_by_section_and_name(alice, three_orders):
    wanted = ["notes.n", "orders_of_month.number", "orders_of_month.id"]
    assert members(content_of(deliver(alice, MONTH, columns=wanted))) == {
        "open-orders.csv": b"number,id\r\nA00001,101\r\nA00002,102\r\n",
        "notes.csv": b"n\r\n1\r\n2\r\n",
    }
    job = ReportJob.objects.get()
    assert [column["name"] for column in job.columns] == [
        "orders_of_month.number", "orders_of_month.id", "notes.n",
    ]  # fmt: skip
    assert [column["label"] for column in job.columns] == [
        "Open orders: Order number", "Open orders: ID", "Notes: N",
    ]  # fmt: skip


def test_columns_of_one_section_make_one_file(alice, three_orders):
    content = content_of(deliver(alice, MONTH, columns=["notes.n"]))
    assert members(content) == {"notes.csv": b"n\r\n1\r\n2\r\n"}


@pytest.mark.parametrize("name", ["number", "id", "orders_of_month.cost", "orders.id", "notes."])
def test_column_that_is_not_there(alice, three_orders, name):
    with pytest.raises(InvalidSpec) as caught:
        plan(alice, MONTH, columns=[name])
    assert str(caught.value) == (
        f"Made has no column {name!r} that you may export. Choose from: orders_of_month.id, "
        "orders_of_month.number, orders_of_month.total, customers.name, customers.email, notes.n, "
        "notes.note."
    ).replace("Made", "The month")


# Permissions


@pytest.mark.parametrize(
    ("permissions", "may"),
    [
        (["shop.view_order", "shop.view_customer"], True),
        (["shop.view_order"], False),
        (["shop.view_customer"], False),
        ([], False),
    ],
)
def test_a_person_needs_every_sections_permission(make_person, three_orders, permissions, may):
    erin = make_person("erin", *permissions, report="*")
    for ask in (plan, deliver, enqueue):
        if may:
            assert ask(erin, MONTH)
        else:
            with pytest.raises(ReportDenied, match=r"There is no report “shop\.month”"):
                ask(erin, MONTH)


def test_its_own_permission_is_needed_as_well(alice, declare):
    declare(sections=(Notes,), permission="shop.special", parameters=MonthForm)
    with pytest.raises(ReportDenied):
        plan(alice, "shop.made")


def test_a_grant_for_the_report_is_enough(make_person, three_orders):
    erin = make_person("erin", "shop.view_order", "shop.view_customer", report=MONTH)
    assert plan(erin, MONTH).export.columns
    with pytest.raises(ReportDenied):
        plan(erin, "shop.orders")


def test_hidden_and_masked_columns(alice, three_orders):
    made = plan(alice, MONTH)
    assert [column.key for column in made.hidden] == ["orders_of_month.cost"]
    assert [column.key for column in made.masked] == ["customers.email"]
    assert [c["name"] for c in make(alice, MONTH).columns if c["masked"]] == ["customers.email"]


def test_with_the_permission_they_are_whole(make_person, three_orders):
    erin = make_person(
        "erin", "shop.view_order", "shop.view_customer", "shop.cost", "shop.email", report="*"
    )
    found = members(content_of(deliver(erin, MONTH)))
    assert found["open-orders.csv"].splitlines()[1] == b"101,A00001,1.50,0.50"
    assert found["customers.csv"].splitlines()[1] == b"Ann,ann@example.com"


def test_section_of_which_nothing_may_be_seen_is_left_out(alice, declare):
    secret = type(
        "Secret", (Notes,), {"identifier": "shop.s", "columns": [Column("n", permission="shop.x")]}
    )
    declare(sections=(secret, Notes), parameters=MonthForm)
    assert list(members(content_of(deliver(alice, "shop.made")))) == ["notes.csv"]
    assert list(members(content_of(deliver(None, "shop.made")))) == ["secret.csv", "notes.csv"]


def test_row_limit_holds_for_all_sections_together(bob, month):
    make_orders(6)  # four are open; with two customers and two notes: eight
    asked = {"format": "xlsx"}
    assert make(bob, MONTH, **asked).rows_done == 8
    make_orders(4)  # three more are open: eleven
    for ask in (deliver, now):
        with pytest.raises(RowLimitExceeded, match="more than 10 rows"):
            ask(bob, MONTH, **asked)
    job = make(bob, MONTH, **asked)
    assert (job.status, job.has_file) == ("failed", False)
    assert "more than 10 rows" in job.error


def test_row_limit_of_sections_that_can_be_counted(bob, declare):
    declare(sections=(OpenOrders, Customers))
    make_orders(12)  # eight are open
    assert make(bob, "shop.made", format="xlsx").rows_done == 10
    make_orders(1, is_paid=False)
    made = plan(bob, "shop.made", format="xlsx")
    assert made.is_over_limit
    with pytest.raises(RowLimitExceeded):
        enqueue(bob, "shop.made", format="xlsx")


def test_preview_keeps_to_the_limit_of_rows(bob, month):
    make_orders(6)
    found = dispatch.preview(spec_of(MONTH, format="xlsx"), *asking(bob), rows=5)
    assert [len(table.rows) for table in found.tables] == [4, 2, 2]


def test_preview_of_more_sections_than_the_limit_has_rows(bob, month):
    make_orders(30)
    found = dispatch.preview(spec_of(MONTH, format="xlsx"), *asking(bob), rows=10)
    assert sum(len(table.rows) for table in found.tables) <= 10


def test_nothing_but_all_rows_can_be_selected(alice, three_orders):
    with pytest.raises(InvalidSpec) as caught:
        plan(alice, MONTH, selection=Selection("keys", {"keys": ["1"]}))
    assert str(caught.value) == "A report of several sections is made of all their rows."
    assert caught.value.field == "selection"
