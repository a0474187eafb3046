"""Values in XLSX cells."""

import datetime as dt
from decimal import Decimal
from uuid import UUID

import pytest
from django.db.models import Count, F, Sum
from django.utils.translation import gettext_lazy

from django_reports import Column
from django_reports.core.choices import Profile
from django_reports.definitions import kinds
from django_reports.definitions.columns import bind
from django_reports.definitions.kinds import Choice
from tests.sheets import calamine, column, one_cell, opened, sheet_xml, writer, written
from tests.shop.models import Customer, Region
from tests.values.models import Everything

NOON = dt.datetime(2026, 7, 1, 12, tzinfo=dt.UTC)
LOCAL = dt.datetime(2026, 7, 1, 14)
LATE = dt.datetime(2026, 1, 1, 23, 59, 59, 999_999)


class Milliseconds(kinds.Kind):
    """A kind of a project's own, whose cells show milliseconds."""

    name = "milliseconds"
    number_format = "hh:mm:ss.000"

    def to_cell(self, rendering):
        return lambda value: value


@pytest.mark.parametrize(
    ("kind", "value", "read", "number_format"),
    [
        (kinds.Text(), "Bäß", "Bäß", "General"),
        (kinds.Text(), "5", "5", "General"),
        (kinds.Integer(), 12345, 12345, None),
        (kinds.Integer(), 999_999_999_999_999, 999_999_999_999_999, "0"),
        (kinds.Decimal(2), Decimal("5.25"), 5.25, "0.00"),
        (kinds.Decimal(2), Decimal("-5.00"), -5, "0.00"),
        (kinds.Decimal(), Decimal("5.25"), 5.25, "General"),
        (kinds.Float(), 0.1, 0.1, "General"),
        (kinds.Boolean(), True, True, "General"),
        (kinds.Boolean(), False, False, "General"),
        (kinds.Date(), dt.date(2026, 3, 1), dt.datetime(2026, 3, 1), "yyyy-mm-dd"),
        (kinds.DateTime(), NOON, LOCAL, "yyyy-mm-dd hh:mm:ss"),
        (kinds.Time(), dt.time(9, 5, 7), dt.time(9, 5, 7), "hh:mm:ss"),
        (kinds.Duration(), dt.timedelta(hours=30), dt.timedelta(hours=30), "[h]:mm:ss"),
        (kinds.Uuid(), UUID(int=1), "00000000-0000-0000-0000-000000000001", "General"),
        (kinds.Json(), {"a": "é"}, '{"a": "é"}', "General"),
        (Choice(kinds.Text(), tuple(Region.choices)), "s", "=South", "General"),
        (kinds.Auto(), dt.date(2026, 3, 1), dt.datetime(2026, 3, 1), "yyyy-mm-dd"),
        (kinds.Auto(), 7, 7, "General"),
    ],
)
def test_value_and_number_format(kind, value, read, number_format):
    cell = opened(one_cell(value, kind)[0]).active["A2"]
    assert cell.value == read
    assert type(cell.value) is type(read)
    assert number_format in (None, cell.number_format)


@pytest.mark.parametrize(
    ("kind", "value", "read"),
    [
        (kinds.Text(), "Bäß", "Bäß"),
        (kinds.Text(), "5", "5"),
        (kinds.Integer(), 5, 5.0),
        (kinds.Decimal(2), Decimal("5.25"), 5.25),
        (kinds.Boolean(), True, True),
        (kinds.Date(), dt.date(2026, 3, 1), dt.date(2026, 3, 1)),
        (kinds.Duration(), dt.timedelta(hours=30), dt.timedelta(hours=30)),
        (kinds.Float(), float("nan"), "NaN"),
        (kinds.Date(), dt.date(1899, 12, 31), "1899-12-31"),
    ],
)
def test_another_reader_reads_the_same(kind, value, read):
    assert calamine(one_cell(value, kind)[0]) == [["A"], [read]]


def test_another_reader_reads_the_same_moment():
    assert calamine(one_cell(NOON, kinds.DateTime())[0]) == [["A (Europe/Berlin)"], [LOCAL]]


@pytest.mark.parametrize(
    "text",
    ["=1+1", "=", "==1", "=HYPERLINK(A1)", "#N/A", "#DIV/0!", "+1", "-1+1", "@A1", "{=1}", "'=1"],
)
@pytest.mark.parametrize("kind", [kinds.Text(), kinds.Auto()])
def test_text_is_never_a_formula_nor_an_error(text, kind):
    data, _ = one_cell(text, kind)
    cell = opened(data).active["A2"]
    assert (cell.value, cell.data_type) == (text, "s")
    assert "<f" not in sheet_xml(data)
    assert calamine(data)[1] == [text]


@pytest.mark.parametrize("label", ["=1+1", "#REF!", gettext_lazy("=South")])
def test_label_is_never_a_formula(label):
    data = written(writer(column("a", label=label)))
    assert opened(data).active["A1"].data_type == "s"
    assert "<f" not in sheet_xml(data)


def test_header_is_bold_and_frozen():
    sheet = opened(written(writer(column("a"), column("b")), [(1, 2)])).active
    assert sheet.freeze_panes == "A2"
    assert [cell.font.bold for cell in sheet[1]] == [True, True]
    assert [cell.font.bold for cell in sheet[2]] == [False, False]


@pytest.mark.parametrize(
    ("profile", "header"), [(Profile.SPREADSHEET, "Order number"), (Profile.MACHINE, "number")]
)
def test_header_of_the_profile(profile, header):
    made = writer(column("number", label="Order number"), profile=profile)
    assert calamine(written(made)) == [[header]]


def test_choice_of_the_machine_profile():
    kind = Choice(kinds.Text(), tuple(Region.choices))
    assert calamine(one_cell("s", kind, Profile.MACHINE)[0])[1] == ["s"]


def test_widths_follow_kind_label_and_first_rows():
    columns = [
        column("a", kinds.Text(), "A"),
        column("b", kinds.Date(), "B"),
        column("c", kinds.Text(), "A long label"),
        column("d", kinds.Text(), "D"),
        column("e", kinds.Integer(), "E"),
    ]
    made = writer(*columns)
    data = written(made, [("twelve chars", None, "x", "y" * 500, None)])
    widths = opened(data).active.column_dimensions
    assert [widths[name].width for name in "ABCDE"] == [14, 13, 16, 60, 18]


@pytest.mark.parametrize(
    ("kind", "total", "width"),
    [
        (kinds.Text(), None, 5),
        (kinds.Integer(), None, 18),
        (kinds.Integer(max_digits=5), None, 8),
        (kinds.Integer(max_digits=5), "maximum", 9),
        (kinds.Integer(max_digits=5), "sum", 17),
        (kinds.Integer(max_digits=19), None, 18),
        (kinds.Integer(max_digits=1), "count", 11),
        (kinds.Decimal(2), None, 21),
        (kinds.Decimal(2, max_digits=10), None, 14),
        (kinds.Decimal(2, max_digits=2), None, 7),
        (kinds.Decimal(2, max_digits=10), "sum", 23),
        (kinds.Decimal(30, max_digits=60), "sum", 62),
        (kinds.Decimal(300), None, 255),
        (kinds.Decimal(), None, 19),
        (kinds.Float(), None, 14),
        (kinds.Boolean(), None, 12),
        (kinds.Duration(), None, 18),
        (kinds.Auto(), None, 22),
        (Choice(kinds.Integer(max_digits=10), ((1, "one"),)), None, 13),
        (Milliseconds(), None, 5),
        (Milliseconds(), "sum", 29),
    ],
)
def test_width_has_room_for_the_longest_number_of_the_kind(kind, total, width):
    data = written(writer(column("n", kind, total=total)))
    assert opened(data).active.column_dimensions["A"].width == width


@pytest.mark.parametrize(
    ("field", "width"),
    [
        ("small", 8), ("integer", 13), ("big", 18), ("positive_big", 18), ("level", 13),
        ("decimal", 19), ("generated", 13),
    ],
)  # fmt: skip
def test_width_follows_the_model_field(field, width):
    bound = bind(Column(field, label="x"), Everything)
    data = written(writer(bound))
    assert opened(data).active.column_dimensions["A"].width == width


@pytest.mark.parametrize(
    ("model", "expression", "width"),
    [
        (Everything, F("small"), 8),
        (Everything, F("small") + 1, 18),
        (Everything, F("decimal"), 19),
        (Everything, F("decimal") - F("decimal"), 21),
        (Customer, Count("orders"), 18),
        (Customer, Sum("orders__total"), 21),
    ],
)
def test_width_of_an_expression_has_room_for_more_than_its_parts(model, expression, width):
    bound = bind(Column("x", expression=expression), model)
    data = written(writer(bound))
    assert opened(data).active.column_dimensions["A"].width == width


def test_none_is_an_empty_cell():
    data = written(writer(column("a"), column("b")), [(None, 1)])
    assert opened(data).active["A2"].value is None


def test_empty_text_is_no_error():
    data = written(writer(column("a"), column("b")), [("", 1)])
    assert calamine(data)[1] == ["", 1.0]


@pytest.mark.parametrize("value", [12345678901234567890, -12345678901234567890])
def test_integer_of_twenty_digits_is_exact_text(value):
    cell = opened(one_cell(value, kinds.Integer())[0]).active["A2"]
    assert (cell.value, cell.data_type) == (str(value), "s")


# openpyxl reads what is written there; calamine reads it as Excel does.
@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("_x0041_", "_x005F_x0041_"),
        ("a_x000d_b", "a_x005F_x000d_b"),
        ("_x005F_x0041_", "_x005F_x005F_x005F_x0041_"),
        ("_x0041_x0042_", "_x005F_x0041_x005F_x0042_"),
        ("_x41_ x0041_ _", "_x41_ x0041_ _"),
    ],
)
def test_text_that_looks_escaped(text, stored):
    data, made = one_cell(text)
    assert opened(data).active["A2"].value == stored
    assert calamine(data)[1] == [text]
    assert made.losses == {}


@pytest.mark.parametrize("text", ["a\nb", "a\tb", " a ", "<&>\"'", "\U0001f600"])
def test_white_space_and_markup_come_back(text):
    data, made = one_cell(text)
    assert calamine(data)[1] == [text]
    assert made.losses == {}


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("a\r\nb", "a\nb"),
        ("a\rb", "a\nb"),
        ("\r\r\n\n", "\n\n\n"),
        ("\r", "\n"),
        (" a\r\n", " a\n"),
        ("=1\r\n", "=1\n"),
        ("_x000D_\r", "_x000D_\n"),
    ],
)
@pytest.mark.parametrize("kind", [kinds.Text(), kinds.Auto(), kinds.File()])
def test_lines_in_a_cell_end_with_a_line_feed(kind, text, read):
    data, made = one_cell(text, kind)
    assert calamine(data)[1] == [read]
    assert opened(data).active["A2"].value == read.replace("_x000D_", "_x005F_x000D_")
    assert made.losses == {}


@pytest.mark.parametrize(
    ("text", "read", "count"),
    [
        ("a\x0bb", "a\ufffdb", 1),
        ("\x00\x1f", "\ufffd\ufffd", 2),
        ("\ud800", "\ufffd", 1),
        ("\ufffe\uffff", "\ufffd\ufffd", 2),
        ("=\x0b", "=\ufffd", 1),
    ],
)
def test_what_xml_cannot_hold_is_replaced_and_counted(text, read, count):
    data, made = one_cell(text)
    assert opened(data).active["A2"].value == read
    assert calamine(data)[1] == [read]
    assert made.losses == {"replaced_characters": count}


@pytest.mark.parametrize("start", ["x", "="])
def test_long_text_is_shortened_and_counted(start):
    data, made = one_cell(start + "y" * 39_999)
    assert calamine(data)[1] == [start + "y" * 32_766]
    assert made.losses == {"shortened_texts": 1}


@pytest.mark.parametrize("text", ["z" * 32_767, "z" * 32_760 + "_x0041_"])
def test_longest_text_is_whole(text):
    data, made = one_cell(text)
    assert calamine(data)[1] == [text]
    assert made.losses == {}


@pytest.mark.parametrize(
    ("kind", "value", "read"),
    [
        (kinds.DateTime(), NOON.replace(microsecond=123_456), LOCAL),
        (kinds.DateTime(), NOON.replace(microsecond=999_999), LOCAL),
        (kinds.DateTime(), LATE, LATE.replace(microsecond=0)),
        (kinds.Auto(), LATE, LATE.replace(microsecond=0)),
        (kinds.Auto(), LATE.time(), dt.time(23, 59, 59)),
        (kinds.Time(), dt.time(9, 5, 7, 500_000), dt.time(9, 5, 7)),
        (kinds.Time(), LATE.time(), dt.time(23, 59, 59)),
        (Milliseconds(), LATE, LATE.replace(microsecond=999_000)),
        (Milliseconds(), LATE.time(), dt.time(23, 59, 59, 999_000)),
    ],
)
def test_moment_is_cut_to_what_its_cell_shows(kind, value, read):
    data, made = one_cell(value, kind)
    assert opened(data).active["A2"].value == read
    assert calamine(data)[1] == [read]
    assert made.losses == {}


@pytest.mark.parametrize(
    ("kind", "value", "read", "number_format"),
    [
        (kinds.Duration(), dt.timedelta(seconds=5), dt.timedelta(seconds=5), "[h]:mm:ss"),
        (kinds.Duration(), dt.timedelta(seconds=1.5), dt.timedelta(seconds=1.5), "[h]:mm:ss.000"),
        (
            kinds.Duration(),
            dt.timedelta(seconds=1, microseconds=999_999),
            dt.timedelta(seconds=1, microseconds=999_000),
            "[h]:mm:ss.000",
        ),
        (kinds.Duration(), dt.timedelta(microseconds=999), dt.timedelta(0), "[h]:mm:ss"),
        (kinds.Auto(), dt.timedelta(seconds=1.5), dt.timedelta(seconds=1.5), "[hh]:mm:ss.000"),
        (Milliseconds(), dt.timedelta(seconds=1.5), dt.time(0, 0, 1, 500_000), "hh:mm:ss.000"),
    ],
)
def test_duration_shows_its_milliseconds(kind, value, read, number_format):
    cell = opened(one_cell(value, kind)[0]).active["A2"]
    assert (cell.value, cell.number_format) == (read, number_format)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (dt.timedelta(hours=1_000_000, seconds=-1), dt.timedelta(hours=1_000_000, seconds=-1)),
        (dt.timedelta(hours=1_000_000), "41666 16:00:00"),
        (dt.timedelta.max, "999999999 23:59:59.999999"),
        (dt.timedelta(seconds=-0.5), "-1 23:59:59.500000"),
    ],
)
def test_duration_that_no_cell_shows_is_text(value, read):
    assert opened(one_cell(value, kinds.Duration())[0]).active["A2"].value == read


@pytest.mark.parametrize("text", [" ", "   ", "\t", "\n", "\xa0", "\u3000"])
def test_text_of_blanks_is_kept_as_it_is(text):
    data = written(writer(column("a"), column("b")), [(text, "x")])
    assert opened(data).active["A2"].value == text
    assert calamine(data)[1] == [text, "x"]
    assert f'<t xml:space="preserve">{text}</t>' in sheet_xml(data)


@pytest.mark.parametrize("value", [0.1 + 0.2, 1 / 3, 0.1, -1e300, 5e-324, 1.7976931348623157e308])
def test_float_is_exact(value):
    data = one_cell(value, kinds.Float())[0]
    assert opened(data).active["A2"].value == value
    assert calamine(data)[1] == [value]


def test_moment_before_a_clock_change_looks_like_the_one_after():
    moments = [dt.datetime(2013, 10, 27, hour, 30, tzinfo=dt.UTC) for hour in (0, 1)]
    data = written(writer(column("a", kinds.DateTime())), [(moment,) for moment in moments])
    assert calamine(data)[1:] == [[dt.datetime(2013, 10, 27, 2, 30)]] * 2


@pytest.mark.parametrize("text", ["1E+400", "-1E+400", "1E-400"])
def test_decimal_beyond_a_double_is_exact_text(text):
    value = Decimal(text)
    (read,) = calamine(one_cell(value, kinds.Decimal())[0])[1]
    assert read == format(value, "f")


@pytest.mark.parametrize("value", [dt.datetime.max, dt.datetime(9999, 12, 31, 23, 59, 59, 999_600)])
def test_last_moment_of_the_calendar_is_a_date(value):
    data = one_cell(value, kinds.DateTime())[0]
    assert opened(data).active["A2"].data_type == "d"
    assert calamine(data)[1][0].date() == dt.date(9999, 12, 31)
