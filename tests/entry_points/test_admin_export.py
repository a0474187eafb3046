"""The admin's ways to an export: action, button, page between."""

import io

import pytest
from django.contrib.admin import site
from openpyxl import load_workbook

from django_reports import ModelReport
from django_reports.models import AuditEntry, ReportJob
from tests.conftest import make_orders
from tests.entry_points.helpers import (
    EXPORT,
    LIST,
    actions,
    browse,
    chosen,
    lines_of,
    text_of,
    ticked,
)
from tests.shop.models import Customer, Order

pytestmark = pytest.mark.django_db


def numbers_in(response):
    """The order numbers of a file with the columns id and number."""
    assert response.status_code == 200, text_of(response)
    return [line.split(",")[1] for line in lines_of(response)[1:]]


def numbers_of(queryset):
    return list(queryset.values_list("number", flat=True))


# The button and the page between


def test_button_leads_to_the_page_for_the_list_as_filtered(alice, orders):
    text = text_of(browse(alice).get(f"{LIST}?region__exact=n&q=A"))
    assert f'href="{EXPORT}?region__exact=n&amp;q=A"' in text


def test_page_tells_rows_and_what_happens(alice, orders):
    text = text_of(browse(alice).get(f"{EXPORT}?region__exact=n"))
    assert "10 rows" in text
    assert "<strong>Downloads now</strong>" in text
    assert "<dt>Selection</dt><dd>All orders · Region: North</dd>" in text


@pytest.mark.parametrize(("query", "words"), [
    ("placed_at__month=1", "Placed at month: 1"),
    ("total__gte=3", "Total: at least 3"),
])  # fmt: skip
def test_what_a_list_was_narrowed_by_is_told_by_the_names_of_its_fields(
    alice, orders, query, words
):
    monthly = browse(alice).get(f"{EXPORT}?{query}")
    assert f"<dd>All orders · {words}</dd>" in text_of(monthly)


def test_page_tells_of_a_large_list_that_it_is_for_the_background(alice, orders, configure):
    configure(STREAM_MAX_ROWS=5)
    text = text_of(browse(alice).get(EXPORT))
    # What PostgreSQL and MariaDB expect is told instead, where it is more than was counted.
    assert "more than 5 rows" in text or "rows, the database estimates" in text
    assert "<strong>Runs in the background</strong>" in text


def test_page_names_the_columns_that_a_person_does_not_get(alice, orders):
    text = text_of(browse(alice).get(EXPORT))
    assert "<dt>Not for you</dt><dd>Cost</dd>" in text
    assert 'value="cost"' not in text


def test_page_marks_masked_columns(alice, orders):
    assert (
        text_of(browse(alice).get(EXPORT)).count(
            "masked: you lack the permission shop.view_customer_email"
        )
        == 1
    )


def test_looking_at_the_page_makes_nothing(alice, orders):
    before = AuditEntry.objects.count()
    browse(alice).get(EXPORT)
    assert (ReportJob.objects.count(), AuditEntry.objects.count()) == (0, before)


# The action


def test_action_leads_to_the_page_for_the_ticked(alice, orders):
    text = text_of(browse(alice).post(LIST, ticked(orders[:3])))
    assert "3 selected: orders" in text
    assert "3 rows" in text


def test_ticked_orders_are_exported(alice, orders):
    fields = ticked(orders[:3])
    keys = {"_selected_action": fields["_selected_action"]}
    response = browse(alice).post(EXPORT, {**chosen(**keys), "_across": ""})
    assert numbers_in(response) == ["A00003", "A00002", "A00001"]


def test_page_carries_the_ticked_along(alice, orders):
    text = text_of(browse(alice).post(LIST, ticked(orders[:2])))
    for order in orders[:2]:
        assert f'<input type="hidden" name="_selected_action" value="{order.pk}">' in text
    assert 'name="_across"' not in text


def test_select_all_across_pages(alice):
    make_orders(150)  # the list shows 100 on a page
    client = browse(alice)
    first = Order.objects.all()[:1]
    page = text_of(client.post(f"{LIST}?region__exact=n", ticked(first, select_across="1")))
    assert "75 rows" in page
    assert 'name="_across" value="1"' in page
    assert len(numbers_in(client.post(f"{EXPORT}?region__exact=n", chosen()))) == 75


def test_action_with_nothing_ticked_says_so(alice, orders):
    response = browse(alice).post(LIST, ticked([]), follow=True)
    assert "Items must be selected" in text_of(response)
    assert "reports-export" not in text_of(response).replace("reports-export-link", "")


def test_page_posted_with_nothing_ticked_goes_back_to_the_list(alice, orders):
    fields = chosen()
    del fields["_across"]
    response = browse(alice).post(EXPORT, fields)
    assert (response.status_code, response["Location"]) == (302, LIST)
    assert not ReportJob.objects.exists()


def test_ticked_orders_outside_of_the_filter_are_not_exported(alice, orders):
    keys = [str(order.pk) for order in orders]
    response = browse(alice).post(
        f"{EXPORT}?region__exact=n", {**chosen(_selected_action=keys), "_across": ""}
    )
    assert len(numbers_in(response)) == 10


def test_djangos_own_action_still_works(root, orders):
    fields = ticked(orders[:3], action="delete_selected")
    assert "Are you sure" in text_of(browse(root).post(LIST, fields))
    browse(root).post(LIST, {**fields, "post": "yes"})
    assert Order.objects.count() == 17


def test_popup_has_no_action(root, orders):
    text = text_of(browse(root).get(f"{LIST}?_popup=1"))
    assert "export_selected" not in text


# The list as it is shown


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", Order.objects.order_by("-pk")),
        ("region__exact=n", Order.objects.filter(region="n").order_by("-pk")),
        ("is_paid__exact=1&o=1", Order.objects.filter(is_paid=True).order_by("number")),
        ("q=ann", Order.objects.filter(customer__name="Ann").order_by("-pk")),
        ("q=A0001&o=-4", Order.objects.filter(number__startswith="A0001").order_by("-total")),
        ("o=3.-1", Order.objects.order_by("region", "-number")),
        ("p=1", Order.objects.order_by("-pk")),
    ],
)
def test_filters_search_and_order_are_kept(alice, orders, query, wanted):
    response = browse(alice).post(f"{EXPORT}?{query}", chosen())
    assert numbers_in(response) == numbers_of(wanted.all())


@pytest.mark.parametrize("query", ["bogus=1", "id__exact=x", "region__bogus=n"])
def test_what_the_list_cannot_filter_by_never_means_all_rows(alice, orders, query):
    client = browse(alice)
    for response in (client.get(f"{EXPORT}?{query}"), client.post(f"{EXPORT}?{query}", chosen())):
        assert response.status_code == 400
        assert "The list cannot be filtered like this" in text_of(response)
    assert not ReportJob.objects.exists()


def test_forbidden_lookup_is_refused(alice, orders):
    response = browse(alice).post(f"{EXPORT}?customer__api_token__startswith=t", chosen())
    assert response.status_code == 400
    assert not ReportJob.objects.exists()


@pytest.mark.parametrize("name", ["api_token", "api_token__startswith"])
def test_value_of_a_secret_filter_is_in_no_words(make_person, monkeypatch, name):
    """Neither on the page nor on the sheet that says what the file is."""
    mia = make_person("mia", "shop.view_customer", report="*")
    Customer.objects.create(name="Ann", api_token="t0ken-of-ann")
    model_admin = site.get_model_admin(Customer)
    monkeypatch.setattr(model_admin, "list_filter", ["api_token"])
    monkeypatch.setattr(model_admin, "search_fields", ["api_token__startswith"])
    monkeypatch.setattr(type(model_admin), "lookup_allowed", lambda *args, request=None: True)
    address = f"/admin/shop/customer/export-report/?{name}=t0ken-of-ann"
    page = text_of(browse(mia).get(address))
    subject = page.split("<dt>Selection</dt>")[1].split("</dd>")[0]
    assert "•••" in subject
    assert "t0ken" not in subject


# What was chosen


def test_columns_follow_their_positions(alice, orders):
    fields = chosen(columns=["id", "number", "total"], position_0="3", position_5="1")
    response = browse(alice).post(EXPORT, fields)
    assert lines_of(response)[0] == "total,number,id"


def test_unticked_columns_are_left_out(alice, orders):
    response = browse(alice).post(EXPORT, chosen(columns=["number"]))
    assert lines_of(response)[:2] == ["number", "A00020"]


def test_machine_profile_has_names(alice, orders):
    fields = chosen(columns=["number", "customer__name", "region", "total"])
    response = browse(alice).post(EXPORT, fields)
    assert lines_of(response)[:2] == ["number,customer__name,region,total", "A00020,Ann,s,20.50"]


def test_spreadsheet_profile_has_labels(alice, orders):
    columns = ["number", "customer__name", "region", "is_paid"]
    response = browse(alice).post(EXPORT, chosen(columns=columns, profile="spreadsheet"))
    raw = b"".join(response.streaming_content)
    assert raw.startswith(b"\xef\xbb\xbfOrder number,Customer name,Region,Paid\r\n")
    assert "A00019,Böb,North,No".encode() in raw


def test_small_xlsx_is_answered_at_once(alice, orders):
    response = browse(alice).post(EXPORT, chosen(format="xlsx", profile="spreadsheet"))
    book = load_workbook(io.BytesIO(b"".join(response.streaming_content)))
    rows = list(book.active.iter_rows(values_only=True))
    assert book.sheetnames == ["Orders", "About"]
    assert rows[0] == ("ID", "Order number")
    assert rows[1] == (orders.last().pk, "A00020")
    assert len(rows) == 21


def test_parameters_narrow_the_list_further(alice, orders):
    fields = chosen(**{"parameter-minimum": "18"})
    response = browse(alice).post(f"{EXPORT}?region__exact=n", fields)
    assert numbers_in(response) == ["A00019"]


def test_large_list_becomes_a_job(alice, orders, configure, django_capture_on_commit_callbacks):
    configure(STREAM_MAX_ROWS=5)
    client = browse(alice)
    with django_capture_on_commit_callbacks(execute=True):
        response = client.post(f"{EXPORT}?region__exact=n&o=1", chosen())
    job = ReportJob.objects.get()
    page = f"/admin/django_reports/reportjob/{job.pk}/change/"
    assert (response.status_code, response["Location"]) == (302, page)
    assert (job.status, job.rows_done) == ("succeeded", 10)
    file = client.get(f"/admin/django_reports/reportjob/{job.pk}/download/")
    assert numbers_in(file) == numbers_of(Order.objects.filter(region="n").order_by("number"))
    assert actions(job) == ["requested", "started", "finished", "downloaded"]


# What cannot be


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"format": "pdf"}, "pdf is not one of the available choices"),
        ({"profile": "other"}, "other is not one of the available choices"),
        ({"columns": ["id", "bogus"]}, "bogus is not one of the available choices"),
        ({"columns": ["id", "cost"]}, "cost is not one of the available choices"),
        ({"columns": []}, "Choose at least one column."),
        ({"position_0": "first"}, "Enter a whole number."),
        ({"position_0": "0"}, "greater than or equal to 1"),
        ({"position_0": "11"}, "less than or equal to 10"),
        ({"parameter-minimum": "much"}, "Enter a number."),
        ({"parameter-region": "x"}, "x is not one of the available choices"),
    ],
)
def test_wrong_input_is_told_at_its_field(alice, orders, fields, message):
    response = browse(alice).post(EXPORT, chosen(**fields))
    assert response.status_code == 400
    assert message in text_of(response)
    assert "Please correct the errors below." in text_of(response)
    assert not ReportJob.objects.exists()


class PlainOrders(ModelReport):
    """Without parameters, so that nothing on the page can narrow it down."""

    identifier = "shop.plain"
    model = Order
    columns = ["number"]


def test_row_limit_is_told_on_the_page_without_a_button(make_person, make_site, orders):
    make_site({Order: {"reports": [PlainOrders]}})
    person = make_person("erin", "shop.view_order", report="*", max_rows=10)
    text = text_of(browse(person).get("/own/shop/order/export-report/"))
    assert "This export has more than 10 rows, which is your limit. Narrow it down." in text
    assert "<dt>Your limit</dt><dd>10 rows</dd>" in text
    assert 'name="_export"' not in text


@pytest.mark.parametrize("threshold", [5, 5000])
def test_beyond_the_row_limit_nothing_is_exported(bob, orders, configure, threshold):
    configure(STREAM_MAX_ROWS=threshold)
    response = browse(bob).post(EXPORT, chosen())
    assert response.status_code == 400
    assert "more than 10 rows, which is your limit" in text_of(response)
    assert not ReportJob.objects.exists()
    entry = AuditEntry.objects.get(action="denied")
    assert (entry.actor_label, entry.report) == ("bob", "shop.orders")
    assert entry.data["reason"].startswith("This export has more than 10 rows")


def test_up_to_the_row_limit_everything_is_exported(bob, orders):
    response = browse(bob).post(f"{EXPORT}?region__exact=n", chosen())
    assert len(numbers_in(response)) == 10
