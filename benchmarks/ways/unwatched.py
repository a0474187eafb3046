"""This app's pipeline without progress, hash and cancel checks: what those cost is the difference.

The same job, rows, writer and loop, as `ways.watched`; but nobody reports, nobody hashes, nobody
looks whether to stop.
"""

from contextlib import contextmanager, nullcontext

from benchmarks.ways.job import spec
from django_reports.access.permissions import Authority
from django_reports.audit.log import Origin
from django_reports.engine.pipeline import Meter
from django_reports.exports.prepare import prepare
from django_reports.jobs import dispatch, execution


class NoHash:
    def update(self, block):
        """Nothing."""


def make(path, report, format, rows):  # noqa: A002 - as in the other ways
    wish = spec(report, format, rows)
    with claimed(wish):
        write(path, wish, nullcontext(), Meter(_hash=NoHash()), lambda: None)


@contextmanager
def claimed(wish):
    """A job that is being made by this process; it is gone afterwards."""
    job = dispatch.enqueue(wish, Authority.system(), Origin())
    yield execution.claim(job.pk, job.attempt + 1)
    job.delete()


def write(path, wish, around, meter, check):
    with path.open("wb") as file:
        export = prepare(wish, Authority.system(), Origin())
        with around, export.snapshot():
            writer = export.writer()
            for block in export.blocks(export.tables(writer), writer, meter, check):
                file.write(block)
