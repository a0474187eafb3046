"""This app, as a background job: claimed, made beside its control thread, published, recorded."""

from benchmarks.filling import PROFILE, ZONE
from django_reports import attempts, delivery, storage
from django_reports.audit import Origin
from django_reports.permissions import Authority
from django_reports.specs import ExportSpec, Options


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
    job = delivery.enqueue(spec(report, format, rows), Authority.system(), Origin())
    attempts.run(job.pk, job.attempt + 1)
    job.refresh_from_db()
    if not job.has_file:
        raise RuntimeError(job.error)
    storage.open_file(job).close()
    storage.delete(job.storage, job.file_key)
