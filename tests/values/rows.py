"""Two reports of values of every kind, and what their rows are made of."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from django_reports import Column, ModelReport, Report
from django_reports.definitions.kinds import Choice, DateTime, Decimal, Integer, List, Range, Text
from tests.values import strategies as some
from tests.values.models import Everything, Level, Region

# What a person without the permission sees of a value.
MASKED = {
    "jane@example.com": "j•••@e•••.com",
    "=12@evil.example.org": "=•••@e•••.org",
    "a@localhost": "•••@l•••",
    "@": "•••",
    "Jane": "•••",
    "é": "•••",
    "mail bob@x.org": "m•••",
    "": "•••",
}


@dataclass(frozen=True)
class Field:
    """A column: its values, and what is to be read of a row (without `seen`: its value).

    `kind` is the name by which a value that is read back is understood.
    """

    column: str | Column
    kind: str
    values: st.SearchStrategy | None = None
    seen: Callable[[dict], Any] | None = None

    @property
    def name(self):
        return self.column if isinstance(self.column, str) else self.column.name

    def of(self, row):
        return self.seen(row) if self.seen else row[self.name]


def remainder(row):
    return None if row["integer"] is None else row["integer"] % 1000


def masked(name):
    return lambda row: None if row[name] is None else MASKED[row[name]]


def hidden(row):
    return None


def by_name(*fields):
    return {field.name: field for field in fields}


def rows_of(fields):
    """Rows with None everywhere."""
    return st.fixed_dictionaries(
        {name: st.none() | f.values for name, f in fields.items() if f.values is not None}
    )


def columns_of(fields):
    return [field.column for field in fields.values()]


EMAILS = st.sampled_from(list(MASKED))

ROW_FIELDS = by_name(
    Field(Column("text", kind="text"), "text", some.TEXTS),
    Field(Column("integer", kind="integer"), "integer", some.INTEGERS),
    Field(Column("huge", kind="integer"), "integer", st.integers()),
    Field(Column("price", kind=Decimal(2)), "decimal", some.PRICES),
    Field(Column("decimal", kind="decimal"), "decimal", some.DECIMALS),
    Field(Column("float", kind="float"), "float", some.FLOATS),
    Field(Column("boolean", kind="boolean"), "boolean", st.booleans()),
    Field(Column("date", kind="date"), "date", some.DATES),
    Field(Column("datetime", kind="datetime"), "datetime", some.MOMENTS),
    Field(Column("time", kind="time"), "time", some.TIMES),
    Field(Column("duration", kind="duration"), "duration", some.DURATIONS),
    Field(Column("uuid", kind="uuid"), "uuid", st.uuids()),
    Field(Column("json", kind="json"), "json", some.JSON),
    Field(Column("list", kind=List(Integer())), "list", st.lists(st.none() | some.INT64)),
    Field(Column("range", kind=Range(Integer())), "range", some.INTEGER_RANGES),
    Field(Column("period", kind=Range(DateTime())), "period", some.PERIODS),
    Field(Column("binary", kind="binary"), "binary", st.binary(max_size=20)),
    Field(Column("file", kind="file"), "text", some.TEXTS),
    Field(
        Column("region", kind=Choice(Text(), tuple(Region.choices))),
        "region",
        st.sampled_from("ns?="),
    ),
    Field(
        Column("level", kind=Choice(Integer(), tuple(Level.choices))),
        "level",
        st.sampled_from([1, 5, 9]),
    ),
    Field(
        Column("email", permission="shop.nobody", mask="partial"), "text", EMAILS, masked("email")
    ),
    Field(
        Column("secret", kind="date", permission="shop.nobody", mask="null"),
        "date",
        some.DATES,
        hidden,
    ),
    Field(
        Column("computed", kind="integer", fields=["integer"], value=remainder),
        "integer",
        seen=remainder,
    ),
    Field(Column("auto"), "auto", some.ANYTHING),
)


class Rows(Report):
    """Rows that a test puts there."""

    identifier = "values.rows"
    permission = "shop.view_order"
    columns = [Column("number", kind="integer"), *columns_of(ROW_FIELDS)]
    current = ()

    def rows(self, context):
        return iter(self.current)


ROWS = st.lists(rows_of(ROW_FIELDS), min_size=1, max_size=4)


def put(rows):
    """The rows, numbered, where the report takes them."""
    Rows.current = [{"number": number, **row} for number, row in enumerate(rows)]


THING_FIELDS = by_name(
    Field("small", "integer", st.integers(-(2**15), 2**15 - 1)),
    Field("integer", "integer", st.integers(-(2**31), 2**31 - 1)),
    Field("big", "integer", some.INTEGERS),
    Field("positive_small", "integer", st.integers(0, 2**15 - 1)),
    Field("positive", "integer", st.integers(0, 2**31 - 1)),
    Field("positive_big", "integer", st.integers(0, 2**63 - 1)),
    Field("char", "text", some.STORED_TEXTS),
    Field("text", "text", some.STORED_TEXTS),
    Field("slug", "text", st.text("ab-1", max_size=8)),
    Field("email", "text", EMAILS),
    Field("url", "text", st.just("https://example.com/?a=1&b=ü")),
    Field("address", "text", st.sampled_from(["192.0.2.1", "2001:db8::1"])),
    Field("path", "text", st.sampled_from(["/srv/ä.csv", "=1"])),
    Field("decimal", "decimal", st.decimals(-(10**13) + 1, 10**13 - 1, places=2)),
    Field("float", "float", some.STORED_FLOATS),
    Field("boolean", "boolean", st.booleans()),
    Field("date", "date", some.STORED_DATES),
    Field("datetime", "datetime", some.STORED_MOMENTS),
    Field("time", "time", some.TIMES),
    Field("duration", "duration", some.DURATIONS),
    Field("uuid", "uuid", st.uuids(version=4)),
    Field("json", "json", some.STORED_JSON),
    Field(Column("binary", kind="binary"), "binary", st.binary(max_size=20)),
    Field(
        "file",
        "text",
        st.sampled_from(["a/b.pdf", "=1.pdf", "ü.txt"]),
        lambda row: row["file"] or "",  # a model keeps no file as an empty name
    ),
    Field("region", "region", st.sampled_from(["n", "s", "?"])),
    Field("level", "level", st.sampled_from([1, 5, 9])),
    Field("target", "uuid", st.uuids(version=4)),
    Field(
        "generated",
        "integer",
        seen=lambda row: None if row["small"] is None else row["small"] + 1,
    ),
    Field(
        Column("masked", path="email", permission="shop.nobody", mask="partial"),
        "text",
        seen=masked("email"),
    ),
)


class Things(ModelReport):
    identifier = "values.things"
    model = Everything
    columns = [Column("number", path="id"), *columns_of(THING_FIELDS)]


THING = rows_of(THING_FIELDS)
