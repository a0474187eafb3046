import datetime as dt
import enum
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.db.models import FileField
from django.db.models.fields.files import FieldFile
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy

from django_reports.core.choices import Profile
from django_reports.definitions import kinds
from django_reports.definitions.kinds import Choice, Rendering, unescaped
from django_reports.engine.writers.guard import escape
from django_reports.exceptions import UnsupportedValue
from tests.shop.models import Customer, Region

MACHINE = Rendering(Profile.MACHINE, ZoneInfo("Europe/Berlin"), "en")
SPREADSHEET = Rendering(Profile.SPREADSHEET, ZoneInfo("Europe/Berlin"), "en")
KEY = UUID("12345678-1234-5678-1234-567812345678")
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def utc(*parts):
    return dt.datetime(*parts, tzinfo=dt.UTC)


def texts(kind, value):
    """The CSV texts of both profiles."""
    return tuple(kind.to_text(r, escape)(value) for r in (MACHINE, SPREADSHEET))


def cell(kind, value, rendering=SPREADSHEET):
    return kind.to_cell(rendering)(value)


@pytest.mark.parametrize(
    ("kind", "value", "machine", "spreadsheet"),
    [
        ("text", "plain", "plain", "plain"),
        ("text", "", "", ""),
        ("text", "=1", "'=1", "'=1"),
        ("text", "Bäß €\U0001f600", "Bäß €\U0001f600", "Bäß €\U0001f600"),
        ("text", -5, "-5", "-5"),
        ("text", gettext_lazy("Yes"), "Yes", "Yes"),
        ("integer", 5, "5", "5"),
        ("integer", -5, "-5", "-5"),
        ("integer", True, "1", "1"),
        ("integer", 12345678901234567890, "12345678901234567890", "12345678901234567890"),
        ("decimal", Decimal("5.20"), "5.20", "5.20"),
        ("decimal", Decimal("-5.25"), "-5.25", "-5.25"),
        ("decimal", Decimal("1E+20"), "100000000000000000000", "100000000000000000000"),
        ("decimal", Decimal("1E-10"), "0.0000000001", "0.0000000001"),
        ("decimal", Decimal("NaN"), "NaN", "NaN"),
        ("float", 0.1, "0.1", "0.1"),
        ("float", -1e-07, "-1e-07", "-1e-07"),
        ("float", 1e22, "1e+22", "1e+22"),
        ("float", 5, "5.0", "5.0"),
        ("float", float("nan"), "NaN", "NaN"),
        ("float", float("inf"), "Infinity", "Infinity"),
        ("float", float("-inf"), "-Infinity", "-Infinity"),
        ("boolean", True, "true", "Yes"),
        ("boolean", False, "false", "No"),
        ("date", dt.date(2026, 3, 1), "2026-03-01", "2026-03-01"),
        ("date", dt.date(1899, 12, 31), "1899-12-31", "1899-12-31"),
        ("date", dt.date(1, 1, 1), "0001-01-01", "0001-01-01"),
        ("time", dt.time(9, 5), "09:05:00", "09:05:00"),
        ("time", dt.time(9, 5, 7, 123456), "09:05:07.123456", "09:05:07.123456"),
        ("duration", dt.timedelta(days=1, hours=2), "P1DT02H00M00S", "1 02:00:00"),
        ("duration", dt.timedelta(seconds=-5), "-P0DT00H00M05S", "-1 23:59:55"),
        ("uuid", KEY, str(KEY), str(KEY)),
        ("json", {"a": [1, None, "é"]}, '{"a": [1, null, "é"]}', '{"a": [1, null, "é"]}'),
        ("json", "=1", '"=1"', '"=1"'),
        ("json", -5, "-5", "-5"),
        ("json", {"on": dt.date(2026, 3, 1)}, '{"on": "2026-03-01"}', '{"on": "2026-03-01"}'),
        ("file", "=files/a.pdf", "'=files/a.pdf", "'=files/a.pdf"),
        ("file", "files/a.pdf", "files/a.pdf", "files/a.pdf"),
    ],
)
def test_text(kind, value, machine, spreadsheet):
    assert texts(kinds.KINDS[kind], value) == (machine, spreadsheet)


@pytest.mark.parametrize(
    ("value", "machine", "spreadsheet"),
    [
        (utc(2026, 1, 1, 12), "2026-01-01T13:00:00+01:00", "2026-01-01 13:00:00"),
        (utc(2026, 7, 1, 12), "2026-07-01T14:00:00+02:00", "2026-07-01 14:00:00"),
        (utc(2026, 3, 29, 0, 59, 59), "2026-03-29T01:59:59+01:00", "2026-03-29 01:59:59"),
        (utc(2026, 3, 29, 1), "2026-03-29T03:00:00+02:00", "2026-03-29 03:00:00"),
        (utc(2026, 10, 25, 0, 30), "2026-10-25T02:30:00+02:00", "2026-10-25 02:30:00"),
        (utc(2026, 10, 25, 1, 30), "2026-10-25T02:30:00+01:00", "2026-10-25 02:30:00"),
        (utc(2026, 12, 31, 23, 30), "2027-01-01T00:30:00+01:00", "2027-01-01 00:30:00"),
        (utc(2026, 1, 1, 12, 0, 0, 9), "2026-01-01T13:00:00.000009+01:00", "2026-01-01 13:00:00"),
        (dt.datetime(2026, 1, 1, 12), "2026-01-01T12:00:00", "2026-01-01 12:00:00"),
    ],
)
def test_datetime_text(value, machine, spreadsheet):
    assert texts(kinds.DateTime(), value) == (machine, spreadsheet)


# Projects write "for ever" like this; local time would lie beyond what Python can hold.
@pytest.mark.parametrize(
    ("value", "zone", "text"),
    [
        (utc(9999, 12, 31, 23, 59, 59), "Europe/Berlin", "9999-12-31T23:59:59+00:00"),
        (utc(1, 1, 1), "America/New_York", "0001-01-01T00:00:00+00:00"),
    ],
)
def test_datetime_at_the_end_of_the_calendar_keeps_its_zone(value, zone, text):
    machine, sheet = (Rendering(profile, ZoneInfo(zone), "en") for profile in Profile)
    assert kinds.DateTime().to_text(machine, escape)(value) == text
    assert kinds.DateTime().to_text(sheet, escape)(value) == text.replace("T", " ")
    assert kinds.DateTime().to_cell(sheet)(value) == text.replace("T", " ")


@pytest.mark.parametrize("way", ["to_text", "to_cell", "to_json", "to_arrow"])
@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (kinds.Text(), b"\xff", "type bytes has no defined way"),
        (kinds.Integer(), 1.5, "1.5 is no whole number"),
        (kinds.Integer(), Decimal("2.5"), "2.5 is no whole number"),
    ],
)
def test_what_only_sqlite_keeps_in_a_column_is_refused(kind, value, message, way):
    options = [MACHINE, escape] if way == "to_text" else [MACHINE]
    with pytest.raises(UnsupportedValue, match=message):
        getattr(kind, way)(*options)(value)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("text", "=1", "=1"),
        ("text", gettext_lazy("Yes"), "Yes"),
        ("integer", 5, 5),
        ("integer", 999_999_999_999_999, 999_999_999_999_999),
        ("integer", 1_000_000_000_000_000, "1000000000000000"),
        ("integer", -1_000_000_000_000_000, "-1000000000000000"),
        ("integer", 12345678901234567890, "12345678901234567890"),
        ("decimal", Decimal("5.25"), Decimal("5.25")),
        ("decimal", Decimal("1234567890123.4567"), "1234567890123.4567"),
        ("decimal", Decimal("NaN"), "NaN"),
        ("decimal", Decimal("-Infinity"), "-Infinity"),
        ("float", 0.5, 0.5),
        ("float", float("nan"), "NaN"),
        ("float", float("inf"), "Infinity"),
        ("float", float("-inf"), "-Infinity"),
        ("boolean", True, True),
        ("boolean", 0, False),
        ("date", dt.date(2026, 3, 1), dt.date(2026, 3, 1)),
        ("date", dt.date(1900, 3, 1), dt.date(1900, 3, 1)),
        ("date", dt.date(1900, 2, 28), "1900-02-28"),
        ("date", dt.date(1899, 12, 31), "1899-12-31"),
        ("datetime", utc(2026, 7, 1, 12), dt.datetime(2026, 7, 1, 14)),
        ("datetime", utc(2026, 10, 25, 1, 30), dt.datetime(2026, 10, 25, 2, 30)),
        ("datetime", utc(1899, 6, 1, 12), "1899-06-01 13:00:00"),
        ("time", dt.time(9, 5), dt.time(9, 5)),
        ("time", dt.time(9, 5, tzinfo=dt.UTC), dt.time(9, 5)),
        ("duration", dt.timedelta(days=2), dt.timedelta(days=2)),
        ("duration", dt.timedelta(seconds=-5), "-1 23:59:55"),
        ("uuid", KEY, "12345678-1234-5678-1234-567812345678"),
        ("json", {"b": 1, "a": "é"}, '{"b": 1, "a": "é"}'),
        ("json", [], "[]"),
        ("file", "files/a.pdf", "files/a.pdf"),
    ],
)
def test_cell(kind, value, expected):
    found = cell(kinds.KINDS[kind], value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("kind", "number_format"),
    [
        (kinds.Auto(), "General"),
        (kinds.Text(), "General"),
        (kinds.Integer(), "0"),
        (kinds.Decimal(), "General"),
        (kinds.Decimal(0), "0"),
        (kinds.Decimal(2), "0.00"),
        (kinds.Float(), "General"),
        (kinds.Boolean(), "General"),
        (kinds.Date(), "yyyy-mm-dd"),
        (kinds.DateTime(), "yyyy-mm-dd hh:mm:ss"),
        (kinds.Time(), "hh:mm:ss"),
        (kinds.Duration(), "[h]:mm:ss"),
    ],
)
def test_number_format(kind, number_format):
    assert kind.cell_format() == number_format


# A Decimal column of a report with rows() may be fed with any number.
@pytest.mark.parametrize(("value", "text"), [(5, "5.00"), (0.1, "0.10"), (1e-7, "0.0000001")])
def test_decimal_of_another_number_loses_nothing(value, text):
    assert texts(kinds.Decimal(2), value) == (text, text)


# kind="date" on a column of moments means: their day, in the chosen zone.
def test_date_of_a_datetime_is_its_local_day():
    moment = utc(2026, 12, 31, 23, 30)
    assert texts(kinds.Date(), moment) == ("2027-01-01", "2027-01-01")
    assert cell(kinds.Date(), moment) == dt.date(2027, 1, 1)


@pytest.mark.parametrize(
    ("value", "machine", "spreadsheet"),
    [
        ("n", "n", "North"),
        ("s", "s", "'=South"),
        (Region.NORTH, "n", "North"),
        ("?", "?", "?"),
        ("=gone", "'=gone", "'=gone"),
    ],
)
def test_choice_text(value, machine, spreadsheet):
    kind = Choice(kinds.Text(), tuple(Region.choices))
    assert texts(kind, value) == (machine, spreadsheet)


def test_choice_label_without_guard():
    kind = Choice(kinds.Text(), tuple(Region.choices))
    assert kind.to_text(SPREADSHEET, unescaped)("s") == "=South"


def test_choice_keeps_the_base_kind():
    kind = Choice(kinds.Integer(), ((1, "one"),))
    assert texts(kind, 1) == ("1", "one")
    assert texts(kind, 2) == ("2", "2")
    assert cell(kind, 1, MACHINE) == 1
    assert cell(kind, 1) == "one"
    assert cell(kind, 2) == 2


def test_choice_of_a_value_that_has_no_hash():
    assert texts(Choice(kinds.Json(), (("a", "A"),)), ["b"]) == ('["b"]', '["b"]')


@pytest.mark.parametrize(
    ("value", "machine", "spreadsheet"),
    [
        ("=1", "'=1", "'=1"),
        (mark_safe("<b>"), "<b>", "<b>"),
        (Region.SOUTH, "s", "s"),
        (gettext_lazy("Yes"), "Yes", "Yes"),
        (True, "true", "Yes"),
        (5, "5", "5"),
        (0.5, "0.5", "0.5"),
        (Decimal("-5.20"), "-5.20", "-5.20"),
        (EPOCH, "1970-01-01T01:00:00+01:00", "1970-01-01 01:00:00"),
        (dt.date(2026, 3, 1), "2026-03-01", "2026-03-01"),
        (dt.time(9), "09:00:00", "09:00:00"),
        (dt.timedelta(hours=1), "P0DT01H00M00S", "01:00:00"),
        (KEY, str(KEY), str(KEY)),
        ({"a": 1}, '{"a": 1}', '{"a": 1}'),
        ([1, 2], "[1, 2]", "[1, 2]"),
        ((1, 2), "[1, 2]", "[1, 2]"),
    ],
)
def test_auto_goes_by_the_python_type(value, machine, spreadsheet):
    assert texts(kinds.Auto(), value) == (machine, spreadsheet)


def test_auto_cell_goes_by_the_python_type():
    assert cell(kinds.Auto(), 10**20) == "100000000000000000000"
    assert cell(kinds.Auto(), EPOCH) == dt.datetime(1970, 1, 1, 1)


@pytest.mark.parametrize(
    ("value", "name"),
    [(b"x", "bytes"), ({1}, "set"), (object(), "object"), (enum.Enum("Size", "S").S, "Size"),
     (Customer(name="Ann"), "Customer"), (1j, "complex")],
)  # fmt: skip
@pytest.mark.parametrize("way", ["text", "cell"])
def test_auto_refuses_an_unknown_type(value, name, way):
    kind = kinds.Auto()
    write = kind.to_text(MACHINE, escape) if way == "text" else kind.to_cell(MACHINE)
    with pytest.raises(UnsupportedValue, match=rf"type {name} .* Decimal, datetime") as caught:
        write(value)
    assert "kind=" in str(caught.value)


def test_file_field_value_is_its_name():
    file = FieldFile(None, FileField(), "files/a.pdf")
    assert texts(kinds.File(), file) == ("files/a.pdf", "files/a.pdf")
