"""Jobs through RQ. The only importer of rq and django_rq.

RQ gets a job's key and the number of the attempt, nothing else, as JSON. Whether the attempt may
run, and whether its result counts, the database decides.
"""

import time
from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

import django_rq
from django.conf import settings
from django.core.checks import CheckMessage
from django.core.checks import Error as CheckError
from django.db import close_old_connections, connections
from redis.exceptions import RedisError
from rq import Worker
from rq.exceptions import DuplicateJobError
from rq.serializers import JSONSerializer

from django_reports import jobs
from django_reports.conf import get_settings
from django_reports.models import ReportJob
from django_reports.runners.base import SWEEP_INTERVAL, Runner

NO_TIMEOUT = -1  # the attempt watches its own deadline; RQ's would be swallowed by report code
WORKER_TTL = 25  # seconds; RQ waits for a job for 15 s less, and sweeps happen in between


def run_attempt(key: str, number: int) -> None:
    """What RQ calls."""
    close_old_connections()
    try:
        jobs.run(UUID(key), number)
    finally:
        connections.close_all()


class SweepingWorker(Worker):
    """An RQ worker that sweeps between jobs and while its child works on one.

    It sweeps in its own process, never in a thread, because it forks.
    """

    sweep: ClassVar[Callable[[], object]] = staticmethod(lambda: None)
    _swept_at = 0.0

    @property
    def should_run_maintenance_tasks(self) -> bool:
        self._sweep_if_due()
        return bool(super().should_run_maintenance_tasks)

    def maintain_heartbeats(self, job: Any) -> None:
        super().maintain_heartbeats(job)
        self._sweep_if_due()

    def execute_job(self, job: Any, queue: Any) -> None:
        connections.close_all()  # the child must not inherit an open connection
        super().execute_job(job, queue)

    def _sweep_if_due(self) -> None:
        if time.monotonic() - self._swept_at < SWEEP_INTERVAL:
            return
        self._swept_at = time.monotonic()
        try:
            type(self).sweep()
        except Exception:
            # The next sweep may find the database again; a worker must not die of it.
            self.log.exception("event=sweep_failed")
        finally:
            connections.close_all()


class RQRunner(Runner):
    unavailable = (RedisError, OSError)

    def enqueue(self, job: ReportJob) -> None:
        number = job.attempt + 1
        # "auto": enqueue now. The default would wait for a commit, and only of the default
        # database; the caller has waited for the right one.
        queue = django_rq.get_queue(
            get_settings().QUEUE, commit_mode="auto", serializer=JSONSerializer
        )
        try:
            queue.enqueue(
                run_attempt,
                str(job.pk),
                number,
                job_id=f"{job.pk}-{number}",
                unique=True,
                job_timeout=NO_TIMEOUT,
                result_ttl=0,
                description=f"django_reports {job.pk} attempt {number}",
            )
        except DuplicateJobError:
            return  # it is there already, which is all that was wanted

    def work(self, *, burst: bool, sweep: Callable[[], object]) -> None:
        worker_class = type("ReportsWorker", (SweepingWorker,), {"sweep": staticmethod(sweep)})
        worker = django_rq.get_worker(
            get_settings().QUEUE,
            worker_class=worker_class,
            serializer=JSONSerializer,
            worker_ttl=WORKER_TTL,
            job_monitoring_interval=5,
        )
        worker.work(burst=burst, with_scheduler=False, logging_level="WARNING")

    def check(self) -> list[CheckMessage]:
        queues = getattr(settings, "RQ_QUEUES", {})
        name = get_settings().QUEUE
        if name in queues:
            return []
        return [
            CheckError(
                f"DJANGO_REPORTS runs jobs with RQ on the queue {name!r}, which RQ_QUEUES lacks.",
                hint=f"Add {name!r} to RQ_QUEUES (it has: {', '.join(queues) or 'none'}), "
                "or set DJANGO_REPORTS['QUEUE'].",
                id="django_reports.E011",
            )
        ]
