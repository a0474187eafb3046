"""Jobs through RQ. With `redis_clients` the only importer of rq and django_rq.

RQ gets a job's key and the number of the attempt, nothing else, as JSON. Whether the attempt may
run, and whether its result counts, the database decides.
"""

import logging
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, ClassVar
from uuid import UUID

import django_rq
from django.conf import settings
from django.core.checks import CheckMessage
from django.core.checks import Error as CheckError
from django.db import DatabaseError, InterfaceError, close_old_connections, connections
from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.exceptions import DuplicateJobError, NoSuchJobError, StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.timeouts import BaseTimeoutException

from django_reports.core.conf import get_settings
from django_reports.core.tempdirs import close_leftovers
from django_reports.jobs import execution
from django_reports.jobs.runners.base import SWEEP_INTERVAL, Runner, longest_sweep, sweep_safely
from django_reports.jobs.runners.lifeline import GRACE, Lifeline
from django_reports.jobs.runners.redis_clients import client_of
from django_reports.jobs.runners.stopping import set_by_signals
from django_reports.models import ReportJob

logger = logging.getLogger(__name__)

ENTRY_POINT = f"{__name__}.run_attempt"
NO_TIMEOUT = -1  # the attempt watches its own deadline; RQ's would be swallowed by report code
WORKER_TTL = 18  # seconds; RQ waits for a job for 15 s less, and sweeps happen in between
FAILURE_TTL = 24 * 60 * 60  # seconds for which RQ's own pages show what it could not run
HAND_OVER_WITHIN = 1.0  # seconds that somebody who asks for an export waits for Redis
LOOK_INTERVAL = 5  # seconds between two looks at what else is to be done while a child works
TRY_AGAIN_AFTER = 2.0  # seconds until a Redis that went away is looked for again

_stopping = threading.Event()  # of the process that works on a job: it is asked to hand it back

_until_the_end = ExitStack()


def run_attempt(key: str, number: int) -> None:
    """What RQ calls."""
    close_old_connections()
    close_leftovers()
    try:
        if SweepingWorker.main_pid in (None, os.getpid()):
            execution.run_attempt(UUID(key), number, is_stopping=_stopping.is_set)
        else:  # this process is there for this attempt alone, and may end with it
            with Lifeline() as lifeline:
                lifeline.run(UUID(key), number, is_stopping=_stopping.is_set)
    finally:
        connections.close_all()


class AttemptJob(Job):
    """An RQ job that runs nothing but `run_attempt`, whatever somebody has put into the queue."""

    @property
    def func(self) -> Any:
        if self.func_name != ENTRY_POINT:
            raise ValueError(f"this worker runs {ENTRY_POINT}, not {self.func_name!r}")
        return run_attempt


class SweepTimeout(BaseTimeoutException):
    """A sweep hangs: a storage is away, say."""


class SweepingWorker(Worker):
    """An RQ worker that sweeps between jobs and while its child works on one.

    It sweeps in its own process, never in a thread, because it forks. Asked to stop, it has its
    child hand the job back. Redis may go away at any time; while a child works, that is no matter.
    """

    sweep: ClassVar[Callable[[], bool]] = staticmethod(lambda: True)
    main_pid: ClassVar[int | None] = None
    is_told_to_stop: ClassVar[bool] = False
    max_connection_wait_time = SWEEP_INTERVAL  # until a Redis that was away is asked again
    _stop_by: ClassVar[float | None] = None
    _look_at: ClassVar[float] = 0.0  # when the child's attempt is looked for
    _was_idle: ClassVar[bool] = False
    _sweep_at: ClassVar[float] = 0.0
    _is_sweeping: ClassVar[bool] = False

    @classmethod
    def sweep_if_due(cls) -> None:
        if time.monotonic() < cls._sweep_at:
            return
        pause = SWEEP_INTERVAL
        cls._is_sweeping = True
        limit = cls.death_penalty_class(math.ceil(longest_sweep()), SweepTimeout)
        with suppress(SweepTimeout), limit:
            pause = sweep_safely(cls.sweep)
        cls._is_sweeping = False
        cls._sweep_at = time.monotonic() + pause
        connections.close_all()

    def work(self, *args: Any, **kwargs: Any) -> bool:
        SweepingWorker.main_pid = os.getpid()
        return bool(super().work(*args, **kwargs))

    @property
    def should_run_maintenance_tasks(self) -> bool:
        self._sweep_while_idle()
        return bool(super().should_run_maintenance_tasks)

    def heartbeat(self, *args: Any, **kwargs: Any) -> None:
        try:
            super().heartbeat(*args, **kwargs)
        except RedisError:
            self._sweep_while_idle()  # RQ waits now until Redis is back
            raise

    def _sweep_while_idle(self) -> None:
        self.sweep_if_due()
        if self.is_told_to_stop:
            raise StopRequested  # as RQ did when it was told, and a sweep swallowed it

    def maintain_heartbeats(self, job: Any, *args: Any) -> None:  # of RQ 3 it takes more
        with suppress(RedisError):
            super().maintain_heartbeats(job, *args)
        is_late = self._stop_by is not None and time.monotonic() > self._stop_by
        if is_late or self._child_is_idle(job):
            self.kill_horse()  # it hangs where it cannot be told anything
        self.sweep_if_due()

    def execute_job(self, job: Any, queue: Any) -> None:
        connections.close_all()  # the child must not inherit an open connection
        self._look_later()
        type(self)._was_idle = False
        super().execute_job(job, queue)

    def _look_later(self) -> None:
        type(self)._look_at = time.monotonic() + get_settings().JOB_LEASE.total_seconds()

    def _child_is_idle(self, job: Any) -> bool:
        """Whether at two looks, a lease apart, the child was not at work on its attempt.

        While it is, the attempt itself is watched. Before and behind it, the child may hang in a
        lock that another thread held when it was forked.
        """
        if time.monotonic() < self._look_at:
            return False
        was_idle, is_idle = self._was_idle, False
        with suppress(DatabaseError, InterfaceError):  # which is away
            is_idle = not any(execution.is_under_way(*attempt) for attempt in _attempts_of(job))
        type(self)._was_idle = is_idle
        self._look_later()
        if was_idle and is_idle:
            logger.error("event=child_hangs pid=%s", self.horse_pid)
        return was_idle and is_idle

    def setup_work_horse_signals(self) -> None:
        super().setup_work_horse_signals()  # type: ignore[no-untyped-call]
        _stopping.clear()
        _until_the_end.enter_context(set_by_signals(_stopping, signal.SIGTERM, signal.SIGUSR1))

    def request_stop(self, signum: Any, frame: Any) -> None:
        type(self).is_told_to_stop = True
        type(self)._stop_by = time.monotonic() + GRACE
        if self.horse_pid:
            with suppress(ProcessLookupError):
                os.kill(self.horse_pid, signal.SIGUSR1)
        with suppress(RedisError):
            super().request_stop(signum, frame)  # type: ignore[no-untyped-call]
        if self._is_sweeping:
            raise StopRequested  # the sweep ends with it, which may hang

    def handle_work_horse_killed(self, job: Job, *args: Any) -> None:
        super().handle_work_horse_killed(job, *args)  # type: ignore[no-untyped-call]
        for attempt in _attempts_of(job):
            with suppress(DatabaseError, InterfaceError):  # its lease will run out
                execution.declare_dead(*attempt)
                type(self)._sweep_at = 0.0
        connections.close_all()

    def teardown(self) -> None:
        try:
            super().teardown()  # type: ignore[no-untyped-call]
        finally:
            if self.pubsub_thread is not None:  # it would look for its Redis for ever
                self.pubsub_thread.stop()


class RQRunner(Runner):
    unavailable = (RedisError, OSError)

    def enqueue(self, job: ReportJob) -> None:
        with _queue() as queue:
            try:
                _put(queue, job)
            except DuplicateJobError:
                name = _name(job)
                if queue.get_job_position(name) is not None:
                    return  # it is waiting there, which is all that was wanted
                # Taken out by a worker that died before it could claim the job, or spoilt.
                with suppress(NoSuchJobError):
                    AttemptJob(
                        name, connection=queue.connection, serializer=JSONSerializer
                    ).delete()
                with suppress(DuplicateJobError):
                    _put(queue, job)

    def lacking(self, waiting: Sequence[ReportJob]) -> Sequence[ReportJob]:
        if not waiting:
            return ()
        with _queue() as queue:
            names = set(queue.get_job_ids())
        return [job for job in waiting if _name(job) not in names]

    def work(self, *, burst: bool, sweep: Callable[[], bool]) -> None:
        class ReportsWorker(SweepingWorker):
            pass

        ReportsWorker.sweep = staticmethod(sweep)
        with suppress(StopRequested):  # a signal has it raised wherever it finds an idle worker
            while True:
                try:
                    worker = django_rq.get_worker(
                        get_settings().QUEUE,
                        worker_class=ReportsWorker,
                        job_class=AttemptJob,
                        serializer=JSONSerializer,
                        worker_ttl=WORKER_TTL,
                        job_monitoring_interval=LOOK_INTERVAL,
                    )
                    worker.work(burst=burst, with_scheduler=False, logging_level="WARNING")
                except self.unavailable as error:
                    if burst:
                        raise
                    logger.error("event=queue_server_away error=%s", error)
                if burst or ReportsWorker.is_told_to_stop:
                    return
                # RQ's worker ends when Redis goes away at a bad moment; the next one takes over.
                ReportsWorker.sweep_if_due()
                time.sleep(TRY_AGAIN_AFTER)

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


@contextmanager
def _queue() -> Iterator[Queue]:
    """The queue of a Redis that is given up soon: somebody is waiting for a page."""
    name = get_settings().QUEUE
    with client_of(name, seconds=HAND_OVER_WITHIN) as client:
        # "auto": enqueue now. The default would wait for a commit, and only of the default
        # database; the caller has waited for the right one.
        yield django_rq.get_queue(
            name, commit_mode="auto", serializer=JSONSerializer, connection=client
        )


def _name(job: ReportJob) -> str:
    return f"{job.pk}-{job.attempt + 1}"


def _attempts_of(job: Any) -> list[tuple[UUID, int]]:
    """The attempt that RQ's job is; none for what somebody else has put into the queue."""
    with suppress(Exception):
        key, number = job.args
        return [(UUID(key), int(number))]
    return []


def _put(queue: Queue, job: ReportJob) -> None:
    number = job.attempt + 1
    queue.enqueue(
        run_attempt,
        str(job.pk),
        number,
        job_id=_name(job),
        unique=True,
        job_timeout=NO_TIMEOUT,
        result_ttl=0,
        failure_ttl=FAILURE_TTL,
        description=f"django_reports {job.pk} attempt {number}",
    )
