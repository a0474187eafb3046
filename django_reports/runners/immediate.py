"""Jobs run where they are asked for: for a project's tests."""

from collections.abc import Callable

from django_reports import attempts
from django_reports.models import ReportJob
from django_reports.runners.base import Runner


class ImmediateRunner(Runner):
    def enqueue(self, job: ReportJob) -> None:
        attempts.run(job.pk, job.attempt + 1)

    def work(self, *, burst: bool, sweep: Callable[[], bool]) -> None:
        sweep()
