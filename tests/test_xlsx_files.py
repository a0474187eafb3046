"""XLSX files: sheets, limits, what is left behind."""

import io
import tempfile
import zipfile

import pytest
from openpyxl.writer.excel import ExcelWriter

from django_reports.definitions import kinds
from django_reports.engine.writers import writer_for
from django_reports.engine.writers.names import sheet_name
from django_reports.engine.writers.xlsx import XlsxWriter
from django_reports.exceptions import FormatLimitExceeded
from tests.sheets import calamine, column, one_cell, opened, sheet_xml, writer, written


@pytest.fixture
def temporary(monkeypatch, tmp_path):
    """Where this test's temporary files lie."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_another_sheet_when_the_first_is_full(monkeypatch):
    monkeypatch.setattr(XlsxWriter, "max_rows", 3)
    made = writer(column("n"))
    data = written(made, [(1,), (2,), (3,)], [(4,), (5,)])
    book = opened(data)
    assert book.sheetnames == ["Orders", "Orders (2)", "Orders (3)"]
    assert [calamine(data, number) for number in range(3)] == [
        [["N"], [1.0], [2.0]],
        [["N"], [3.0], [4.0]],
        [["N"], [5.0]],
    ]
    assert [sheet.freeze_panes for sheet in book] == ["A2", "A2", "A2"]
    assert [sheet["A1"].font.bold for sheet in book] == [True, True, True]


def test_full_sheet_alone_gets_no_second(monkeypatch):
    monkeypatch.setattr(XlsxWriter, "max_rows", 3)
    assert opened(written(writer(column("n")), [(1,), (2,)])).sheetnames == ["Orders"]


def test_number_formats_on_the_second_sheet(monkeypatch):
    monkeypatch.setattr(XlsxWriter, "max_rows", 2)
    data = written(writer(column("n", kinds.Decimal(2))), [(1,), (2,)])
    assert opened(data)["Orders (2)"]["A2"].number_format == "0.00"


@pytest.mark.parametrize("chunks", [(), ([],)])
def test_no_rows_leave_the_header(chunks):
    data = written(writer(column("a")), *chunks)
    assert calamine(data) == [["A"]]
    assert opened(data).active.freeze_panes == "A2"


@pytest.mark.parametrize(
    ("title", "sheet"),
    [
        ("Orders", "Orders"),
        ("", "Sheet"),
        ("   ", "Sheet"),
        ("[]:*?/\\", "Sheet"),
        ("'quoted'", "quoted"),
        ("a/b", "a b"),
        ("Flüge & Züge", "Flüge & Züge"),
        ("x" * 80, "x" * 25),
        ("x" * 24 + "'y", "x" * 24),
        ("Liste des commandes de l'année", "Liste des commandes de l"),
        ("x" * 24 + " y", "x" * 24),
        ("' 'quoted' '", "quoted"),
        ("'", "Sheet"),
        ("History", "History_"),
        (" 'hiSTory'", "hiSTory_"),
        ("Histories", "Histories"),
        ("a\x0bb", "a b"),
        ("a\ud800b", "a b"),
    ],
)
def test_sheet_name(title, sheet):
    assert opened(written(writer(column("a"), title=title), [(1,)])).sheetnames == [sheet]


@pytest.mark.parametrize(
    ("title", "taken", "expected"),
    [
        ("Orders", ["ORDERS"], "Orders (2)"),
        ("Orders", ["Orders", "orders (2)"], "Orders (3)"),
        ("Straße", ["STRASSE"], "Straße (2)"),
        ("History", ["history_"], "History_ (2)"),
        ("x" * 24 + "'y", ["x" * 24], "x" * 24 + " (2)"),
        (
            "x" * 80,
            ["x" * 25, *(f"{'x' * 25} ({n})" for n in range(2, 1000))],
            "x" * 24 + " (1000)",
        ),
        ("\U0001f600" * 80, ["\U0001f600" * 12], "\U0001f600" * 12 + " (2)"),
    ],
)
def test_sheet_name_beside_others(title, taken, expected):
    assert sheet_name(title, taken) == expected
    assert len(expected.encode("utf-16-le")) <= 2 * 31


@pytest.mark.parametrize("title", ["Liste des commandes de l'année", "History", "x" * 24 + "'y"])
def test_sheet_names_are_those_of_the_totals(title, monkeypatch):
    monkeypatch.setattr(XlsxWriter, "max_rows", 3)
    made = writer(column("n", kinds.Integer(), total="sum"), title=title)
    book = opened(written(made, [(1,), (2,)]))
    first, second = book.sheetnames
    assert book[second]["A3"].value == f"=SUM('{first}'!A2:A2,'{second}'!A2:A2)"


@pytest.mark.parametrize("title", ["a\r\nb", "a\rb"])
def test_about_and_header_have_line_feeds_alone(title):
    data = written(writer(column("n", label=title), about=[(title, title)]), [(title,)])
    found = [cell.value for sheet in opened(data) for row in sheet for cell in row]
    assert found == ["a\nb", "a\nb", "a\nb", "a\nb", "Rows", "1"]
    assert b"_x000D_" not in b"".join(sheet_xml(data, n).encode() for n in (1, 2))


def test_author_is_nobody():
    data, _made = one_cell(1)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        core = archive.read("docProps/core.xml").decode()
    assert "openpyxl" not in core
    properties = opened(data).properties
    assert (properties.creator, properties.lastModifiedBy) == (None, None)


def test_as_many_columns_as_a_sheet_has():
    names = [column(f"c{n}") for n in range(16_384)]
    assert 'r="XFD1"' in sheet_xml(written(writer(*names)))


def test_more_columns_than_a_sheet_has_are_refused_at_once(temporary):
    names = [column(f"c{n}") for n in range(16_385)]
    with pytest.raises(FormatLimitExceeded, match="at most 16,384 columns; choose fewer, or CSV"):
        writer(*names)
    assert list(temporary.iterdir()) == []


def test_row_of_another_length_is_an_error():
    made = writer(column("a"), column("b"))
    with pytest.raises(ValueError, match="shorter"):
        made.write([(1,)])
    made.close()


@pytest.mark.parametrize("chunks", [(), ([(1,)],), ([(1,), (2,), (3,), (4,)],)])
def test_close_without_end_leaves_no_temporary_file(temporary, monkeypatch, chunks):
    monkeypatch.setattr(XlsxWriter, "max_rows", 3)
    made = writer(column("a"))
    for rows in chunks:
        made.write(rows)
    assert len(list(temporary.rglob("*.xml"))) == {0: 0, 1: 1, 4: 2}[sum(map(len, chunks))]
    made.close()
    assert list(temporary.iterdir()) == []


def test_close_twice_is_harmless(temporary):
    made = writer(column("a"))
    made.write([(1,)])
    made.close()
    made.close()
    assert list(temporary.iterdir()) == []


def test_whole_file_leaves_no_temporary_file(temporary):
    one_cell(1)
    assert list(temporary.iterdir()) == []


def test_reader_who_leaves_at_the_end_leaves_no_temporary_file(temporary):
    made = writer(column("a"))
    made.write([(1,)])
    parts = made.end()
    next(parts)
    parts.close()
    made.close()
    assert list(temporary.iterdir()) == []


def test_save_that_fails_leaves_no_temporary_file(temporary, monkeypatch):
    def save(self):
        raise OSError("disk full")

    made = writer(column("a"))
    made.write([(1,)])
    monkeypatch.setattr(ExcelWriter, "save", save)
    with pytest.raises(OSError, match="disk full"):
        list(made.end())
    made.close()
    assert list(temporary.iterdir()) == []


def test_what_the_writer_says_of_itself():
    assert writer_for("xlsx") is XlsxWriter
    assert XlsxWriter.supports_streaming is False
    assert XlsxWriter.content_type == (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    )
