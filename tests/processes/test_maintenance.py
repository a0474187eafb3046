"""A worker takes its first job at once, however much there is to tidy up.

TEST_EXPIRED and TEST_WAITING say how much that is; little, unless they are set.
"""

import datetime as dt
import os
import time
import uuid

import pytest
from django.db import connection
from django.utils import timezone

from django_reports.models import ReportJob
from tests import figures
from tests.conftest import make_orders
from tests.entry_points.helpers import enqueue, make
from tests.processes.conftest import wait_for

pytestmark = pytest.mark.thorough

EXPIRED = int(os.environ.get("TEST_EXPIRED", "300"))
WAITING = int(os.environ.get("TEST_WAITING", "500"))


@pytest.fixture(params=["local", "rq"])
def runner(request, processes, configure):
    if request.param == "rq":
        request.getfixturevalue("redis_queue")
    configure(RUNNER=request.param)
    processes.changed["RUNNER"] = request.param
    return request.param


def copies(job, count, **facts):
    """Rows like that of a job, written past everything else."""
    rows = []
    for _number in range(count):
        row = ReportJob.objects.get(pk=job.pk) if not rows else rows[0]
        values = {field.attname: getattr(row, field.attname) for field in row._meta.fields}
        rows.append(ReportJob(**{**values, "id": uuid.uuid4(), "active_key": None, **facts}))
    ReportJob.objects.bulk_create(rows, batch_size=500)


def seconds_until_made(job, processes):
    worker = processes.worker()
    wait_for(lambda: "ready" in processes.log.read_text())
    begun = time.perf_counter()
    wait_for(lambda: ReportJob.objects.get(pk=job.pk).status == "succeeded", every=0.02)
    return time.perf_counter() - begun, worker


def test_expired_files_keep_no_job_waiting(alice, processes, folder, runner, configure):
    make_orders(20)
    configure(RUNNER="immediate")
    old = make(alice)
    configure(RUNNER=runner)
    copies(old, EXPIRED, expires_at=timezone.now() - dt.timedelta(hours=1), file_key="")
    rows = list(ReportJob.objects.filter(file_key="").values_list("pk", flat=True))
    content = (folder / old.file_key).read_bytes()
    for number, pk in enumerate(rows):
        key = old.file_key.replace(old.file_key.split("/")[-1], f"{number:043d}.csv")
        (folder / key).write_bytes(content)
        ReportJob.objects.filter(pk=pk).update(file_key=key)
    job = enqueue(alice)
    seconds, _worker = seconds_until_made(job, processes)
    left = ReportJob.objects.filter(status="succeeded", expires_at__lt=timezone.now()).count()
    figures.note("seconds until a job is made", f"{runner}, {EXPIRED} files to expire", seconds)
    assert left > EXPIRED // 4  # it did not wait for them
    wait_for(lambda: ReportJob.objects.filter(status="expired", file_key="").count() == EXPIRED)


def test_waiting_jobs_cost_a_worker_nothing(alice, processes, runner):
    """The oldest is made first, though nobody handed over any of them."""
    make_orders(20)
    job = enqueue(alice)
    copies(job, WAITING, created_at=timezone.now() + dt.timedelta(seconds=1), enqueued_at=None)
    seconds, worker = seconds_until_made(job, processes)
    waiting = ReportJob.objects.filter(status="queued")
    figures.note("seconds until a job is made", f"{runner}, {WAITING} others wait", seconds)
    assert waiting.count() > WAITING // 2
    processes.kill(worker)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="it tells what a query reads")
@pytest.mark.parametrize("count", [10, WAITING])
def test_the_next_job_is_found_without_looking_at_the_others(alice, count):
    make_orders(1)
    copies(enqueue(alice), count)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE django_reports_reportjob")
        cursor.execute(
            "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "
            f"{ReportJob.objects.queued().order_by('created_at')[:1].query}".replace(
                "= background", "= 'background'"
            ).replace("= queued", "= 'queued'")
        )
        plan = cursor.fetchone()[0][0]["Plan"]
    figures.note("buffers read for the next job", f"{count} wait", plan["Shared Hit Blocks"])
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] <= 20
