"""The admin's doors: action, button, page between."""

import pytest
from django.urls import reverse

from django_reports.models import AuditEntry, ReportJob
from tests.conftest import make_orders
from tests.shop.models import Order

pytestmark = pytest.mark.django_db

LIST = reverse("admin:shop_order_changelist") if False else "/admin/shop/order/"
EXPORT = "/admin/shop/order/export-report/"


def body(response):
    return b"".join(response.streaming_content).decode("utf-8-sig")


def page(**fields):
    return {"_export": "1", "_across": "1", "format": "csv", "profile": "machine",
            "columns": ["id", "number"], **fields}  # fmt: skip


def test_button_leads_to_the_page_for_the_list_as_filtered(client, alice, orders):
    client.force_login(alice)
    response = client.get(LIST + "?region__exact=n")
    assert f"{EXPORT}?region__exact=n" in response.content.decode()


def test_page_tells_rows_and_what_happens(client, alice, orders):
    client.force_login(alice)
    text = client.get(EXPORT + "?region__exact=n").content.decode()
    assert "10 rows" in text
    assert "Downloaded at once" in text


def test_export_of_the_filtered_list_in_its_order(client, alice, orders):
    client.force_login(alice)
    response = client.post(EXPORT + "?region__exact=n&o=-1", page())
    assert response.status_code == 200, response.content.decode()[:3000]
    lines = body(response).splitlines()
    numbers = [o.number for o in Order.objects.filter(region="n").order_by("-number")]
    assert lines[0] == "id,number"
    assert [line.split(",")[1] for line in lines[1:]] == numbers
    job = ReportJob.objects.get()
    assert (job.status, job.rows_done, job.delivery) == ("succeeded", 10, "immediate")
    assert response["X-Export-Job-Id"] == str(job.pk)
    assert [e.action for e in AuditEntry.objects.order_by("id") if e.job_key] == [
        "requested", "finished",
    ]  # fmt: skip


def test_background(client, alice, configure, django_capture_on_commit_callbacks):
    make_orders(30)
    configure(STREAM_MAX_ROWS=10)
    client.force_login(alice)
    with django_capture_on_commit_callbacks(execute=True):
        response = client.post(EXPORT + "?q=A000", page())
    job = ReportJob.objects.get()
    assert response.status_code == 302
    assert job.status == "succeeded", job.error
    page_text = client.get(response["Location"]).content.decode()
    assert "Download" in page_text
    file = client.get(f"/admin/django_reports/reportjob/{job.pk}/download/")
    assert file.status_code == 200
    assert len(body(file).splitlines()) == 31


def test_action(client, alice, orders):
    client.force_login(alice)
    keys = [str(o.pk) for o in orders[:3]]
    response = client.post(LIST, {"action": "export_selected", "index": "0", "select_across": "0", "_selected_action": keys})  # fmt: skip
    text = response.content.decode()
    assert "3 rows" in text
    response = client.post(EXPORT, {**page(_selected_action=keys), "_across": ""})
    assert len(body(response).splitlines()) == 4


def test_no_grant(client, carol, orders):
    client.force_login(carol)
    text = client.get(LIST).content.decode()
    assert "export_selected" not in text
    assert "export-report" not in text
    assert client.get(EXPORT).status_code == 403
    assert client.post(EXPORT, page()).status_code == 403
    assert AuditEntry.objects.filter(action="denied").count() == 2
