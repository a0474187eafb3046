"""Every entry point makes the same file, and what is read back from it is what went in.

TEST_EXAMPLES says how many generated ones there are of each format, of CSV twice as many, and of
XLSX, which takes longest, a quarter.
"""

import datetime as dt
import math
import os
from decimal import Decimal
from functools import partial
from uuid import UUID

import pytest
from django.contrib.contenttypes.models import ContentType
from django.contrib.postgres import fields as postgres
from django.contrib.postgres.signals import (
    get_citext_oids,
    get_hstore_oids,
    register_type_handlers,
)
from django.db import connection, models
from django.test.utils import isolate_apps
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.types.range import Range

from django_reports import ModelReport
from django_reports.definitions.registry import registry
from tests.conftest import give
from tests.files import (
    Dialect,
    Wish,
    csv_rows,
    jsonl_rows,
    made_at_every_entry_point,
    parquet_table,
    unpacked,
    xlsx_rows,
)
from tests.values import strategies as some
from tests.values.expected import (
    CSV_WAYS,
    MACHINE,
    SPREADSHEET,
    Way,
    assert_in_csv,
    assert_in_jsonl,
    assert_in_parquet,
    assert_in_xlsx,
)
from tests.values.models import Everything, Target
from tests.values.rows import ROW_FIELDS, ROWS, THING, THING_FIELDS, Rows, Things, put

EXAMPLES = int(os.environ.get("TEST_EXAMPLES", "24"))
pytestmark = pytest.mark.django_db

PROFILES = st.sampled_from([MACHINE, SPREADSHEET])


@pytest.fixture
def alice(alice, monkeypatch):
    """May export both reports, and sees masked columns masked."""
    monkeypatch.setattr(registry, "_reports", [*registry, Rows(), Things()])
    return give(alice, "values.view_everything")


@pytest.fixture
def made(alice, client, tmp_path):
    """The file of a wish, made at every entry point."""
    client.force_login(alice)
    return partial(made_at_every_entry_point, user=alice, client=client, folder=tmp_path)


def numbered(lines):
    """The lines by the number that stands before the values."""
    found = {int(number): values for number, *values in lines}
    assert list(found) == sorted(found)
    return found


def assert_all(assert_one, fields, rows, lines):
    """Every value of every row, by number."""
    found = numbered(lines)
    assert list(found) == list(rows)
    for number, row in rows.items():
        for field, value in zip(fields.values(), found[number], strict=True):
            assert_one(field.kind, value, field.of(row))


def assert_csv(made, report, fields, rows, way):
    content = made(way.wish(report, ["number", *fields]))
    lines = csv_rows(unpacked(content, way.format), way.dialect)
    assert_all(partial(assert_in_csv, way=way), fields, rows, lines)


def assert_xlsx(made, report, fields, rows, way):
    lines = xlsx_rows(made(way.wish(report, ["number", *fields])))
    assert_all(partial(assert_in_xlsx, way=way), fields, rows, lines)


def assert_jsonl(made, report, fields, rows, format="jsonl", options=MACHINE):
    names = ["number", *fields]
    lines = jsonl_rows(unpacked(made(Wish(report, names, format, options, language="de")), format))
    assert all(list(line) == names for line in lines)
    assert_all(assert_in_jsonl, fields, rows, [list(line.values()) for line in lines])


def assert_parquet(made, report, fields, rows, options=MACHINE):
    names = ["number", *fields]
    table = parquet_table(made(Wish(report, names, "parquet", options, language="de")))
    assert table.column_names == names
    lines = zip(*(column.to_pylist() for column in table.columns), strict=True)
    assert_all(assert_in_parquet, fields, rows, list(lines))


# Rows of all kinds, without a model


def kept(rows):
    """The rows by number, put where the report takes them."""
    put(rows)
    return dict(enumerate(rows))


@pytest.mark.thorough
@settings(some.REPEATABLE, max_examples=2 * EXAMPLES)
@given(rows=ROWS, way=st.sampled_from(CSV_WAYS))
def test_csv(made, rows, way):
    assert_csv(made, "values.rows", ROW_FIELDS, kept(rows), way)


@pytest.mark.thorough
@settings(some.REPEATABLE, max_examples=EXAMPLES // 4)
@given(rows=ROWS, options=PROFILES, zone=st.sampled_from(["Europe/Berlin", "America/New_York"]))
def test_xlsx(made, rows, options, zone):
    way = Way("xlsx", options, Dialect(), time_zone=zone)
    assert_xlsx(made, "values.rows", ROW_FIELDS, kept(rows), way)


@pytest.mark.thorough
@settings(some.REPEATABLE, max_examples=EXAMPLES)
@given(rows=ROWS, format=st.sampled_from(["jsonl", "jsonl.gz", "jsonl.zip"]), options=PROFILES)
def test_jsonl(made, rows, format, options):
    assert_jsonl(made, "values.rows", ROW_FIELDS, kept(rows), format, options)


@pytest.mark.thorough
@settings(some.REPEATABLE, max_examples=EXAMPLES)
@given(rows=ROWS, options=PROFILES)
def test_parquet(made, rows, options):
    fields = {name: field for name, field in ROW_FIELDS.items() if name != "huge"}
    assert_parquet(made, "values.rows", fields, kept(rows), options)


# The same written out


FIXED = {
    "text": "=1+1",
    "integer": -5,
    "huge": 12345678901234567890,
    "price": Decimal("1234.5"),
    "decimal": Decimal("-0.001"),
    "float": 0.5,
    "boolean": True,
    "date": dt.date(2026, 1, 31),
    "datetime": dt.datetime(2026, 1, 31, 12, 0, 0, 250000, tzinfo=dt.UTC),
    "time": dt.time(9, 5),
    "duration": dt.timedelta(days=1, hours=2),
    "uuid": UUID("12345678-1234-5678-1234-567812345678"),
    "json": {"a": [1, None, "é"]},
    "list": [1, None],
    "range": Range(1, 5),
    "period": Range(dt.datetime(2026, 7, 1, 12, tzinfo=dt.UTC), None),
    "binary": b"\xfb\xef\xbe",
    "file": "a/b.pdf",
    "region": "s",
    "level": 9,
    "email": "jane@example.com",
    "secret": dt.date(2026, 1, 31),
    "auto": Decimal("2.50"),
}
NOTHING = dict.fromkeys(FIXED)


def fixed_lines(made, format, options=MACHINE, language="en", names=None):
    """The file of a row with a value in every column, and of one without any."""
    put([FIXED, NOTHING])
    return made(Wish("values.rows", names or ["number", *ROW_FIELDS], format, options,
                     language=language))  # fmt: skip


def test_csv_for_programs_as_it_stands(made):
    assert fixed_lines(made, "csv").decode() == (
        "number,text,integer,huge,price,decimal,float,boolean,date,datetime,time,duration,uuid,"
        "json,list,range,period,binary,file,region,level,email,secret,computed,auto\r\n"
        "0,'=1+1,-5,12345678901234567890,1234.50,-0.001,0.5,true,2026-01-31,"
        "2026-01-31T13:00:00.250000+01:00,09:05:00,P1DT02H00M00S,"
        '12345678-1234-5678-1234-567812345678,"{""a"": [1, null, ""é""]}","[1, null]","[1,5)",'
        '"[2026-07-01T14:00:00+02:00,)",\'++++,a/b.pdf,s,9,j•••@e•••.com,,995,2.50\r\n'
        "1,,,,,,,,,,,,,,,,,,,,,,,,\r\n"
    )


def test_csv_for_spreadsheets_as_it_stands(made):
    assert fixed_lines(made, "csv", SPREADSHEET, "de").decode() == (
        "\ufeffNumber;Text;Integer;Huge;Price;Decimal;Float;Boolean;Date;Datetime (Europe/Berlin);"
        "Time;Duration;Uuid;Json;List;Range;Period (Europe/Berlin);Binary;File;Region;Level;Email;"
        "Secret;Computed;Auto\r\n"
        "0;'=1+1;-5;12345678901234567890;1234,50;-0,001;0,5;Ja;2026-01-31;2026-01-31 13:00:00;"
        "09:05:00;1 02:00:00;12345678-1234-5678-1234-567812345678;"
        '"{""a"": [1, null, ""é""]}";[1, null];[1,5);[2026-07-01 14:00:00,);'
        "'++++;a/b.pdf;'=South;high;j•••@e•••.com;;995;2,50\r\n"
        "1;;;;;;;;;;;;;;;;;;;;;;;;\r\n"
    )


def test_jsonl_as_it_stands(made):
    assert fixed_lines(made, "jsonl", SPREADSHEET, "de").decode() == (
        '{"number":0,"text":"=1+1","integer":-5,"huge":12345678901234567890,"price":"1234.50",'
        '"decimal":"-0.001","float":0.5,"boolean":true,"date":"2026-01-31",'
        '"datetime":"2026-01-31T13:00:00.250000+01:00","time":"09:05:00",'
        '"duration":"P1DT02H00M00S","uuid":"12345678-1234-5678-1234-567812345678",'
        '"json":{"a":[1,null,"é"]},"list":[1,null],'
        '"range":{"lower":1,"upper":5,"bounds":"[)"},'
        '"period":{"lower":"2026-07-01T14:00:00+02:00","upper":null,"bounds":"[)"},'
        '"binary":"++++","file":"a/b.pdf","region":"s","level":9,"email":"j•••@e•••.com",'
        '"secret":null,"computed":995,"auto":"2.50"}\n'
        '{"number":1,"text":null,"integer":null,"huge":null,"price":null,"decimal":null,'
        '"float":null,"boolean":null,"date":null,"datetime":null,"time":null,"duration":null,'
        '"uuid":null,"json":null,"list":null,"range":null,"period":null,"binary":null,"file":null,'
        '"region":null,"level":null,"email":null,"secret":null,"computed":null,"auto":null}\n'
    )


def test_xlsx_as_it_stands(made):
    first, second = xlsx_rows(fixed_lines(made, "xlsx", SPREADSHEET))
    assert first == [
        0.0, "=1+1", -5.0, "12345678901234567890", 1234.5, -0.001, 0.5, True,
        dt.date(2026, 1, 31), dt.datetime(2026, 1, 31, 13), dt.time(9, 5),
        dt.timedelta(days=1, hours=2), "12345678-1234-5678-1234-567812345678",
        '{"a": [1, null, "é"]}', "[1, null]", "[1,5)", "[2026-07-01 14:00:00,)", "++++", "a/b.pdf",
        "=South", "high", "j•••@e•••.com", "", 995.0, 2.5,
    ]  # fmt: skip
    assert second == [1.0, *[""] * 24]


def test_parquet_as_it_stands(made):
    names = ["number", *(name for name in ROW_FIELDS if name != "huge")]
    table = parquet_table(fixed_lines(made, "parquet", SPREADSHEET, names=names))
    first, second = table.to_pylist()
    assert first == {
        "number": 0, "text": "=1+1", "integer": -5, "price": Decimal("1234.50"),
        "decimal": "-0.001", "float": 0.5, "boolean": True, "date": dt.date(2026, 1, 31),
        "datetime": dt.datetime(2026, 1, 31, 12, 0, 0, 250000, tzinfo=dt.UTC),
        "time": dt.time(9, 5), "duration": dt.timedelta(days=1, hours=2),
        "uuid": "12345678-1234-5678-1234-567812345678", "json": '{"a": [1, null, "é"]}',
        "list": [1, None], "range": {"lower": 1, "upper": 5, "bounds": "[)"},
        "period": {"lower": dt.datetime(2026, 7, 1, 12, tzinfo=dt.UTC), "upper": None,
                   "bounds": "[)"},
        "binary": b"\xfb\xef\xbe", "file": "a/b.pdf", "region": "s", "level": 9,
        "email": "j•••@e•••.com", "secret": None, "computed": 995, "auto": "2.50",
    }  # fmt: skip
    assert second == {**dict.fromkeys(first), "number": 1}
    assert [str(column.type) for column in table.schema] == [
        "int64", "string", "int64", "decimal128(38, 2)", "string", "double", "bool",
        "date32[day]", "timestamp[us, tz=UTC]", "time64[us]", "duration[us]", "string", "string",
        "list<element: int64>", "struct<lower: int64, upper: int64, bounds: string>",
        "struct<lower: timestamp[us, tz=UTC], upper: timestamp[us, tz=UTC], bounds: string>",
        "binary", "string", "string", "int64", "string", "date32[day]", "int64", "string",
    ]  # fmt: skip


# What is hard to keep


def one_value(made, name, value, format, **options):
    """What a reader finds of one value."""
    put([{**NOTHING, name: value}])
    content = made(Wish("values.rows", ["number", name], format, {**MACHINE, **options}, "UTC"))
    if format == "xlsx":
        return xlsx_rows(content)[0][1]
    [[_number, text]] = csv_rows(content, Dialect(options["encoding"]))
    return text


def test_xlsx_keeps_the_largest_float(made):
    assert math.isfinite(float(one_value(made, "float", 1.7976931348623157e308, "xlsx")))


@pytest.mark.parametrize("value", ["1E+400", "-1E+309", "1E-400"])
def test_xlsx_keeps_a_decimal_that_is_no_double(made, value):
    found = one_value(made, "decimal", Decimal(value), "xlsx")
    assert isinstance(found, str)
    assert Decimal(found) == Decimal(value)


@pytest.mark.parametrize("value", [" ", "\t", "\n", " \n "])
def test_xlsx_keeps_blank_text(made, value):
    assert one_value(made, "text", value, "xlsx") == value


def test_xlsx_keeps_the_last_moment_of_the_calendar(made):
    value = dt.datetime.max.replace(tzinfo=dt.UTC)
    found = one_value(made, "datetime", value, "xlsx")
    assert found.replace(microsecond=0) == dt.datetime(9999, 12, 31, 23, 59, 59)


def test_xlsx_keeps_the_last_moment_of_a_day(made):
    found = one_value(made, "time", dt.time.max, "xlsx")
    assert found.replace(microsecond=0) == dt.time(23, 59, 59)


@pytest.mark.parametrize(
    ("encoding", "value"),
    [("shift_jis", "¥5"), ("shift_jis", "‾"), ("euc_jp", "¥5"), ("euc_jp", "‾"), ("cp932", "¢")],
)
def test_no_character_becomes_another_one(made, encoding, value):
    found = one_value(made, "text", value, "csv", encoding=encoding)
    assert found == "?" + value[1:]


# Every field of a model, out of the database


@pytest.fixture
def things(db):
    """Three hundred rows, as they went into the database."""
    rows = some.drawn(THING, 300)
    Target.objects.bulk_create(
        Target(id=key) for key in {row["target"] for row in rows if row["target"]}
    )
    made = [
        Everything(**{name: row[name] for name in row if name != "target"}, target_id=row["target"])
        for row in rows
    ]
    for thing in made:
        thing.save()
    return dict(zip([thing.pk for thing in made], rows, strict=True))


@pytest.mark.parametrize("way", CSV_WAYS[:4])
def test_model_in_csv(made, things, way):
    assert_csv(made, "values.things", THING_FIELDS, things, way)


@pytest.mark.parametrize("options", [MACHINE, SPREADSHEET])
def test_model_in_xlsx(made, things, options):
    assert_xlsx(made, "values.things", THING_FIELDS, things, Way("xlsx", options, Dialect()))


def test_model_in_jsonl(made, things):
    assert_jsonl(made, "values.things", THING_FIELDS, things)


def test_model_in_parquet(made, things):
    assert_parquet(made, "values.things", THING_FIELDS, things)


# What only PostgreSQL has


@pytest.fixture
def specials(made, alice, monkeypatch):
    """A report of a model that is made for this test, with two rows."""
    ContentType.objects.create(app_label="values", model="special")
    give(alice, "values.view_special")
    with isolate_apps("tests.values"):

        class Special(models.Model):
            numbers = postgres.ArrayField(models.IntegerField(null=True), null=True)
            words = postgres.ArrayField(models.CharField(), null=True)
            pairs = postgres.HStoreField(null=True)
            whole = postgres.IntegerRangeField(null=True)
            big = postgres.BigIntegerRangeField(null=True)
            exact = postgres.DecimalRangeField(null=True)
            days = postgres.DateRangeField(null=True)
            period = postgres.DateTimeRangeField(null=True)

            class Meta:
                app_label = "values"

    class Specials(ModelReport):
        identifier = "values.specials"
        model = Special

    with connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS hstore")
    register_type_handlers(connection)
    with connection.schema_editor() as editor:
        editor.create_model(Special)
    Special.objects.create(
        numbers=[1, None, -2],
        words=["=1", "é"],
        pairs={"a": "1", "b": None},
        whole=Range(1, 5),
        big=Range(None, 2**40),
        exact=Range(Decimal("0.5"), Decimal("1.25"), "[]"),
        days=Range(dt.date(2026, 1, 31), dt.date(2026, 1, 31)),
        period=Range(dt.datetime(2026, 7, 1, 12, tzinfo=dt.UTC), None),
    )
    Special.objects.create()
    monkeypatch.setattr(registry, "_reports", [*registry, Specials()])
    names = [column.name for column in Specials().get_declared_columns() if column.name != "id"]
    yield partial(Wish, "values.specials", names)
    get_hstore_oids.cache_clear()
    get_citext_oids.cache_clear()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="fields of PostgreSQL")
def test_fields_of_postgresql(made, specials):
    assert made(specials()).decode() == (
        "numbers,words,pairs,whole,big,exact,days,period\r\n"
        '"[1, null, -2]","[""=1"", ""é""]","{""a"": ""1"", ""b"": null}","[1,5)",'
        '"(,1099511627776)","[0.5,1.25]",empty,"[2026-07-01T14:00:00+02:00,)"\r\n'
        ",,,,,,,\r\n"
    )
    first, second = jsonl_rows(made(specials("jsonl")))
    assert first == {
        "numbers": [1, None, -2],
        "words": ["=1", "é"],
        "pairs": {"a": "1", "b": None},
        "whole": {"lower": 1, "upper": 5, "bounds": "[)"},
        "big": {"lower": None, "upper": 2**40, "bounds": "()"},
        "exact": {"lower": "0.5", "upper": "1.25", "bounds": "[]"},
        "days": {"lower": None, "upper": None, "bounds": "empty"},
        "period": {"lower": "2026-07-01T14:00:00+02:00", "upper": None, "bounds": "[)"},
    }
    assert second == dict.fromkeys(first)
    rows = parquet_table(made(specials("parquet"))).to_pylist()
    noon = dt.datetime(2026, 7, 1, 12, tzinfo=dt.UTC)
    pairs, period = '{"a": "1", "b": null}', {"lower": noon, "upper": None, "bounds": "[)"}
    assert rows == [{**first, "pairs": pairs, "period": period}, second]
