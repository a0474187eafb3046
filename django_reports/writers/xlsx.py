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
from openpyxl.cell.rich_text import CellRichText
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter, quote_sheetname
from openpyxl.utils.exceptions import WorkbookAlreadySaved
from openpyxl.worksheet._writer import ALL_TEMP_FILES, WorksheetWriter
from openpyxl.xml.constants import XML_NS
from openpyxl.xml.functions import Element, SubElement

from django_reports.columns import BoundColumn, Row
from django_reports.exceptions import FormatLimitExceeded
from django_reports.kinds import Cell
from django_reports.specs import Options
from django_reports.workspace import Workspace
from django_reports.writers.base import Writer

MAX_ROWS = 1_048_576  # of a sheet, its header included
MAX_COLUMNS = 16_384
MAX_CHARACTERS = 32_767  # of a cell
MAX_WIDTH = 60
BLOCK = 64 * 1024
PLAIN = 10**11  # the default style shows integers below it digit by digit
FORMULAS = {
    "sum": "=SUM({0})",
    "average": '=IF(COUNT({0})=0,"",AVERAGE({0}))',
    "minimum": '=IF(COUNT({0})=0,"",MIN({0}))',
    "maximum": '=IF(COUNT({0})=0,"",MAX({0}))',
    "count": "=COUNTA({0})",
}
TIMES = (dt.date, dt.time, dt.timedelta)

_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ESCAPED = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
_NOT_IN_TITLE = re.compile("[\\[\\]:*?/\\\\\x00-\x1f\ud800-\udfff\ufffe\uffff]")


def _cut(text: str, limit: int) -> str:
    """At most `limit` characters as Excel counts them: in UTF-16, where an emoji is two."""
    return text.encode("utf-16-le")[: 2 * limit].decode("utf-16-le", errors="ignore")


class _Blanks(CellRichText):
    """A text of nothing but blanks, of which openpyxl would not say that they are to be kept."""

    def to_tree(self) -> Any:
        tree = Element("is")
        text = SubElement(tree, "t")
        text.set(f"{{{XML_NS}}}space", "preserve")
        text.text = str(self[0])
        return tree


class XlsxWriter(Writer):
    """Beyond a sheet's row limit it goes on on another sheet, with the header again."""

    format = "xlsx"
    label = gettext_lazy("Excel (XLSX)")
    purpose = gettext_lazy(
        "For people: numbers and dates that count as such, filters, and a sheet about the export."
    )
    extension = "xlsx"
    content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    supports_streaming = False
    supports_types = True
    supports_sections = True
    max_rows = MAX_ROWS

    def set_up(self) -> None:
        self.check(self.columns, Options())
        self._workbook = Workbook(write_only=True)
        self._workspace: Workspace | None = None
        self._is_saved = False
        self._rows = self._section = 0  # of all sections, and the current one's number
        self._begin_section()

    @classmethod
    def check(cls, columns: Sequence[BoundColumn], options: Options) -> None:
        if len(columns) > MAX_COLUMNS:
            raise FormatLimitExceeded(
                _("XLSX holds at most %(limit)s columns; choose fewer, or CSV.")
                % {"limit": f"{MAX_COLUMNS:,}"}
            )

    @classmethod
    def cautions(cls, rows: int | None, largest_key: int | None) -> list[str]:
        if rows is None or rows < cls.max_rows:
            return []
        sheets = -(-rows // (cls.max_rows - 1))
        return [
            _("A sheet of Excel ends at %(limit)s rows: this goes on, on %(sheets)s sheets.")
            % {"limit": f"{cls.max_rows:,}", "sheets": sheets}
        ]

    def begin(self) -> bytes:
        return b""

    def write(self, rows: Sequence[Row]) -> bytes:
        for row in rows:
            if self._sheet is None or self._sheet_rows >= self._max_rows:
                self._start_sheet(rows)
            cells = [
                None if value is None else self._cell(to_cell(value), style)
                for to_cell, style, value in zip(self._to_cells, self._styles, row, strict=True)
            ]
            for index in self._totalled:
                if type(cells[index]) is str or getattr(cells[index], "data_type", "n") == "s":
                    self._with_texts.add(index)
            self._sheet.append(cells)
            self._sheet_rows += 1
            self._rows += 1
        return b""

    def next_section(self, columns: Sequence[BoundColumn], title: str) -> bytes:
        self.check(columns, Options())
        self._end_section()
        self.columns, self.title = columns, title
        self._begin_section()
        return b""

    def end(self) -> Iterator[bytes]:
        self._end_section()
        if self.about:
            self._write_about()
        with tempfile.TemporaryFile() as file:
            self._workbook.save(file)
            self._is_saved = True
            file.seek(0)
            while block := file.read(BLOCK):
                yield block

    def close(self) -> None:
        if not self._is_saved:
            for sheet in self._workbook.worksheets:
                write_only: Any = sheet
                with suppress(WorkbookAlreadySaved):
                    write_only.close()
                with suppress(OSError):
                    write_only._writer.cleanup()
        if self._workspace is not None:
            self._workspace.close()

    def _begin_section(self) -> None:
        self._to_cells = [column.kind.to_cell(self.rendering) for column in self.columns]
        self._totalled = [at for at, column in enumerate(self.columns) if column.total]
        self._with_texts: set[int] = set()  # of the totalled columns: not all values are numbers
        self._ranges: list[tuple[str, int, int]] = []  # sheet, first and last row of its data
        self._max_rows = self.max_rows - bool(self._totalled)  # the last one is for the totals
        self._styles: list[Any] = []
        self._section += 1
        self._sheet: Any = None
        self._sheets = 0  # of this section
        self._sheet_rows = 0

    def _end_section(self) -> None:
        if self._sheet is None:
            self._start_sheet(())
        self._end_sheet()
        if self._totalled and self._ranges:
            self._sheet.append(self._totals())

    def _start_sheet(self, sample: Iterable[Row]) -> None:
        if self._sheet is not None:
            self._end_sheet()
        self._sheets += 1
        self._sheet = self._new_sheet(self.title, f"Section{self._section}Sheet{self._sheets}")
        self._styles = [self._style(column.kind.cell_format()) for column in self.columns]
        header = self.header
        labels = [""] * len(self.columns) if header is None else header
        for index, width in enumerate(self._widths(labels, sample), start=1):
            self._sheet.column_dimensions[get_column_letter(index)].width = width
        self._sheet_rows = 0
        if header is not None:
            self._sheet.freeze_panes = "A2"
        self._open(self._sheet)
        if header is not None:
            self._sheet.append([self._bold(self._text(self._clean(label))) for label in header])
            self._sheet_rows = 1

    def _end_sheet(self) -> None:
        """What is known only when all its rows are there."""
        first = 1 if self.header is None else 2
        if self._sheet_rows >= first:
            self._ranges.append((self._sheet.title, first, self._sheet_rows))
        if self.header is not None:
            last = get_column_letter(len(self.columns))
            self._sheet.auto_filter.ref = f"A1:{last}{self._sheet_rows}"

    def _new_sheet(self, title: str, role: str) -> Any:
        """`role` is how a program tells the sheets apart, whatever their language."""
        stem = _cut(_NOT_IN_TITLE.sub(" ", title).strip(" '") or "Sheet", 25)
        taken = {sheet.title.lower() for sheet in self._workbook.worksheets}
        number, name = 1, stem
        while name.lower() in taken:
            number += 1
            name = f"{stem} ({number})"
        sheet = self._workbook.create_sheet(name)
        sheet.sheet_properties.codeName = role
        return sheet

    def _open(self, sheet: Any) -> None:
        """Let openpyxl keep the sheet, until it is saved, in a file of ours.

        Its own would stay behind if this process is killed.
        """
        self._workspace = self._workspace or Workspace()
        path = str(self._workspace.path / f"{len(self._workbook.worksheets)}.xml")
        ALL_TEMP_FILES.append(path)
        sheet._writer = WorksheetWriter(sheet, path)
        sheet._writer.write_top()

    def _totals(self) -> list[Any]:
        """The one row of formulas: made here of nothing that anybody typed."""
        cells: list[Any] = []
        for index, column in enumerate(self.columns):
            if column.total is None:
                cells.append(self._text(_("Total")) if index == 0 else None)
            elif index in self._with_texts and column.total != "count":
                cells.append(self._text(_("not totalled: some values are texts")))
            else:
                cell = WriteOnlyCell(self._sheet)
                cell.value = self._formula(column.total, get_column_letter(index + 1))
                cell.number_format = "0" if column.total == "count" else column.kind.cell_format()
                cells.append(cell)
        return [cell and self._bold(cell) for cell in cells]

    def _formula(self, total: str, letter: str) -> str:
        if len(self._ranges) == 1:
            _title, first, last = self._ranges[0]
            area = f"{letter}{first}:{letter}{last}"
        else:
            area = ",".join(
                f"{quote_sheetname(title)}!{letter}{first}:{letter}{last}"
                for title, first, last in self._ranges
            )
        return FORMULAS[total].format(area)

    def _write_about(self) -> None:
        sheet = self._new_sheet(_("About"), "About")
        facts = [*self.about, (_("Rows"), f"{self._rows:,}")]
        sheet.column_dimensions["A"].width = min(max(len(what) for what, _v in facts) + 2, 30)
        sheet.column_dimensions["B"].width = MAX_WIDTH
        self._open(sheet)
        for what, value in facts:
            sheet.append(
                [self._bold(self._text(self._clean(what))), self._text(self._clean(value))]
            )

    def _widths(self, labels: Sequence[str], sample: Iterable[Row]) -> list[int]:
        # The sign that opens a filter takes room in the header.
        widths = [
            max(len(label) + 2, column.kind.width or 0)
            for label, column in zip(labels, self.columns, strict=True)
        ]
        for row in sample:
            for index, value in enumerate(row):
                if value is not None and self.columns[index].kind.width is None:
                    shown = str(self._to_cells[index](value))
                    widths[index] = max(widths[index], len(shown))
        return [min(width + 2, MAX_WIDTH) for width in widths]

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
            is_risky = text[:1] in ("=", "#") or len(text) > MAX_CHARACTERS or text.isspace()
            return self._text(text) if is_risky else text
        if kind is float and float(f"{value:.16g}") != value:
            return self._exactly(cast("float", value), style)  # openpyxl writes 16 digits
        if style is None or kind is bool or (kind is int and abs(cast("int", value)) < PLAIN):
            return value
        cell: Any = WriteOnlyCell(self._sheet)
        cell._value = value
        cell._style = style
        cell.data_type = "d" if isinstance(value, TIMES) else "n"
        return cell

    def _exactly(self, value: float, style: Any) -> Any:
        cell: Any = WriteOnlyCell(self._sheet)
        cell._value = repr(value)
        cell.data_type = "n"
        if style is not None:
            cell._style = style
        return cell

    def _text(self, value: str) -> Any:
        cell: Any = WriteOnlyCell(self._sheet)
        cell._value = _Blanks([value]) if value.isspace() else value
        cell.data_type = "s"
        return cell

    def _bold(self, cell: Any) -> Any:
        cell.font = Font(bold=True)
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
