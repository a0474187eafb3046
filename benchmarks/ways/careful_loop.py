"""A loop that somebody careful writes by hand for this one report: the same bytes as ours.

`values_list()` on a server-side cursor inside a transaction, one function per column chosen before
the loop, local times, labels from a dict, the formula guard on every text, `csv.writer` on a
buffered file. It has no permissions, no record, no hash, no progress and no choice of columns, and
it takes our guard, so that both guard alike.
"""

import csv
from zoneinfo import ZoneInfo

from django.db import transaction

from benchmarks.filling import ZONE
from benchmarks.models import Order, Region, Status
from benchmarks.reports import COLUMNS
from django_reports.engine.writers import escape

LABELS = ["ID", "Order number", "Customer name", "Customer e-mail address", "Region", "Status",
          "Total", "Cost", "Gift", f"Placed at ({ZONE})", "Due on", "Note"]  # fmt: skip
REGIONS = {value: str(label) for value, label in Region.choices}
STATUSES = {value: str(label) for value, label in Status.choices}
zone = ZoneInfo(ZONE)


def local(value):
    return value.astimezone(zone).replace(tzinfo=None).isoformat(" ", "seconds")


def masked(email):
    name, _at, host = email.partition("@")
    domain, _dot, ending = host.rpartition(".")
    return escape(f"{name[:1]}•••@{domain[:1]}•••.{ending}")


def make(path, report, format, rows):  # noqa: A002 - as in the other ways
    converters = [
        str,
        escape,
        escape,
        masked if report == "masked" else escape,
        REGIONS.__getitem__,
        STATUSES.__getitem__,
        str,
        str,
        {True: "Yes", False: "No"}.__getitem__,
        local,
        str,
        (lambda note: escape(note[:20])) if report == "computed" else escape,
    ]
    queryset = Order.objects.filter(id__lte=rows).order_by("pk").values_list(*COLUMNS)
    with transaction.atomic(), path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(LABELS)
        for row in queryset.iterator(chunk_size=2000):
            writer.writerow(
                [
                    "" if value is None else convert(value)
                    for convert, value in zip(converters, row, strict=True)
                ]
            )
