"""For projects' own tests: make exports, read them back, and state who may have what.

None of it needs a worker, a queue or a committed transaction; it works in a TestCase.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.test.utils import override_settings

from django_reports import delivery, jobs, storage
from django_reports.audit import Origin
from django_reports.conf import NAME
from django_reports.exceptions import ReportDenied
from django_reports.models import ReportJob
from django_reports.permissions import Authority, authorise, columns_for
from django_reports.registry import registry
from django_reports.reports import User
from django_reports.selections import Selection
from django_reports.specs import ExportSpec, Options

__all__ = ["Table", "assert_may_export", "export", "immediate_jobs", "read_export", "run_jobs"]

MASKED = " (masked)"


@dataclass(frozen=True)
class Table:
    """An export read back: the header, and the rows as tuples.

    From CSV every value is a text; from XLSX it has the type of its cell.
    """

    header: tuple[str, ...]
    rows: list[tuple[Any, ...]]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def dicts(self) -> list[dict[str, Any]]:
        """The rows by the names in the header."""
        return [dict(zip(self.header, row, strict=True)) for row in self.rows]

    def column(self, name: str) -> list[Any]:
        """The values of one column. Raises ValueError for a name that the header lacks."""
        if name not in self.header:
            raise ValueError(f"no column {name!r}; there are {', '.join(self.header)}")
        at = self.header.index(name)
        return [row[at] for row in self.rows]


@contextmanager
def immediate_jobs(**options: Any) -> Iterator[None]:
    """Have background jobs run at once where they are asked for, in this very thread.

    In a TestCase a job is asked for when the transaction commits: with
    `captureOnCommitCallbacks(execute=True)`, or by `run_jobs()`. `options` are further keys of
    DJANGO_REPORTS, such as STREAM_MAX_ROWS=0. Also a decorator.
    """
    known = getattr(settings, NAME, {})
    with override_settings(**{NAME: {**known, "RUNNER": "immediate", **options}}):
        yield


def run_jobs() -> list[ReportJob]:
    """Run every waiting job now, oldest first, and return them as they ended."""
    waiting = list(ReportJob.objects.queued().order_by("created_at"))
    for job in waiting:
        jobs.run(job.pk, job.attempt + 1)
        job.refresh_from_db()
    return waiting


def export(
    report: str,
    user: User | None = None,
    *,
    format: str = "csv",  # noqa: A002 - the word for it at every door
    columns: Sequence[str] | None = None,
    profile: str = "machine",
    parameters: Mapping[str, Any] | None = None,
) -> Table:
    """Make a report as this person would get it (None: as the system), and read it back.

    Raises what the doors would tell: ReportDenied, InvalidSpec, RowLimitExceeded, ReportFailed.
    """
    raw = {
        name: [str(v) for v in (value if isinstance(value, list | tuple) else [value])]
        for name, value in (parameters or {}).items()
    }
    spec = ExportSpec(
        report=report,
        format=format,
        columns=None if columns is None else tuple(columns),
        options=Options(profile=profile),  # type: ignore[arg-type]
        parameters=raw,
    )
    made = delivery.export_now(spec, _authority(user), Origin(user=user))
    try:
        return _parse(b"".join(made), format)
    finally:
        made.close()


def read_export(source: Any) -> Table:
    """Read an export back: from a ReportJob with a file, or from the response of a test client.

    Raises AssertionError, with what was there instead, if it is neither.
    """
    if isinstance(source, ReportJob):
        if not source.has_file:
            raise AssertionError(
                f"{source} has no file: it is {source.status}. {source.error}".strip()
            )
        with storage.open_file(source) as file:
            return _parse(file.read(), source.format)
    kind = source.headers.get("Content-Disposition", "")
    if source.status_code != 200 or not kind.startswith("attachment"):
        raise AssertionError(
            f"no export but status {source.status_code}, {source.headers.get('Content-Type')}"
        )
    content = b"".join(source.streaming_content) if source.streaming else source.content
    is_csv = source.headers["Content-Type"].startswith("text/csv")
    return _parse(content, "csv" if is_csv else "xlsx")


def assert_may_export(matrix: Mapping[Any, Mapping[str, bool | Iterable[str]]]) -> None:
    """Assert who may export what, as a table: person → report → columns.

    True: may export it; False: may not. A list of column names: may export just these, in any
    order; "email (masked)" is a column that this person gets masked. Says everything that is
    otherwise at once.
    """
    wrong = []
    for user, expected in matrix.items():
        for identifier, wanted in expected.items():
            found = _exportable(user, identifier)
            if isinstance(wanted, bool):
                if wanted != (found is not None):
                    wrong.append(_difference(user, identifier, wanted, found))
            elif found is None or set(found) != set(wanted):
                wrong.append(_difference(user, identifier, sorted(wanted), found))
    if wrong:
        raise AssertionError("\n".join(wrong))


def _exportable(user: User, identifier: str) -> list[str] | None:
    """The columns that a person gets of a report; None if they may not export it."""
    report = registry.get(identifier)
    authority = _authority(user)
    try:
        authorise(authority, report, Selection(), Origin(user=user))
        columns = columns_for(authority, report, None)
    except ReportDenied:
        return None
    return [column.name + (MASKED if column.masked else "") for column in columns]


def _difference(user: User, identifier: str, wanted: Any, found: list[str] | None) -> str:
    words = {True: "may", False: "may not"}
    wanted_text = words[wanted] if isinstance(wanted, bool) else f"gets {', '.join(wanted)}"
    found_text = "may not" if found is None else f"gets {', '.join(sorted(found))}"
    return f"{user} and {identifier}: expected: {wanted_text}; found: {found_text}"


def _authority(user: User | None) -> Authority:
    return Authority.system() if user is None else Authority.of(user)


def _parse(content: bytes, kind: str) -> Table:
    lines: list[Any]
    if kind == "csv":
        lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    elif kind == "xlsx":
        import openpyxl  # noqa: PLC0415 - not needed by most tests

        book = openpyxl.load_workbook(io.BytesIO(content))
        lines = [list(row) for row in book.worksheets[0].iter_rows(values_only=True)]
    else:
        raise AssertionError(f"cannot read {kind!r} back; csv and xlsx can be")
    if not lines:
        raise AssertionError("the export has no header")
    return Table(tuple(map(str, lines[0])), [tuple(line) for line in lines[1:]])
