"""The rows of an XLSX sheet as text, with all that is around them by openpyxl.

openpyxl makes an object, an element and several calls of each cell, which is nine tenths of its
time. Here a row is one text, and only of values; headers, formulas, views, filters, styles and the
archive are openpyxl's, and so is the number that a moment is.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

from django_reports.core.tempdirs import discard
from django_reports.definitions.kinds import Cell
from django_reports.engine.writers import excel

GENERAL = "General"
MAX_CHARACTERS = 32_767  # of a cell
SURELY_FITS = MAX_CHARACTERS // 2  # where each character may count twice
PLAIN = 10**11  # the default style shows integers below it digit by digit
_NO_ROWS = re.compile(rb"<sheetData\s*/>|<sheetData></sheetData>")
_ROW = re.compile(rb"<row .*</row>", re.DOTALL)
_FRACTION = re.compile(r"s\.(0{1,3})")  # of a second, in a number format
_DIGITS = "%.16g".__mod__  # as openpyxl writes numbers
# Illegal in XML, markup, or the beginning of what looks like an escaped character.
_ODD = re.compile("[\x00-\x08\x0b-\x1f&<>_\ud800-\udfff\ufffe\uffff]")

CellText = Callable[[Any], str]  # what stands in a cell's element, behind its place


class RowsPart:
    """In place of openpyxl's writer of a write-only sheet; `out` is the file that it writes."""

    def __init__(self, sheet: Any, path: Path) -> None:
        self.out = str(path)
        self._sheet = sheet
        self._rels = excel.RelationshipList()
        self._file = path.open("wb")

    def begin(self) -> None:
        begin, _end = self._around()
        self._file.write(begin + b"<sheetData>")

    def write(self, rows: str) -> None:
        self._file.write(rows.encode())

    def write_cells(self, cells: Iterable[Any], number: int) -> None:
        """A row of openpyxl's own cells."""
        stream = BytesIO()
        made = excel.WorksheetWriter(self._sheet, stream)
        made.write_row(made.xf.send(True), self._sheet._values_to_row(cells, number), number)
        made.close()
        found = _ROW.search(stream.getvalue())
        self._file.write(found[0] if found else b"")

    def write_rows(self) -> None:
        """They are written already; openpyxl asks when it closes a sheet."""

    def write_tail(self) -> None:
        _begin, end = self._around()
        self._file.write(b"</sheetData>" + end)

    def close(self) -> None:
        self._file.close()

    def cleanup(self) -> None:
        Path(self.out).unlink()

    def discard(self) -> None:
        """Close the file, of which nothing is needed, however far it is."""
        discard(self._file)

    def _around(self) -> tuple[bytes, bytes]:
        """What openpyxl writes before and behind the rows, as far as the sheet is known now."""
        stream = BytesIO()
        excel.WorksheetWriter(self._sheet, stream).write()
        begin, end = _NO_ROWS.split(stream.getvalue(), maxsplit=1)
        return begin, end


class RowsText:
    """Rows of cells as text.

    `formats` has each column's number format; `style_of` gives one its number among the styles, and
    `clean` makes of a text what a cell can hold. It is asked only about those in doubt.
    """

    def __init__(
        self, formats: Sequence[str], style_of: Callable[[str], int], clean: Callable[[str], str]
    ) -> None:
        self._columns = [
            (f'<c r="{excel.get_column_letter(at)}', _Texts(number_format, style_of, clean))
            for at, number_format in enumerate(formats, start=1)
        ]

    def text(self, columns: Iterable[Iterable[Cell | None]], numbers: range) -> str:
        """The elements of the rows of these numbers, of which `columns` has the cells."""
        made = [
            [
                "" if cell is None else f'{begin}{number}"{texts[type(cell)](cell)}'
                for number, cell in zip(numbers, cells, strict=True)
            ]
            for (begin, texts), cells in zip(self._columns, columns, strict=True)
        ]
        return "".join(
            [
                f'<row r="{number}">{"".join(cells)}</row>'
                for number, *cells in zip(numbers, *made, strict=True)
            ]
        )


class _Texts(dict[type, CellText]):
    """How the cells of a column are written, by the Python type of their value."""

    def __init__(
        self, number_format: str, style_of: Callable[[str], int], clean: Callable[[str], str]
    ) -> None:
        super().__init__()
        self._number_format = number_format
        self._style_of = style_of
        self._clean = clean
        self[str] = self._text
        self[bool] = lambda value: f' t="b"><v>{value:d}</v></c>'

    def __missing__(self, kind: type) -> CellText:
        base = next((known for known in (str, bool) if issubclass(kind, known)), None)
        if base is not None:
            made = self[base]
        elif issubclass(kind, int):
            made = self._integer()
        elif issubclass(kind, float):
            made = self._number(_float)
        elif issubclass(kind, Decimal):
            made = self._number(_DIGITS)
        else:
            made = self._time(kind)
        self[kind] = made
        return made

    def _integer(self) -> CellText:
        styled = self._styled(self._number_format)
        return lambda value: (
            f"><v>{value}</v></c>" if -PLAIN < value < PLAIN else f"{styled}><v>{value}</v></c>"
        )

    def _number(self, digits: Callable[[Any], str]) -> CellText:
        styled = self._styled(self._number_format)
        return lambda value: f"{styled}><v>{digits(value)}</v></c>"

    def _time(self, kind: type) -> CellText:
        if issubclass(kind, dt.timedelta):
            return self._duration()
        known: Any = kind
        shown = self._shown_as(excel.get_time_format(known))
        styled, step = self._styled(shown), _step(shown)
        if not issubclass(kind, dt.datetime | dt.time):
            return lambda value: f"{styled}><v>{_day(value)}</v></c>"

        def text(value: Any) -> str:
            if value.microsecond:
                value = value.replace(microsecond=value.microsecond // step * step)
            return f"{styled}><v>{_moment(value)}</v></c>"

        return text

    def _duration(self) -> CellText:
        """Totals add fractions of a second up: a duration that has one shows it."""
        known: Any = dt.timedelta
        shown = self._shown_as(excel.get_time_format(known))
        fine = f"{shown}.000" if shown.endswith("ss") else shown
        whole, fraction, step = self._styled(shown), self._styled(fine), _step(fine)

        def text(value: dt.timedelta) -> str:
            cut = value - dt.timedelta(microseconds=value.microseconds % step)
            return f"{fraction if cut.microseconds else whole}><v>{_moment(cut)}</v></c>"

        return text

    def _text(self, value: str) -> str:
        if _ODD.search(value) or len(value) > SURELY_FITS:
            value = self._clean(str(value))
            value = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        if value != value.strip():
            return f' t="inlineStr"><is><t xml:space="preserve">{value}</t></is></c>'
        return f' t="inlineStr"><is><t>{value}</t></is></c>' if value else ' t="inlineStr"/>'

    def _shown_as(self, default: str) -> str:
        """The column's number format, or `default` where it says nothing."""
        return default if self._number_format == GENERAL else self._number_format

    def _styled(self, number_format: str) -> str:
        style = self._style_of(number_format)
        return f' s="{style}"' if style else ""


def _float(value: float) -> str:
    """openpyxl writes 16 digits, which is not always all of it."""
    digits = _DIGITS(value)
    return digits if float(digits) == value else repr(value)


def _step(number_format: str) -> int:
    """The microseconds of the smallest part that a number format shows: at most a second.

    What is below it is cut, since programs round it: up to the next day, late in the evening.
    """
    fraction = _FRACTION.search(number_format)
    return 10 ** (6 - len(fraction[1])) if fraction else 1_000_000


def _moment(value: Any) -> str:
    return _DIGITS(excel.to_excel(value))


@lru_cache(maxsize=4096)
def _day(value: dt.date) -> str:
    return _moment(value)
