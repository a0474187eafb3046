"""What stands around the rows of an XLSX file: header, filter, totals, the sheet "About"."""

import datetime as dt
import re
from decimal import Decimal

import pytest
from django import forms
from django.test import override_settings

from django_reports import Column, Report
from django_reports.definitions import kinds
from django_reports.definitions.kinds import Choice
from django_reports.engine import writers
from django_reports.engine.writers import register_writer, writer_for
from django_reports.engine.writers.xlsx import XlsxWriter
from django_reports.jobs import dispatch, files
from django_reports.testing import read_export
from tests.conftest import give
from tests.entry_points.helpers import (
    EXPORT,
    asking,
    browse,
    chosen,
    enqueue,
    put,
    run,
    spec_of,
    ticked,
)
from tests.sheets import calamine, column, opened, sheet_xml, writer, written

MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+0[12]:00")


@pytest.fixture
def small_sheets(monkeypatch):
    """Sheets of four rows: a header, two rows and the totals."""
    monkeypatch.setattr(XlsxWriter, "max_rows", 4)


def made(user, report="shop.orders", profile="spreadsheet", **wanted):
    """The file of an export, opened."""
    spec = spec_of(report, format="xlsx", profile=profile, **wanted)
    return opened(b"".join(dispatch.export_now(spec, *asking(user))))


def about(book):
    """The lines of the last sheet."""
    return [tuple(row) for row in book.worksheets[-1].iter_rows(values_only=True)]


# About


def test_lines_of_a_person(alice, orders):
    lines = about(made(alice))
    asked_at, read_at = lines[2][1], lines[3][1]
    assert MOMENT.fullmatch(asked_at)
    assert MOMENT.fullmatch(read_at)
    assert asked_at <= read_at
    assert lines == [
        ("Report", "Orders"),
        ("Requested by", "alice"),
        ("Asked at", asked_at),
        ("Data as of", read_at),
        ("Time zone", "Europe/Berlin"),
        ("Language", "English"),
        ("Selection", "All orders"),
        ("Not for you", "Cost"),
        ("Masked", "Email"),
        ("Rows", "20"),
    ]


def test_system_gets_everything(orders):
    lines = dict(about(made(None)))
    assert lines["Requested by"] == "The system"
    assert "Masked" not in lines
    assert "Not for you" not in lines


def test_whoever_may_have_a_column_reads_nothing_of_it(alice, orders):
    give(alice, "shop.view_customer_email", "shop.view_cost")
    alice = type(alice).objects.get(pk=alice.pk)
    lines = dict(about(made(alice)))
    assert "Masked" not in lines
    assert "Not for you" not in lines


def test_masked_column_that_is_not_in_the_file_is_not_told(alice, orders):
    assert "Masked" not in dict(about(made(alice, columns=["id", "number"])))


def test_zone_and_language_of_the_file(alice, orders):
    lines = dict(about(made(alice, time_zone="Asia/Tokyo", language="de")))
    assert lines["Zeitzone"] == "Asia/Tokyo"
    assert lines["Sprache"] == "Deutsch"
    assert lines["Angefordert am"].endswith("+09:00")


def test_job_tells_when_it_was_asked_for_and_when_it_read(alice, orders):
    job = enqueue(alice, format="xlsx")
    put(job, created_at=dt.datetime(2013, 1, 31, 23, 30, tzinfo=dt.UTC))
    run(job)
    job.refresh_from_db()
    with files.open_file(job) as file:
        lines = dict(about(opened(file.read())))
    assert lines["Asked at"] == "2013-02-01 00:30:00+01:00"
    assert lines["Data as of"] > "2013-02-02"


@override_settings(USE_TZ=False)
def test_without_time_zones_moments_have_none(declare, db):
    @declare
    class Plain(Report):
        identifier = "shop.plain"
        permission = "shop.view_order"
        columns = ["n"]

        def rows(self, context):
            return [{"n": 1}]

    asked_at = dict(about(made(None, "shop.plain")))["Asked at"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", asked_at)


def test_description_and_what_is_no_selection(declare, alice):
    @declare
    class Described(Report):
        identifier = "shop.described"
        permission = "shop.view_order"
        label = "=Described"
        description = "What it is\x0bfor."
        columns = ["n"]

        def rows(self, context):
            return [{"n": 1}]

    book = made(alice, "shop.described")
    lines = about(book)
    assert lines[:2] == [("Report", "=Described"), ("Description", "What it is\ufffdfor.")]
    assert ("Selection", "Everything that this report makes") in lines
    assert {cell.data_type for row in book.worksheets[-1] for cell in row} == {"s"}


class SecretsForm(forms.Form):
    day = forms.DateField(label="Day")
    regions = forms.MultipleChoiceField(
        choices=[("n", "North"), ("Rest", [("s", "=South"), ("w", "West")])], required=False
    )
    state = forms.TypedChoiceField(choices=[("1", "New"), ("2", "Sent")], coerce=int)
    only_paid = forms.BooleanField(required=False)
    only_new = forms.BooleanField(required=False)
    empty = forms.CharField(required=False)
    pin = forms.CharField(widget=forms.PasswordInput)
    api_token = forms.CharField(label="Token")


def test_parameters_by_label_and_choice(declare, alice):
    @declare
    class Asked(Report):
        identifier = "shop.asked"
        permission = "shop.view_order"
        columns = ["n"]
        parameters = SecretsForm

        def rows(self, context):
            return [{"n": context.parameters["pin"] == "1234"}]

    book = made(
        alice,
        "shop.asked",
        parameters={
            "day": ["2026-01-31"],
            "regions": ["s", "n"],
            "state": ["2"],
            "only_paid": ["on"],
            "pin": ["1234"],
            "api_token": ["t0ken"],
        },
    )
    assert book.worksheets[0]["A2"].value is True
    lines = about(book)
    at = lines.index(("Selection", "Everything that this report makes"))
    assert lines[at + 1 :] == [
        ("Day", "2026-01-31"),
        ("Regions", "=South, North"),
        ("State", "Sent"),
        ("Only paid", "Yes"),
        ("Only new", "No"),
        ("Pin", "•••"),
        ("Token", "•••"),
        ("Rows", "1"),
    ]


def test_parameters_of_a_model_report(alice, orders):
    lines = about(made(alice, parameters={"region": ["s"], "minimum": ["5"]}))
    assert lines[7:9] == [("Region", "=South"), ("Minimum", "5")]
    assert lines[-1] == ("Rows", "8")


@pytest.mark.parametrize(
    ("query", "words", "count"),
    [
        ("", "All orders", "20"),
        ("?region__exact=n", "All orders · Region: North", "10"),
        ("?region__exact=s&is_paid__exact=1", "All orders · Region: =South · Paid: Yes", "3"),
        ("?q=A0001", "All orders · Search: A0001", "10"),
        ("?region__exact=n&q=A0001&o=-1", "All orders · Region: North · Search: A0001", "5"),
        ("?total__gte=10", "All orders · Total: at least 10", "11"),
    ],
)
def test_selection_of_an_admins_list(alice, orders, query, words, count):
    response = browse(alice).post(EXPORT + query, chosen(format="xlsx"))
    lines = dict(about(opened(response.getvalue())))
    assert (lines["Selection"], lines["Rows"]) == (words, count)


def test_selection_of_ticked_rows(alice, orders):
    fields = {**chosen(format="xlsx"), **ticked(orders[:3])}
    response = browse(alice).post("/admin/shop/order/", fields)
    lines = dict(about(opened(response.getvalue())))
    assert (lines["Selection"], lines["Rows"]) == ("3 selected: orders", "3")


def test_preview_has_it_too(alice, orders):
    found = dispatch.preview(spec_of(format="xlsx"), *asking(alice), rows=3)
    assert dict(about(opened(found.content)))["Rows"] == "3"


def test_rows_of_all_sheets_are_counted(small_sheets):
    data = written(writer(column("n"), about=[("Report", "Orders")]), [(n,) for n in range(7)])
    book = opened(data)
    assert book.sheetnames == ["Orders", "Orders (2)", "Orders (3)", "About"]
    assert about(book) == [("Report", "Orders"), ("Rows", "7")]


def test_many_rows_are_readable():
    data = written(writer(column("n"), about=[("a", "b")]), [(n,) for n in range(1234)])
    assert about(opened(data))[-1] == ("Rows", "1,234")


def test_no_facts_no_sheet():
    assert opened(written(writer(column("n")), [(1,)])).sheetnames == ["Orders"]


def test_report_that_is_called_about(declare, alice):
    @declare
    class About(Report):
        identifier = "shop.about"
        label = "About"
        permission = "shop.view_order"
        columns = ["n"]

        def rows(self, context):
            return [{"n": 1}]

    assert made(alice, "shop.about").sheetnames == ["About", "About (2)"]
    response = browse(alice).post(
        "/reports/shop.about/",
        {"_export": "1", "format": "xlsx", "profile": "machine", "columns": ["n"]},
    )
    table = read_export(response)
    assert (table.header, table.rows) == (("n",), [(1,)])


def test_what_stands_first_in_about_is_bold_and_cut():
    data = written(writer(column("n"), about=[("Report", "x" * 40_000)]))
    sheet = opened(data)["About"]
    assert [cell.font.bold for cell in sheet["A"]] == [True, True]
    assert [cell.font.bold for cell in sheet["B"]] == [False, False]
    assert len(sheet["B1"].value) == 32_767
    assert [sheet.column_dimensions[name].width for name in "AB"] == [8, 60]


# The filter


@pytest.mark.parametrize(
    ("width", "rows", "area"),
    [(1, 0, "A1:A1"), (1, 3, "A1:A4"), (3, 3, "A1:C4"), (30, 1, "A1:AD2")],
)
def test_filter_covers_header_and_rows(width, rows, area):
    columns = [column(f"c{n}", kinds.Integer()) for n in range(width)]
    book = opened(written(writer(*columns), [tuple(range(width))] * rows))
    assert book.active.auto_filter.ref == area


def test_filter_leaves_the_totals_out():
    made = writer(column("n", kinds.Integer(), total="sum"))
    sheet = opened(written(made, [(1,), (2,)])).active
    assert (sheet.max_row, sheet.auto_filter.ref) == (4, "A1:A3")


def test_filter_of_each_sheet(small_sheets):
    book = opened(written(writer(column("n")), [(n,) for n in range(5)]))
    assert [sheet.auto_filter.ref for sheet in book] == ["A1:A4", "A1:A3"]


def test_without_a_header_there_is_nothing_to_freeze_or_filter():
    sheet = opened(written(writer(column("n"), header="none"), [(1,), (2,)])).active
    assert [row for (row,) in sheet.iter_rows(values_only=True)] == [1, 2]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == (None, None)
    assert sheet["A1"].font.bold is False


def test_without_a_header_and_rows_the_sheet_is_empty():
    assert calamine(written(writer(column("n"), header="none"))) == []


def test_without_a_header_the_next_sheet_has_none_either(small_sheets):
    data = written(writer(column("n"), header="none"), [(n,) for n in range(1, 7)])
    assert [calamine(data, number) for number in range(2)] == [
        [[1], [2], [3], [4]],
        [[5], [6]],
    ]


@pytest.mark.parametrize(
    ("header", "shown"), [("names", "placed_at"), ("labels", "Placed (Europe/Berlin)")]
)
def test_header_names_the_zone_where_it_has_labels(header, shown):
    made = writer(column("placed_at", kinds.DateTime(), "Placed"), header=header)
    assert calamine(written(made)) == [[shown]]


def test_widths_leave_room_for_the_zone_and_the_filter():
    made = writer(column("a", kinds.DateTime(), "Placed"), column("b", kinds.Date(), "Due"))
    widths = opened(written(made)).active.column_dimensions
    assert [widths[name].width for name in "AB"] == [26, 13]


def test_widths_without_a_header_follow_the_rows():
    columns = [column("a", kinds.Text(), "A long label"), column("b", kinds.Date())]
    made = writer(*columns, header="none")
    widths = opened(written(made, [("xxxxx", None)])).active.column_dimensions
    assert [widths[name].width for name in "AB"] == [7, 13]


# Totals


def totals_of(made, rows):
    """The last row of the first section, as it is written."""
    return [cell.value for cell in list(opened(written(made, rows)).worksheets[-1].rows)[-1]]


@pytest.mark.parametrize(
    ("total", "formula"),
    [
        ("sum", "=SUM(B2:B4)"),
        ("average", '=IF(COUNT(B2:B4)=0,"",AVERAGE(B2:B4))'),
        ("minimum", '=IF(COUNT(B2:B4)=0,"",MIN(B2:B4))'),
        ("maximum", '=IF(COUNT(B2:B4)=0,"",MAX(B2:B4))'),
        ("count", "=COUNTA(B2:B4)"),
    ],
)
def test_formula_of_a_total(total, formula):
    made = writer(column("a", kinds.Text()), column("b", kinds.Decimal(2), total=total))
    rows = [("x", Decimal("1.50")), ("y", None), ("z", Decimal(2))]
    assert totals_of(made, rows) == ["Total", formula]


@pytest.mark.parametrize(
    ("kind", "value", "total", "number_format"),
    [
        (kinds.Decimal(2), Decimal("1.50"), "sum", "0.00"),
        (kinds.Decimal(2), Decimal("1.50"), "average", "0.00"),
        (kinds.Decimal(2), Decimal("1.50"), "count", "0"),
        (kinds.Integer(), 1, "sum", "0"),
        (kinds.Date(), dt.date(2026, 1, 31), "maximum", "yyyy-mm-dd"),
        (kinds.Duration(), dt.timedelta(hours=1), "sum", "[h]:mm:ss"),
        (kinds.Float(), 0.5, "sum", "General"),
    ],
)
def test_total_looks_like_its_column(kind, value, total, number_format):
    data = written(writer(column("a", kind, total=total)), [(value,)])
    cell = opened(data).active["A3"]
    assert (cell.data_type, cell.number_format, cell.font.bold) == ("f", number_format, True)


def test_totals_of_several_columns():
    made = writer(
        column("a", kinds.Integer(), total="count"),
        column("b", kinds.Text()),
        column("c", kinds.Integer(), total="sum"),
    )
    assert totals_of(made, [(1, "x", 2)]) == ["=COUNTA(A2:A2)", None, "=SUM(C2:C2)"]


def test_totals_of_two_sheets_stand_on_the_last_and_count_both(small_sheets):
    made = writer(column("a", kinds.Text()), column("n", kinds.Integer(), total="sum"))
    book = opened(written(made, [("x", n) for n in range(1, 6)]))
    assert book.sheetnames == ["Orders", "Orders (2)", "Orders (3)"]
    assert [[cell.value for cell in sheet["B"]] for sheet in book] == [
        ["N", 1, 2],
        ["N", 3, 4],
        ["N", 5, "=SUM('Orders'!B2:B3,'Orders (2)'!B2:B3,'Orders (3)'!B2:B2)"],
    ]


def test_totals_keep_to_the_limit_of_a_sheet(small_sheets):
    made = writer(column("n", kinds.Integer(), total="sum"))
    book = opened(written(made, [(n,) for n in range(4)]))
    assert [sheet.max_row for sheet in book] == [3, 4]


def test_title_with_an_apostrophe_in_the_formula(small_sheets):
    made = writer(column("n", kinds.Integer(), total="sum"), title="Ann's")
    assert totals_of(made, [(1,), (2,), (3,)]) == [
        "=SUM('Ann''s'!A2:A3,'Ann''s (2)'!A2:A2)"
    ]  # fmt: skip


def test_totals_without_a_header():
    made = writer(column("n", kinds.Integer(), total="sum"), header="none")
    assert totals_of(made, [(1,), (2,)]) == ["=SUM(A1:A2)"]


@pytest.mark.parametrize("rows", [[], [[]]])
def test_no_rows_no_totals(rows):
    made = writer(column("n", kinds.Integer(), total="sum"))
    assert calamine(written(made, *rows)) == [["N"]]


@pytest.mark.parametrize("total", ["sum", "average", "minimum", "maximum"])
@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (kinds.Integer(), 10**15),
        (kinds.Decimal(2), Decimal("12345678901234.50")),
        (kinds.Float(), float("nan")),
        (kinds.Date(), dt.date(1899, 12, 31)),
        (kinds.Duration(), dt.timedelta(hours=-1)),
        (kinds.Text(), "x"),
        (Choice(kinds.Integer(), ((1, "one"),)), 1),
    ],
)
def test_what_is_text_is_not_totalled(total, kind, value):
    made = writer(column("a", kind, total=total))
    assert totals_of(made, [(None,), (value,)]) == ["not totalled: some values are texts"]


def test_text_on_the_first_of_two_sheets_is_not_forgotten(small_sheets):
    made = writer(column("n", kinds.Integer(), total="sum"))
    assert totals_of(made, [(10**15,), (1,), (2,)]) == ["not totalled: some values are texts"]


def test_texts_are_counted():
    made = writer(column("a", kinds.Text(), total="count"))
    assert totals_of(made, [("x",), (None,)]) == ["=COUNTA(A2:A3)"]


def test_section_after_a_section_with_texts_is_totalled():
    made = writer(column("n", kinds.Integer(), total="sum"))
    data = made.begin() + made.write([(10**15,)])
    data += made.next_section([column("m", kinds.Integer(), total="sum")], "More")
    data += made.write([(1,)]) + b"".join(made.end())
    book = opened(data)
    assert book["Orders"]["A3"].value == "not totalled: some values are texts"
    assert book["More"]["A3"].value == "=SUM(A2:A2)"


def test_masked_column_has_no_total():
    shown = column("a", kinds.Integer(), total="sum", permission="shop.x", mask="null")
    data = written(writer(shown.as_masked(), column("b", kinds.Integer())), [(None, 1)])
    assert calamine(data) == [["A", "B"], ["", 1]]


def test_totals_are_the_only_formulas():
    nasty = "=1+1"
    made = writer(
        column("a", kinds.Text(), nasty),
        column("b", kinds.Integer(), "=SUM(B1)", total="sum"),
        column("c", kinds.Text(), "@x", total="count"),
        title="=Title",
        about=[("=what", nasty)],
    )
    data = written(made, [(nasty, 1, "=2+2"), ("-1+1", 2, "#REF!")])
    formulas = [re.findall(r"<f>(.*?)</f>", sheet_xml(data, number)) for number in (1, 2)]
    assert formulas == [["SUM(B2:B3)", "COUNTA(C2:C3)"], []]
    assert sheet_xml(data).count("<f") == 2
    book = opened(data)
    assert [c.coordinate for row in book.active for c in row if c.data_type == "f"] == ["B4", "C4"]


def test_total_of_a_declared_column_reaches_the_file(declare, alice):
    @declare
    class Totalled(Report):
        identifier = "shop.totalled"
        label = "Totalled"
        permission = "shop.view_order"
        columns = ["name", Column("n", kind="integer", total="sum")]

        def rows(self, context):
            return [{"name": "x", "n": 1}, {"name": "y", "n": 2}]

    book = made(alice, "shop.totalled")
    assert [[c.value for c in row] for row in book["Totalled"]] == [
        ["Name", "N"],
        ["x", 1],
        ["y", 2],
        ["Total", "=SUM(B2:B3)"],
    ]


def test_reader_for_tests_leaves_the_totals_out(declare, alice):
    @declare
    class Totalled(Report):
        identifier = "shop.totalled"
        permission = "shop.view_order"
        columns = [Column("n", kind="integer", total="sum")]

        def rows(self, context):
            return [{"n": 1}, {"n": 2}]

    fields = {"_export": "1", "format": "xlsx", "profile": "machine", "columns": ["n"]}
    for header in ("names", "none"):
        response = browse(alice).post("/reports/shop.totalled/", {**fields, "header": header})
        assert read_export(response).rows == [(1,), (2,)]


def test_class_with_smaller_sheets_of_a_projects_own(declare, alice, monkeypatch):
    monkeypatch.setattr(writers, "_writers", dict(writers._writers))

    @register_writer
    class SmallSheets(XlsxWriter):
        format = "small"
        max_rows = 3

    @declare
    class Totalled(Report):
        identifier = "shop.totalled"
        label = "N"
        permission = "shop.view_order"
        columns = [Column("n", kind="integer", total="sum")]

        def rows(self, context):
            return [{"n": 1}, {"n": 2}]

    assert writer_for("small") is SmallSheets
    spec = spec_of("shop.totalled", format="small")
    book = opened(b"".join(dispatch.export_now(spec, *asking(alice))))
    assert book["N (2)"]["A3"].value == "=SUM('N'!A2:A2,'N (2)'!A2:A2)"
