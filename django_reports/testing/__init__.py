"""For projects' own tests: make exports, read them back, and state who may have what.

None of it needs a worker, a queue or a committed transaction; it works in a TestCase.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from html import unescape
from typing import Any

from django.conf import settings
from django.db.models import Model, QuerySet
from django.http import HttpResponseBase
from django.test.utils import TestContextDecorator, override_settings

from django_reports.access.permissions import Authority, authorize, columns_for
from django_reports.audit.log import Origin
from django_reports.core.conf import NAME
from django_reports.core.users import User
from django_reports.definitions.base import Report
from django_reports.definitions.registry import registry
from django_reports.definitions.selections import Selection
from django_reports.definitions.specs import ExportSpec, Options
from django_reports.exceptions import ReportDenied, ReportError, ReportFailed
from django_reports.jobs import dispatch, execution, files
from django_reports.models import ReportJob
from django_reports.testing.reading import Table, read

__all__ = [
    "Table",
    "aread_export",
    "assert_may_export",
    "export",
    "immediate_jobs",
    "read_export",
    "run_jobs",
]

MASKED = " (masked)"
JOB_HEADER = "X-Export-Job-Id"


class immediate_jobs(TestContextDecorator):  # noqa: N801 - used like override_settings
    """Have background jobs run at once where they are asked for, in this very thread.

    In a TestCase a job is asked for when the transaction commits: with
    `captureOnCommitCallbacks(execute=True)`, or by `run_jobs()`. `options` are further keys of
    DJANGO_REPORTS, such as STREAM_MAX_ROWS=0. A context, and a decorator of test functions (also
    asynchronous ones) and of TestCase classes.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self._options = options

    def enable(self) -> None:
        known = getattr(settings, NAME, {})
        value = {**known, "RUNNER": "immediate", **self._options}
        self._override = override_settings(**{NAME: value})
        self._override.enable()

    def disable(self) -> None:
        self._override.disable()


def run_jobs() -> list[ReportJob]:
    """Run every waiting job now, oldest first, and return them as they ended.

    A report that raises ends its job as failed and raises nothing here.
    """
    waiting = list(ReportJob.objects.queued().order_by("created_at"))
    for job in waiting:
        execution.run_attempt(job.pk, job.attempt + 1)
        job.refresh_from_db()
    return waiting


def export(
    report: str | type[Report],
    user: User | None = None,
    *,
    format: str = "csv",  # noqa: A002 - the word for it at every entry point
    columns: Sequence[str] | None = None,
    profile: str = "machine",
    options: Mapping[str, str] | None = None,
    parameters: Mapping[str, Any] | None = None,
    time_zone: str | None = None,
    language: str | None = None,
    section: str | None = None,
) -> Table:
    """Make a report as this person would get it (None: as the system), and read it back.

    Time zone and language are the project's unless they are given. `options` are the further ones
    of the file (`{"delimiter": "tab"}`). Of a report with several sections, `section` is the title
    of the one to read. Raises what the entry points would tell: ReportDenied, InvalidSpec,
    RowLimitExceeded, ReportFailed.
    """
    spec = ExportSpec(
        report=_identifier(report),
        format=format,
        columns=None if columns is None else tuple(columns),
        options=Options.of(**{"profile": profile, **(options or {})}),
        parameters=_typed(parameters or {}),
        time_zone=time_zone or settings.TIME_ZONE,
        language=language or settings.LANGUAGE_CODE,
    )
    made = dispatch.export_now(spec, _authority(user), Origin(user=user))
    try:
        content = b"".join(made)
    except ReportError:
        raise
    except Exception as error:  # not before the first block, where it is told like this already
        raise ReportFailed(made.job.error, job_key=str(made.job.pk)) from error
    finally:
        made.close()
    return read(content, made.job, section)


def read_export(source: Any, *, section: str | None = None) -> Table:
    """Read an export back: from a ReportJob with a file, or from the response of a test client.

    Of a report with several sections, `section` is the title of the one to read. Raises
    AssertionError, with what was there instead, if it is neither.
    """
    if isinstance(source, ReportJob):
        return _read_job(source, section)
    key = _job_key_of(source)
    if source.streaming and source.is_async:
        raise AssertionError("the response is asynchronous: await aread_export(response)")
    content = b"".join(source.streaming_content) if source.streaming else source.content
    return read(content, ReportJob.objects.get(pk=key), section)


async def aread_export(response: Any, *, section: str | None = None) -> Table:
    """`read_export` of the response of an AsyncClient."""
    key = _job_key_of(response)
    content = b"".join([part async for part in response])
    return read(content, await ReportJob.objects.aget(pk=key), section)


def _read_job(job: ReportJob, section: str | None) -> Table:
    job = ReportJob.objects.get(pk=job.pk)  # it may have run since it was fetched
    if not job.has_file:
        raise AssertionError(f"{job} has no file: it is {job.status}. {job.error}".strip())
    with files.open_file(job) as file:
        return read(file.read(), job, section)


def _job_key_of(response: HttpResponseBase) -> str:
    """The key of the job whose file a response is."""
    if JOB_HEADER not in response.headers:
        raise AssertionError(f"no export but {_described(response)}")
    return response.headers[JOB_HEADER]


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip()


def _described(response: Any) -> str:
    """What a response is, and what it says about an error."""
    text = f"status {response.status_code}"
    if "Location" in response.headers:
        text += f" to {response.headers['Location']}"
    media_type = _media_type(response.headers.get("Content-Type", ""))
    if response.streaming:
        return f"{text}, {media_type}"
    said = response.content.decode(errors="replace")
    if media_type == "application/problem+json":
        told = [json.loads(said)["detail"]]
    else:
        told = re.findall(r'role="alert"[^>]*>\s*([^<]+)', said)
        for errors in re.findall(r'<ul class="errorlist.*?</ul>', said, re.DOTALL):
            told += re.findall(r"<li>\s*([^<]+)", errors)
    return ": ".join([f"{text}, {media_type}", *([unescape(" ".join(told))] if told else [])])


def assert_may_export(
    matrix: Mapping[Any, Mapping[str | type[Report], bool | Iterable[str]]],
) -> None:
    """Assert who may export what, as a table: person → report → columns.

    True: may export it; False: may not. A list of column names: may export just these, in any
    order; "email (masked)" is a column that this person gets masked. Says everything that is
    otherwise at once.
    """
    wrong = [
        found
        for user, expected in matrix.items()
        for report, wanted in expected.items()
        if (found := _difference(user, _identifier(report), wanted))
    ]
    if wrong:
        raise AssertionError("\n".join(wrong))


def _difference(user: User | None, identifier: str, wanted: bool | Iterable[str]) -> str:
    """What is otherwise than wanted, as a line; empty if nothing is."""
    name = "the system" if user is None else str(user)
    if registry.find(identifier) is None:
        return f"there is no report {identifier}"
    if isinstance(wanted, str):
        raise TypeError(f"columns of {identifier}: a list of names, not {wanted!r}")
    found = _exportable(user, identifier)
    if found is None:
        return f"{name} may not export {identifier}" if wanted is not False else ""
    if isinstance(wanted, bool):
        return "" if wanted else f"{name} may export {identifier}: {', '.join(found)}"
    expected = list(wanted)
    lacking = [column for column in expected if column not in found]
    besides = [column for column in found if column not in expected]
    parts = [
        *([f"without {', '.join(lacking)}"] if lacking else []),
        *([f"with {', '.join(besides)}"] if besides else []),
    ]
    return f"{name} gets {identifier} {' and '.join(parts)}" if parts else ""


def _exportable(user: User | None, identifier: str) -> list[str] | None:
    """The columns that a person gets of a report; None if they may not export it."""
    report = registry.get(identifier)
    authority = _authority(user)
    try:
        authorize(authority, report, Selection(), Origin(user=user))
        columns = columns_for(authority, report, None)
    except ReportDenied:
        return None
    return [column.key + (MASKED if column.masked else "") for column in columns]


def _authority(user: User | None) -> Authority:
    return Authority.system() if user is None else Authority.of(user)


def _identifier(report: str | type[Report]) -> str:
    if isinstance(report, str):
        return report
    for declared in registry:
        if type(declared) is report:
            return declared.get_identifier()
    raise ValueError(f"{report.__name__} is not declared: it needs @register")


def _typed(parameters: Mapping[str, Any]) -> dict[str, list[str]]:
    """Values of a report's parameters as a person would have typed them; None is left empty."""
    typed = {}
    for name, value in parameters.items():
        several = isinstance(value, list | tuple | set | frozenset | QuerySet)
        values = [
            str(one.pk if isinstance(one, Model) else one)
            for one in (value if several else [value])
            if one is not None
        ]
        if values:
            typed[name] = values
    return typed
