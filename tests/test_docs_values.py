"""Every cell of the tables in docs/values.md is what the code writes."""

import csv
import datetime as dt
import io
import json
import re
from decimal import Decimal
from itertools import combinations
from pathlib import Path
from uuid import UUID

import pytest
from django.utils import translation
from psycopg.types.range import Range as PgRange

from django_reports.definitions import kinds
from django_reports.definitions.columns import BoundColumn
from django_reports.definitions.specs import CHOICES, ExportSpec, Options
from django_reports.engine.writers import all_writers, writer_for
from django_reports.exceptions import FormatLimitExceeded, InvalidSpec
from django_reports.jobs import dispatch
from tests.entry_points.helpers import asking
from tests.files import comparable, parquet_table, unpacked, written
from tests.sheets import opened

PAGE = (Path(__file__).parents[1] / "docs" / "values.md").read_text()
NOON = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)

# What stands in the first two cells of a row → kind and value.
KINDS = {
    ("`text`", "`=1+1`"): (kinds.Text(), "=1+1"),
    ("`integer`", "`-1234`"): (kinds.Integer(), -1234),
    ("`decimal` with 2 places", "`1234.5`"): (kinds.Decimal(2), Decimal("1234.5")),
    ("`decimal`", "`-0.125`"): (kinds.Decimal(), Decimal("-0.125")),
    ("`float`", "`0.5`"): (kinds.Float(), 0.5),
    ("`boolean`", "`True`"): (kinds.Boolean(), True),
    ("`date`", "2026-01-31"): (kinds.Date(), dt.date(2026, 1, 31)),
    ("`datetime`", "2026-01-31, 12:00 in UTC"): (kinds.DateTime(), NOON),
    ("`time`", "09:05"): (kinds.Time(), dt.time(9, 5)),
    ("`duration`", "1 day and 2 hours"): (kinds.Duration(), dt.timedelta(days=1, hours=2)),
    ("`uuid`", "a UUID"): (kinds.Uuid(), UUID("12345678-1234-5678-1234-567812345678")),
    ("`json`", '`{"a": [1, None]}`'): (kinds.Json(), {"a": [1, None]}),
    ("`list` of `integer`", "`[1, None]`"): (kinds.List(kinds.Integer()), [1, None]),
    ("`range` of `integer`", "1 to 5, without 5"): (kinds.Range(kinds.Integer()), PgRange(1, 5)),
    ("`range` of `datetime`", "from 2026-01-31, 12:00 in UTC"): (
        kinds.Range(kinds.DateTime()),
        PgRange(NOON, None),
    ),
    ("`binary`", "the bytes `fb ef be`"): (kinds.Binary(), b"\xfb\xef\xbe"),
    ("`file`", "the file `a/b.pdf`"): (kinds.File(), "a/b.pdf"),
    ("`choice` of `text`", "`s`, labelled “South”"): (
        kinds.Choice(kinds.Text(), (("n", "North"), ("s", "South"))),
        "s",
    ),
    ("`choice` of `integer`", "`9`, labelled “=high”"): (
        kinds.Choice(kinds.Integer(), ((1, "low"), (9, "=high"))),
        9,
    ),
    ("`auto`", '`Decimal("2.50")`'): (kinds.Auto(), Decimal("2.50")),
}
SPECIAL = {
    ("any", "`None`"): (kinds.Text(), None),
    ("`text`", "empty"): (kinds.Text(), ""),
    ("`float`", "not a number"): (kinds.Float(), float("nan")),
    ("`float`", "infinity"): (kinds.Float(), float("inf")),
    ("`float`", "minus infinity"): (kinds.Float(), float("-inf")),
    ("`decimal`", "not a number"): (kinds.Decimal(), Decimal("NaN")),
    ("`decimal`", "infinity"): (kinds.Decimal(), Decimal("Infinity")),
    ("`decimal` with 2 places", "not a number"): (kinds.Decimal(2), Decimal("NaN")),
    ("`decimal` with 2 places", "`0.125`"): (kinds.Decimal(2), Decimal("0.125")),
    ("`decimal`", "16 digits"): (kinds.Decimal(), Decimal("0.1234567890123456")),
    ("`integer`", "10¹⁵"): (kinds.Integer(), 10**15),
    ("`integer`", "2⁶³"): (kinds.Integer(), 2**63),
    ("`float`", "`1e22`"): (kinds.Float(), 1e22),
    ("`date`", "1899-12-31"): (kinds.Date(), dt.date(1899, 12, 31)),
    ("`datetime`", "with 123456 µs"): (kinds.DateTime(), NOON.replace(microsecond=123456)),
    ("`time`", "with 123456 µs"): (kinds.Time(), dt.time(9, 5, 7, 123456)),
    ("`duration`", "−5 seconds"): (kinds.Duration(), dt.timedelta(seconds=-5)),
    ("`duration`", "1.5 seconds"): (kinds.Duration(), dt.timedelta(seconds=1.5)),
    ("`range` of `integer`", "empty"): (kinds.Range(kinds.Integer()), PgRange(empty=True)),
    ("`json`", '`[Decimal("1.5")]`'): (kinds.Json(), [Decimal("1.5")]),
    ("`choice` of `text`", "`?`, without a label"): (
        kinds.Choice(kinds.Text(), (("n", "North"),)),
        "?",
    ),
}

LANGUAGES = {
    ("`float`", "`0.5`"): (kinds.Float(), 0.5),
    ("`decimal` with 2 places", "`1234.5`"): (kinds.Decimal(2), Decimal("1234.5")),
    ("`boolean`", "`True`"): (kinds.Boolean(), True),
    ("`date`", "2026-01-31"): (kinds.Date(), dt.date(2026, 1, 31)),
    ("`list` of `float`", "`[0.5]`"): (kinds.List(kinds.Float()), [0.5]),
    ("`range` of `decimal`", "0.5 to 1.5, without 1.5"): (
        kinds.Range(kinds.Decimal()),
        PgRange(Decimal("0.5"), Decimal("1.5")),
    ),
}


def table_below(heading):
    """Its lines as lists of cells, and the header first."""
    section = re.split(rf"^## {re.escape(heading)}$", PAGE, maxsplit=1, flags=re.MULTILINE)[1]
    section = re.split(r"^## ", section, maxsplit=1, flags=re.MULTILINE)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split(" |")] for line in lines]
    return [cells[0], *cells[2:]]


def file_of(format, *cells, language="en", **options):
    """A file of one row of kinds and values, in columns called `it` and labelled “It”."""
    spec = ExportSpec("it", format, options=Options(**options), language=language)
    columns = [BoundColumn("it", "It", kind, ("it",)) for kind, _value in cells]
    with translation.override(language):
        made = writer_for(format)(columns, spec.rendering, "Sheet", layout=spec.layout)
        return written(made, [tuple(value for _kind, value in cells)])


# How a cell of the page shows what a reader finds


def in_code(text):
    return f"`{text}`" if text else "empty"


def shown_csv(kind, value, **options):
    content = file_of("csv", (kind, value), delimiter="comma", **options).decode("utf-8-sig")
    [_header, row] = csv.reader(io.StringIO(content, newline=""))
    return in_code(row[0] if row else "")


def shown_xlsx(kind, value):
    cell = opened(file_of("xlsx", (kind, value))).worksheets[0]["A2"]
    found, looks = cell.value, cell.number_format
    shown = "" if looks == "General" else f" as `{looks}`"
    match found:
        case None:
            return "empty"
        case bool():
            return f"truth value `{str(found).upper()}`"
        case str():
            return f"text `{found}`"
        case int() | float():
            return f"number `{found}`{shown}"
        case dt.datetime() if looks == "yyyy-mm-dd":
            return f"date `{found.date()}`{shown}"
        case dt.datetime():
            return f"moment `{found.isoformat(' ')}`{shown}"
        case dt.time():
            return f"time `{found}`{shown}"
        case dt.timedelta():
            return f"duration `{found}`{shown}"


def shown_jsonl(kind, value):
    line = file_of("jsonl", (kind, value)).decode()
    found = re.fullmatch(r'\{"it":(.*)\}\n', line)
    return f"`{found[1]}`"


def shown_parquet(kind, value):
    try:
        table = parquet_table(file_of("parquet", (kind, value)))
    except FormatLimitExceeded:
        return "refused"
    arrow, [found] = str(table.schema[0].type), table.columns[0].to_pylist()
    match found:
        case None:
            return "`null`"
        case bytes():
            return f"`{arrow}`: `{found.hex(' ')}`"
        case list() | dict():
            return f"`{arrow}`: `{json.dumps(found, default=str)}`"
    return f"`{arrow}`: {in_code(str(found))}"


SHOWN = {
    "`csv`, machine": lambda kind, value: shown_csv(kind, value, profile="machine"),
    "`csv`, spreadsheet": lambda kind, value: shown_csv(kind, value, profile="spreadsheet"),
    "`xlsx`": shown_xlsx,
    "`jsonl`": shown_jsonl,
    "`parquet`": shown_parquet,
}


def cells_of(heading, samples):
    """Each cell of a table of kinds, with the kind and the value that its row is about."""
    header, *rows = table_below(heading)
    assert header == ["Kind", "Value", *SHOWN]
    return [
        pytest.param(*samples[kind, value], form, cell, id=f"{kind} {value} {form}")
        for kind, value, *cells in rows
        for form, cell in zip(SHOWN, cells, strict=True)
    ]


@pytest.mark.parametrize(
    ("kind", "value", "form", "cell"),
    [*cells_of("Kinds", KINDS), *cells_of("Nothing, infinity, limits", SPECIAL)],
)
def test_cell(kind, value, form, cell):
    assert SHOWN[form](kind, value) == cell


@pytest.mark.parametrize("kind", [kind for kind, _value in KINDS.values()], ids=repr)
def test_none_is_alike_in_every_kind(kind):
    [row] = [row for row in table_below("Nothing, infinity, limits") if row[0] == "any"]
    assert [form(kind, None) for form in SHOWN.values()] == row[2:]


@pytest.mark.parametrize(
    ("heading", "samples"), [("Kinds", KINDS), ("Nothing, infinity, limits", SPECIAL)]
)
def test_every_sample_has_its_row(heading, samples):
    assert [(row[0], row[1]) for row in table_below(heading)[1:]] == list(samples)


def test_every_kind_has_its_row():
    shown = {re.match(r"`(\w+)`", row[0])[1] for row in table_below("Kinds")[1:]}
    assert shown == {*kinds.KINDS, "choice"}


@pytest.mark.parametrize("row", table_below("Languages")[1:], ids=lambda row: f"{row[0]} {row[1]}")
def test_languages(row):
    header = table_below("Languages")[0]
    assert header == ["Kind", "Value", "`en`", "`de`"]
    kind, value = LANGUAGES[row[0], row[1]]
    found = [
        shown_csv(kind, value, profile="spreadsheet", language=language)
        for language in ("en", "de")
    ]
    assert found == row[2:]


def test_language_samples():
    assert [(row[0], row[1]) for row in table_below("Languages")[1:]] == list(LANGUAGES)


def header_of(format, **options):
    content = file_of(format, (kinds.DateTime(), NOON), **options)
    if format == "xlsx":
        cell = opened(content).worksheets[0]["A1"].value
        return "no line" if isinstance(cell, dt.datetime) else in_code(cell)
    first = content.decode("utf-8-sig").splitlines()
    return in_code(first[0]) if len(first) == 2 else "no line"


@pytest.mark.parametrize("row", table_below("Headers")[1:], ids=lambda row: row[0])
def test_headers(row):
    assert table_below("Headers")[0] == [
        "`header`", "`csv`, machine", "`csv`, spreadsheet", "`xlsx`, machine",
        "`xlsx`, spreadsheet",
    ]  # fmt: skip
    found = [
        header_of(format, header=row[0].strip("`"), profile=profile)
        for format in ("csv", "xlsx")
        for profile in ("machine", "spreadsheet")
    ]
    assert found == row[1:]


def test_every_header_has_its_row():
    assert [row[0].strip("`") for row in table_below("Headers")[1:]] == CHOICES["header"].values


# Which option each format heeds


def effect_of(option, format):
    """Whether files differ by it; or that it is refused."""
    cells = [(kinds.Float(), 0.5), (kinds.DateTime(), NOON), (kinds.Text(), "é")]
    choices = CHOICES[option].values[:3]
    made = [
        comparable(unpacked(file_of(format, *cells, **{option: value}), format), format)
        for value in choices
    ]
    alike = [one == other for one, other in combinations(made, 2)]
    assert all(alike) or not any(alike)
    try:
        for value in choices:
            options = Options(**{option: value})
            dispatch.plan(ExportSpec("shop.orders", format, options=options), *asking(None))
    except InvalidSpec as error:
        return "–" if error.field == option else str(error)
    return "no effect" if all(alike) else "yes"


@pytest.mark.django_db
@pytest.mark.parametrize("row", table_below("Options")[1:], ids=lambda row: row[0])
def test_options(row):
    assert table_below("Options")[0] == ["Format", *(f"`{option}`" for option in CHOICES)]
    names = re.findall(r"`([\w.]+)`", row[0])
    assert names
    for name in names:
        assert [effect_of(option, name) for option in CHOICES] == row[1:]


def test_every_format_has_its_row():
    told = [name for row in table_below("Options")[1:] for name in re.findall(r"`(.+?)`", row[0])]
    assert sorted(told) == sorted(writer.format for writer in all_writers())
