"""Jobs in words, for pages and for programs that show them."""

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
    texts = {
        "replaced_characters": ngettext_lazy(
            "%(count)s character that the format cannot hold was replaced by �.",
            "%(count)s characters that the format cannot hold were replaced by �.",
            "count",
        ),
        "shortened_texts": ngettext_lazy(
            "%(count)s text was longer than a cell can hold and was shortened.",
            "%(count)s texts were longer than a cell can hold and were shortened.",
            "count",
        ),
    }
    return [str(texts[name] % {"count": count}) for name, count in job.losses.items()]
