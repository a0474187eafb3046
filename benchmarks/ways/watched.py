"""The same as `ways.unwatched`, with progress and lease written, bytes hashed, cancels heeded.

Tells how long those took, counted where they are spent: with and without lie closer together than
two runs of the same way.
"""

import time

from benchmarks.ways.job import spec
from benchmarks.ways.unwatched import claimed, write
from django_reports.engine.pipeline import Meter
from django_reports.jobs.heartbeat import Control


class CountedMeter(Meter):
    seconds = 0.0  # of counting and hashing

    def count(self, block):
        begin = time.perf_counter()
        block = super().count(block)
        self.seconds += time.perf_counter() - begin
        return block


class CountedControl(Control):
    checks = 0.0  # seconds
    thread = 0.0  # seconds of the processor

    def __init__(self, rows):
        super().__init__(rows)
        self.meter = CountedMeter()

    def check(self):
        begin = time.perf_counter()
        super().check()
        self.checks += time.perf_counter() - begin

    def _beat(self):
        super()._beat()
        self.thread = time.thread_time()

    @property
    def seconds(self):
        return self.meter.seconds + self.checks + self.thread


def make(path, report, format, rows):  # noqa: A002 - as in the other ways
    wish = spec(report, format, rows)
    with claimed(wish) as attempt:
        control = CountedControl(attempt.owned_jobs())
        write(path, wish, control, control.meter, control.check)
    return {"watching": control.seconds}
