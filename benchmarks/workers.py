"""Several workers on one queue: how long they take for so many jobs."""

import os
import subprocess
import sys
import time
from pathlib import Path

JOBS = 20
ASK = """
import django; django.setup()
from benchmarks.ways.job import spec
from django_reports import execution
from django_reports.audit import Origin
from django_reports.permissions import Authority
for number in range({jobs}):  # a job that is asked for twice is made once
    wish = spec("{report}", "{format}", {rows} - number)
    execution.enqueue(wish, Authority.system(), Origin())
"""
CLEAR = """
import django; django.setup()
from django_reports import storage
from django_reports.models import ReportJob
print(ReportJob.objects.filter(status="succeeded").exclude(file_key="").count())
for job in ReportJob.objects.exclude(file_key=""):
    storage.discard(job.storage, job.file_key)
ReportJob.objects.all().delete()
"""


def throughput(workers, report, format, rows, jobs=JOBS):  # noqa: A002 - the word of the spec
    """Rows a second of so many workers, which begin together and end when nothing waits."""
    _python(CLEAR)
    _python(ASK.format(jobs=jobs, report=report, format=format, rows=rows))
    begin = time.perf_counter()
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "django", "reports_worker", "--burst", "--verbosity=0"],
            env=_environment(),
        )
        for _worker in range(workers)
    ]
    for worker in running:
        if worker.wait():
            raise RuntimeError("a worker failed")
    seconds = time.perf_counter() - begin
    made = int(_python(CLEAR))
    if made != jobs:
        raise RuntimeError(f"{made} of {jobs} jobs were made")
    return jobs * rows / seconds


def _python(code):
    done = subprocess.run([sys.executable, "-c", code], env=_environment(), check=True,
                          capture_output=True, text=True)  # fmt: skip
    return done.stdout.strip()


def _environment():
    root = str(Path(__file__).resolve().parent.parent)
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
        "PYTHONPATH": os.pathsep.join(paths),
    }
