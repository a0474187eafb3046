"""Data rows are written as text; openpyxl would write the same elements."""

import datetime as dt
import re
from decimal import Decimal

import pytest
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from django_reports.engine.writers.sheets import RowsPart, RowsText
from tests.sheets import column, opened, writer, written

TEXTS = ["", "a", " a", "a\n", "a\nb", "<b>", "a & b", "&amp;", '"', "'", "]]>", "é漢😀",
         "x" * 32_767, "\x7f", "a\x85b", "a\u2028", "_", "_x", "a_b", "1", "+1"]  # fmt: skip
NUMBERS = [0, -1, 5, 10**11 - 1, -(10**11) + 1, 999_999_999_999_999, 0.5, -0.0, 1e300, 5e-324,
           1e16, 1234.5678, Decimal("5.10"), Decimal("-0.00"), Decimal("1E+3"), Decimal("1E-7"),
           True, False]  # fmt: skip
TIMES = [
    dt.date(1900, 3, 1),
    dt.date(2026, 11, 21),
    dt.date.max,
    dt.datetime(1900, 3, 1),
    dt.datetime(2026, 11, 21, 13, 59, 59),
    dt.datetime(9999, 12, 31, 23, 59, 59),
    dt.time(0),
    dt.time(23, 59, 59),
    dt.timedelta(0),
    dt.timedelta(days=400, seconds=1),
]
FORMATS = ["General", "0", "0.00", "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss", "[h]:mm:ss"]


@pytest.fixture
def sheet():
    return Workbook(write_only=True).create_sheet()


def by_openpyxl(sheet, path, value, number_format):
    cell = WriteOnlyCell(sheet, value)
    if isinstance(value, str):
        cell.data_type = "s"
    elif number_format != "General" and type(value) is not bool:
        cell.number_format = number_format
    part = RowsPart(sheet, path)
    part.write_cells([cell], 7)
    part.write_tail()
    part.close()
    return path.read_text()


def element(xml):
    """The row in it, without what may be left out or written in two ways."""
    found = re.search("<row .*</row>", xml, re.DOTALL)[0]
    return found.replace(' t="n"', "").replace(" />", "/>")


@pytest.mark.parametrize("number_format", FORMATS)
@pytest.mark.parametrize("value", [*TEXTS, *NUMBERS, *TIMES], ids=lambda value: str(value)[:20])
def test_cell_is_the_one_of_openpyxl(sheet, tmp_path, value, number_format):
    def style_of(wanted):
        cell = WriteOnlyCell(sheet)
        cell.number_format = wanted
        return cell.style_id

    rows = RowsText([number_format], style_of, clean=lambda text: text)
    made = element(rows.text([[value]], range(7, 8)))
    expected = element(by_openpyxl(sheet, tmp_path / "7.xml", value, number_format))
    if type(value) is int and abs(value) < 10**11:  # a small integer looks the same without a style
        expected = re.sub(' s="[0-9]+"', "", expected)
    assert made == expected


def test_what_no_cell_holds_is_refused(sheet):
    with pytest.raises((TypeError, ValueError)):
        RowsText(["General"], lambda wanted: 0, str).text([[object()]], range(1, 2))


def test_rows_that_end_in_the_middle_of_a_chunk(monkeypatch):
    made = writer(column("a"), column("b"))
    monkeypatch.setattr(made, "_max_rows", 3)
    book = opened(written(made, [(n, None) for n in range(5)], [(5, "x")]))
    found = [[row[0].value for row in sheet.iter_rows(min_row=2)] for sheet in book.worksheets]
    assert found == [[0, 1], [2, 3], [4, 5]]
    assert book.worksheets[2]["B3"].value == "x"
