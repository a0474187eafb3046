"""What can be told of an export beforehand without reading it: rows, size and time."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any, NamedTuple

from django.db.models import IntegerField

from django_reports.core.choices import Execution, JobStatus
from django_reports.engine.query_estimates import PATIENCE, TookTooLong, statement_timeout
from django_reports.engine.rows import QuerySetSource
from django_reports.exports.prepare import Export
from django_reports.models import ReportJob

RUNS = 20  # of the newest that are learned from


class Run(NamedTuple):
    """A past export: its cells, that is its rows times its columns, its bytes and seconds."""

    cells: int
    size: int
    seconds: float | None


@dataclass(frozen=True)
class Estimate:
    """What an export will take; None where it is not known."""

    rows: int | None = None
    size: int | None = None  # bytes
    seconds: float | None = None
    largest_key: int | None = None  # where it is among the columns


def estimate(export: Export, rows: int | None) -> Estimate:
    """Size and time of so many rows, by what this report took before in the same format."""
    key = _largest_key(export)
    if rows is None:
        return Estimate(largest_key=key)
    cells = rows * len(export.columns)
    runs = _runs(export)
    size = _per_cell(runs, lambda run: run.size)
    seconds = _per_cell(runs, lambda run: run.seconds)
    return Estimate(
        rows=rows,
        size=None if size is None else round(size * cells),
        seconds=None if seconds is None else seconds * cells,
        largest_key=key,
    )


def estimated_rows(export: Export) -> int | None:
    """How many rows the database's planner expects; None if it says nothing."""
    guesses = [section.source.estimate() for section in export.sections]
    return None if None in guesses else sum(guess or 0 for guess in guesses)


def _largest_key(export: Export) -> int | None:
    """The highest key of the rows that are selected, looked for as long as a page may wait."""
    for section in export.sections:
        source = section.source
        if isinstance(source, QuerySetSource):
            key = source.model._meta.pk
            names = ("pk", key.name, key.attname)
            read = [source for column in section.columns for source in column.sources]
            is_there = any(isinstance(one, str) and one in names for one in read)
            if is_there and isinstance(key, IntegerField):
                try:
                    with statement_timeout(source.alias, PATIENCE):
                        return source.largest_key()
                except TookTooLong:
                    return None
    return None


def _runs(export: Export) -> list[Run]:
    found = (
        ReportJob.objects.filter(
            report=export.spec.report,
            format=export.spec.format,
            status__in=(JobStatus.SUCCEEDED, JobStatus.EXPIRED),
            rows_done__gt=0,
        )
        .order_by("-created_at")
        .only("columns", "rows_done", "bytes", "execution", "started_at", "finished_at")
    )
    return [_run(job) for job in found[:RUNS]]


def _run(job: Any) -> Run:
    seconds = None
    # An immediate one takes as long as its reader.
    if job.execution == Execution.BACKGROUND and job.started_at and job.finished_at:
        seconds = (job.finished_at - job.started_at).total_seconds()
    return Run(job.rows_done * max(1, len(job.column_facts or ())), job.bytes, seconds)


def _per_cell(runs: list[Run], amount: Callable[[Run], float | None]) -> float | None:
    """The median over the large runs: small ones tell more of how a file begins."""
    known = [(run.cells, value) for run in runs if (value := amount(run)) is not None]
    large = max((cells for cells, _value in known), default=0) / 10
    return median(v / cells for cells, v in known if cells >= large) if known else None
