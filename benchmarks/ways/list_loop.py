"""A loop over instances that somebody careful writes by hand for this one list: the same bytes.

`select_related()` on a server-side cursor inside a transaction, the admin's own methods, HTML
stripped, local times, labels, the formula guard on every text, `csv.writer`. It has no permissions,
no record, no hash, no progress and no choice of columns.
"""

import csv
from html import unescape
from zoneinfo import ZoneInfo

from django.contrib.admin import site
from django.db import transaction
from django.utils.html import strip_tags

from benchmarks.filling import ZONE
from benchmarks.models import Order
from django_reports.engine.writers import escape

LABELS = ["Order number", "Customer", "Customer email", "Region", "Status", "Total", "Gift",
          f"Placed at ({ZONE})", "Due on", "Note", "Margin", "Badge"]  # fmt: skip
zone = ZoneInfo(ZONE)


def make(path, report, format, rows):  # noqa: A002 - as in the other ways
    admin = site.get_model_admin(Order)
    queryset = Order.objects.filter(id__lte=rows).order_by("pk").select_related("customer")
    with transaction.atomic(), path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(LABELS)
        for order in queryset.iterator(chunk_size=2000):
            placed = order.placed_at.astimezone(zone).replace(tzinfo=None)
            writer.writerow(
                [
                    escape(order.number),
                    escape(str(order.customer)),
                    escape(order.customer.email),
                    escape(order.get_region_display()),
                    escape(order.get_status_display()),
                    order.total,
                    "Yes" if order.is_gift else "No",
                    placed.isoformat(" ", "seconds"),
                    order.due_on or "",
                    escape(order.note),
                    admin.margin(order),
                    escape(unescape(strip_tags(admin.badge(order)))),
                ]
            )
