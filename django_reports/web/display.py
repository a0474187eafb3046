"""Jobs in words, for pages and for programs that show them."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from django_reports.core.choices import FailureCause, JobStatus
from django_reports.core.formatting import grouped
from django_reports.definitions.registry import registry
from django_reports.models import ReportJob
from django_reports.web.progress import rows_per_second, seconds_left, seconds_of


def describe_report(job: ReportJob) -> str:
    """The label of a job's report; its identifier if it is no longer declared."""
    return registry.label_of(job.report)


def describe_progress(job: ReportJob, *, is_readable: bool) -> str:
    """How far a job is; unless it `is_readable`, without its rows."""
    if job.status == JobStatus.QUEUED:
        return _("Waiting to be started")
    if job.cancel_requested_at is not None:
        return _("It is being canceled.")
    if not is_readable:
        return str(job.get_status_display())
    if job.rows_expected is None:
        return _("%(done)s rows") % {"done": grouped(job.rows_done)}
    return _("%(done)s of %(expected)s rows") % {
        "done": grouped(job.rows_done),
        "expected": grouped(job.rows_expected),
    }


def describe_pace(job: ReportJob, place: int | None = None, *, is_readable: bool) -> str:
    """How fast a job runs and how much longer, or where it waits; empty if nothing is known, or
    may be."""
    if job.status == JobStatus.QUEUED:
        return _describe_place(place) if place else ""
    speed, left = rows_per_second(job), seconds_left(job)
    if not speed or not is_readable or job.cancel_requested_at is not None:
        return ""
    rate = ngettext(
        "%(count)s row per second", "%(count)s rows per second", speed
    ) % {"count": grouped(speed)}  # fmt: skip
    if left is None:
        return rate
    return _("%(rate)s, about %(time)s left") % {"rate": rate, "time": format_time(left)}


def _describe_place(place: int) -> str:
    if place == 1:
        return _("It is the next one.")
    return ngettext(
        "%(count)s export is before it.", "%(count)s exports are before it.", place - 1
    ) % {"count": grouped(place - 1)}  # fmt: skip


def format_duration(job: ReportJob) -> str:
    """How long an ended job took; empty if that is not known."""
    seconds = None if job.is_active else seconds_of(job)
    return "" if seconds is None else format_time(max(1, round(seconds)))


def format_time(seconds: int) -> str:
    if seconds < 100:
        return ngettext("%(n)s second", "%(n)s seconds", seconds) % {"n": seconds}
    minutes = round(seconds / 60)
    if minutes < 100:
        return ngettext("%(n)s minute", "%(n)s minutes", minutes) % {"n": minutes}
    hours = round(seconds / 3600)
    return ngettext("%(n)s hour", "%(n)s hours", hours) % {"n": hours}


def describe_remedy(job: ReportJob) -> str:
    """What can be done about a job that went wrong, or its file; empty where nothing did."""
    if job.status == JobStatus.SUCCEEDED and job.error:  # its file is not the one that was made
        return str(_REMEDIES[FailureCause.FILE_LOST])
    if job.is_active:  # the cause is of an attempt that was lost; another one is made
        return ""
    if job.was_canceled_by_others:
        return _("Ask whoever canceled it, or run it again.")
    return str(_REMEDIES.get(job.cause, ""))


WHOM_TO_ASK: Any = gettext_lazy("Ask whoever manages permissions whether you may have it.")
IN_A_FEW_MINUTES: Any = gettext_lazy(
    "Run it again in a few minutes. If that does not help, tell whoever runs this site."
)
_REMEDIES: dict[str, Any] = {
    FailureCause.TIMEOUT: gettext_lazy(
        "Export fewer rows or columns at a time, or try again when less is going on."
    ),
    FailureCause.SNAPSHOT: gettext_lazy(
        "Export fewer rows at a time, or try again when less is going on."
    ),
    FailureCause.ROW_LIMIT: gettext_lazy(
        "Narrow it down by filters or parameters, or ask for a higher limit."
    ),
    FailureCause.QUOTA: gettext_lazy("Export fewer rows, or try again tomorrow."),
    FailureCause.STORAGE_FULL: gettext_lazy(
        "Tell whoever runs this site. Once there is space again, run it again."
    ),
    FailureCause.STORAGE: IN_A_FEW_MINUTES,
    FailureCause.REPORT_GONE: gettext_lazy("Choose another report."),
    FailureCause.DENIED: WHOM_TO_ASK,
    FailureCause.SPEC: gettext_lazy(
        "The report or your rights have changed. Export it anew from its own page."
    ),
    FailureCause.FORMAT: gettext_lazy("Choose another format, or fewer columns."),
    FailureCause.KILLED: gettext_lazy(
        "Try it with fewer rows or columns. If that fails as well, tell whoever runs this site."
    ),
    FailureCause.CONNECTION: IN_A_FEW_MINUTES,
    FailureCause.CONFLICT: IN_A_FEW_MINUTES,
    FailureCause.INTERRUPTED: gettext_lazy("Run it again."),
    FailureCause.ERROR: gettext_lazy(
        "Run it again. If it fails again, tell whoever looks after the report, with the time."
    ),
    FailureCause.FILE_LOST: gettext_lazy(
        "Run it again. Tell whoever runs this site, who can find out what became of the file."
    ),
}


def describe_losses(losses: Mapping[str, int]) -> list[str]:
    """What a format could not hold as it was."""
    return [
        str(_LOSSES[name] % {"count": count})
        if name in _LOSSES
        else f"{name}: {grouped(count)}"  # of a project's own writer
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
