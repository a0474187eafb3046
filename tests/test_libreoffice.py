"""LibreOffice opens the XLSX files, and its CSV of them is ours but for what is stated here."""

import csv
import datetime as dt
import io
import math
import os
import statistics
import subprocess
from decimal import Decimal
from uuid import UUID

import openpyxl
import pypdf
import pytest
from psycopg.types.range import Range

from django_reports.core.choices import Profile
from django_reports.definitions import kinds
from django_reports.definitions.kinds import Choice, Rendering
from django_reports.definitions.specs import ExportSpec, Options
from django_reports.engine.writers import unescape
from django_reports.engine.writers.csv import CsvWriter
from django_reports.engine.writers.xlsx import XlsxWriter
from django_reports.jobs import dispatch
from tests.entry_points.helpers import asking
from tests.services import find_soffice
from tests.sheets import BERLIN, column, writer, written
from tests.shop.models import Order, Region
from tests.test_hard_cases import CASES

pytestmark = pytest.mark.integration

# Comma, quotation mark, UTF-8, from the first line; quoted: the texts alone, or where needed; cells
# as they are shown, no formulas; every sheet into a file of its own.
FILTER = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,{quoted},true,true,false,false,-1"


@pytest.fixture(scope="module")
def soffice():
    """The program. Where nothing may be left out, it must be there."""
    found = find_soffice()
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no LibreOffice: in CI nothing may be left out")
        pytest.skip("no LibreOffice: its CSV is left out")
    return found


@pytest.fixture
def convert(soffice, tmp_path):
    """Have LibreOffice write a file of ours anew; gives the paths of what it wrote."""

    def run(content, target):
        source, out = tmp_path / "in.xlsx", tmp_path / "out"
        source.write_bytes(content)
        subprocess.run(
            [
                soffice, "--headless", f"-env:UserInstallation=file://{tmp_path}/profile",
                "--convert-to", target, "--outdir", str(out), str(source),
            ],
            check=True, capture_output=True, env={**os.environ, "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        return sorted(out.iterdir())

    return run


@pytest.fixture
def sheets(convert):
    """The rows of each sheet by its name, in LibreOffice's CSV."""

    def read(content):
        found = {}
        for path in convert(content, FILTER.format(quoted="false")):
            with path.open(encoding="utf-8", newline="") as file:
                found[path.stem.removeprefix("in-")] = list(csv.reader(file))
        return found

    return read


@pytest.fixture
def recalculated(convert):
    """The workbook with what its formulas give."""

    def read(content):
        (path,) = convert(content, "xlsx")
        return openpyxl.load_workbook(path, data_only=True)

    return read


def own_rows(columns, rows):
    """Our CSV of the same, for spreadsheets, read back; the guard's apostrophes taken away."""
    made = CsvWriter(columns, Rendering(Profile.SPREADSHEET, BERLIN, "en"), "Orders")
    raw = made.begin() + made.write(rows) + b"".join(made.end())
    return read_back(raw)


def read_back(raw):
    lines = csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""))
    return [[unescape(value) for value in line] for line in lines]


SIMPLE = [
    ("text", kinds.Text(), ["Bäß 漢😀", "5", "00123", "1e5", "=1+1", "-1+1", "@a", "#N/A", "TRUE",
                            "2026-01-31", "12:00", "1/2", "10%", "http://example.com", "'=1", "'x",
                            'say "hi", you', "a\nb", "a\tb", "  x ", "{=1}", "", "\uff1d1", "_x41_",
                            "_x0041_", "a_x000D_b", None, "<&>", "x" * 32_767]),
    ("integer", kinds.Integer(), [0, -5, 12345, 10**11, 999_999_999_999_999, 10**15, 10**19, None]),
    ("decimal", kinds.Decimal(2), [Decimal("5.25"), Decimal(-5), Decimal(0), Decimal("0.10"),
                                   Decimal("1234567890123.45"), Decimal("12345678901234.50")]),
    ("whole decimal", kinds.Decimal(0), [Decimal(5), Decimal(12345678901234567890)]),
    ("date", kinds.Date(), [dt.date(2026, 3, 1), dt.date(1900, 3, 1), dt.date(1900, 2, 28),
                            dt.date(1899, 12, 31), dt.date(1, 1, 1), dt.date(9999, 12, 31)]),
    ("moment", kinds.DateTime(), [dt.datetime(2026, 7, 1, 12, tzinfo=dt.UTC),
                                  dt.datetime(2013, 10, 27, 0, 30, tzinfo=dt.UTC),
                                  dt.datetime(2013, 10, 27, 1, 30, tzinfo=dt.UTC),
                                  dt.datetime(1899, 12, 31, 12, tzinfo=dt.UTC),
                                  dt.datetime(2026, 1, 1, 23, 59, 59, tzinfo=dt.UTC),
                                  dt.datetime(2026, 1, 1, 5, 6, 7, 123456, tzinfo=dt.UTC),
                                  dt.datetime(2026, 1, 1, 12, 59, 59, 500_000),
                                  dt.datetime(2026, 1, 1, 23, 59, 59, 999_999),
                                  dt.datetime.max]),
    ("time", kinds.Time(), [dt.time(9, 5, 7), dt.time(0), dt.time(23, 59, 59)]),
    ("duration", kinds.Duration(), [dt.timedelta(hours=-1), dt.timedelta(seconds=-0.5),
                                    dt.timedelta(days=50_000), dt.timedelta.max]),
    ("float", kinds.Float(), [0.1, -1.5, float("nan"), float("-inf")]),
    ("uuid", kinds.Uuid(), [UUID(int=1)]),
    ("json", kinds.Json(), [{"a": "é", "b": [1, None]}, [], "x", 5]),
    ("list", kinds.List(kinds.Integer()), [[1, 2, None], []]),
    ("range", kinds.Range(kinds.Integer()), [Range(1, 5), Range(None, 5, "()"), Range(empty=True)]),
    ("binary", kinds.Binary(), [b"\xfb\xff", b""]),
    ("file", kinds.File(), ["invoices/2026.pdf", "=x.pdf"]),
    ("choice", Choice(kinds.Text(), tuple(Region.choices)), ["n", "s", "other"]),
    ("choice of numbers", Choice(kinds.Integer(), ((1, "=one"),)), [1, 2]),
    ("auto", kinds.Auto(), [1, "x", "=1", Decimal(7), dt.date(2026, 3, 1), None]),
]  # fmt: skip


BLANKS = [" ", "   ", "\xa0", "\u3000"]


def test_all_kinds_are_the_same(sheets):
    """Cell by cell, of every kind that both write alike."""
    columns = [column(name, kind) for name, kind, _values in SIMPLE]
    height = max(len(values) for _name, _kind, values in SIMPLE)
    filled = [[*values, *[None] * (height - len(values))] for _name, _kind, values in SIMPLE]
    rows = list(zip(*filled, strict=True))
    found = sheets(written(writer(*columns), rows))
    assert list(found) == ["Orders"]
    assert found["Orders"] == own_rows(columns, rows)


def test_texts_of_blanks_are_the_same(sheets):
    columns, rows = [column("a"), column("b")], [(blank, "x") for blank in BLANKS]
    assert sheets(written(writer(*columns), rows))["Orders"] == own_rows(columns, rows)


OTHERWISE = [  # the value, what LibreOffice writes, what our CSV has
    (kinds.Boolean(), True, "TRUE", "Yes"),
    (kinds.Boolean(), False, "FALSE", "No"),
    (kinds.Duration(), dt.timedelta(hours=30), "30:00:00", "1 06:00:00"),
    (kinds.Duration(), dt.timedelta(0), "0:00:00", "00:00:00"),
    (kinds.Duration(), dt.timedelta(seconds=1.5), "0:00:01.500", "00:00:01.500000"),
    (kinds.Duration(), dt.timedelta(seconds=59.9999), "0:00:59.999", "00:00:59.999900"),
    (kinds.Duration(), dt.timedelta(days=41_666), "999984:00:00", "41666 00:00:00"),
    (kinds.Time(), dt.time(12, 59, 59, 500_000), "12:59:59", "12:59:59.500000"),
    (kinds.Time(), dt.time.max, "23:59:59", "23:59:59.999999"),
    (kinds.Text(), "a\r\nb", "a\nb", "a\r\nb"),
    (kinds.Text(), "a\rb", "a\nb", "a\rb"),
    (kinds.Text(), "a\x0bb", "a\ufffdb", "a\x0bb"),
    (kinds.Text(), "y" * 32_768, "y" * 32_767, "y" * 32_768),
    (kinds.Float(), 100.0, "100", "100.0"),
    (kinds.Float(), 1e300, "1E+300", "1e+300"),
    (kinds.Float(), 1 / 3, "0.333333333333333", "0.3333333333333333"),
    (kinds.Float(), 0.1 + 0.2, "0.3", "0.30000000000000004"),
    (kinds.Decimal(), Decimal("5.20"), "5.2", "5.20"),
]


def test_what_looks_otherwise(sheets):
    columns = [column("a", kind) for kind, *_ in OTHERWISE]
    row = tuple(value for _kind, value, *_ in OTHERWISE)
    assert own_rows(columns, [row])[1] == [own for *_, own in OTHERWISE]
    found = sheets(written(writer(*columns), [row]))["Orders"][1]
    assert found == [shown for *_, shown, _own in OTHERWISE]


def test_numbers_are_numbers_and_texts_are_texts(convert):
    """Where texts are quoted, it is seen what LibreOffice takes for one."""
    columns = [column(name) for name in "abcdefgh"]
    rows = [
        ("5", "=1+1", "2026-01-31", "TRUE", "#N/A", "-5", "1e5", "x"),
        (5, -1.5, dt.date(2026, 1, 31), True, 10**15, Decimal(-5), 1e5, None),
    ]
    (path,) = convert(written(writer(*columns, header="none"), rows), FILTER.format(quoted="true"))
    assert path.read_text().splitlines() == [
        '"5","=1+1","2026-01-31","TRUE","#N/A","-5","1e5","x"',
        '5,-1.5,2026-01-31,TRUE,"1000000000000000",-5,100000,',
    ]


def test_hard_cases_are_what_the_docs_say(sheets):
    columns, row = [case.column for case in CASES], tuple(case.value for case in CASES)
    labels, values = sheets(written(writer(*columns), [row]))["Orders"]
    for case, label, value in zip(CASES, labels, values, strict=True):
        found = label if case.names else value
        match case.xlsx:
            case str():
                assert found == case.xlsx, case.words
            case dt.datetime():
                assert found == "2013-10-27 02:30:00", case.words
            case number:
                assert Decimal(found) == number, case.words


def test_hard_cases_are_those_of_our_csv(sheets):
    """But for what XLSX cannot hold, which is counted."""
    kept = [case for case in CASES if not case.losses or "csv" in case.losses]
    assert len(kept) == len(CASES) - 3
    columns, rows = [case.column for case in kept], [tuple(case.value for case in kept)]
    assert sheets(written(writer(*columns), rows))["Orders"] == own_rows(columns, rows)


# Totals


AMOUNTS = [Decimal("1.50"), None, Decimal("-20.25"), Decimal("1000000.10"), Decimal("7.35")]
NUMBERS = [float(amount) for amount in AMOUNTS if amount is not None]
VALUES = {
    "sum": math.fsum(NUMBERS),
    "average": statistics.mean(NUMBERS),
    "minimum": -20.25,
    "maximum": 1000000.1,
    "count": 4,
}


@pytest.mark.parametrize("header", ["labels", "none"])
@pytest.mark.parametrize("max_rows", [1_048_576, 4])
def test_totals_are_what_python_makes_of_them(recalculated, monkeypatch, header, max_rows):
    monkeypatch.setattr(XlsxWriter, "max_rows", max_rows)
    columns = [column(total, kinds.Decimal(2), total=total) for total in VALUES]
    rows = [(amount,) * len(VALUES) for amount in AMOUNTS]
    book = recalculated(written(writer(*columns, header=header, title="Ann's =1"), rows))
    assert len(book.worksheets) == (1 if max_rows > 4 else 2 if header == "none" else 3)
    last = list(book.worksheets[-1].iter_rows(values_only=True))[-1]
    assert last == pytest.approx(tuple(VALUES.values()), rel=1e-12)


def test_totals_of_dates_and_durations(recalculated):
    columns = [
        column("a", kinds.Date(), total="minimum"),
        column("b", kinds.DateTime(), total="maximum"),
        column("c", kinds.Duration(), total="sum"),
        column("d", kinds.Integer(), total="sum"),
    ]
    noon = dt.datetime(2026, 7, 1, 12, tzinfo=dt.UTC)
    rows = [
        (dt.date(2026, 3, 1), noon, dt.timedelta(hours=20), 10**14),
        (dt.date(2025, 3, 1), noon - dt.timedelta(days=1), dt.timedelta(hours=15), 1),
    ]
    last = list(recalculated(written(writer(*columns), rows)).active.iter_rows(values_only=True))[
        -1
    ]
    assert last == (
        dt.datetime(2025, 3, 1), dt.datetime(2026, 7, 1, 14), dt.timedelta(hours=35),
        100_000_000_000_001,
    )  # fmt: skip


def test_totals_of_nothing_are_no_errors(sheets):
    columns = [column(total, kinds.Decimal(2), total=total) for total in VALUES]
    found = sheets(written(writer(*columns), [(None,) * 5]))["Orders"]
    assert found[-1] == ["0.00", "", "", "", "0"]


def test_totals_of_texts_are_words(sheets):
    columns = [column("a", kinds.Text()), column("n", kinds.Integer(), total="sum")]
    found = sheets(written(writer(*columns), [("x", 1), ("y", 10**15)]))["Orders"]
    assert found[-1] == ["Total", "not totalled: some values are texts"]


# Widths

BIG = 10**15 - 1
MOMENT = dt.datetime(2026, 12, 28, 20, 58, 58)
HOURS = dt.timedelta(hours=10**6, microseconds=-1)
WIDE = [  # kind, a value of the first rows, a later one, total
    (kinds.Integer(), 1, -BIG, "sum"),
    (kinds.Integer(), 1, -BIG, None),
    (kinds.Integer(max_digits=5), 1, -99_999, "sum"),
    (kinds.Integer(max_digits=10), 1, -(2**31), None),
    (kinds.Integer(max_digits=1), 1, 9, "count"),
    (kinds.Decimal(2), Decimal("0.10"), Decimal("-9999999999999.99"), "sum"),
    (kinds.Decimal(2), Decimal("0.10"), Decimal(-BIG), None),
    (kinds.Decimal(2), Decimal("0.10"), Decimal("1E+20"), None),
    (kinds.Decimal(2, max_digits=8), Decimal("0.10"), Decimal("-999999.99"), "minimum"),
    (kinds.Decimal(), Decimal("0.1"), Decimal("-9999999999999.99"), "sum"),
    (kinds.Decimal(20), Decimal("0.1"), Decimal("-0.99999999999999"), "average"),
    (kinds.Float(), 0.5, -1.2345678901234e-300, "sum"),
    (kinds.Float(), 0.5, -123_456_789_012_345.6, "sum"),
    (kinds.Date(), dt.date(2026, 1, 1), dt.date.max, "maximum"),
    (kinds.DateTime(), MOMENT, dt.datetime.max, "maximum"),
    (kinds.Time(), dt.time(1), dt.time.max, None),
    (kinds.Duration(), dt.timedelta(0), HOURS, None),
    (kinds.Duration(), dt.timedelta(0), HOURS / 500, "sum"),
    (kinds.Boolean(), None, False, "count"),
    (kinds.Auto(), "x", MOMENT, None),
    (kinds.Auto(), None, -BIG, None),
    (kinds.Auto(), "x", HOURS, None),
    (kinds.Text(), "x", "y", "count"),
    (Choice(kinds.Integer(max_digits=10), ((1, "one"),)), 1, -(2**31), None),
]


@pytest.mark.parametrize("header", ["labels", "none"])
def test_no_number_nor_date_shows_as_hashes(convert, header):
    columns = [column("a", kind, total=total) for kind, _first, _later, total in WIDE]
    first = tuple(value for _kind, value, *_ in WIDE)
    later = tuple(value for _kind, _first, value, _total in WIDE)
    made = written(writer(*columns, header=header), [first] * 16, [later] * 300)
    (path,) = convert(made, "pdf")
    shown = "\n".join(page.extract_text() for page in pypdf.PdfReader(path).pages)
    assert shown.count("-2147483648") == 600
    assert shown.count("999999:59:59.999") == 600
    assert "##" not in shown


def test_hashes_would_be_seen(convert, monkeypatch):
    monkeypatch.setattr(XlsxWriter, "_widths", lambda self, labels, sample: [5] * len(labels))
    (path,) = convert(written(writer(column("a", kinds.DateTime())), [(MOMENT,)]), "pdf")
    assert "##" in pypdf.PdfReader(path).pages[0].extract_text()


# An export


@pytest.mark.django_db
def test_export_of_orders_is_the_same_in_both_formats(sheets, alice, orders):
    Order.objects.filter(pk=orders[3].pk).update(note="=1+1", number="-A4", placed_at=None)
    content = {}
    for format in ("csv", "xlsx"):
        spec = ExportSpec("shop.orders", format=format, options=Options(profile="spreadsheet"))
        content[format] = b"".join(dispatch.export_now(spec, *asking(alice)))
    own = read_back(content["csv"])
    paid = own[0].index("Paid")
    for line in own[1:]:
        line[paid] = {"Yes": "TRUE", "No": "FALSE"}[line[paid]]
    found = sheets(content["xlsx"])
    assert list(found) == ["About", "Orders"]
    assert len(own) == 21
    assert found["Orders"] == own
    assert ["Requested by", "alice"] in found["About"]


def test_second_sheet_goes_on_where_the_first_ends(sheets, monkeypatch):
    monkeypatch.setattr(XlsxWriter, "max_rows", 4)
    columns, rows = [column("n", kinds.Integer())], [(n,) for n in range(1, 6)]
    found = sheets(written(writer(*columns), rows))
    assert found == {
        "Orders": [["N"], ["1"], ["2"], ["3"]],
        "Orders (2)": [["N"], ["4"], ["5"]],
    }
    header, *own = own_rows(columns, rows)
    assert [*found["Orders"][1:], *found["Orders (2)"][1:]] == own
    assert found["Orders"][0] == header
