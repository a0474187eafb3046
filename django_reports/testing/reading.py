"""Files read back into tables: each format by the reader that its users would take."""

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import PurePosixPath
from typing import Any

from django_reports.core.choices import Delimiter, Header
from django_reports.definitions.specs import ExportSpec, Layout
from django_reports.engine.writers import COMPRESSIONS
from django_reports.engine.writers.names import file_stem
from django_reports.models import ReportJob


@dataclass(frozen=True)
class Table:
    """An export read back: the header (empty if it has none), and the rows as tuples.

    From CSV every value is a text; from other formats it has the type that it has there.
    """

    header: tuple[str, ...]
    rows: list[tuple[Any, ...]]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def dicts(self) -> list[dict[str, Any]]:
        """The rows by the names in the header. Raises ValueError if it has one of them twice."""
        if len(set(self.header)) < len(self.header):
            raise ValueError(f"the header has a name twice: {', '.join(self.header)}")
        return [dict(zip(self.header, row, strict=True)) for row in self.rows]

    def column(self, name: str) -> list[Any]:
        """The values of one column. Raises ValueError for a name that the header lacks."""
        if name not in self.header:
            raise ValueError(f"no column {name!r}; there are {', '.join(self.header)}")
        at = self.header.index(name)
        return [row[at] for row in self.rows]


def read(content: bytes, job: ReportJob, section: str | None) -> Table:
    """The table in a job's file, or one of its sections by title.

    Raises AssertionError for what cannot be read, or if it is not clear which section is meant.
    """
    spec = ExportSpec.from_json(job.spec)
    if not content and job.bytes:
        raise AssertionError("there is nothing to read; a response can be read once")
    tables = _tables(content, spec.format, spec.layout)
    if section is None and len(tables) == 1:
        return next(iter(tables.values()))
    if section is not None:
        by_name = {file_stem(title): title for title in tables}
        section = by_name.get(file_stem(section), section)
    if section not in tables:
        asked = "which section" if section is None else f"no section {section!r}"
        raise AssertionError(f"{asked}; there are {', '.join(tables)}")
    return tables[section]


def _tables(content: bytes, name: str, layout: Layout) -> dict[str, Table]:
    """The tables of a file by their titles."""
    plain, _dot, ending = name.rpartition(".")
    if ending not in COMPRESSIONS:
        return _sheets(content, layout) if name == "xlsx" else {"": _table(content, name, layout)}
    if ending == "gz":
        return {"": _table(gzip.decompress(content), plain, layout)}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {
            PurePosixPath(member).stem: _table(archive.read(member), plain, layout)
            for member in archive.namelist()
        }


def _table(content: bytes, name: str, layout: Layout) -> Table:
    match name:
        case "csv" | "tsv":
            delimiter = Delimiter.TAB if name == "tsv" else layout.delimiter
            text = content.decode(layout.encoding.value)
            lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter.character)
            return _with_header(lines, layout)
        case "jsonl":
            objects = [json.loads(line) for line in content.decode().split("\n")[:-1]]
            header = tuple(objects[0]) if objects else ()
            return Table(header, [tuple(item.values()) for item in objects])
        case "parquet":
            import pyarrow.parquet  # noqa: PLC0415 - where it was written it is installed

            found = pyarrow.parquet.read_table(io.BytesIO(content))
            rows = zip(*(column.to_pylist() for column in found.columns), strict=True)
            return Table(tuple(found.column_names), list(rows))
    raise AssertionError(f"cannot read {name!r} back; csv, tsv, xlsx, jsonl and parquet can be")


def _with_header(lines: Iterable[Iterable[Any]], layout: Layout) -> Table:
    rows = [tuple(line) for line in lines]
    if layout.header is Header.NONE:
        return Table((), rows)
    return Table(tuple(map(str, rows[0])), rows[1:])


def _sheets(content: bytes, layout: Layout) -> dict[str, Table]:
    """The sections of a workbook; one that goes on on further sheets is one table."""
    import openpyxl  # noqa: PLC0415 - not needed by most tests

    sheets = openpyxl.load_workbook(io.BytesIO(content)).worksheets
    tables = {}
    for section, group in groupby(sheets, _section_of):
        parts = list(group)
        if section:
            lines: list[Any] = []
            for sheet in parts:
                rows = _rows_of(sheet)
                lines += rows if not lines or layout.header is Header.NONE else rows[1:]
            tables[str(parts[0].title)] = _with_header(lines, layout)
    return tables


def _section_of(sheet: Any) -> str:
    """Empty for a sheet that holds no rows of the report."""
    name: str = sheet.sheet_properties.codeName or "Section1Sheet1"
    return name.partition("Sheet")[0] if name.startswith("Section") else ""


def _rows_of(sheet: Any) -> list[Any]:
    """Header and rows, without the totals below them."""
    last = sheet.max_row
    if sheet.auto_filter.ref:
        last = int(sheet.auto_filter.ref.rpartition(":")[2].lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    elif any(cell.data_type == "f" for cell in sheet[last]):
        last -= 1
    return list(sheet.iter_rows(max_row=last, values_only=True)) if last else []
