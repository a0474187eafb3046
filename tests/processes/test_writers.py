"""A file holds one state of the database, whatever others write while it is made.

TEST_ROUNDS says how often, TEST_ROWS with how many rows; small numbers, unless they are set.
"""

import csv
import os
import random
import threading
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.db.models import F

from django_reports.models import ReportJob
from tests import figures
from tests.conftest import make_orders
from tests.entry_points.helpers import enqueue
from tests.processes.conftest import wait_for
from tests.shop.models import Order

pytestmark = pytest.mark.thorough

ROUNDS = int(os.environ.get("TEST_ROUNDS", "1"))
ROWS = int(os.environ.get("TEST_ROWS", "20000"))
WRITERS = 4


def write_until(stopping, keys, counts):
    """Take from one order what another one gets: the sum is the same in every state."""
    made = 0
    try:
        while not stopping.is_set():
            first, second = sorted(random.sample(keys, 2))
            with transaction.atomic():
                Order.objects.filter(pk=first).update(total=F("total") - 1)
                Order.objects.filter(pk=second).update(total=F("total") + 1)
            made += 1
    finally:
        counts.append(made)
        connection.close()


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer")
def test_the_sum_in_the_file_is_that_of_one_state(alice, processes, configure, folder):
    configure(RUNNER="local")
    processes.changed["RUNNER"] = "local"
    make_orders(ROWS)
    Order.objects.update(total=100)
    keys = list(Order.objects.values_list("pk", flat=True))
    # Those at the ends: a reader without a snapshot would meet them at different times.
    keys = keys[:50] + keys[-50:]
    processes.worker()
    for _ in range(ROUNDS):
        stopping, counts = threading.Event(), []
        writers = [
            threading.Thread(target=write_until, args=(stopping, keys, counts))
            for _ in range(WRITERS)
        ]
        for writer in writers:
            writer.start()
        job = enqueue(alice, columns=["total"])
        wait_for(lambda job=job: ReportJob.objects.get(pk=job.pk).finished_at)
        stopping.set()
        for writer in writers:
            writer.join()
        job.refresh_from_db()
        with (folder / job.file_key).open(newline="") as file:
            totals = [Decimal(total) for [total] in list(csv.reader(file))[1:]]
        assert (len(totals), sum(totals)) == (ROWS, 100 * ROWS)
        assert min(counts) > 0
        case = f"{connection.vendor}, {ROWS:,} rows, {WRITERS} writers"
        figures.note(
            "changes that others made during one export, whose sum is exact", case, sum(counts)
        )
        took = (job.finished_at - job.started_at).total_seconds()
        figures.note("seconds for one export beside writers", case, took)
