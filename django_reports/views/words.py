"""Jobs in words, for pages and for programs that show them."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext_lazy

from django_reports.models import ReportJob
from django_reports.registry import registry
from django_reports.statuses import JobStatus


def report_in_words(job: ReportJob) -> str:
    """The label of a job's report; its identifier if it is no longer declared."""
    report = registry.find(job.report)
    return str(report.get_label()) if report else job.report


def progress_in_words(job: ReportJob) -> str:
    """How far a job is."""
    if job.status == JobStatus.QUEUED:
        return _("Waiting to be started")
    if job.rows_expected is None:
        return _("%(done)s rows") % {"done": f"{job.rows_done:,}"}
    return _("%(done)s of %(expected)s rows") % {
        "done": f"{job.rows_done:,}",
        "expected": f"{job.rows_expected:,}",
    }


def losses_in_words(job: ReportJob) -> list[str]:
    """What the format could not hold as it was."""
    return in_words(job.losses)


def in_words(losses: Mapping[str, int]) -> list[str]:
    return [
        str(_LOSSES[name] % {"count": count})
        if name in _LOSSES
        else f"{name}: {count:,}"  # of a project's own writer
        for name, count in losses.items()
    ]


_LOSSES: dict[str, Any] = {
    "replaced_characters": ngettext_lazy(
        "%(count)s character that the file cannot hold was replaced.",
        "%(count)s characters that the file cannot hold were replaced.",
        "count",
    ),
    "shortened_texts": ngettext_lazy(
        "%(count)s text was longer than a cell can hold and was shortened.",
        "%(count)s texts were longer than a cell can hold and were shortened.",
        "count",
    ),
}
