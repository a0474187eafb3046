"""The points at which an attempt can be killed.

At its point a process writes its number into a file, and waits: to be killed, or to be let go on
by a second file. A file that is there already lets everybody pass: the next attempt, say.
"""

import contextlib
import os
import signal
import threading
import time
from datetime import timedelta
from functools import partial, wraps
from pathlib import Path

from django.core.files.base import ContentFile, File

from django_reports.exports import prepare
from django_reports.jobs import execution, files, heartbeat, lifecycle, maintenance
from django_reports.jobs.runners import base, hanging, lifeline, local, rq, supervision

SWEEP_INTERVAL = 0.5  # seconds
ROWS = 500  # from which on "mid-rows" is


def sweep_often():
    """So that a test need not wait for what a site can wait for."""
    maintenance.ENQUEUE_AGAIN_AFTER = timedelta(seconds=3)
    base.SWEEP_INTERVAL = base.SWEEP_PAUSE = SWEEP_INTERVAL
    local.SWEEP_INTERVAL = rq.SWEEP_INTERVAL = SWEEP_INTERVAL
    local.POLL = 0.1
    local.AWAY = SWEEP_INTERVAL
    rq.LOOK_INTERVAL = 1
    rq.SweepingWorker.max_connection_wait_time = SWEEP_INTERVAL


def wait_at(mark):
    with contextlib.suppress(FileExistsError):
        handle = os.open(mark, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        os.write(handle, b"%d" % os.getpid())
        os.close(handle)
        while not mark.with_suffix(".go").exists():
            time.sleep(0.02)


def before(owner, name, mark):
    """Wait before a function is called."""
    original = getattr(owner, name)

    @wraps(original)
    def waiting(*args, **kwargs):
        wait_at(mark)
        return original(*args, **kwargs)

    setattr(owner, name, waiting)


def amid_rows(mark):
    check = heartbeat.Control.check

    def waiting(self):
        if self.meter.rows >= ROWS:
            wait_at(mark)
        check(self)

    heartbeat.Control.check = waiting


def amid_save(mark):
    def chunks(self, chunk_size=None):
        self.seek(0)
        data = self.read()
        if isinstance(self, ContentFile):  # a manifest, or a checkpoint of the log
            yield data
            return
        yield data[: len(data) // 2]
        wait_at(mark)
        yield data[len(data) // 2 :]

    File.chunks = chunks


POINTS = {
    "before-claim": lambda mark: before(execution, "claim", mark),
    "count": lambda mark: before(prepare.Export, "count", mark),
    "mid-rows": amid_rows,
    "mid-save": amid_save,
    "save-flip": lambda mark: before(execution, "_succeed", mark),
    "flip-audit": lambda mark: before(lifecycle, "record_end", mark),
}


def be_impatient():
    """With what hangs, so that a test need not wait for what a site can wait for."""
    heartbeat.PATIENCE, heartbeat.LAST_PATIENCE = 0.2, 0.5
    hanging.SIGN = 0.5
    lifeline.GRACE = supervision.GRACE = rq.GRACE = 3.0


def hang_once_in_a_sweep(*, beside_a_job=False):
    """As a storage does that is away: the first sweep (beside a job) never ends."""
    from django_reports.models import ReportJob

    original = files.remove_noted

    def hang():
        with contextlib.suppress(FileExistsError):
            if not beside_a_job or ReportJob.objects.running().exists():
                Path(os.environ["TEST_MARK"]).open("x").close()
                time.sleep(10**6)
        return original()

    files.remove_noted = hang


def hang_once(owner, name, *, behind=False):
    """As in a lock that another thread held when the process was forked."""
    original = getattr(owner, name)

    @wraps(original)
    def hanging_once(*args, **kwargs):
        result = original(*args, **kwargs) if behind else None
        with contextlib.suppress(FileExistsError):
            Path(os.environ["TEST_MARK"]).open("x").close()
            time.sleep(10**6)
        return result if behind else original(*args, **kwargs)

    setattr(owner, name, hanging_once)


def die_at_start():
    """As a worker does whose libraries do not fit the machine; the log says when."""

    def die(*args, **kwargs):
        print("started_at", time.monotonic())
        os.kill(os.getpid(), signal.SIGKILL)

    local._work = die


def run_a_thread():
    """As a library does that sends figures somewhere."""
    threading.Thread(target=time.sleep, args=(10**6,), daemon=True).start()


FAULTS = {
    "impatient": be_impatient,
    "sweep-hangs": hang_once_in_a_sweep,
    "sweep-hangs-beside": partial(hang_once_in_a_sweep, beside_a_job=True),
    "child-hangs-before": partial(hang_once, rq, "close_leftovers"),
    "child-hangs-behind": partial(hang_once, execution, "run_attempt", behind=True),
    "claim-hangs": partial(hang_once, execution, "claim"),
    "dies-at-start": die_at_start,
    "thread": run_a_thread,
}
