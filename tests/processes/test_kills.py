"""SIGKILL at every point of an attempt: each job gives one file, whole, and one completion.

TEST_ROUNDS says how often each case is killed; once, unless it is set.
"""

import csv
import datetime as dt
import hashlib
import io
import os
import time

import openpyxl
import pytest

from django_reports.models import AuditEntry, ReportJob
from tests import figures
from tests.conftest import make_orders
from tests.entry_points.helpers import enqueue
from tests.faults.points import POINTS
from tests.processes.conftest import kept_files, kill_at_point, wait_for

pytestmark = pytest.mark.thorough

ROUNDS = int(os.environ.get("TEST_ROUNDS", "1"))
ROWS = 1200
JOB_LEASE = 2  # seconds


def rows_of(path):
    if path.suffix == ".csv":
        return len(list(csv.reader(io.StringIO(path.read_text(), newline="")))) - 1
    return openpyxl.load_workbook(path).worksheets[0].max_row - 1


def assert_one_whole_file(job, folder):
    """What a process outside sees, from the tables and the folder."""
    assert (job.status, job.error, job.rows_done) == ("succeeded", "", ROWS)
    (path,) = kept_files(folder)
    assert str(path.relative_to(folder)) == job.file_key
    content = path.read_bytes()
    assert (len(content), hashlib.sha256(content).hexdigest()) == (job.bytes, job.sha256)
    assert rows_of(path) == ROWS
    assert AuditEntry.objects.filter(action="finished", job_key=str(job.pk)).count() == 1


TARGETS = [("rq", "child"), ("rq", "worker"), ("rq", "both"), ("local", "child")]


def formats_for(point):
    """Each point with both formats; with one of them, where each case is killed once."""
    if ROUNDS > 1:
        return ["csv", "xlsx"]
    return ["xlsx"] if point in ("mid-rows", "save-flip") else ["csv"]


@pytest.mark.parametrize(
    ("runner", "target", "point", "format"),
    [
        (*target, point, format)
        for target in TARGETS
        for point in POINTS
        for format in formats_for(point)
    ],
)
def test_killed(
    alice, processes, configure, request, folder, tmp_path, runner, target, point, format
):
    if runner == "rq":
        request.getfixturevalue("redis_queue")
    changed = {"RUNNER": runner, "JOB_LEASE": dt.timedelta(seconds=JOB_LEASE)}
    configure(**changed)
    processes.changed.update(changed)
    processes.environment["TEST_APPS"] = "tests.faults"
    make_orders(ROWS)
    for number in range(ROUNDS):
        mark = tmp_path / f"{number}.mark"
        processes.environment.update({"TEST_POINT": point, "TEST_MARK": str(mark)})
        job = enqueue(alice, format=format)
        processes.worker()
        pid = int(wait_for(lambda mark=mark: mark.exists() and mark.read_text()))
        processes.worker()  # a healthy one
        assert folder_is_tidy(folder, point)
        kill_at_point(target, pid)
        mark.with_suffix(".go").touch()
        killed_at = time.monotonic()
        wait_for(lambda job=job: ReportJob.objects.get(pk=job.pk).finished_at)
        case = f"{runner:5} {target:6} {point:12} {format:4}"
        figures.note("seconds from the kill to the file", case, time.monotonic() - killed_at)
        job.refresh_from_db()
        wait_for(lambda job=job: len(kept_files(folder)) == 1)  # a loser removes its own
        assert_one_whole_file(job, folder)
        processes.end()
        processes.started.clear()
        for path in kept_files(folder):
            path.unlink()
        ReportJob.objects.all().delete()


def folder_is_tidy(folder, point):
    """Nobody can see a part: until the flip no row hands out what is there."""
    return point == "flip-audit" or not ReportJob.objects.filter(status="succeeded").exists()
