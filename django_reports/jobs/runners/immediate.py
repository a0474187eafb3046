"""Jobs run where they are asked for: for a project's tests."""

from collections.abc import Callable

from django_reports.jobs import execution
from django_reports.jobs.runners.base import Runner
from django_reports.models import ReportJob


class ImmediateRunner(Runner):
    def enqueue(self, job: ReportJob) -> None:
        execution.run_attempt(job.pk, job.attempt + 1)

    def work(self, *, burst: bool, sweep: Callable[[], bool]) -> None:
        sweep()
