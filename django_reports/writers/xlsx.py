"""XLSX with openpyxl in write-only mode: flat memory, typed cells, never a formula."""

import datetime as dt
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, cast

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import WorkbookAlreadySaved

from django_reports.columns import BoundColumn, Row
from django_reports.exceptions import FormatLimitExceeded
from django_reports.kinds import Cell, Rendering
from django_reports.writers.base import Writer

MAX_ROWS = 1_048_576  # of a sheet, its header included
MAX_COLUMNS = 16_384
MAX_CHARACTERS = 32_767  # of a cell
MAX_WIDTH = 60
BLOCK = 64 * 1024
PLAIN = 10**11  # the default style shows integers below it digit by digit
TIMES = (dt.date, dt.time, dt.timedelta)

_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ESCAPED = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
_NOT_IN_TITLE = re.compile("[\\[\\]:*?/\\\\\x00-\x1f\ud800-\udfff\ufffe\uffff]")


def _cut(text: str, limit: int) -> str:
    """At most `limit` characters as Excel counts them: in UTF-16, where an emoji is two."""
    return text.encode("utf-16-le")[: 2 * limit].decode("utf-16-le", errors="ignore")


class XlsxWriter(Writer):
    """Beyond a sheet's row limit it goes on on another sheet, with the header again."""

    format = "xlsx"
    label = gettext_lazy("Excel (XLSX)")
    extension = "xlsx"
    content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    supports_streaming = False
    max_rows = MAX_ROWS

    def __init__(self, columns: Sequence[BoundColumn], rendering: Rendering, title: str) -> None:
        super().__init__(columns, rendering, title)
        if len(columns) > MAX_COLUMNS:
            raise FormatLimitExceeded(
                _("XLSX holds at most %(limit)s columns; choose fewer, or CSV.")
                % {"limit": f"{MAX_COLUMNS:,}"}
            )
        self._title = _cut(_NOT_IN_TITLE.sub(" ", title).strip(" '") or "Sheet", 25)
        self._workbook = Workbook(write_only=True)
        self._to_cells = [column.kind.to_cell(rendering) for column in columns]
        self._styles: list[Any] = []
        self._sheet: Any = None
        self._sheet_rows = 0
        self._is_saved = False

    def begin(self) -> bytes:
        return b""

    def write(self, rows: Sequence[Row]) -> bytes:
        for row in rows:
            if self._sheet is None or self._sheet_rows >= self.max_rows:
                self._start_sheet(rows)
            self._sheet.append(
                [
                    None if value is None else self._cell(to_cell(value), style)
                    for to_cell, style, value in zip(self._to_cells, self._styles, row, strict=True)
                ]
            )
            self._sheet_rows += 1
        return b""

    def end(self) -> Iterator[bytes]:
        if self._sheet is None:
            self._start_sheet(())
        with tempfile.TemporaryFile(prefix="django-reports-") as file:
            self._workbook.save(file)
            self._is_saved = True
            file.seek(0)
            while block := file.read(BLOCK):
                yield block

    def close(self) -> None:
        if self._is_saved:
            return
        # openpyxl keeps each sheet in a temporary file until it is saved, and removes those files
        # only at the end of the process.
        for sheet in self._workbook.worksheets:
            write_only: Any = sheet
            with suppress(WorkbookAlreadySaved):
                write_only.close()
            with suppress(OSError):
                write_only._writer.cleanup()

    def _start_sheet(self, sample: Iterable[Row]) -> None:
        number = len(self._workbook.worksheets) + 1
        title = self._title if number == 1 else f"{self._title} ({number})"
        self._sheet = self._workbook.create_sheet(title)
        self._sheet.freeze_panes = "A2"
        self._styles = [self._style(column.kind.cell_format()) for column in self.columns]
        labels = [
            str(column.label) if self.rendering.is_spreadsheet else column.name
            for column in self.columns
        ]
        for index, width in enumerate(self._widths(labels, sample), start=1):
            self._sheet.column_dimensions[get_column_letter(index)].width = width
        header = []
        for label in labels:
            cell = self._text(self._clean(label))
            cell.font = Font(bold=True)
            header.append(cell)
        self._sheet.append(header)
        self._sheet_rows = 1

    def _widths(self, labels: Sequence[str], sample: Iterable[Row]) -> list[int]:
        widths = [max(len(label), column.kind.width or 0) for label, column in self._named(labels)]
        for row in sample:
            for index, value in enumerate(row):
                if value is not None and self.columns[index].kind.width is None:
                    shown = str(self._to_cells[index](value))
                    widths[index] = max(widths[index], len(shown))
        return [min(width + 2, MAX_WIDTH) for width in widths]

    def _named(self, labels: Sequence[str]) -> Iterable[tuple[str, BoundColumn]]:
        return zip(labels, self.columns, strict=True)

    def _style(self, number_format: str) -> Any:
        """What all cells of a column share; None is the default style."""
        if number_format == "General":
            return None
        cell: Any = WriteOnlyCell(self._sheet)
        cell.number_format = number_format
        return cell._style

    def _cell(self, value: Cell, style: Any) -> Any:
        kind = type(value)
        if kind is str:
            text = self._clean(str(value))
            # openpyxl would make a formula of a text that begins with "=", an error of "#N/A".
            # And it would cut what only escaping made too long.
            is_risky = text[:1] in ("=", "#") or len(text) > MAX_CHARACTERS
            return self._text(text) if is_risky else text
        if style is None or kind is bool or (kind is int and abs(cast("int", value)) < PLAIN):
            return value
        cell: Any = WriteOnlyCell(self._sheet)
        cell._value = value
        cell._style = style
        cell.data_type = "d" if isinstance(value, TIMES) else "n"
        return cell

    def _text(self, value: str) -> Any:
        cell: Any = WriteOnlyCell(self._sheet)
        cell._value = value
        cell.data_type = "s"
        return cell

    def _clean(self, text: str) -> str:
        """What a cell can hold of a text; what it cannot is counted."""
        if _ILLEGAL.search(text):
            text, replaced = _ILLEGAL.subn("\ufffd", text)
            self.losses["replaced_characters"] += replaced
        if len(text) > MAX_CHARACTERS // 2:
            cut = _cut(text, MAX_CHARACTERS)
            if cut != text:
                text = cut
                self.losses["shortened_texts"] += 1
        # "_x0041_" is how XLSX writes an escaped "A": a text that looks so must be escaped itself.
        # And a carriage return that is not escaped reads back as a line feed.
        return _ESCAPED.sub("_x005F_", text).replace("\r", "_x000D_")
