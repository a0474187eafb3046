"""The same as `ways.unwatched`, with progress and lease written, bytes hashed, cancels heeded."""

from benchmarks.ways.job import spec
from benchmarks.ways.unwatched import claimed, write
from django_reports.control import Control


def make(path, report, format, rows):  # noqa: A002 - as in the other ways
    wish = spec(report, format, rows)
    with claimed(wish) as attempt:
        control = Control(attempt.rows())
        write(path, wish, control, control.meter, control.check)
