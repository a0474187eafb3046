"""The management commands."""

import fcntl
import io
import json
import os
import pwd
import re
import struct
import subprocess
import sys
import tempfile
import termios
import threading
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.utils import timezone

from django_reports.jobs import files
from django_reports.jobs.runners import local
from django_reports.models import AuditEntry, GroupReportPermission, ReportJob
from django_reports.signals import job_finished
from tests.conftest import make_orders
from tests.entry_points.helpers import EXPORT, actions, browse, chosen, enqueue, make, put
from tests.shop.models import Order
from tests.shop.reports import Orders

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).parents[2]


def call(*args):
    """What a command printed."""
    out, err = io.StringIO(), io.StringIO()
    call_command(*args, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def names_in(folder):
    return sorted(os.listdir(folder))


def manage(*args, stdout=subprocess.PIPE):
    """Run a command as a process of its own, on this test's database, without system checks."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "TEST_DATABASE_NAME": str(connection.settings_dict["NAME"]),
    }
    return subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / "manage.py"), *args, "--skip-checks"],
        stdout=stdout, stderr=subprocess.PIPE, env=environment, cwd=ROOT, check=False,
    )  # fmt: skip


# export_report: a file


def test_a_file_with_every_row_and_column(orders, here):
    out, err = call("export_report", "shop.orders", "--output", "made.csv")
    lines = (here / "made.csv").read_text().splitlines()
    assert len(lines) == 21
    assert lines[0].endswith(",remark,cost")
    assert "ann@example.com" in lines[2]
    assert out == ""
    assert err.startswith("made.csv: 20 rows, ")
    assert names_in(here) == ["made.csv"]


def test_the_dated_name_unless_told(orders, here):
    call("export_report", "shop.orders", "--format", "xlsx", "-v0")
    assert names_in(here) == [f"orders-{timezone.localdate()}.xlsx"]


def test_a_file_of_that_name_is_replaced(orders, here):
    (here / "made.csv").write_text("old")
    call("export_report", "shop.orders", "--columns", "number", "--output", "made.csv")
    assert (here / "made.csv").read_text().startswith("number\n")


def test_columns_in_the_wanted_order(orders, here):
    call("export_report", "shop.orders", "--columns", "total, number", "--output", "a.csv")
    assert (here / "a.csv").read_bytes().startswith(b"total,number\r\n1.50,A00001\r\n")


def test_parameters(orders, here):
    call("export_report", "shop.orders", "--param", "region=n", "--param", "minimum=18",
         "--columns", "number", "--output", "a.csv")  # fmt: skip
    assert (here / "a.csv").read_bytes() == b"number\r\nA00019\r\n"


def test_spreadsheet_profile(orders, here):
    call("export_report", "shop.orders", "--profile", "spreadsheet", "--columns", "number",
         "--output", "a.csv")  # fmt: skip
    assert (here / "a.csv").read_bytes().startswith(b"\xef\xbb\xbfOrder number\r\n")


def test_it_is_recorded_as_the_systems(orders, here):
    call("export_report", "shop.orders")
    job = ReportJob.objects.get()
    assert (job.authority, job.requested_by_text, job.status) == ("system", "system", "succeeded")
    assert actions(job) == ["requested", "finished"]


# export_report: a person's


def test_with_a_persons_rights(alice, orders, here):
    call("export_report", "shop.orders", "--user", "alice", "--output", "a.csv")
    lines = (here / "a.csv").read_text().splitlines()
    assert lines[0].endswith(",placed_at,remark")
    assert "a•••@e•••.com" in lines[2]
    assert ReportJob.objects.get().requested_by == alice


def test_a_job_in_a_persons_name(alice, orders, here):
    out, err = call("export_report", "shop.orders", "--user", "alice", "--queue")
    job = ReportJob.objects.get()
    assert (UUID(out.strip()), err) == (job.pk, "")
    assert (job.status, job.execution, job.requested_by) == ("queued", "background", alice)
    assert names_in(here) == []


# export_report: what cannot be


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["shop.bogus"], "There is no report “shop.bogus” that you may export."),
        (["shop.orders", "--format", "pdf"], "There is no format 'pdf'. Choose from: csv, csv"),
        (["shop.orders", "--profile", "x"], "There is no profile 'x'."),
        (["shop.orders", "--columns", "id,bogus"], "Orders has no column 'bogus'"),
        (["shop.orders", "--columns", ""], "--columns is empty."),
        (["shop.orders", "--columns", "id,,number"], "Orders has no column ''"),
        (["shop.orders", "--output", ""], "--output is empty."),
        (["shop.orders", "--time-zone", ""], "--time-zone is empty."),
        (["shop.orders", "--language", ""], "--language is empty."),
        (["shop.orders", "--user", ""], "--user is empty."),
        (["shop.orders", "--line-end", ""], "--line-end is empty."),
        (["shop.orders", "--columns", "id,id"], "Column id is asked for twice."),
        (["shop.orders", "--param", "region"], "--param is NAME=VALUE, not 'region'."),
        (["shop.orders", "--param", "bogus=1"], "bogus: unknown; the legal ones are: region"),
        (["shop.orders", "--param", "minimum=x"], "minimum: Enter a number."),
        (["shop.orders", "--user", "nobody"], "There is no user 'nobody'."),
        (["shop.orders", "--user", "carol"], "There is no report “shop.orders”"),
        (["shop.orders", "--user", "bob"], "This export has more than 10 rows"),
        (["shop.orders", "--user", "bob", "--columns", "cost"], "Orders has no column 'cost'"),
        (["shop.orders", "--queue", "--output", "a.csv"], "--queue and --output exclude each"),
        (["shop.orders", "--output", "no/such/folder.csv"], "The file cannot be written: "),
        (["shop.numbers", "--param", "fail_at=1"], "The report failed with an error (ValueError)"),
        (["shop.numbers", "--param", "rows=9999", "--param", "fail_at=9000"],
         "The report failed with an error (ValueError)"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_clear_line_and_no_file(bob, carol, orders, here, args, message):
    with pytest.raises(CommandError) as refusal:
        call("export_report", *args)
    assert str(refusal.value).startswith(message)
    assert "\n" not in str(refusal.value)
    assert names_in(here) == []


def test_a_report_that_fails_leaves_the_old_file(orders, here):
    (here / "a.csv").write_text("old")
    with pytest.raises(CommandError):
        call("export_report", "shop.numbers", "--param", "rows=9999", "--param", "fail_at=9000",
             "--output", "a.csv")  # fmt: skip
    assert (here / "a.csv").read_text() == "old"
    assert names_in(here) == ["a.csv"]
    assert ReportJob.objects.get().status == "failed"


# export_report: a process


@pytest.mark.django_db(transaction=True)
def test_standard_output_has_the_bytes_of_the_file(orders, here):
    wanted = ["export_report", "shop.orders", "--format", "csv"]
    to_file = manage(*wanted, "--output", str(here / "a.csv"))
    to_stdout = manage(*wanted, "--output", "-")
    assert (to_file.returncode, to_file.stdout) == (0, b"")
    assert (to_stdout.returncode, to_stdout.stderr) == (0, b"")
    assert to_stdout.stdout == (here / "a.csv").read_bytes()
    assert to_stdout.stdout.count(b"\r\n") == 21


@pytest.mark.django_db(transaction=True)
def test_an_error_is_one_line_and_exit_status_1(orders):
    ended = manage("export_report", "shop.bogus")
    assert (ended.returncode, ended.stdout) == (1, b"")
    assert ended.stderr.decode() == (
        "CommandError: There is no report “shop.bogus” that you may export.\n"
    )


@pytest.mark.django_db(transaction=True)
def test_a_failing_report_prints_no_traceback(orders, here):
    ended = manage("export_report", "shop.numbers", "--param", "rows=9999", "--param",
                   "fail_at=9000", "--output", str(here / "a.csv"))  # fmt: skip
    assert ended.returncode == 1
    assert ended.stderr.decode().splitlines()[-1].startswith("CommandError: The report failed")
    assert names_in(here) == []


# The other commands


def test_list_reports():
    lines = call("list_reports")[0].splitlines()
    assert "shop.orders\tOrders" in lines
    assert "admin.shop.customer\tCustomers" in lines
    assert lines == sorted(lines)


def test_list_reports_with_their_columns():
    text = call("list_reports", "--columns")[0]
    assert "shop.orders\tOrders\n\tid\tinteger\tID\n\tnumber\ttext\tOrder number\n" in text
    assert f"\t{Orders.columns[3].name}\ttext\tEmail\n" in text


def test_sweep_reports(alice, orders, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    put(make(alice), expires_at=timezone.now())
    tidied = "manifests=0 orphans=0 missing=0 folders=0 purged=0"
    told = f"rerun=0 failed=0 enqueued=0 expired=1 {tidied} sealed=[1-9][0-9]* anchored=1\n"
    assert re.fullmatch(told, call("sweep_reports")[0])
    again = f"rerun=0 failed=0 enqueued=0 expired=0 {tidied} sealed=0 anchored=0\n"
    assert call("sweep_reports")[0] == again


def test_a_worker_drains_the_waiting_jobs(alice, orders, configure):
    configure(RUNNER="local")
    first = enqueue(alice)
    second = enqueue(alice, "shop.numbers", parameters={"fail_at": ["2"]})
    err = call("reports_worker", "--burst")[1]
    assert err == "reports_worker: runner=local, ready\n"
    for job, status in ((first, "succeeded"), (second, "failed")):
        job.refresh_from_db()
        assert (job.status, job.attempt) == (status, 1)


def test_a_worker_sweeps_before_it_works(alice, orders, configure):
    configure(RUNNER="local")
    job = put(enqueue(alice), status="running", attempt=1, lease_until=timezone.now())
    call("reports_worker", "--burst", "-v0")
    job.refresh_from_db()
    assert (job.status, job.attempt) == ("succeeded", 2)


def test_a_burst_does_not_look_through_the_storage(folder, configure):
    """It is run every minute, and there may be a million files."""
    configure(RUNNER="local")
    orphan = folder / files.new_key("csv", timezone.now())
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"x")
    os.utime(orphan, (0, 0))
    call("reports_worker", "--burst", "-v0")
    assert orphan.exists()
    call("sweep_reports")
    assert not orphan.exists()


@pytest.mark.django_db(transaction=True)
def test_a_worker_waits_for_a_database_that_is_away(alice, orders, configure, monkeypatch, caplog):
    configure(RUNNER="local")
    monkeypatch.setattr(local, "AWAY", 0.01)
    job = enqueue(alice)
    stopping = threading.Event()
    left = [1, 2, 3]

    def away(execute, *args):
        if left:
            left.pop()
            raise OperationalError("the server\nis restarting")
        return execute(*args)

    def stop(**kwargs):
        stopping.set()

    with connection.execute_wrapper(away):
        with pytest.raises(OperationalError):
            local.LocalRunner().work(burst=True, sweep=list)
        job_finished.connect(stop)
        try:
            local._work_until(stopping, list)
        finally:
            job_finished.disconnect(stop)
    job.refresh_from_db()
    assert (job.status, job.attempt) == ("succeeded", 1)
    mine = "django_reports.jobs.runners"
    told = [r.getMessage() for r in caplog.records if r.name.startswith(mine)]
    assert told == [r"event=database_away error='the server\nis restarting'"] * 2


@pytest.mark.django_db(transaction=True)
def test_a_worker_of_its_own_process(alice, orders, configure, monkeypatch):
    configure(RUNNER="local")
    monkeypatch.setenv("TEST_REPORTS", json.dumps({"RUNNER": "local"}))
    job = enqueue(alice)
    ended = manage("reports_worker", "--burst")
    assert ended.returncode == 0, ended.stderr.decode()
    job.refresh_from_db()
    assert (job.status, job.rows_done) == ("succeeded", Order.objects.count())


@pytest.mark.django_db(transaction=True)
def test_file_of_many_blocks(tmp_path):
    """Reading goes on in a read-only transaction while the first block is written."""
    make_orders(3000)
    output = tmp_path / "orders.csv"
    call_command("export_report", "shop.orders", output=str(output), verbosity=0)
    assert output.read_bytes().count(b"\r\n") == 3001
    assert ReportJob.objects.get().status == "succeeded"


@pytest.mark.django_db(transaction=True)
def test_progress_on_a_terminal(tmp_path):
    """A bar on a terminal of 80 columns; it ends at all rows of all rows."""
    make_orders(3000)
    master, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 25, 80, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "django", "export_report", "shop.orders", "--output", "orders.csv"],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "TEST_DATABASE_NAME": str(connection.settings_dict["NAME"]),
        },
        stdout=subprocess.DEVNULL,
        stderr=terminal,
    )
    os.close(terminal)
    shown = b""
    with suppress(OSError):  # the terminal's other end is closed: the process has ended
        while part := os.read(master, 4096):
            shown += part
    os.close(master)
    assert process.wait() == 0
    assert b"100%" in shown
    assert b"3.00k/3.00k" in shown


def test_row_limit_is_told_before_anything_is_written(bob, orders, tmp_path):
    output = tmp_path / "orders.csv"
    with pytest.raises(CommandError, match="more than 10 rows"):
        call_command("export_report", "shop.orders", user="bob", output=str(output))
    assert not list(tmp_path.glob("*.csv"))
    assert [entry.action for entry in AuditEntry.objects.filter(actor_label="bob")] == ["denied"]
    assert not ReportJob.objects.exists()


@pytest.mark.parametrize("name", ["alice", None])
def test_what_a_command_asks_for_is_told_apart(alice, orders, tmp_path, monkeypatch, name):
    monkeypatch.setenv("LOGNAME", "nobody-else")
    monkeypatch.setenv("USER", "nobody-else")
    whoever = {"command": "export_report", "os_user": pwd.getpwuid(os.getuid()).pw_name}

    def asked(**options):
        before = set(AuditEntry.objects.values_list("pk", flat=True))
        with suppress(CommandError):
            call_command("export_report", "shop.orders", user=name, verbosity=0, **options)
        made = AuditEntry.objects.exclude(pk__in=before).exclude(action="finished")
        return made.get()

    for options in ({"output": str(tmp_path / "a.csv")}, {"queue": True}):
        entry = asked(**options)
        assert (entry.action, entry.actor_label) == ("requested", name or "system")
        assert whoever.items() <= entry.data.items()
    if name is not None:
        GroupReportPermission.objects.update(max_rows=1)
        assert whoever.items() <= asked(output="-").data.items()
        GroupReportPermission.objects.all().delete()
        entry = asked(output="-")
        assert (entry.action, entry.data["os_user"]) == ("denied", whoever["os_user"])
    browse(alice).post(EXPORT, chosen())
    assert AuditEntry.objects.first().actor_label == "alice"
    assert "command" not in AuditEntry.objects.first().data
