"""Every field class of Django has a line here that says how its values are written, or why not."""

import csv
import datetime as dt
import inspect
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.contrib.postgres import fields as postgres
from django.contrib.postgres import search
from django.db import models
from django.db.models import F
from django.test.utils import isolate_apps
from psycopg.types.range import Range

from django_reports.core.choices import Profile
from django_reports.definitions import kinds
from django_reports.definitions.columns import Column, ColumnError, bind
from django_reports.definitions.kinds import Rendering
from django_reports.engine.writers import writer_for
from tests.files import jsonl_rows, parquet_table, written
from tests.sheets import BERLIN, opened
from tests.values.models import Target

KEY = UUID("12345678-1234-5678-1234-567812345678")
NOON = dt.datetime(2026, 7, 1, 12, tzinfo=dt.UTC)
MACHINE = Rendering(Profile.MACHINE, BERLIN, "en")
SPREADSHEET = Rendering(Profile.SPREADSHEET, BERLIN, "en")


@dataclass(frozen=True)
class Line:
    """How to make a field, a value as a database gives it, and what each format makes of it.

    `cell` is that of XLSX for spreadsheets. `others` are further attributes of the model; `path`
    is the way to the field.
    """

    make: Callable[[], models.Field]
    value: Any
    kind: kinds.Kind
    machine: str
    spreadsheet: str
    cell: Any
    json: Any
    arrow: str
    parquet: Any
    others: Mapping[str, models.Field] = field(default_factory=dict)
    path: str = "it"


@dataclass(frozen=True)
class Refusal:
    """A field that is no column by itself, and what is said of it."""

    make: Callable[[], models.Field]
    error: str


def text(make, value="=x", written="'=x"):
    return Line(make, value, kinds.Text(), written, written, value, value, "string", value)


def integer(make, value=-7, path="it"):
    shown = str(value)
    return Line(
        make, value, kinds.Integer(), shown, shown, value, value, "int64", value, path=path
    )  # fmt: skip


def boolean(make):
    return Line(make, True, kinds.Boolean(), "true", "Yes", True, True, "bool", True)


def floating(make):
    return Line(make, 0.1, kinds.Float(), "0.1", "0.1", 0.1, 0.1, "double", 0.1)


def file(make):
    name = "=a.pdf"
    return Line(make, name, kinds.File(), "'=a.pdf", "'=a.pdf", name, name, "string", name)


def uuid(make):
    shown = "12345678-1234-5678-1234-567812345678"
    return Line(make, KEY, kinds.Uuid(), shown, shown, shown, shown, "string", shown)


def json_of(make, value, shown, json):
    return Line(make, value, kinds.Json(), shown, shown, shown, json, "string", shown)


def a_range(make, value, base, machine, spreadsheet, lower, upper, arrow):
    """A range of `[)`; `lower` and `upper` are those in JSON."""
    return Line(
        make, value, kinds.Range(base), machine, spreadsheet, spreadsheet,
        {"lower": lower, "upper": upper, "bounds": "[)"},
        f"struct<lower: {arrow}, upper: {arrow}, bounds: string>",
        {"lower": value.lower, "upper": value.upper, "bounds": "[)"},
    )  # fmt: skip


def no_kind(name):
    return (
        f"a {name} has no defined way into a file; give the column a kind=, "
        "or register one with django_reports.definitions.kinds.register_kind()"
    )


def composite():
    return models.CompositePrimaryKey("a", "b")


OF_MODELS = {
    "AutoField": integer(lambda: models.AutoField(primary_key=True)),
    "BigAutoField": integer(lambda: models.BigAutoField(primary_key=True), 2**40),
    "SmallAutoField": integer(lambda: models.SmallAutoField(primary_key=True)),
    "IntegerField": integer(models.IntegerField),
    "BigIntegerField": integer(models.BigIntegerField),
    "SmallIntegerField": integer(models.SmallIntegerField),
    "PositiveIntegerField": integer(models.PositiveIntegerField, 7),
    "PositiveBigIntegerField": integer(models.PositiveBigIntegerField, 7),
    "PositiveSmallIntegerField": integer(models.PositiveSmallIntegerField, 7),
    "OrderWrt": integer(models.OrderWrt, 3, path="_order"),
    "CharField": text(models.CharField),
    "TextField": text(models.TextField),
    "EmailField": text(models.EmailField, "=1@example.com", "'=1@example.com"),
    "SlugField": text(models.SlugField, "-a", "'-a"),
    "URLField": text(models.URLField, "https://example.com/", "https://example.com/"),
    "FilePathField": text(models.FilePathField, "/srv/a.csv", "/srv/a.csv"),
    "GenericIPAddressField": text(models.GenericIPAddressField, "2001:db8::1", "2001:db8::1"),
    "CommaSeparatedIntegerField": text(
        lambda: models.CommaSeparatedIntegerField(max_length=9), "-1,2", "'-1,2"
    ),
    "BooleanField": boolean(models.BooleanField),
    "NullBooleanField": boolean(models.NullBooleanField),
    "FloatField": floating(models.FloatField),
    "DecimalField": Line(
        lambda: models.DecimalField(max_digits=9, decimal_places=3),
        Decimal("-1.5"), kinds.Decimal(3),
        "-1.500", "-1.500", -1.5, "-1.500", "decimal128(38, 3)", Decimal("-1.500"),
    ),
    "DateField": Line(
        models.DateField, dt.date(2026, 1, 31), kinds.Date(),
        "2026-01-31", "2026-01-31", dt.datetime(2026, 1, 31), "2026-01-31",
        "date32[day]", dt.date(2026, 1, 31),
    ),
    "DateTimeField": Line(
        models.DateTimeField, NOON, kinds.DateTime(),
        "2026-07-01T14:00:00+02:00", "2026-07-01 14:00:00", dt.datetime(2026, 7, 1, 14),
        "2026-07-01T14:00:00+02:00", "timestamp[us, tz=UTC]", NOON,
    ),
    "TimeField": Line(
        models.TimeField, dt.time(9, 5), kinds.Time(),
        "09:05:00", "09:05:00", dt.time(9, 5), "09:05:00", "time64[us]", dt.time(9, 5),
    ),
    "DurationField": Line(
        models.DurationField, dt.timedelta(days=1, hours=2), kinds.Duration(),
        "P1DT02H00M00S", "1 02:00:00", dt.timedelta(days=1, hours=2), "P1DT02H00M00S",
        "duration[us]", dt.timedelta(days=1, hours=2),
    ),
    "UUIDField": uuid(models.UUIDField),
    "JSONField": json_of(
        models.JSONField, {"a": [1, None, "é"]}, '{"a": [1, null, "é"]}', {"a": [1, None, "é"]}
    ),
    "FileField": file(models.FileField),
    "ImageField": file(models.ImageField),
    "ForeignKey": uuid(lambda: models.ForeignKey(Target, models.CASCADE)),
    "OneToOneField": uuid(lambda: models.OneToOneField(Target, models.CASCADE)),
    "GeneratedField": integer(
        lambda: models.GeneratedField(
            expression=F("id") + 1, output_field=models.BigIntegerField(), db_persist=True
        )
    ),
    "CompositePrimaryKey": Line(
        composite, (7, "x"), kinds.Json(),
        '[7, "x"]', '[7, "x"]', '[7, "x"]', [7, "x"], "string", '[7, "x"]',
        others={"a": models.IntegerField(), "b": models.CharField()}, path="pk",
    ),
    "BinaryField": Refusal(
        models.BinaryField,
        'binary data is exported only if it is asked for: with kind="binary", as Base64',
    ),
    "Field": Refusal(models.Field, no_kind("Field")),
    "IPAddressField": Refusal(models.IPAddressField, no_kind("IPAddressField")),
    "ForeignObject": Refusal(
        lambda: models.ForeignObject(Target, models.CASCADE, from_fields=["id"], to_fields=["id"]),
        "'it' ends at a relation without a value of its own; add __pk",
    ),
    "ManyToManyField": Refusal(
        lambda: models.ManyToManyField(Target),
        "'it' follows 'it' to many rows, which would multiply the report's; "
        "use expression= with an aggregate",
    ),
}  # fmt: skip
OF_POSTGRES = {
    "ArrayField": Line(
        lambda: postgres.ArrayField(models.IntegerField()), [1, None, -2],
        kinds.List(kinds.Integer()), "[1, null, -2]", "[1, null, -2]", "[1, null, -2]",
        [1, None, -2], "list<element: int64>", [1, None, -2],
    ),
    "HStoreField": json_of(
        postgres.HStoreField, {"a": "1", "b": None}, '{"a": "1", "b": null}', {"a": "1", "b": None}
    ),
    "JSONField": json_of(postgres.JSONField, [1], "[1]", [1]),
    "CICharField": text(lambda: postgres.CICharField(max_length=9)),
    "CIEmailField": text(postgres.CIEmailField, "a@example.com", "a@example.com"),
    "CITextField": text(postgres.CITextField),
    "IntegerRangeField": a_range(
        postgres.IntegerRangeField, Range(1, 5), kinds.Integer(), "[1,5)", "[1,5)", 1, 5, "int64"
    ),
    "BigIntegerRangeField": a_range(
        postgres.BigIntegerRangeField, Range(-(2**40), None), kinds.Integer(),
        "[-1099511627776,)", "[-1099511627776,)", -(2**40), None, "int64",
    ),
    "DecimalRangeField": a_range(
        postgres.DecimalRangeField, Range(Decimal("0.5"), Decimal("1.25")), kinds.Decimal(),
        "[0.5,1.25)", "[0.5,1.25)", "0.5", "1.25", "string",
    ),
    "DateRangeField": a_range(
        postgres.DateRangeField, Range(dt.date(2026, 1, 31), None), kinds.Date(),
        "[2026-01-31,)", "[2026-01-31,)", "2026-01-31", None, "date32[day]",
    ),
    "DateTimeRangeField": a_range(
        postgres.DateTimeRangeField, Range(NOON, None), kinds.DateTime(),
        "[2026-07-01T14:00:00+02:00,)", "[2026-07-01 14:00:00,)", "2026-07-01T14:00:00+02:00",
        None, "timestamp[us, tz=UTC]",
    ),
    # Django's own base class: no model can have it.
    "RangeField": Refusal(postgres.RangeField, "no attribute 'base_field'"),
}  # fmt: skip
OF_SEARCH = {
    "SearchVectorField": text(search.SearchVectorField, "'fat':2 'rat':3", "'fat':2 'rat':3"),
    "SearchQueryField": text(search.SearchQueryField, "'fat' & 'rat'", "'fat' & 'rat'"),
    # What search casts to inside of its queries; no model has it.
    "_Float4Field": Refusal(search._Float4Field, no_kind("_Float4Field")),
}
FIELDS = {
    **{f"models.{name}": line for name, line in OF_MODELS.items()},
    **{f"postgres.{name}": line for name, line in OF_POSTGRES.items()},
    **{f"search.{name}": line for name, line in OF_SEARCH.items()},
}
# The bounds of a decimal range have no fixed places, and so are texts in Parquet.
DECIMAL_BOUNDS = {"lower": "0.5", "upper": "1.25", "bounds": "[)"}


def field_classes_of(module):
    return {
        name: found
        for name, found in vars(module).items()
        if inspect.isclass(found) and issubclass(found, models.Field)
    }


def model_with(**fields):
    """A model that no database has."""
    return type("Sample", (models.Model,), {**fields, "__module__": __name__, "Meta": META})


class META:
    app_label = "values"


@isolate_apps("tests.values")
def column_of(line, kind=None):
    others = getattr(line, "others", {})
    path = getattr(line, "path", "it")
    name = "pk" if path == "pk" else "it"
    model = model_with(**{name: line.make()}, **others)
    return bind(Column(path, kind=kind), model)


def file_of(column, value, format, rendering=MACHINE):
    return written(writer_for(format)([column], rendering, "Sample"), [(value,), (None,)])


def texts(column, value, rendering):
    content = file_of(column, value, "csv", rendering).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(content, newline="")))[1:]


@pytest.mark.parametrize(
    ("module", "lines"),
    [(models, OF_MODELS), (postgres, OF_POSTGRES)],
    ids=["models", "postgres"],
)
def test_every_field_class_has_its_line(module, lines):
    assert sorted(field_classes_of(module)) == sorted(lines)


def test_every_field_class_of_search_has_its_line():
    own = {
        name
        for name, found in field_classes_of(search).items()
        if found not in field_classes_of(models).values()
    }
    assert sorted(own) == sorted(OF_SEARCH)


@pytest.mark.parametrize("name", FIELDS)
def test_line_is_about_its_class(name):
    module, _dot, class_name = name.partition(".")
    modules = {"models": models, "postgres": postgres, "search": search}
    assert type(FIELDS[name].make()) is vars(modules[module])[class_name]


WRITTEN = [pytest.param(line, id=name) for name, line in FIELDS.items() if isinstance(line, Line)]
REFUSED = [pytest.param(x, id=name) for name, x in FIELDS.items() if isinstance(x, Refusal)]


@pytest.mark.parametrize("line", WRITTEN)
def test_kind(line):
    assert column_of(line).kind == line.kind


@pytest.mark.parametrize("line", WRITTEN)
def test_csv(line):
    column = column_of(line)
    assert texts(column, line.value, MACHINE) == [[line.machine], [""]]
    assert texts(column, line.value, SPREADSHEET) == [[line.spreadsheet], [""]]


@pytest.mark.parametrize("line", WRITTEN)
def test_xlsx(line):
    sheet = opened(file_of(column_of(line), line.value, "xlsx", SPREADSHEET)).worksheets[0]
    assert (sheet["A2"].value, type(sheet["A2"].value)) == (line.cell, type(line.cell))
    assert sheet["A3"].value is None


@pytest.mark.parametrize("line", WRITTEN)
def test_jsonl(line):
    first, second = jsonl_rows(file_of(column_of(line), line.value, "jsonl"))
    [found] = first.values()
    assert (found, type(found)) == (line.json, type(line.json))
    assert list(second.values()) == [None]


@pytest.mark.parametrize("line", WRITTEN)
def test_parquet(line):
    table = parquet_table(file_of(column_of(line), line.value, "parquet"))
    assert str(table.schema[0].type) == line.arrow
    expected = DECIMAL_BOUNDS if line is FIELDS["postgres.DecimalRangeField"] else line.parquet
    assert table.columns[0].to_pylist() == [expected, None]


@pytest.mark.parametrize("line", REFUSED)
def test_refused(line):
    with pytest.raises((ColumnError, AttributeError)) as caught:
        column_of(line)
    assert str(caught.value).endswith(line.error)


def test_binary_if_it_is_asked_for():
    line = FIELDS["models.BinaryField"]
    column = column_of(line, kind="binary")
    value = b"\xfb\xef\xbe"
    assert texts(column, value, MACHINE) == [["'++++"], [""]]
    assert texts(column, value, SPREADSHEET) == [["'++++"], [""]]
    sheet = opened(file_of(column, value, "xlsx", SPREADSHEET)).worksheets[0]
    assert sheet["A2"].value == "++++"
    assert jsonl_rows(file_of(column, value, "jsonl"))[0] == {"it": "++++"}
    table = parquet_table(file_of(column, value, "parquet"))
    assert str(table.schema[0].type) == "binary"
    assert table.columns[0].to_pylist() == [value, None]


def test_choices_of_a_field():
    make = lambda: models.IntegerField(choices=[(1, "=one"), (2, "two")])  # noqa: E731
    column = column_of(Refusal(make, ""))
    assert column.kind == kinds.Choice(kinds.Integer(), ((1, "=one"), (2, "two")))
    assert texts(column, 1, MACHINE) == [["1"], [""]]
    assert texts(column, 1, SPREADSHEET) == [["'=one"], [""]]
    assert opened(file_of(column, 1, "xlsx", SPREADSHEET)).worksheets[0]["A2"].value == "=one"
    assert jsonl_rows(file_of(column, 1, "jsonl"))[0] == {"it": 1}
    assert parquet_table(file_of(column, 1, "parquet")).to_pylist() == [{"it": 1}, {"it": None}]
