"""Values that break files elsewhere: what becomes of each, in every format, as the docs say."""

import datetime as dt
import io
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from django.db import models
from django.test.utils import isolate_apps
from openpyxl.utils.escape import unescape
from python_calamine import CalamineWorkbook

from django_reports import Column, Report
from django_reports.core.choices import Profile
from django_reports.definitions import kinds
from django_reports.definitions.columns import BoundColumn, bind
from django_reports.definitions.kinds import Rendering
from django_reports.engine.writers import writer_for
from django_reports.exceptions import FormatLimitExceeded
from django_reports.jobs import dispatch
from django_reports.models import ReportJob
from tests.entry_points.helpers import asking, browse, deliver, enqueue, make, plan, spec_of
from tests.entry_points.staff import page_of
from tests.sheets import BERLIN, calamine, column, opened, sheet_xml, written
from tests.shop.models import Order

DOCS = Path(__file__).resolve().parent.parent / "docs" / "files.md"
AT_HALF_PAST_TWO = dt.datetime(2013, 10, 27, 2, 30)
LONG = "x" * 40_000


@isolate_apps("tests.shop")
def priced():
    """A column whose label is its field's verbose name."""

    class Priced(models.Model):
        amount = models.IntegerField("=1+1")

        class Meta:
            app_label = "shop"

    return bind(Column("amount"), Priced)


@dataclass(frozen=True)
class Case:
    """`words` are those of the docs. Of a case with `names` the header is looked at, not a value.

    `json` is the value as the file has it; `parquet` is type and value, None where it is refused.
    """

    words: str
    value: Any
    column: BoundColumn
    machine: str
    spreadsheet: str
    xlsx: Any
    json: str
    parquet: tuple[str, Any] | None
    losses: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    names: bool = False


def text(words, value, written=None, **others):
    """A text that every format but CSV keeps as it is."""
    facts = {
        "machine": value if written is None else written,
        "spreadsheet": value if written is None else written,
        "xlsx": value,
        "json": json.dumps(value, ensure_ascii=False),
        "parquet": ("string", value),
    }
    return Case(words, value, column("a", kinds.Text(), "A"), **{**facts, **others})


def number(words, value, kind, **facts):
    return Case(words, value, column("a", kind, "A"), **facts)


REPLACED = {"replaced_characters": 1}
EVERYWHERE = dict.fromkeys(("csv", "xlsx", "jsonl", "parquet"), REPLACED)

CASES = [
    text("a command", "=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
    text("a formula in full width", "\uff1d1", "'\uff1d1"),
    text("a formula behind a zero-width space", "\u200b=1", "'\u200b=1"),
    text("two equals signs", "==1", "'==1"),
    text("a telephone number", "+15550100", "'+15550100"),
    text("a negative number, as text", "-5"),
    number(
        "a negative number, as decimal", Decimal(-5), kinds.Decimal(2),
        machine="-5.00", spreadsheet="-5.00", xlsx=-5, json='"-5.00"',
        parquet=("decimal128(38, 2)", Decimal("-5.00")),
    ),
    number(
        "20 digits, as integer", 12345678901234567890, kinds.Integer(),
        machine="12345678901234567890", spreadsheet="12345678901234567890",
        xlsx="12345678901234567890", json="12345678901234567890", parquet=None,
    ),
    number(
        "20 digits, as decimal", Decimal(12345678901234567890), kinds.Decimal(0),
        machine="12345678901234567890", spreadsheet="12345678901234567890",
        xlsx="12345678901234567890", json='"12345678901234567890"',
        parquet=("decimal128(38, 0)", Decimal(12345678901234567890)),
    ),
    text("20 digits, as text", "12345678901234567890"),
    number(
        "not a number", float("nan"), kinds.Float(),
        machine="NaN", spreadsheet="NaN", xlsx="NaN", json='"NaN"',
        parquet=("double", float("nan")),
    ),
    number(
        "a date in 1899", dt.date(1899, 12, 31), kinds.Date(),
        machine="1899-12-31", spreadsheet="1899-12-31", xlsx="1899-12-31", json='"1899-12-31"',
        parquet=("date32[day]", dt.date(1899, 12, 31)),
    ),
    text(
        "a control character", "a\x0bb",
        xlsx="a\ufffdb", json='"a\\u000bb"', losses={"xlsx": REPLACED},
    ),
    text(
        "a lone surrogate", "a\ud800b", "a\ufffdb",
        xlsx="a\ufffdb", json='"a\ufffdb"', parquet=("string", "a\ufffdb"), losses=EVERYWHERE,
    ),
    text("no character", "a\ufffeb", xlsx="a\ufffdb", losses={"xlsx": REPLACED}),
    text("what XLSX takes for an escape", "_x0041_"),
    text(
        "40,000 characters", LONG,
        xlsx="x" * 32_767, losses={"xlsx": {"shortened_texts": 1}},
    ),
    number(
        "02:30 in Berlin, for the first time",
        dt.datetime(2013, 10, 27, 0, 30, tzinfo=dt.UTC), kinds.DateTime(),
        machine="2013-10-27T02:30:00+02:00", spreadsheet="2013-10-27 02:30:00",
        xlsx=AT_HALF_PAST_TWO, json='"2013-10-27T02:30:00+02:00"',
        parquet=("timestamp[us, tz=UTC]", dt.datetime(2013, 10, 27, 0, 30, tzinfo=dt.UTC)),
    ),
    number(
        "02:30 in Berlin, an hour later",
        dt.datetime(2013, 10, 27, 1, 30, tzinfo=dt.UTC), kinds.DateTime(),
        machine="2013-10-27T02:30:00+01:00", spreadsheet="2013-10-27 02:30:00",
        xlsx=AT_HALF_PAST_TWO, json='"2013-10-27T02:30:00+01:00"',
        parquet=("timestamp[us, tz=UTC]", dt.datetime(2013, 10, 27, 1, 30, tzinfo=dt.UTC)),
    ),
    Case(
        "a formula as `verbose_name`", 1, priced(), names=True,
        machine="amount", spreadsheet="'=1+1", xlsx="=1+1", json='"amount"',
        parquet=("int64", "amount"),
    ),
    Case(
        "a formula as label of a choice", "s", bind(Column("region"), Order),
        machine="s", spreadsheet="'=South", xlsx="=South", json='"s"', parquet=("string", "s"),
    ),
]  # fmt: skip

cases = pytest.mark.parametrize("case", CASES, ids=lambda case: case.words)


def file_of(case, format, profile=Profile.MACHINE):
    """The file of one row with this value alone, and what was lost."""
    rendering = Rendering(profile, BERLIN, "en")
    made = writer_for(format)([case.column], rendering, "Orders")
    return written(made, [(case.value,)]), dict(made.losses)


@cases
def test_csv_for_programs(case):
    data, losses = file_of(case, "csv")
    assert data.split(b"\r\n")[0 if case.names else 1] == case.machine.encode()
    assert losses == case.losses.get("csv", {})


@cases
def test_csv_for_spreadsheets(case):
    data, losses = file_of(case, "csv", Profile.SPREADSHEET)
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\r\n")
    assert lines[0 if case.names else 1] == case.spreadsheet.encode()
    assert losses == case.losses.get("csv", {})


@cases
def test_xlsx(case):
    data, losses = file_of(case, "xlsx", Profile.SPREADSHEET)
    cell = opened(data).active["A1" if case.names else "A2"]
    is_text = isinstance(case.xlsx, str)
    assert cell.data_type == ("s" if is_text else "d" if case.xlsx == AT_HALF_PAST_TWO else "n")
    assert (unescape(cell.value) if is_text else cell.value) == case.xlsx
    assert cell.hyperlink is None
    assert calamine(data)[0 if case.names else 1] == [case.xlsx]
    xml = sheet_xml(data)
    assert "<f" not in xml
    assert 't="e"' not in xml
    assert "<hyperlink" not in xml
    assert losses == case.losses.get("xlsx", {})


@cases
def test_json_lines(case):
    data, losses = file_of(case, "jsonl")
    found = data.decode().removesuffix("\n")
    assert f"{{{case.json}:1}}" == found if case.names else found.endswith(f":{case.json}}}")
    assert losses == case.losses.get("jsonl", {})


@cases
def test_parquet(case):
    if case.parquet is None:
        with pytest.raises(FormatLimitExceeded, match="Parquet cannot hold a value of the column"):
            file_of(case, "parquet")
        return
    data, losses = file_of(case, "parquet")
    table = pyarrow.parquet.read_table(io.BytesIO(data))
    kind, value = case.parquet
    assert str(table.schema[0].type) == kind
    found = table.schema[0].name if case.names else table[0][0].as_py()
    assert found == value or (math.isnan(value) and math.isnan(found))
    assert losses == case.losses.get("parquet", {})


# In the docs


def rows_of_the_docs():
    """The table of hard cases: its cells by the words of the case."""
    section = DOCS.read_text().split("\n## Hard cases\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines[1:]]
    return {row[0].strip(): [cell.strip() for cell in row[1:]] for row in cells}


SHORTENED = {LONG: "whole", LONG[:32_767]: "its first 32,767 characters", f'"{LONG}"': "whole"}


def shown(value):
    """How the docs write a value: what cannot be seen as Python would."""
    if value in SHORTENED:
        return SHORTENED[value]
    seen = "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in value
    )
    return "`{}`".format(seen.replace("|", "\\|"))


def in_a_cell(value):
    match value:
        case str():
            return value if value in SHORTENED.values() else f"text {shown(value)}"
        case dt.datetime():
            return f"date `{value}`"
    return f"number `{value}`"


def in_parquet(found):
    if found is None:
        return "refused"
    kind, value = found
    known = SHORTENED.get(value) if isinstance(value, str) else None
    return f"{kind.partition('[')[0].partition('(')[0]} {known or shown(str(value))}"


def counted(losses):
    names = sorted({name for counts in losses.values() for name in counts})
    return ", ".join(f"`{name}`" for name in names) or "–"


def test_cases_of_the_docs_are_those_of_these_tests():
    words = [case.words for case in CASES]
    assert list(rows_of_the_docs()) == [*words, "1,048,577 rows", "16,385 columns"]


@cases
def test_outcome_in_the_docs(case):
    assert rows_of_the_docs()[case.words] == [
        "" if case.value == LONG else shown(case_value(case)),
        shown(case.machine),
        shown(case.spreadsheet),
        SHORTENED.get(case.xlsx) or in_a_cell(case.xlsx),
        shown(case.json),
        in_parquet(case.parquet),
        counted(case.losses),
    ]


def case_value(case):
    if case.names:
        return str(case.column.label)
    if isinstance(case.value, dt.datetime):
        return f"{case.value:%Y-%m-%d %H:%M} UTC"
    return str(case.value)


# More than a sheet holds


@pytest.mark.thorough
def test_a_row_more_than_a_sheet_holds(declare, db, tmp_path):
    count = 1_048_577

    @declare
    class Many(Report):
        identifier = "shop.many"
        label = "Many"
        permission = "shop.view_order"
        columns = [Column("n", kind="integer")]

        def rows(self, context):
            return ({"n": n} for n in range(1, count + 1))

    made = dispatch.export_now(spec_of("shop.many", format="xlsx"), *asking(None))
    path = tmp_path / "many.xlsx"
    with path.open("wb") as file:
        file.writelines(made)
    book = CalamineWorkbook.from_path(str(path))
    assert book.sheet_names == ["Many", "Many (2)", "About"]
    first, second = (
        book.get_sheet_by_index(number).to_python(skip_empty_area=False) for number in range(2)
    )
    assert (first[0], first[1], first[-1], len(first)) == (["n"], [1], [1_048_575], 1_048_576)
    assert second == [["n"], [1_048_576], [1_048_577]]
    assert ReportJob.objects.get().losses == {}
    assert rows_of_the_docs()["1,048,577 rows"] == [
        "", "all", "all", "1,048,575 on a sheet, 2 on another", "all", "all", "–"
    ]  # fmt: skip


@pytest.fixture
def wide(declare):
    @declare
    class Wide(Report):
        identifier = "shop.wide"
        permission = "shop.view_order"
        columns = [f"c{n}" for n in range(1, 16_386)]

        def rows(self, context):
            yield {f"c{n}": n for n in range(1, 16_386)}

    return Wide


@pytest.mark.parametrize("ask", [plan, deliver, enqueue])
def test_a_column_more_than_a_sheet_holds_is_refused_at_once(alice, wide, ask):
    with pytest.raises(FormatLimitExceeded) as caught:
        ask(alice, "shop.wide", format="xlsx")
    assert str(caught.value) == "XLSX holds at most 16,384 columns; choose fewer, or CSV."
    assert ReportJob.objects.count() == 0
    assert rows_of_the_docs()["16,385 columns"] == [
        "", "all", "all", "refused before it starts", "all", "all", "–"
    ]  # fmt: skip


def test_as_many_columns_as_are_chosen_count(alice, wide):
    names = [f"c{n}" for n in range(2, 16_386)]
    assert len(plan(alice, "shop.wide", format="xlsx", columns=names).export.columns) == 16_384


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet"])
def test_other_formats_hold_them(alice, wide, format):
    job = make(alice, "shop.wide", format=format)
    assert (job.status, job.rows_done, job.losses) == ("succeeded", 1, {})


# What was lost is kept and shown


@pytest.fixture
def odd_orders(orders):
    first, second = orders[:2]
    Order.objects.filter(pk=first.pk).update(note="a\x0bb\ufffe")
    Order.objects.filter(pk=second.pk).update(note=LONG)


@pytest.mark.parametrize(
    ("format", "losses"),
    [
        ("csv", {}),
        ("jsonl", {}),
        ("parquet", {}),
        ("xlsx", {"replaced_characters": 2, "shortened_texts": 1}),
    ],
)
def test_job_keeps_what_was_lost(alice, odd_orders, format, losses):
    assert make(alice, format=format, columns=["remark"]).losses == losses


def test_answer_keeps_what_was_lost(alice, odd_orders):
    made = deliver(alice, format="xlsx", columns=["remark"])
    assert b"".join(made)[:2] == b"PK"
    job = ReportJob.objects.get(pk=made.job.pk)
    assert job.losses == {"replaced_characters": 2, "shortened_texts": 1}


def test_preview_tells_what_would_be_lost(alice, odd_orders):
    spec = spec_of(format="xlsx", columns=["remark"])
    made = dispatch.preview(spec, *asking(alice), rows=1)
    assert made.losses == {"replaced_characters": 2}


def test_page_of_a_job_says_what_was_lost(alice, odd_orders):
    job = make(alice, format="xlsx", columns=["remark"])
    page = browse(alice).get(page_of(job)).content.decode()
    assert "2 characters that the file cannot hold were replaced." in page
    assert "1 text was longer than a cell can hold and was shortened." in page


def test_page_of_a_job_without_losses_says_nothing(alice, odd_orders):
    page = browse(alice).get(page_of(make(alice, columns=["remark"]))).content.decode()
    assert "cannot hold" not in page
    assert "longer than a cell" not in page
