"""Every entry point gives the same file of a report with sections."""

import gc
import sys

import pytest
from django.core.management import call_command

from django_reports.core.choices import Profile
from django_reports.definitions.kinds import Rendering
from django_reports.engine.writers import writer_for
from django_reports.jobs import dispatch
from django_reports.models import ReportJob
from django_reports.testing import export
from tests.entry_points.helpers import asking, browse, deliver, make, spec_of
from tests.sections.helpers import (
    MONTH,
    PAGE,
    content_of,
    file_of,
    members,
)
from tests.sheets import BERLIN, calamine, column


@pytest.mark.parametrize("format", ["csv", "tsv.zip", "jsonl"])
def test_every_entry_point_gives_the_same_bytes(alice, three_orders, format, tmp_path):
    stream = content_of(deliver(alice, MONTH, format=format))
    job = file_of(make(alice, MONTH, format=format))
    path = tmp_path / "file"
    call_command(
        "export_report", MONTH, "--format", format, "--user", "alice", "--output", str(path),
        verbosity=0,
    )  # fmt: skip
    fields = {"_export": "1", "profile": "machine", "format": format.partition(".")[0]}
    fields["compression"] = format.partition(".")[2]
    fields["columns"] = [
        "orders_of_month.id", "orders_of_month.number", "orders_of_month.total",
        "customers.name", "customers.email", "notes.n", "notes.note",
    ]  # fmt: skip
    page = browse(alice).post(PAGE, fields)
    found = [stream, job, path.read_bytes(), b"".join(page.streaming_content)]
    assert len(members(stream)) == 3
    assert [content == stream for content in found] == [True] * 4


@pytest.mark.parametrize("format", ["csv", "tsv.zip", "jsonl"])
def test_preview_of_all_rows_has_the_same_bytes(alice, three_orders, format):
    found = dispatch.preview(spec_of(MONTH, format=format), *asking(alice), rows=100)
    assert found.content == content_of(deliver(alice, MONTH, format=format))


def test_every_entry_point_gives_the_same_sheets(alice, three_orders, tmp_path):
    path = tmp_path / "file"
    call_command(
        "export_report", MONTH, "--format", "xlsx", "--user", "alice", "--output", str(path),
        verbosity=0,
    )  # fmt: skip
    preview = dispatch.preview(spec_of(MONTH, format="xlsx"), *asking(alice), rows=100)
    found = [
        content_of(deliver(alice, MONTH, format="xlsx")),
        file_of(make(alice, MONTH, format="xlsx")),
        path.read_bytes(),
        preview.content,
    ]
    sheets = [[calamine(content, at) for at in range(3)] for content in found]
    assert sheets[0][2] == [["n", "note"], [1, "=1"], [2, "a\ufffd"]]
    assert sheets == [sheets[0]] * 4


def test_preview_of_a_zip(alice, three_orders):
    found = dispatch.preview(spec_of(MONTH), *asking(alice), rows=1)
    assert [table.rows for table in found.tables] == [
        [["101", "A00001", "1.50"]],
        [["Ann", "a•••@e•••.com"]],
        [["1", "'=1"]],
    ]
    assert members(found.content)["notes.csv"] == b"n,note\r\n1,'=1\r\n"


def test_zip_that_is_too_large_to_wait_for_becomes_a_job(alice, orders, configure):
    configure(STREAM_MAX_ROWS=5)
    job = deliver(alice, format="csv.zip")
    assert isinstance(job, ReportJob)


def test_zip_that_is_broken_off_is_quiet(monkeypatch):
    complaints = []
    monkeypatch.setattr(sys, "unraisablehook", complaints.append)
    made = writer_for("csv.zip")([column("a")], Rendering(Profile.MACHINE, BERLIN, "en"), "A")
    made.begin()
    made.write([(1,)])
    made.close()
    del made
    gc.collect()
    assert [str(complaint.exc_value) for complaint in complaints] == []


def test_preview_shows_the_first_rows_of_each(alice, three_orders):
    found = dispatch.preview(spec_of(MONTH, format="xlsx"), *asking(alice), rows=1)
    assert [(table.title, table.header, table.rows) for table in found.tables] == [
        ("Open orders", ["id", "number", "total"], [["101", "A00001", "1.50"]]),
        ("Customers", ["name", "email"], [["Ann", "a•••@e•••.com"]]),
        ("Notes", ["n", "note"], [["1", "=1"]]),
    ]
    assert calamine(found.content, 2) == [["n", "note"], [1, "=1"]]


def test_command_names_its_file_by_what_it_is(three_orders, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call_command("export_report", MONTH, verbosity=0)
    (path,) = tmp_path.glob("*.zip")
    assert path.name.endswith(".csv.zip")
    assert members(path.read_bytes())["open-orders.csv"].startswith(b"id,number,total,cost\r\n")


def test_parameters_reach_the_sections(alice, three_orders):
    found = export(MONTH, alice, section="notes", parameters={"note": "hello"})
    assert found.column("note") == ["hello", "a\ufffe"]
