"""This app, as a background job: claimed, made beside its control thread, published, recorded."""

from benchmarks.filling import PROFILE, ZONE
from django_reports.access.permissions import Authority
from django_reports.audit.log import Origin
from django_reports.definitions.specs import ExportSpec, Options
from django_reports.jobs import dispatch, execution, files


def spec(report, format, rows):  # noqa: A002 - the word of the spec
    return ExportSpec(
        report=f"benchmarks.{report}",
        format=format,
        options=Options.of(profile=PROFILE),
        parameters={} if rows is None else {"rows": [str(rows)]},
        time_zone=ZONE,
        language="en",
    )


def make(path, report, format, rows):  # noqa: A002 - as in the other ways
    job = dispatch.enqueue(spec(report, format, rows), Authority.system(), Origin())
    execution.run_attempt(job.pk, job.attempt + 1)
    job.refresh_from_db()
    if not job.has_file:
        raise RuntimeError(job.error)
    files.open_file(job).close()
    files.delete(job.storage, job.file_key)
