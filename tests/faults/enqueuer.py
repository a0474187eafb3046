"""Hands ten thousand jobs to RQ, and fails if that takes more than a megabyte for good."""

import gc
import sys
import uuid
from pathlib import Path

import django

ROUND = 10_000
MOST = 1024  # KB


def resident():
    """The memory of this process in KB."""
    gc.collect()
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1])


def main():
    django.setup()
    from django_reports.jobs.runners.rq import RQRunner, _queue
    from django_reports.models import ReportJob

    def hand_over(count):
        runner = RQRunner()
        for _ in range(count):
            runner.enqueue(ReportJob(pk=uuid.uuid4(), attempt=0))
        with _queue() as queue:
            queue.empty()

    hand_over(1000)
    before = resident()
    for _ in range(ROUND // 1000):
        hand_over(1000)
    grown = resident() - before
    print(f"{ROUND} jobs: {grown} KB more")
    sys.exit(grown > MOST)


if __name__ == "__main__":
    main()
