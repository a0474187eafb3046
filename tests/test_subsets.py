"""Which columns stand beside it never changes a column: neither its values nor its rows' order."""

import io
import json
import random

import openpyxl
import pytest
from django.db import connection
from django.db.models import Count, F, Max, Sum, TextField
from django.db.models.functions import Concat

from django_reports import Column, ModelReport
from django_reports.access.permissions import Authority
from tests.files import Wish, parquet_table
from tests.ordered.models import Brand, Product
from tests.test_order import products  # noqa: F401 - a fixture
from tests.test_short_ways import COPIED, READ, by_python, made, put
from tests.values.models import Everything

pytestmark = pytest.mark.django_db

SEED = 20_270_115
SUBSETS = 8  # of each report and format


class Wide(ModelReport):
    identifier = "values.wide"
    model = Everything
    columns = [
        *COPIED,
        *(name for name in READ if name != "binary"),
        Column("binary", kind="binary"),
        Column("hidden", path="char", permission="values.none", mask="partial"),
        Column("gone", path="text", permission="values.none", mask="null"),
        Column("double", expression=F("small") * 2),
        Column("both", expression=Concat("char", "slug", output_field=TextField())),
        Column("length", value=lambda row: row["char"] and len(row["char"]), fields=["char"]),
    ]


class Goods(ModelReport):
    """Foreign keys by which the rows are ordered, and aggregates that could multiply each other."""

    identifier = "ordered.goods"
    model = Product
    columns = [
        "brand", "brand__name", "maker", "owner", "owner__person", "brand__parent", "pk", "size",
        Column("brands", expression=Count("brand__brand")),
        Column("siblings", expression=Count("brand__product")),
        Column("sizes", expression=Sum("brand__product__size")),
        Column("largest", expression=Max("owner__product__size")),
    ]  # fmt: skip

    def get_queryset(self, context):
        queryset = Product.objects.annotate(n=Count("maker__product"))
        return queryset.order_by("-brand__parent", "owner__person", "maker", "brand")


def fields_of(line, delimiter):
    """The fields of a line of CSV as they are written, quotation marks included."""
    fields, begin, is_quoted = [], 0, False
    for at, character in enumerate(line):
        if character == '"':
            is_quoted = not is_quoted
        elif character == delimiter and not is_quoted:
            fields.append(line[begin:at])
            begin = at + 1
    return [*fields, line[begin:]]


def lines_of(text):
    lines, begin, is_quoted = [], 0, False
    for at, character in enumerate(text):
        if character == '"':
            is_quoted = not is_quoted
        elif text.startswith("\r\n", at) and not is_quoted:
            lines.append(text[begin:at])
            begin = at + 2
    assert begin == len(text)
    return lines


def columns_of(content, format):
    """The columns by name, each with what stands for its values in the file."""
    if format == "jsonl":
        rows = [json.loads(line, parse_float=str, parse_int=str) for line in content.splitlines()]
        return {name: [row[name] for row in rows] for name in rows[0]}
    if format == "parquet":
        table = parquet_table(content)
        return {name: (table.schema.field(name), table[name]) for name in table.column_names}
    if format == "xlsx":
        sheet = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]
        # A sheet ends with its last value, whose column may be left out.
        return {
            cells[0].value: [
                (at, cell.value, cell.data_type, cell.number_format)
                for at, cell in enumerate(cells[1:])
                if cell.value is not None
            ]
            for cells in sheet.iter_cols()
        }
    header, *lines = lines_of(content.decode())
    delimiter = "\t" if format == "tsv" else ","
    names = fields_of(header, delimiter)
    rows = [fields_of(line, delimiter) for line in lines]
    if len(names) == 1:  # else a line without anything would be none
        rows = [["" if field == '""' else field for field in row] for row in rows]
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))


@pytest.mark.parametrize("format", ["csv", "tsv", "jsonl", "xlsx", "parquet"])
@pytest.mark.parametrize("strategy", ["fastest", "rows"])
@pytest.mark.parametrize("report", [Wide, Goods])
def test_leaving_columns_out_leaves_the_others_as_they_are(
    report, strategy, format, declare, monkeypatch, make_person, request
):
    declare(report)
    if report is Wide:
        put(60)
        view = "values.view_everything"
    else:
        request.getfixturevalue("products")
        Brand.objects.create(name="child", parent=Brand.objects.first())
        view = "ordered.view_product"
    mia = Authority.of(make_person("mia", view, report="*"))
    names = [column.name for column in report().get_columns()]
    chance = random.Random(SEED)

    def columns(chosen):
        wish = Wish(report.identifier, chosen, format, {"profile": "machine"})
        if strategy == "rows":
            with by_python(monkeypatch):
                return columns_of(made(wish.spec, short=False, authority=mia), format)
        is_of_lines = format in ("csv", "tsv")
        # PostgreSQL leaves a single column to Python.
        is_short = is_of_lines and (len(chosen) > 1 or connection.vendor != "postgresql")
        return columns_of(made(wish.spec, is_short, mia), format)

    whole = columns(names)
    assert list(whole) == names
    for _number in range(SUBSETS):
        chosen = chance.sample(names, chance.randint(1, len(names) - 1))
        found = columns(chosen)
        assert list(found) == chosen
        for name in chosen:
            assert found[name] == whole[name], name
