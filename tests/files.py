"""Exports made at every entry point, and files read by readers that know nothing of this app."""

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet
from django.core.management import call_command
from python_calamine import CalamineWorkbook

from django_reports.access.permissions import Authority
from django_reports.audit.log import Origin
from django_reports.definitions.specs import ExportSpec, Options
from django_reports.jobs import dispatch, execution, files

ALL = 100_000  # rows: more than any test has


@dataclass(frozen=True)
class Wish:
    """An export that a person asks for at any entry point. `options` have their profile."""

    report: str
    columns: Sequence[str]
    format: str = "csv"
    options: Mapping[str, str] = field(default_factory=lambda: {"profile": "machine"})
    time_zone: str = "Europe/Berlin"
    language: str = "en"

    @property
    def spec(self):
        return ExportSpec(
            report=self.report,
            format=self.format,
            columns=tuple(self.columns),
            options=Options(**self.options),
            time_zone=self.time_zone,
            language=self.language,
        )


# The four entry points


def stream(wish, user, client, folder):
    plain, _dot, compression = wish.format.partition(".")
    data = {
        "_export": "1",
        "format": plain,
        "compression": compression,
        "columns": wish.columns,
        "time_zone": wish.time_zone,
        "language": wish.language,
        **{f"position_{at}": "" for at in range(len(wish.columns))},
        **wish.options,
    }
    response = client.post(f"/reports/{wish.report}/", data)
    assert response.streaming, response.content.decode()
    return b"".join(response.streaming_content)


def job(wish, user, client, folder):
    made = dispatch.enqueue(wish.spec, Authority.of(user), Origin(user=user))
    execution.run_attempt(made.pk, made.attempt + 1)
    made.refresh_from_db()
    assert made.has_file, made.error
    with files.open_file(made) as file:
        return file.read()


def command(wish, user, client, folder):
    path = Path(folder) / "made"
    options = [f"--{name.replace('_', '-')}={value}" for name, value in wish.options.items()]
    call_command(
        "export_report", wish.report, f"--format={wish.format}", *options,
        f"--columns={','.join(wish.columns)}", f"--time-zone={wish.time_zone}",
        f"--language={wish.language}", f"--user={user.get_username()}", f"--output={path}",
        verbosity=0,
    )  # fmt: skip
    return path.read_bytes()


def preview(wish, user, client, folder):
    return dispatch.preview(wish.spec, Authority.of(user), Origin(user=user), rows=ALL).content


DOORS = (stream, job, command, preview)


def made_at_every_entry_point(wish, user, client, folder):
    """The file, which every entry point has made alike."""
    found = {door.__name__: door(wish, user, client, folder) for door in DOORS}
    first = found["stream"]
    for name, content in found.items():
        assert comparable(content, wish.format) == comparable(first, wish.format), name
    return first


def comparable(content, format):
    """What of a file must be alike whenever it is made: of XLSX not the times of its making."""
    if format != "xlsx":
        return content
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        members = {name: file.read(name) for name in file.namelist()}
    return {
        name: data
        for name, data in members.items()
        if not name.startswith("docProps/") and b'codeName="About"' not in data
    }


# The readers


@dataclass(frozen=True)
class Dialect:
    """How a CSV file must be read: written down in the tests, never asked of the code."""

    encoding: str = "utf-8"
    delimiter: str = ","
    line_end: str = "\r\n"
    has_header: bool = True
    mark: str = "\ufffd"  # in place of what the encoding lacks
    decimal: str = "."
    yes_no: tuple[str, str] = ("true", "false")


def unpacked(content, format):
    """The file inside of a `.gz` or a `.zip`."""
    if format.endswith(".gz"):
        return gzip.decompress(content)
    if format.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            [member] = archive.namelist()
            return archive.read(member)
    return content


def csv_rows(content, dialect):
    text = content.decode(dialect.encoding)
    assert text == "" or text.endswith(dialect.line_end)
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=dialect.delimiter))
    return rows[1:] if dialect.has_header else rows


def jsonl_rows(content):
    """The rows as dicts; JSON with NaN in it is none."""
    lines = content.decode().split("\n")
    assert lines.pop() == ""
    return [json.loads(line, parse_constant=_no_json) for line in lines]


def _no_json(name: str) -> Any:
    raise AssertionError(f"{name} is not JSON")


def parquet_table(content):
    return pyarrow.parquet.read_table(io.BytesIO(content))


def xlsx_rows(content):
    """The rows of the first sheet below its header, as python-calamine reads them."""
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    return book.get_sheet_by_index(0).to_python(skip_empty_area=False)[1:]


# Writers without a report around them


def written(writer, rows):
    """The file of these rows; the writer is closed."""
    try:
        return b"".join([writer.begin(), writer.write(rows), *writer.end()])
    finally:
        writer.close()
