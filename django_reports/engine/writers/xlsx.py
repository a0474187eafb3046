"""XLSX with openpyxl, whose data rows are written as text: flat memory, typed cells, no formula."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from math import ceil
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_reports.core.formatting import grouped
from django_reports.core.tempdirs import Workspace, temporary_file
from django_reports.definitions.columns import BoundColumn, Row
from django_reports.definitions.kinds import Decimal
from django_reports.definitions.specs import Options
from django_reports.engine.writers import excel
from django_reports.engine.writers.base import Writer
from django_reports.engine.writers.names import sheet_name, utf16_cut
from django_reports.engine.writers.sheets import MAX_CHARACTERS, SURELY_FITS, RowsPart, RowsText
from django_reports.exceptions import FormatLimitExceeded

MAX_ROWS = 1_048_576  # of a sheet, its header included
MAX_COLUMNS = 16_384
MAX_WIDTH = 60  # for texts
LARGEST_WIDTH = 255  # that Excel knows
SUM_DIGITS = 7  # that a sum of ten million values has more than each of them
COUNT_DIGITS = 8
BOLD = 1.1  # is so much wider
BLOCK = 64 * 1024
LEVEL = 5  # a file as small as by zlib's usual 6, in two thirds of the time
FORMULAS = {
    "sum": "=SUM({0})",
    "average": '=IF(COUNT({0})=0,"",AVERAGE({0}))',
    "minimum": '=IF(COUNT({0})=0,"",MIN({0}))',
    "maximum": '=IF(COUNT({0})=0,"",MAX({0}))',
    "count": "=COUNTA({0})",
}

_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ESCAPED = re.compile("_(?=x[0-9A-Fa-f]{4}_)")


@cache
def _blanks_class() -> Any:
    """A text of nothing but blanks, of which openpyxl would not say that they are to be kept."""

    class Blanks(excel.CellRichText):  # type: ignore[misc]
        def to_tree(self) -> Any:
            tree = excel.Element("is")
            text = excel.SubElement(tree, "t")
            text.set(f"{{{excel.XML_NS}}}space", "preserve")
            text.text = str(self[0])
            return tree

    return Blanks


def _reserved_width(column: BoundColumn) -> int:
    """The characters that numbers and dates of a column need at most, its total included."""
    width = column.kind.cell_width()
    if column.total is None:
        return width or 0
    if column.total == "count":
        return max(width or 0, ceil(COUNT_DIGITS * BOLD))
    more = SUM_DIGITS if column.total == "sum" else 0
    return ceil(((Decimal().cell_width() if width is None else width) + more) * BOLD)


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
        self._workbook = excel.Workbook(write_only=True)
        self._workbook.properties.creator = ""  # unset, openpyxl names itself
        self._workspace: Workspace | None = None
        self._parts: list[RowsPart] = []
        self._rows = self._section = 0  # of all sections, and the current one's number
        self._begin_section()

    @classmethod
    def check(cls, columns: Sequence[BoundColumn], options: Options) -> None:
        if len(columns) > MAX_COLUMNS:
            raise FormatLimitExceeded(
                gettext_lazy("XLSX holds at most %(limit)s columns; choose fewer, or CSV."),
                {"limit": grouped(MAX_COLUMNS)},
            )

    @classmethod
    def cautions(cls, rows: int | None, largest_key: int | None) -> list[str]:
        if rows is None or rows < cls.max_rows:
            return []
        sheets = -(-rows // (cls.max_rows - 1))
        return [
            _("A sheet of Excel ends at %(limit)s rows: this goes on, on %(sheets)s sheets.")
            % {"limit": grouped(cls.max_rows), "sheets": sheets}
        ]

    def begin(self) -> bytes:
        return b""

    def write(self, rows: Sequence[Row]) -> bytes:
        while rows:
            if self._sheet is None or self._sheet_rows >= self._max_rows:
                self._start_sheet(rows)
            room = self._max_rows - self._sheet_rows
            self._write(rows[:room])
            rows = rows[room:]
        return b""

    def _write(self, rows: Sequence[Row]) -> None:
        """Column by column: what is to be decided is decided once for all of its values."""
        columns = [
            [None if value is None else to_cell(value) for value in values]
            for to_cell, values in zip(self._to_cells, zip(*rows, strict=True), strict=True)
        ]
        for index in self._totalled:
            if any(isinstance(cell, str) for cell in columns[index]):
                self._with_texts.add(index)
        numbers = range(self._sheet_rows + 1, self._sheet_rows + 1 + len(rows))
        self._part.write(self._text.text(columns, numbers))
        self._sheet_rows += len(rows)
        self._rows += len(rows)

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
        with (
            temporary_file() as file,
            ZipFile(file, "w", ZIP_DEFLATED, compresslevel=LEVEL) as archive,
        ):
            excel.ExcelWriter(self._workbook, archive).save()
            file.seek(0)
            while block := file.read(BLOCK):
                yield block

    def close(self) -> None:
        for part in self._parts:
            part.discard()
        if self._workspace is not None:
            self._workspace.close()

    def _begin_section(self) -> None:
        self._to_cells = [column.kind.to_cell(self.rendering) for column in self.columns]
        self._totalled = [at for at, column in enumerate(self.columns) if column.total]
        self._with_texts: set[int] = set()  # of the totalled columns: not all values are numbers
        self._ranges: list[tuple[str, int, int]] = []  # sheet, first and last row of its data
        self._max_rows = self.max_rows - bool(self._totalled)  # the last one is for the totals
        self._section += 1
        self._sheet: Any = None
        self._sheets = 0  # of this section
        self._sheet_rows = 0

    def _end_section(self) -> None:
        if self._sheet is None:
            self._start_sheet(())
        self._end_sheet()
        if self._totalled and self._ranges:
            self._part.write_cells(self._totals(), self._sheet_rows + 1)

    def _start_sheet(self, sample: Iterable[Row]) -> None:
        if self._sheet is not None:
            self._end_sheet()
        self._sheets += 1
        self._sheet = self._new_sheet(self.title, f"Section{self._section}Sheet{self._sheets}")
        self._text = RowsText(
            [c.kind.cell_format() for c in self.columns], self._style, self._clean
        )
        header = self.header
        labels = [""] * len(self.columns) if header is None else header
        for index, width in enumerate(self._widths(labels, sample), start=1):
            self._sheet.column_dimensions[excel.get_column_letter(index)].width = width
        self._sheet_rows = 0
        if header is not None:
            self._sheet.freeze_panes = "A2"
        self._part = self._new_part(self._sheet)
        if header is not None:
            cells = [self._bold(self._plain(self._clean(label))) for label in header]
            self._part.write_cells(cells, 1)
            self._sheet_rows = 1

    def _end_sheet(self) -> None:
        """What is known only when all its rows are there."""
        first = 1 if self.header is None else 2
        if self._sheet_rows >= first:
            self._ranges.append((self._sheet.title, first, self._sheet_rows))
        if self.header is not None:
            last = excel.get_column_letter(len(self.columns))
            self._sheet.auto_filter.ref = f"A1:{last}{self._sheet_rows}"

    def _new_sheet(self, title: str, role: str) -> Any:
        """`role` is how a program tells the sheets apart, whatever their language."""
        name = sheet_name(title, [sheet.title for sheet in self._workbook.worksheets])
        sheet = self._workbook.create_sheet(name)
        sheet.sheet_properties.codeName = role
        return sheet

    def _new_part(self, sheet: Any) -> RowsPart:
        """Where a sheet is kept until the file is saved.

        openpyxl's own file would stay behind if this process is killed.
        """
        self._workspace = self._workspace or Workspace()
        part = RowsPart(sheet, self._workspace.path / f"{len(self._parts)}.xml")
        self._parts.append(part)
        part.begin()
        sheet._writer = part
        return part

    def _totals(self) -> list[Any]:
        """The one row of formulas: made here of nothing that anybody typed."""
        cells: list[Any] = []
        for index, column in enumerate(self.columns):
            if column.total is None:
                cells.append(self._plain(_("Total")) if index == 0 else None)
            elif index in self._with_texts and column.total != "count":
                cells.append(self._plain(_("not totalled: some values are texts")))
            else:
                cell = excel.WriteOnlyCell(self._sheet)
                cell.value = self._formula(column.total, excel.get_column_letter(index + 1))
                cell.number_format = "0" if column.total == "count" else column.kind.cell_format()
                cells.append(cell)
        return [cell and self._bold(cell) for cell in cells]

    def _formula(self, total: str, letter: str) -> str:
        if len(self._ranges) == 1:
            _title, first, last = self._ranges[0]
            area = f"{letter}{first}:{letter}{last}"
        else:
            area = ",".join(
                f"{excel.quote_sheetname(title)}!{letter}{first}:{letter}{last}"
                for title, first, last in self._ranges
            )
        return FORMULAS[total].format(area)

    def _write_about(self) -> None:
        sheet = self._new_sheet(_("About"), "About")
        facts = [*self.about, (_("Rows"), grouped(self._rows))]
        sheet.column_dimensions["A"].width = min(max(len(what) for what, _v in facts) + 2, 30)
        sheet.column_dimensions["B"].width = MAX_WIDTH
        part = self._new_part(sheet)
        for number, (what, value) in enumerate(facts, start=1):
            cells = [self._bold(self._plain(self._clean(what))), self._plain(self._clean(value))]
            part.write_cells(cells, number)

    def _widths(self, labels: Sequence[str], sample: Iterable[Row]) -> list[int]:
        reserved = [_reserved_width(column) for column in self.columns]
        # The sign that opens a filter takes room in the header.
        widths = [len(label) + 2 for label in labels]
        for row in sample:
            for index, value in enumerate(row):
                cell = "" if value is None else self._to_cells[index](value)
                if isinstance(cell, str) or self.columns[index].kind.cell_width() is None:
                    widths[index] = max(widths[index], len(str(cell)))
        return [
            min(max(min(width + 2, MAX_WIDTH), room + 2), LARGEST_WIDTH)
            for width, room in zip(widths, reserved, strict=True)
        ]

    def _style(self, number_format: str) -> int:
        """The number of the style that has a number format; 0 is the default style."""
        cell: Any = excel.WriteOnlyCell(self._sheet)
        cell.number_format = number_format
        return int(cell.style_id)

    def _plain(self, value: str) -> Any:
        """A text that openpyxl takes for nothing else: it would run what begins with "="."""
        cell: Any = excel.WriteOnlyCell(self._sheet)
        cell._value = _blanks_class()([value]) if value.isspace() else value
        cell.data_type = "s"
        return cell

    def _bold(self, cell: Any) -> Any:
        cell.font = excel.Font(bold=True)
        return cell

    def _clean(self, text: str) -> str:
        """What a cell can hold of a text; what it cannot is counted.

        A line in a cell ends with a line feed. Many programs read a carriage return as "_x000D_".
        """
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        if _ILLEGAL.search(text):
            text, replaced = _ILLEGAL.subn("\ufffd", text)
            self.losses["replaced_characters"] += replaced
        if len(text) > SURELY_FITS:
            cut = utf16_cut(text, MAX_CHARACTERS)
            if cut != text:
                text = cut
                self.losses["shortened_texts"] += 1
        # "_x0041_" is how XLSX writes an escaped "A": a text that looks so must be escaped itself.
        return _ESCAPED.sub("_x005F_", text)
