"""What an independent reader must find of a value in each format, written down by hand.

What a format loses stands in `in_csv`, `in_xlsx`, `in_jsonl` and `in_parquet`; none of them asks
the code. A kind is the name under which a value is told from others; `Field` gives it.
"""

import base64
import datetime as dt
import json
import math
import re
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils.dateparse import parse_duration

from django_reports.engine.writers import unescape
from tests.files import Dialect, Wish

REGIONS = {"n": "North", "s": "=South"}
LEVELS = {1: "low", 9: "high"}
KIND_OF_TYPE = {
    str: "text", int: "integer", Decimal: "decimal", float: "float", bool: "boolean",
    dt.date: "date", dt.datetime: "datetime", dt.time: "time", dt.timedelta: "duration",
    UUID: "uuid", list: "list", dict: "json",
}  # fmt: skip


def kind_of(kind, value):
    """The kind by which a value is written."""
    return KIND_OF_TYPE[type(value)] if kind == "auto" else kind


def cleaned(value, clean):
    """Texts inside of JSON lose the same characters."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [cleaned(item, clean) for item in value]
    if isinstance(value, dict):
        return {key: cleaned(item, clean) for key, item in value.items()}
    return value


def parts_of(value, convert=lambda bound: bound):
    """A range as lower bound, upper bound and brackets."""
    if value.isempty:
        return (None, None, "empty")
    lower, upper = (None if x is None else convert(x) for x in (value.lower, value.upper))
    return (lower, upper, ("[" if value.lower_inc else "(") + ("]" if value.upper_inc else ")"))


def parts_in(text, convert):
    """A range as it is written: `[1,5)`."""
    if text == "empty":
        return (None, None, "empty")
    lower, upper = text[1:-1].split(",")
    return (
        convert(lower) if lower else None,
        convert(upper) if upper else None,
        text[0] + text[-1],
    )


def same(found, expected):
    found, expected = instants(found), instants(expected)
    if isinstance(expected, float | Decimal) and math.isnan(expected):
        return type(found) is type(expected) and math.isnan(found)
    return type(found) is type(expected) and found == expected


def instants(value):
    """Moments as those of UTC: in an hour that comes twice, other zones never compare as equal."""
    if isinstance(value, tuple):
        return tuple(map(instants, value))
    is_aware = isinstance(value, dt.datetime) and value.tzinfo is not None
    return value.astimezone(dt.UTC) if is_aware else value


# CSV


LIVE = re.compile(
    "[\\s\x00-\x1f\x7f-\xa0\xad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]*[-=+@＝＋－＠−]"
)
RAW_FIRST = ("\t", "\r", "\n")
NEGATIVE = re.compile(r"-[0-9]+(\.[0-9]+)?")


def is_live(text):
    """Whether a spreadsheet might run the text, or lose its first character."""
    found = LIVE.match(text) or text.startswith(RAW_FIRST)
    return bool(found) and NEGATIVE.fullmatch(text) is None


@dataclass(frozen=True)
class Way:
    """One way to write CSV or TSV, and how it must be read."""

    format: str
    options: dict
    dialect: Dialect
    language: str = "en"
    time_zone: str = "Europe/Berlin"

    @property
    def is_spreadsheet(self):
        return self.options["profile"] == "spreadsheet"

    @property
    def wish(self):
        return partial(
            Wish, format=self.format, options=self.options, language=self.language,
            time_zone=self.time_zone,
        )  # fmt: skip


MACHINE = {"profile": "machine"}
SPREADSHEET = {"profile": "spreadsheet"}
ENGLISH = Dialect(encoding="utf-8-sig", yes_no=("Yes", "No"))
GERMAN = Dialect(encoding="utf-8-sig", delimiter=";", decimal=",", yes_no=("Ja", "Nein"))
PLAIN = Way("csv", MACHINE, Dialect())
CSV_WAYS = [
    PLAIN,
    Way("csv", MACHINE, Dialect(), language="de", time_zone="America/New_York"),
    Way("csv", SPREADSHEET, ENGLISH),
    Way("csv", SPREADSHEET, GERMAN, language="de", time_zone="Asia/Kolkata"),
    Way(
        "csv",
        {
            **MACHINE,
            "delimiter": "semicolon",
            "line_end": "lf",
            "quoting": "all",
            "encoding": "cp1252",
            "header": "none",
        },
        Dialect("cp1252", ";", "\n", has_header=False, mark="?"),
    ),
    Way(
        "csv",
        {**SPREADSHEET, "delimiter": "tab", "encoding": "shift_jis", "decimal": "comma"},
        Dialect("shift_jis", "\t", mark="?", decimal=",", yes_no=("Yes", "No")),
    ),
    Way(
        "csv",
        {**MACHINE, "decimal": "comma", "header": "labels", "encoding": "gb18030"},
        Dialect("gb18030", decimal=","),
    ),
    Way("tsv", MACHINE, Dialect(delimiter="\t")),
    Way(
        "tsv",
        {**SPREADSHEET, "line_end": "lf"},
        Dialect("utf-8-sig", "\t", "\n", decimal=",", yes_no=("Ja", "Nein")),
        language="de",
    ),
    Way("csv.gz", MACHINE, Dialect()),
    Way("tsv.gz", {**MACHINE, "header": "none"}, Dialect(delimiter="\t", has_header=False)),
    Way("csv.zip", SPREADSHEET, GERMAN, language="de"),
    Way("tsv.zip", {**MACHINE, "encoding": "utf-8-sig"}, Dialect("utf-8-sig", "\t")),
]


def in_csv(kind, value, way):
    """Lost: what the encoding lacks; for spreadsheets the zone and what is below a second."""
    clean = partial(encodable, dialect=way.dialect)
    local = partial(as_shown, zone=ZoneInfo(way.time_zone))
    kind = kind_of(kind, value)
    if kind in ("text", "json", "list"):
        return cleaned(value, clean)
    if kind == "datetime":
        return local(value) if way.is_spreadsheet else value
    if kind in ("range", "period"):
        is_shown = kind == "period" and way.is_spreadsheet
        return parts_of(value, local if is_shown else lambda bound: bound)
    if kind == "region":
        return REGIONS.get(value, value) if way.is_spreadsheet else value
    if kind == "level":
        return LEVELS.get(value, str(value)) if way.is_spreadsheet else str(value)
    return value


def encodable(text, dialect):
    """What the encoding lacks, or takes for another character, is replaced by the mark."""
    codec = dialect.encoding.removesuffix("-sig")

    def known(character):
        try:
            is_known = character.encode(codec).decode(codec) == character
        except UnicodeEncodeError:
            is_known = False
        return character if is_known else dialect.mark

    return "".join(map(known, text))


def as_shown(moment, zone):
    return as_wall_time(moment, zone).replace(microsecond=0)


def as_wall_time(moment, zone):
    """The first and the last hours of the calendar stay in UTC: the zone's have no date."""
    try:
        return moment.astimezone(zone).replace(tzinfo=None)
    except OverflowError:
        return moment


def out_of_csv(kind, text, value, way):
    """What a field holds, taken as a value of that kind."""
    kind = kind_of(kind, value)
    is_text = kind in ("text", "json", "list", "range", "period", "region", "binary")
    if is_text:
        assert not is_live(text)
        text = unescape(text)
    if kind in ("decimal", "float"):
        text = text.replace(way.dialect.decimal, ".")
    return {
        "integer": int,
        "decimal": Decimal,
        "float": float,
        "boolean": dict(zip(way.dialect.yes_no, (True, False), strict=True)).get,
        "date": dt.date.fromisoformat,
        "datetime": dt.datetime.fromisoformat,
        "time": dt.time.fromisoformat,
        "duration": parse_duration,
        "uuid": UUID,
        "json": json.loads,
        "list": json.loads,
        "range": partial(parts_in, convert=int),
        "period": partial(parts_in, convert=dt.datetime.fromisoformat),
        "binary": base64.b64decode,
    }.get(kind, str)(text)


def assert_in_csv(kind, text, value, way):
    if value is None:
        assert text == ""  # as an empty text
        return
    expected = in_csv(kind, value, way)
    found = out_of_csv(kind, text, value, way)
    if way.dialect.mark == "?" and found == f"'{expected}":
        return  # what stood behind the apostrophe is no formula any more
    assert same(found, expected)


# XLSX


NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
IN_CALENDAR = dt.date(1900, 3, 1)


def in_xlsx(kind, value, way):
    """Lost: characters that XML lacks, the zone, fractions of a second; integers are floats.

    Texts, so that nothing else is lost: integers and decimals beyond 15 digits, decimals beyond a
    double, what is no finite number, dates before March 1900, negative and very long durations.
    """
    kind = kind_of(kind, value)
    local = partial(as_wall_time, zone=ZoneInfo(way.time_zone))
    if kind in ("text", "json", "list"):
        return cleaned(value, in_xml)
    if kind == "integer":
        return float(value) if abs(value) < 10**15 else str(value)
    if kind == "decimal":
        is_short = value.is_finite() and len(value.as_tuple().digits) <= 15
        is_number = is_short and abs(value.adjusted()) < 300
        return float(value) if is_number else Decimal(value)
    if kind == "float":
        return value if math.isfinite(value) else named_float(value)
    if kind == "date":
        return value if value >= IN_CALENDAR else value.isoformat()
    if kind == "datetime":
        moment = local(value).replace(microsecond=0)
        is_date = moment.tzinfo is None and moment.date() >= IN_CALENDAR
        return moment if is_date else moment.isoformat(" ", "seconds")
    if kind == "time":
        return value.replace(microsecond=0)
    if kind in ("range", "period"):
        is_shown = kind == "period" and way.is_spreadsheet
        shown = partial(as_shown, zone=ZoneInfo(way.time_zone))
        return parts_of(value, shown if is_shown else lambda bound: bound)
    if kind == "region":
        return REGIONS.get(value, value) if way.is_spreadsheet else value
    if kind == "level":
        return LEVELS.get(value, float(value)) if way.is_spreadsheet else float(value)
    return value


def in_xml(text):
    return NO_XML.sub("\ufffd", re.sub("\r\n?", "\n", text))


def named_float(value):
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def out_of_xlsx(kind, cell, value):
    kind = kind_of(kind, value)
    if kind == "datetime" and type(cell) is dt.date:  # how calamine gives midnight
        return dt.datetime.combine(cell, dt.time())
    if isinstance(cell, str):
        return {
            "decimal": Decimal,
            "duration": parse_duration,
            "uuid": UUID,
            "json": json.loads,
            "list": json.loads,
            "range": partial(parts_in, convert=int),
            "period": partial(parts_in, convert=dt.datetime.fromisoformat),
            "binary": base64.b64decode,
        }.get(kind, str)(cell)
    return cell


def assert_in_xlsx(kind, cell, value, way):
    if value is None:
        assert cell == ""  # as an empty text
        return
    expected = in_xlsx(kind, value, way)
    found = out_of_xlsx(kind, cell, value)
    if isinstance(expected, dt.timedelta):
        assert isinstance(cell, str) == (not dt.timedelta(0) <= value < dt.timedelta(hours=10**6))
        assert abs(found - expected) < dt.timedelta(milliseconds=1)
    else:
        assert same(found, expected)


# JSON Lines


def utf8(text):
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def in_jsonl(kind, value):
    """Lost: lone surrogates. Texts: decimals, what is no finite number, and what JSON has not."""
    kind = kind_of(kind, value)
    if kind in ("text", "json", "list"):
        return cleaned(value, utf8)
    if kind == "float":
        return value if math.isfinite(value) else named_float(value)
    if kind in ("range", "period"):
        return parts_of(value)
    return value


def out_of_jsonl(kind, found, value):
    kind = kind_of(kind, value)
    if kind in ("range", "period"):
        convert = int if kind == "range" else dt.datetime.fromisoformat
        assert list(found) == ["lower", "upper", "bounds"]
        lower, upper = (None if x is None else convert(x) for x in (found["lower"], found["upper"]))
        return (lower, upper, found["bounds"])
    of_texts = {
        "decimal": Decimal,
        "date": dt.date.fromisoformat,
        "datetime": dt.datetime.fromisoformat,
        "time": dt.time.fromisoformat,
        "duration": parse_duration,
        "uuid": UUID,
        "binary": base64.b64decode,
    }
    return of_texts[kind](found) if kind in of_texts else found


def assert_in_jsonl(kind, found, value):
    if value is None:
        assert found is None
    else:
        assert same(out_of_jsonl(kind, found, value), in_jsonl(kind, value))


# Parquet


def in_parquet(kind, value):
    """Lost: lone surrogates. Columns without a type of their own are texts, as in CSV."""
    if kind == "auto":
        return in_csv(kind, value, PLAIN)
    if kind in ("json", "text"):
        return cleaned(value, utf8)
    if kind in ("range", "period"):
        return parts_of(value)
    return value


def out_of_parquet(kind, found, value):
    if kind == "auto":
        kind = kind_of(kind, value)
        return found if kind == "text" else out_of_csv(kind, found, value, PLAIN)
    if kind in ("range", "period"):
        return (found["lower"], found["upper"], found["bounds"])
    of_texts = {"decimal": Decimal, "uuid": UUID, "json": json.loads}
    is_text = isinstance(found, str) and kind in of_texts
    return of_texts[kind](found) if is_text else found


def assert_in_parquet(kind, found, value):
    if value is None:
        assert found is None
    else:
        assert same(out_of_parquet(kind, found, value), in_parquet(kind, value))
