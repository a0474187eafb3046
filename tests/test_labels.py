"""Columns under other names in one file: at every entry point and in every format."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from django_reports.definitions.specs import ExportSpec
from django_reports.engine.writers import all_writers
from django_reports.exceptions import InvalidSpec
from django_reports.jobs import dispatch
from django_reports.jobs.files import open_file
from django_reports.jobs.manifests import manifest_of
from django_reports.testing import reading
from tests.entry_points.helpers import asking, make, spec_of
from tests.entry_points.staff import ORDERS, Program, assert_problem

pytestmark = pytest.mark.django_db

COLUMNS = ("number", "total", "placed_at")
LABELS = {"total": "Amount", "placed_at": "=Moment"}
FORMATS = [writer.format for writer in all_writers()]


def content_of(job):
    with open_file(job) as file:
        return file.read()


@pytest.mark.parametrize("profile", ["machine", "spreadsheet"])
@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_the_new_names(alice, orders, name, profile):
    job = make(alice, format=name, columns=COLUMNS, labels=LABELS, profile=profile)
    header = reading.read(content_of(job), job, None).header
    is_text = name.startswith(("csv", "tsv"))
    assert header[1:] == ("Amount", "'=Moment" if is_text else "=Moment")


@pytest.mark.parametrize("profile", ["machine", "spreadsheet"])
def test_all_doors_give_the_same_bytes(alice, orders, profile):
    """A job may take its lines from the database, a preview never does."""
    spec = spec_of(columns=COLUMNS, labels=LABELS, profile=profile)
    seen = dispatch.preview(spec, *asking(alice), rows=100)
    job = make(alice, columns=COLUMNS, labels=LABELS, profile=profile)
    assert content_of(job) == seen.content
    assert seen.tables[0].header[1:] == ["Amount", "=Moment"]


def test_no_header_has_no_names(alice, orders):
    made = ExportSpec.from_json(
        {**spec_of(columns=COLUMNS, labels=LABELS).to_json(), "options": {"header": "none"}}
    )
    assert dispatch.preview(made, *asking(alice), rows=1).tables[0].header is None


def test_both_names_are_told_beside_the_file_and_in_it(alice, orders):
    job = make(alice, format="xlsx", columns=COLUMNS, labels=LABELS, profile="spreadsheet")
    columns = manifest_of(job)["columns"]
    assert [(c["name"], c["label"], c["renamed"]) for c in columns[:2]] == [
        ("number", "Order number", None), ("total", "Total", "Amount")
    ]  # fmt: skip
    import openpyxl

    about = openpyxl.load_workbook(io.BytesIO(content_of(job))).worksheets[-1]
    facts = {row[0]: row[1] for row in about.iter_rows(values_only=True)}
    assert facts["Renamed"] == "Total → Amount, Placed at → =Moment"


@pytest.mark.parametrize("label", ["", "  ", "a\nb", "a\0", "\u2028", "x" * 201, 5, None, "\ud800"])
def test_what_is_no_line_of_text_is_refused(label):
    with pytest.raises(InvalidSpec, match="cannot be called") as refused:
        spec_of(labels={"total": label})
    assert refused.value.field == "labels"


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"bogus": "X"}, "There is no column 'bogus' in this export to give a name to."),
        ({"cost": "X"}, "There is no column 'cost' in this export"),
        ({"region": "X"}, "Choose from: number, total, placed_at."),
        ({"total": "number"}, "“number” is used twice. Choose another name."),
        ({"total": "Order number"}, "“Order number” is used twice. Choose another name."),
        ({"total": "X", "number": "X"}, "“X” is used twice. Choose another name."),
    ],
)
def test_what_cannot_be_named_so_is_refused(alice, orders, labels, message):
    with pytest.raises(InvalidSpec) as refused:
        dispatch.plan(spec_of(columns=COLUMNS, labels=labels), *asking(alice))
    assert message in str(refused.value)


def test_a_program_may_rename(alice, orders):
    program = Program(alice)
    made = program.post(ORDERS, {"columns": ["number", "total"], "labels": {"total": "Amount"}})
    assert made.status_code == 202
    refused = program.post(ORDERS, {"labels": {"bogus": "Amount"}})
    assert_problem(refused, 422, labels="There is no column 'bogus'")
    refused = program.post(ORDERS, {"labels": ["Amount"]})
    assert_problem(refused, 422, labels="labels must be an object")


def test_the_document_says_how(alice):
    document = Program(alice).get("/reports/openapi.json").json()
    body = document["paths"]["/shop.orders/"]["post"]["requestBody"]
    labels = body["content"]["application/json"]["schema"]["properties"]["labels"]
    assert labels["properties"]["total"]["maxLength"] == 200
    assert "cost" not in labels["properties"]
    json.dumps(labels)


def test_the_command_may_rename(orders, tmp_path):
    file = tmp_path / "orders.csv"
    options = {"columns": "number,total", "output": str(file), "verbosity": 0}
    call_command("export_report", "shop.orders", label=["total=Amount = net"], **options)
    assert file.read_text().splitlines()[0] == "number,Amount = net"
    with pytest.raises(CommandError, match="--label is COLUMN=TEXT, not 'total'"):
        call_command("export_report", "shop.orders", label=["total"], **options)
