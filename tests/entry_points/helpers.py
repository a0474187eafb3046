"""Short words for what tests of services and entry points do again and again."""

import re

from django.test import Client

from django_reports.access import permission_snapshots
from django_reports.access.permissions import Authority
from django_reports.audit import signing
from django_reports.audit.log import Origin
from django_reports.core.choices import JobStatus
from django_reports.definitions.specs import ExportSpec, Options
from django_reports.jobs import dispatch, execution
from django_reports.jobs.maintenance import Sweeper
from django_reports.jobs.runners import hand_over
from django_reports.models import AuditEntry, ReportJob

LIST = "/admin/shop/order/"
EXPORT = "/admin/shop/order/export-report/"
JOBS = "/admin/django_reports/reportjob/"


def spec_of(report="shop.orders", *, profile="machine", **wanted):
    return ExportSpec(report=report, options=Options(profile=profile), **wanted)


def asking(user):
    """Authority and origin of a person; None is the system."""
    return (Authority.system() if user is None else Authority.of(user)), Origin(user=user)


def plan(user, *args, **wanted):
    return dispatch.plan(spec_of(*args, **wanted), *asking(user))


def deliver(user, *args, **wanted):
    return dispatch.deliver(spec_of(*args, **wanted), *asking(user))


def sweep(*, tidies=False):
    """A whole sweep; one that does not tidy up, within the hour of the last that has."""
    if not tidies:
        permission_snapshots.note_comparison()
    return Sweeper(hand_over).sweep(tidies=tidies)


def enqueue(user, *args, **wanted):
    """A waiting job. Where a test is a transaction, no runner ever gets it.

    It stands for whichever job a test needs: the next one that is asked for is another one.
    """
    return put(dispatch.enqueue(spec_of(*args, **wanted), *asking(user)), active_key=None)


def make(user, *args, **wanted):
    """A job that was run to its end."""
    return run(enqueue(user, *args, **wanted))


def run(job, **options):
    execution.run_attempt(job.pk, job.attempt + 1, **options)
    job.refresh_from_db()
    return job


def put(job, **facts):
    """Write facts straight into a job's row, past the state machine."""
    ReportJob.objects.filter(pk=job.pk).update(**facts)
    job.refresh_from_db()
    return job


def sign(job):
    """Have the row of a job that was changed by `put` count as written by the application."""
    is_made = job.status in (JobStatus.SUCCEEDED, JobStatus.EXPIRED)
    text = signing.file_text(job) if is_made else signing.request_text(job)
    return put(job, signature=signing.sign(text))


def files_in(folder):
    """Every file below a folder, as sorted relative paths, without the manifests beside them."""
    found = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".json"]
    return sorted(str(path.relative_to(folder)) for path in found)


def actions(job):
    """What the audit log tells of a job, oldest first."""
    return [entry.action for entry in entries(job)]


def entries(job):
    return AuditEntry.objects.filter(job_key=str(job.pk)).order_by("id")


def browse(user):
    client = Client()
    client.force_login(user)
    return client


def chosen(**fields):
    """What the page between posts for the whole list, with its button pressed."""
    columns = ["id", "number"]
    return {"_export": "1", "_across": "1", "format": "csv", "profile": "machine",
            "columns": columns, **fields}  # fmt: skip


def ticked(orders, **fields):
    """What the changelist posts for ticked rows and our action."""
    keys = [str(order.pk) for order in orders]
    return {"action": "export_selected", "index": "0", "select_across": "0",
            "_selected_action": keys, **fields}  # fmt: skip


def text_of(response):
    """A page's or a download's text, without a byte order mark."""
    raw = b"".join(response.streaming_content) if response.streaming else response.content
    return raw.decode("utf-8-sig")


def lines_of(response):
    return text_of(response).splitlines()


def job_url(job, page="change"):
    return f"{JOBS}{job.pk}/{page}/"


def unbounded_counts(queries):
    """The captured statements that count without a bound."""
    counts = [q["sql"] for q in queries if re.search(r"\bCOUNT\(", q["sql"], re.IGNORECASE)]
    return [sql for sql in counts if not re.search(r"\bLIMIT \d+", sql, re.IGNORECASE)]
