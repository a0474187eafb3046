"""The short ways to a file give, byte for byte, what Python writes of the same rows."""

import datetime as dt
import os
import random
import struct
from contextlib import contextmanager
from functools import cache
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import DataError, connection, transaction
from django.db.models import CharField, F, TextField, Value
from django.db.models.functions import Cast, Concat

from django_reports import Column, ModelReport
from django_reports.access.permissions import Authority
from django_reports.audit.log import Origin
from django_reports.definitions.kinds.postgresql import HARMLESS
from django_reports.definitions.registry import registry
from django_reports.definitions.specs import ExportSpec
from django_reports.engine import driver_text, postgres_copy, writers
from django_reports.engine.pipeline import Meter, write_rows
from django_reports.engine.postgres_copy import CannotCopy
from django_reports.engine.writers import CsvWriter, escape
from django_reports.exports.prepare import prepare
from django_reports.jobs import dispatch
from tests.files import Wish
from tests.values import strategies as some
from tests.values.expected import CSV_WAYS
from tests.values.models import Everything, Target
from tests.values.rows import THING

pytestmark = pytest.mark.django_db
copying_only = pytest.mark.skipif(connection.vendor != "postgresql", reason="COPY is PostgreSQL's")

COPIED = (
    "small", "integer", "big", "positive_small", "positive", "positive_big", "char", "text",
    "slug", "email", "url", "path", "decimal", "float", "boolean", "date", "datetime", "time",
    "uuid", "file", "region", "level", "target", "generated",
)  # fmt: skip
READ = ("address", "duration", "json", "binary")  # for which Python is needed
SEED = 20_261_121
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "America/Sao_Paulo", "Pacific/Apia",
         "Africa/Casablanca", "UTC")  # fmt: skip


class Copied(ModelReport):
    identifier = "values.copied"
    model = Everything
    columns = ("id", *COPIED)
    ordering = ("id",)


@pytest.fixture(autouse=True)
def report(monkeypatch):
    monkeypatch.setattr(registry, "_reports", [*registry, Copied()])


def export_of(way, columns=("id", *COPIED), report="values.copied"):
    return way.wish(report, columns).spec


def made(spec, short=True, authority=None):
    """The file's bytes, made in one way or the other."""
    export = prepare(spec, authority or Authority.system(), Origin())
    writer = export.writer()
    with export.snapshot():
        tables = export.tables(writer)
        assert all((table.write is not write_rows) == short for table in tables)
        return b"".join(export.blocks(tables, writer, Meter()))


@contextmanager
def by_python(monkeypatch):
    def refuse(*arguments):
        raise CannotCopy("not now")

    with monkeypatch.context() as patch:
        patch.setattr(postgres_copy, "lines", refuse)
        patch.setattr(driver_text, "reader", lambda *arguments: None)
        yield


def assert_same(spec, monkeypatch, short=True):
    fast = made(spec, short)
    with by_python(monkeypatch):
        slow = made(spec, short=False)
    if fast != slow:
        for one, other in zip(fast.splitlines(), slow.splitlines(), strict=False):
            assert one == other
    assert fast == slow
    return fast


@cache
def pools(size):
    """For each column values of every sort."""
    chance = random.Random(SEED)
    drawn = some.drawn(THING, size)
    found = {name: [row[name] for row in drawn] for name in drawn[0] if name in COPIED + READ}
    found["text"] += [f"{chr(n)}x" for n in range(1, 0x3000, 7)]
    found["float"] += floats(chance)
    found["datetime"] += moments(chance)
    del found["target"]
    return found


def put(count, size=200):
    """Rows of those values, mixed by chance."""
    chance = random.Random(SEED)
    rows = (
        Everything(**{name: chance.choice(pool) for name, pool in pools(size).items()})
        for _number in range(count)
    )
    Everything.objects.bulk_create(rows, batch_size=2000)


def floats(chance):
    powers = [2.0**n for n in range(-30, 64)] + [10.0**n for n in range(-8, 20)]
    bits = [struct.unpack("d", chance.randbytes(8))[0] for _number in range(2000)]
    prices = [round(chance.uniform(-1e6, 1e6), chance.randrange(7)) for _number in range(2000)]
    return [*powers, *(-value for value in powers), *bits, *prices, 0.0, -0.0, 1e15 - 1, 1e-4]


def moments(chance):
    """Also those next to where clocks change."""
    found = []
    for year in range(1970, 2105, 3):
        for month in range(1, 13):
            day = dt.datetime(year, month, chance.randrange(1, 29), tzinfo=dt.UTC)
            found.append(day + dt.timedelta(minutes=chance.randrange(1440)))
            found.append(day + dt.timedelta(microseconds=chance.randrange(86_400_000_000)))
    return found


@pytest.mark.parametrize("way", CSV_WAYS, ids=str)
def test_every_option(way, monkeypatch):
    put(400)
    assert_same(export_of(way), monkeypatch)


ROWS = int(os.environ.get("TEST_GENERATED_ROWS", "8000"))


@pytest.mark.thorough
def test_many_rows(monkeypatch):
    put(ROWS, size=1000)
    for way in CSV_WAYS[1:4]:
        assert assert_same(export_of(way), monkeypatch).count(b"\n") > ROWS


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("profile", ["machine", "spreadsheet"])
def test_times_of_a_zone(zone, profile, monkeypatch):
    Everything.objects.bulk_create(
        Everything(datetime=moment) for moment in moments(random.Random(SEED))
    )
    wish = Wish("values.copied", ["id", "datetime"], options={"profile": profile}, time_zone=zone)
    assert_same(wish.spec, monkeypatch)


def test_what_the_guard_looks_at_again(monkeypatch):
    """Every character that may begin a text, behind each that is known to be harmless, too."""
    texts = [f"{chr(n)}1" for n in (*range(1, 0x3100, 5), *range(1, 0x180))]
    texts += [
        "-1",
        "-1.5",
        "--1",
        "'-1",
        "''=1",
        "a\r\nb",
        '=a"b',
        '="a,b;\t"',
        "",
        '"',
        "\\.",
        "\\",
    ]
    Everything.objects.bulk_create(Everything(text=text, char=text[:100]) for text in texts)
    file = assert_same(export_of(CSV_WAYS[3], ["id", "text", "char"]), monkeypatch)
    assert b"'=1" in file


@copying_only
def test_characters_that_are_called_harmless_are():
    for least, most in HARMLESS:
        for code in range(least, most + 1):
            for ending in ("", "1", "=1", "\t=1"):
                text = chr(code) + ending
                assert escape(text) == text


@copying_only
def test_settings_of_the_session_have_no_say_and_stay(monkeypatch):
    put(50)
    mine = {"DateStyle": "German, DMY", "IntervalStyle": "iso_8601", "extra_float_digits": "-3",
            "TimeZone": "Asia/Tokyo"}  # fmt: skip
    expected = made(export_of(CSV_WAYS[1]))
    with connection.cursor() as cursor:
        for name, value in mine.items():
            cursor.execute("SELECT set_config(%s, %s, true)", [name, value])
        assert made(export_of(CSV_WAYS[1])) == expected
        for name, value in mine.items():
            cursor.execute("SELECT current_setting(%s)", [name])
            assert cursor.fetchone() == (value,)


@copying_only
@pytest.mark.parametrize("value", ["infinity", "-infinity", "0044-03-15 BC", "12026-01-01"])
@pytest.mark.parametrize("name", ["date", "datetime"])
def test_what_python_cannot_hold_fails_either_way(name, value, monkeypatch):
    Everything.objects.create()
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE values_everything SET {name} = %s", [value])
    spec = export_of(CSV_WAYS[0], ["id", name])
    with pytest.raises(Exception, match=r"."):
        made(spec)
    with by_python(monkeypatch), pytest.raises(Exception, match=r"."):
        made(spec, short=False)


def explained(identifier):
    """What list_reports tells of one report's way into a file."""
    output = StringIO()
    call_command("list_reports", "--explain", stdout=output)
    lines = output.getvalue().splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith(f"{identifier}\t"))
    return lines[at + 1].strip()


BUT = "written by PostgreSQL (COPY), but for columns of Python: "


class Narrow(Copied):
    identifier = "values.narrow"
    columns = ("id",)


class Computed(Copied):
    identifier = "values.computed"
    columns = (
        "id",
        Column("double", expression=F("small") * 2),
        Column("both", expression=Concat("char", Value(" "), "text", output_field=TextField())),
    )


class Valued(Copied):
    identifier = "values.valued"
    columns = ("id", "char", Column("length", value=len, fields=("char",), kind="integer"))


class Documented(Copied):
    identifier = "values.documented"
    columns = ("id", "json", "duration")


class Shouting(CharField):
    """A project's field that changes what it reads."""

    def from_db_value(self, value, expression, connection):
        return value and value.upper()


class Shouted(Copied):
    identifier = "values.shouted"
    columns = ("id", Column("loud", expression=Cast("char", Shouting()), kind="text"))


@copying_only
@pytest.mark.parametrize(
    ("report_class", "told"),
    [
        (Copied, "written by PostgreSQL (COPY)"),
        (Computed, "written by PostgreSQL (COPY)"),
        (Narrow, "written by Python: there is one column only"),
        (Valued, f"{BUT}length: its values are made by Python"),
        (Documented, f"{BUT}json: its field converts what it reads"),
        (Shouted, f"{BUT}loud: its field converts what it reads"),
    ],
)
def test_explained(report_class, told, monkeypatch):
    put(20)
    made_report = report_class()
    monkeypatch.setattr(registry, "_reports", [made_report])
    assert explained(made_report.get_identifier()) == told
    spec = ExportSpec(made_report.get_identifier())
    file = made(spec, short="COPY" in told)
    with by_python(monkeypatch):
        assert made(spec, short=False) == file


@pytest.mark.skipif(connection.vendor == "postgresql", reason="PostgreSQL has COPY")
@pytest.mark.parametrize(
    ("report_class", "told"),
    [
        (Copied, "; by itself: float"),
        (Narrow, ""),
        (Computed, ""),
        (Valued, "; by itself: length"),
        (Documented, "; by itself: json"),
        (Shouted, "; by itself: loud"),
    ],
)
def test_explained_without_copy(report_class, told, monkeypatch):
    put(20)
    made_report = report_class()
    monkeypatch.setattr(registry, "_reports", [made_report])
    how = "written by Python, a column at a time: the database is not PostgreSQL"
    assert explained(made_report.get_identifier()) == how + told


@pytest.mark.parametrize("mask", ["null", "partial", "hash", lambda value: value.upper()])
@pytest.mark.parametrize("way", CSV_WAYS[:4], ids=str)
def test_masked_columns(mask, way, monkeypatch, make_person, settings):
    settings.DJANGO_REPORTS = {**settings.DJANGO_REPORTS, "MASK_KEY": "a key of tests"}

    class Masked(Copied):
        identifier = "values.masked"
        columns = (
            "id",
            Column("char", permission="values.view_char", mask=mask),
            Column("decimal", permission="values.view_char", mask="null"),
            "text",
        )

    monkeypatch.setattr(registry, "_reports", [Masked()])
    put(300)
    mia = Authority.of(make_person("mia", "values.view_everything", report="*"))
    spec = way.wish("values.masked", ["id", "char", "decimal", "text"]).spec
    fast = made(spec, authority=mia)
    with by_python(monkeypatch):
        assert made(spec, short=False, authority=mia) == fast
    if connection.vendor == "postgresql":
        (taken,) = prepare(spec, mia, Origin()).ways()
        assert (taken.column and taken.column.key) == (None if mask == "null" else "char")


@pytest.mark.parametrize("way", CSV_WAYS, ids=str)
def test_columns_that_python_writes_among_others(way, monkeypatch):
    class Mixed(Copied):
        identifier = "values.mixed"
        columns = (
            Column("first", value=lambda row: row["text"] and row["text"] * 2, fields=["text"]),
            "id",
            *(name for name in READ if name != "binary"),
            Column("binary", kind="binary"),
            Column("kinds", value=lambda row: [*map(type, row.values())].__repr__(), fields=COPIED),
            "text",
            Column("nothing", value=lambda row: None),
            Column("last", value=lambda row: row["datetime"], fields=["datetime"], kind="auto"),
        )

    monkeypatch.setattr(registry, "_reports", [Mixed()])
    put(400)
    assert_same(way.wish("values.mixed", [c.name for c in Mixed().get_columns()]).spec, monkeypatch)


@pytest.mark.parametrize("count", [3, 1200])
def test_a_callable_may_ask_the_database(count, monkeypatch):
    """The rest of the rows is read before its query, which the connection could not take else."""
    asked = []

    def neighbors(row):
        asked.append(row["id"])
        near = Everything.objects.filter(pk__lt=row["id"]).order_by("-pk")
        return near.values_list("small", flat=True).first() if len(asked) % 100 == 2 else None

    class Asking(Copied):
        identifier = "values.asking"
        columns = ("id", Column("near", value=neighbors, fields=["id"], kind="integer"), "text")

    monkeypatch.setattr(registry, "_reports", [Asking()])
    put(count)
    fast = made(ExportSpec("values.asking"))
    asked.clear()
    with by_python(monkeypatch):
        assert made(ExportSpec("values.asking"), short=False) == fast
    assert len(asked) == count


def test_a_text_longer_than_pythons_reader_takes(monkeypatch):
    class Long(Copied):
        identifier = "values.long"
        columns = ("id", "text", Column("size", value=lambda row: row["id"], fields=["id"]))

    monkeypatch.setattr(registry, "_reports", [Long()])
    Everything.objects.create(text='a "long" one, ' * 20_000)
    assert len(assert_same(ExportSpec("values.long"), monkeypatch)) > 280_000


class ShoutingWriter(CsvWriter):
    """A project's writer, which a database knows nothing of."""

    format = "loud"

    def shown(self, row):
        return [text.upper() for text in super().shown(row)]


def test_a_writer_of_ones_own_gets_every_row(monkeypatch):
    monkeypatch.setattr(writers, "_writers", {**writers._writers, "loud": ShoutingWriter})
    Everything.objects.create(char="quiet")
    spec = ExportSpec("values.copied", format="loud", columns=("id", "char"))
    assert b"QUIET" in made(spec, short=False)


class Asking(Copied):
    """Of a row in a hundred its code asks the database something."""

    identifier = "values.asking"

    def count(row):
        return Everything.objects.count() if row["id"] % 100 == 0 else 0

    columns = ("id", "char", Column("asked", value=count, fields=("id",), kind="integer"))


def passed_through(report, between=lambda: None):
    """Its bytes, as the command gets them; something is done between two blocks."""
    spec = ExportSpec(report.get_identifier())
    export = dispatch.export_now(spec, Authority.system(), Origin())
    blocks = []
    for block in export:
        blocks.append(block)
        between()
    assert connection.execute_wrappers == []
    export.job.refresh_from_db()
    assert (export.job.status, export.job.rows_done) == ("succeeded", 3000)
    return b"".join(blocks)


@pytest.mark.parametrize("report_class", [Copied, Asking])
def test_read_block_by_block_inside_a_transaction(report_class, monkeypatch):
    put(3000)
    report = report_class()
    monkeypatch.setattr(registry, "_reports", [report])
    savepoints = list(connection.savepoint_ids)
    file = passed_through(report, between=transaction.atomic(Target.objects.create))
    assert connection.savepoint_ids == savepoints
    assert Target.objects.exists()  # what was made between two blocks is not undone
    assert Everything.objects.count() == 3000
    assert file == made(ExportSpec(report.get_identifier()))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("report_class", [Copied, Asking])
def test_read_block_by_block_outside_a_transaction(report_class, monkeypatch):
    put(3000)
    report = report_class()
    monkeypatch.setattr(registry, "_reports", [report])
    assert passed_through(report) == made(ExportSpec(report.get_identifier()))


@copying_only
def test_a_time_zone_about_which_the_two_differ(monkeypatch):
    put(20)
    monkeypatch.setattr(postgres_copy, "agree_on", lambda alias, zone: False)
    spec = export_of(CSV_WAYS[0], ["id", "datetime"])
    (taken,) = prepare(spec, Authority.system(), Origin()).ways()
    assert (taken.column.key, "time zones" in taken.reason) == ("datetime", True)


def test_an_order_distinct_rows_and_unions_stay(monkeypatch):
    put(60)
    everything = Everything.objects.order_by("-small", "char", "id")

    class Ordered(Copied):
        identifier = "values.ordered"

        def get_queryset(self, context):
            return everything

    class Distinct(Ordered):
        identifier = "values.distinct"
        columns = ("region", "boolean")

        def get_queryset(self, context):
            return Everything.objects.distinct().order_by("region")

    class United(Ordered):
        identifier = "values.united"

        def get_queryset(self, context):
            return Everything.objects.filter(id__lt=0).union(Everything.objects.all())

    for report_class in (Ordered, Distinct, United):
        monkeypatch.setattr(registry, "_reports", [report_class()])
        has_short_way = report_class is not United or connection.vendor == "postgresql"
        assert_same(ExportSpec(report_class.identifier), monkeypatch, short=has_short_way)


def test_whoever_stops_in_the_middle_leaves_a_connection_that_can_be_used():
    put(3000)
    spec = export_of(CSV_WAYS[0])
    export = prepare(spec, Authority.system(), Origin())
    writer = export.writer()
    with export.snapshot():
        blocks = export.blocks(export.tables(writer), writer, Meter())
        next(blocks)
        blocks.close()
        assert Everything.objects.count() == 3000


@copying_only
def test_a_failing_query_leaves_the_transaction_of_others(monkeypatch):
    class Failing(Copied):
        identifier = "values.failing"
        columns = ("id", Column("none", expression=Value(1) / F("small")))

    monkeypatch.setattr(registry, "_reports", [Failing()])
    Everything.objects.create(small=0)
    with pytest.raises(DataError, match="division by zero"):
        made(ExportSpec("values.failing"))
    assert Everything.objects.count() == 1


def outcome(spec, short=True):
    """The file, or what kind of error there is."""
    try:
        return made(spec, short)
    except Exception as error:
        return type(error)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite takes anything")
@pytest.mark.parametrize("way", CSV_WAYS[:4], ids=str)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("decimal", value) for value in (0.125, 1e15, 1.005, -0.0, 5, "7.1", 1e-7, "no number")),
        ("decimal", "1" + "0" * 25),
        *(("integer", value) for value in (1.5, "12", "twelve", 2**62)),
        *(("boolean", value) for value in (2, "yes", 0, 1.0)),
        *(("date", value) for value in ("2026-5-6", "2026-02-30", "yesterday", "20260506", 5)),
        *(
            ("datetime", value)
            for value in (
                "2026-05-06",
                "2026-05-06T11:22:33",
                "2026-05-06 11:22:33.5",
                "2026-05-06 11:22:33,123456",
                "2026-05-06 11:22:33.000000",
                "2026-05-06 11:22:33+02:00",
                "2026-05-06 11:22+01",
                "2026-05-06 11:22:33.12+01",
                "2026-05-06 24:00:00",
                "2026-05-06 11:61:00",
                "2026-W19-2 11:22:33",
                "20260506T112233.123",
                "0001-01-01 00:30:00",
                "9999-12-31 23:30:00",
                "",
                1767225600,
            )
        ),
        ("date", ""),
        ("char", b"\xff"),
        ("char", 5),
        ("char", 1.5),
        ("uuid", "no uuid"),
    ],
)  # fmt: skip
def test_what_django_did_not_write_has_the_same_outcome(name, value, way, monkeypatch):
    put(3)
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE values_everything SET {name} = %s WHERE id %% 2", [value])
    spec = export_of(way, ["id", name])
    fast = outcome(spec)
    with by_python(monkeypatch):
        assert outcome(spec, short=False) == fast
