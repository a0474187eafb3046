import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from django.utils import translation
from django.utils.translation import gettext_lazy

from django_reports.core.choices import Profile
from django_reports.definitions import kinds
from django_reports.definitions.columns import BoundColumn
from django_reports.definitions.kinds import Choice, Rendering
from django_reports.definitions.specs import Options
from django_reports.engine.writers import writer_for
from django_reports.engine.writers.csv import CsvWriter
from tests.shop.models import Region

BERLIN = ZoneInfo("Europe/Berlin")


def column(name, kind=None, label=None, **options):
    return BoundColumn(name, label or name.title(), kind or kinds.Auto(), (name,), **options)


def writer(*columns, profile=Profile.MACHINE):
    return CsvWriter(columns, Rendering(profile, BERLIN, "en"), "Title")


def file_of(columns, rows, profile=Profile.MACHINE):
    made = writer(*columns, profile=profile)
    return made.begin() + made.write(rows) + b"".join(made.end())


def line(*values, profile=Profile.MACHINE):
    """The bytes of one row."""
    columns = [column(f"c{n}") for n in range(len(values))]
    return writer(*columns, profile=profile).write([values])


def test_machine_profile_to_the_byte():
    columns = [
        column("number", kinds.Text(), "Order number"),
        column("placed_at", kinds.DateTime(), "Placed"),
        column("is_paid", kinds.Boolean(), "Paid"),
        column("region", Choice(kinds.Text(), tuple(Region.choices)), "Region"),
    ]
    rows = [("Ä1", dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC), True, "s"), (None, None, None, "n")]
    assert file_of(columns, rows) == (
        b"number,placed_at,is_paid,region\r\n\xc3\x841,2026-01-01T13:00:00+01:00,true,s\r\n,,,n\r\n"
    )


def test_spreadsheet_profile_to_the_byte():
    columns = [
        column("number", kinds.Text(), "Order number"),
        column("placed_at", kinds.DateTime(), "Placed"),
        column("is_paid", kinds.Boolean(), "Paid"),
        column("region", Choice(kinds.Text(), tuple(Region.choices)), "Region"),
    ]
    rows = [("Ä1", dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC), True, "s"), (None, None, None, "n")]
    assert file_of(columns, rows, Profile.SPREADSHEET) == (
        b"\xef\xbb\xbfOrder number,Placed (Europe/Berlin),Paid,Region\r\n"
        b"\xc3\x841,2026-01-01 13:00:00,Yes,'=South\r\n"
        b",,,North\r\n"
    )


@pytest.mark.parametrize(
    ("profile", "expected"),
    [(Profile.MACHINE, b"a\r\n"), (Profile.SPREADSHEET, b"\xef\xbb\xbfA\r\n")],
)
def test_no_rows_leave_the_header(profile, expected):
    assert file_of([column("a")], [], profile) == expected


def test_byte_order_mark_stands_once():
    made = writer(column("a"), profile=Profile.SPREADSHEET)
    parts = [made.begin(), made.write([(1,)]), made.write([(2,)]), *made.end()]
    assert parts == [b"\xef\xbb\xbfA\r\n", b"1\r\n", b"2\r\n"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (("a,b", "c"), b'"a,b",c\r\n'),
        (('say "hi"', "c"), b'"say ""hi""",c\r\n'),
        (("a\nb", "c"), b'"a\nb",c\r\n'),
        (("a\r\nb", "c"), b'"a\r\nb",c\r\n'),
        (("a\rb", "c"), b'"a\rb",c\r\n'),
        (("a;b", "c"), b"a;b,c\r\n"),
        ((" a ", "c"), b" a ,c\r\n"),
        (("a\tb", "c"), b"a\tb,c\r\n"),
        (("\x00", "c"), b"\x00,c\r\n"),
        (("\U0001f600", "c"), b"\xf0\x9f\x98\x80,c\r\n"),
        ((1, -2.5), b"1,-2.5\r\n"),
    ],
)
def test_quotes(values, expected):
    assert line(*values) == expected


# CSV has no null: None and "" are both an empty field, in a lone column a quoted one, since an
# empty line would be no row.
@pytest.mark.parametrize(
    ("values", "expected"),
    [((None, "", 0), b",,0\r\n"), ((None,), b'""\r\n'), (("",), b'""\r\n')],
)
def test_none_and_empty_text(values, expected):
    assert line(*values) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("=1+1", b"'=1+1,x\r\n"),
        ("+49", b"'+49,x\r\n"),
        ("-5", b"-5,x\r\n"),
        ("'=1", b"''=1,x\r\n"),
        ("\u200b=1", b"'\xe2\x80\x8b=1,x\r\n"),
        ("\n=1", b'"\'\n=1",x\r\n'),
        ('=HYPERLINK("x")', b'"\'=HYPERLINK(""x"")",x\r\n'),
        (-5, b"-5,x\r\n"),
        (-5e-7, b"-5e-07,x\r\n"),
    ],
)
@pytest.mark.parametrize("profile", Profile)
def test_guard_of_values(value, expected, profile):
    assert line(value, "x", profile=profile) == expected


def test_guard_of_labels_and_names():
    columns = [column("@name", label="=SUM(A1)"), column("b", label=gettext_lazy("+more"))]
    assert writer(*columns).begin() == b"'@name,b\r\n"
    assert writer(*columns, profile=Profile.SPREADSHEET).begin() == (
        b"\xef\xbb\xbf'=SUM(A1),'+more\r\n"
    )


@pytest.mark.parametrize(
    "kind", [kinds.Text(), kinds.Auto(), kinds.File(), Choice(kinds.Text(), (("=", "=label"),))]
)
def test_guard_is_off_for_a_column_that_says_so(kind):
    made = writer(column("a", kind, escape_formulas=False), column("b", kind))
    assert made.write([("=1", "=1")]) == b"=1,'=1\r\n"


def test_guard_that_is_off_is_off_for_choice_labels_too():
    kind = Choice(kinds.Text(), (("x", "=label"),))
    made = writer(column("a", kind, escape_formulas=False), profile=Profile.SPREADSHEET)
    assert made.write([("x",)]) == b"=label\r\n"


def test_lone_surrogates_are_replaced_and_counted():
    made = writer(column("a"), column("b"))
    assert made.write([("x\ud800y", "\udfff\udc00")]) == (
        b"x\xef\xbf\xbdy,\xef\xbf\xbd\xef\xbf\xbd\r\n"
    )
    assert made.losses == {"replaced_characters": 3}


def test_lone_surrogate_in_the_header():
    made = writer(column("a", label="\ud800"), profile=Profile.SPREADSHEET)
    assert made.begin() == b"\xef\xbb\xbf\xef\xbf\xbd\r\n"
    assert made.losses == {"replaced_characters": 1}


def test_nothing_lost_is_nothing_counted():
    made = writer(column("a"))
    made.write([("\U0001f600\x00\ufffe",)])
    assert made.losses == {}


def test_header_speaks_the_active_language():
    columns = [column("a", kinds.Boolean(), label=gettext_lazy("Yes"))]
    with translation.override("de"):
        assert file_of(columns, [(False,)], Profile.SPREADSHEET) == b"\xef\xbb\xbfJa\r\nNein\r\n"


def test_row_of_another_length_is_an_error():
    with pytest.raises(ValueError, match="shorter"):
        writer(column("a"), column("b")).write([(1,)])


def test_what_the_writer_says_of_itself():
    assert writer_for("csv") is CsvWriter
    assert CsvWriter.extension == "csv"
    assert CsvWriter.supports_streaming is True
    assert CsvWriter.supports_types is False
    assert CsvWriter.supports_sections is False


@pytest.mark.parametrize(
    ("options", "content_type"),
    [
        ({}, "text/csv; charset=utf-8"),
        ({"encoding": "utf-8-sig"}, "text/csv; charset=utf-8"),
        ({"encoding": "cp1252"}, "text/csv; charset=cp1252"),
        ({"encoding": "shift_jis"}, "text/csv; charset=shift_jis"),
        ({"header": "none"}, "text/csv; charset=utf-8; header=absent"),
    ],
)
def test_content_type_says_the_encoding_and_a_missing_header(options, content_type):
    assert CsvWriter.content_type_with(Options(**options)) == content_type
