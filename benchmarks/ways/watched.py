"""The same as `ways.unwatched`, with progress and lease written, bytes hashed, cancels heeded."""

from benchmarks.ways.job import spec
from benchmarks.ways.unwatched import write
from django_reports import attempts, delivery
from django_reports.audit import Origin
from django_reports.control import Control
from django_reports.permissions import Authority


def make(path, report, format, rows):  # noqa: A002 - as in the other ways
    wish = spec(report, format, rows)
    job = delivery.enqueue(wish, Authority.system(), Origin())
    control = Control(attempts.claim(job.pk, job.attempt + 1).rows())
    write(path, wish, control, control.meter, control.check)
    job.refresh_from_db()
    job.delete()
