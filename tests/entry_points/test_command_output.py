"""export_report --output: onto files, links, devices, FIFOs and what cannot be written."""

import os
import stat
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from django.core.management import CommandError

from django_reports.models import ReportJob
from tests.entry_points.test_commands import call, manage, names_in
from tests.shop.models import Order

pytestmark = pytest.mark.django_db

LINES = b"number\r\n" + b"".join(b"A%05d\r\n" % n for n in range(1, 21))
FAILING = ["shop.numbers", "--param", "rows=9999", "--param", "fail_at=9000"]


@pytest.fixture
def full(tmp_path):
    """A device that is always full, which may be destroyed where this test may make one."""
    path = tmp_path / "full"
    with suppress(PermissionError):
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 7))
        return path
    if os.geteuid() == 0 or not Path("/dev/full").exists():
        pytest.skip("no device of its own can be made")
    return Path("/dev/full")


def export(*args, output):
    return call("export_report", *(args or ["shop.orders", "--columns", "number"]),
                "--output", str(output))  # fmt: skip


def refused(*args, output):
    with pytest.raises(CommandError) as refusal:
        export(*args, output=output)
    return str(refusal.value)


def read_all(path):
    """Read a FIFO in a thread; gives what it was, after `join`."""
    found = []
    reader = threading.Thread(target=lambda: found.append(path.read_bytes()))
    reader.start()
    return reader, found


def test_link_stays_and_its_target_is_replaced(orders, here):
    (here / "real").mkdir()
    (here / "real" / "old.csv").write_text("old")
    (here / "link.csv").symlink_to("real/old.csv")
    (here / "again.csv").symlink_to("link.csv")
    export(output="again.csv")
    assert os.readlink("again.csv") == "link.csv"
    assert os.readlink("link.csv") == "real/old.csv"
    assert (here / "real" / "old.csv").read_bytes() == LINES
    assert names_in(here / "real") == ["old.csv"]


def test_link_to_nothing_gets_a_target(orders, here):
    (here / "link.csv").symlink_to("new.csv")
    export(output="link.csv")
    assert names_in(here) == ["link.csv", "new.csv"]
    assert (here / "link.csv").is_symlink()
    assert (here / "new.csv").read_bytes() == LINES


def test_failed_export_leaves_link_and_target(orders, here):
    (here / "old.csv").write_text("old")
    (here / "link.csv").symlink_to("old.csv")
    assert "The report failed" in refused(*FAILING, output="link.csv")
    assert names_in(here) == ["link.csv", "old.csv"]
    assert (here / "link.csv").read_text() == "old"


def test_links_in_a_circle_are_an_error(orders, here):
    (here / "a.csv").symlink_to("b.csv")
    (here / "b.csv").symlink_to("a.csv")
    assert refused(output="a.csv").startswith("The file cannot be written: [Errno 40]")
    assert names_in(here) == ["a.csv", "b.csv"]


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o600, 0o666])
def test_mode_of_the_old_file_is_kept(orders, here, mode):
    (here / "a.csv").write_text("old")
    (here / "a.csv").chmod(mode)
    export(output="a.csv")
    assert stat.S_IMODE((here / "a.csv").stat().st_mode) == mode
    assert (here / "a.csv").read_bytes() == LINES


def test_new_file_is_for_its_owner_alone(orders, here):
    export(output="a.csv")
    assert stat.S_IMODE((here / "a.csv").stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_owner_and_group_of_the_old_file_are_kept(orders, here):
    (here / "a.csv").write_text("old")
    os.chown("a.csv", 12345, 23456)
    (here / "a.csv").chmod(0o640)
    export(output="a.csv")
    facts = (here / "a.csv").stat()
    assert (facts.st_uid, facts.st_gid, stat.S_IMODE(facts.st_mode)) == (12345, 23456, 0o640)


def test_group_that_cannot_be_kept_reads_nothing(orders, here, monkeypatch):
    def fchown(*args):
        raise PermissionError(1, "Operation not permitted")

    (here / "a.csv").write_text("old")
    (here / "a.csv").chmod(0o664)
    monkeypatch.setattr(os, "fchown", fchown)  # as it is for others than root
    export(output="a.csv")
    assert stat.S_IMODE((here / "a.csv").stat().st_mode) == 0o604


def test_fifo_is_written_into(orders, here):
    os.mkfifo("pipe")
    reader, found = read_all(here / "pipe")
    export(output="pipe")
    reader.join()
    assert found == [LINES]
    assert stat.S_ISFIFO((here / "pipe").stat().st_mode)
    assert names_in(here) == ["pipe"]


def test_link_to_a_fifo_is_written_into(orders, here):
    os.mkfifo("pipe")
    (here / "link.csv").symlink_to("pipe")
    reader, found = read_all(here / "pipe")
    export(output="link.csv")
    reader.join()
    assert found == [LINES]
    assert names_in(here) == ["link.csv", "pipe"]


def test_reader_of_a_fifo_who_leaves_cancels_the_export(orders, here):
    os.mkfifo("pipe")

    def leave():
        with open("pipe", "rb") as file:
            file.read(1)

    reader = threading.Thread(target=leave)
    reader.start()
    message = refused("shop.numbers", "--param", "rows=200000", output="pipe")
    reader.join()
    assert message == "Whoever read the output left before its end."
    assert ReportJob.objects.get().status == "canceled"
    assert names_in(here) == ["pipe"]


def test_full_device_is_an_error_and_stays(orders, here, full):
    message = refused(output=full)
    assert message == "The file cannot be written: [Errno 28] No space left on device"
    assert stat.S_ISCHR(full.stat().st_mode)
    assert ReportJob.objects.get().status == "canceled"
    assert names_in(here) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_standard_output_by_its_name(orders, name):
    ended = manage("export_report", "shop.orders", "--columns", "number", "--output", name)
    assert (ended.returncode, ended.stdout) == (0, LINES)


@pytest.mark.django_db(transaction=True)
def test_standard_output_that_is_a_file_is_appended_to(orders, here):
    (here / "a.csv").write_text("before\n")
    with (here / "a.csv").open("ab") as file:
        ended = manage(
            "export_report", "shop.orders", "--columns", "number", "--output", "/dev/stdout",
            stdout=file,
        )  # fmt: skip
    assert ended.returncode == 0
    assert (here / "a.csv").read_bytes() == b"before\n" + LINES
    assert names_in(here) == ["a.csv"]


@pytest.mark.parametrize("output", [".", "folder", "folder/", "new/", "link"])
def test_folder_is_an_error_before_rows_are_read(orders, here, output):
    (here / "folder").mkdir()
    (here / "link").symlink_to("folder")
    message = refused(output=output)
    assert message == f"The file cannot be written: [Errno 21] Is a directory: '{output}'"
    assert names_in(here) == ["folder", "link"]
    assert ReportJob.objects.count() == 0


def test_missing_folder_is_named(orders, here):
    message = refused(output="no/such/a.csv")
    assert message == (
        f"The file cannot be written: [Errno 2] there is no such folder: '{here}/no/such'"
    )
    assert ReportJob.objects.count() == 0


def test_file_in_place_of_a_folder_is_an_error(orders, here):
    (here / "a.csv").write_text("old")
    assert "[Errno 20] Not a directory" in refused(output="a.csv/b.csv")
    assert (here / "a.csv").read_text() == "old"


def test_longest_name_of_a_file(orders, here):
    export(output="x" * 251 + ".csv")
    assert names_in(here) == ["x" * 251 + ".csv"]


def test_file_that_a_report_lacks_is_no_fault_of_the_output(orders, here, monkeypatch):
    def missing(self, *args, **kwargs):
        raise FileNotFoundError(2, "No such file", "rates.txt")

    monkeypatch.setattr("tests.shop.reports.Numbers.rows", missing)
    message = refused("shop.numbers", output="a.csv")
    assert message.startswith("The report failed with an error (FileNotFoundError)")
    assert names_in(here) == []


def test_report_of_nothing_replaces_the_file(here):
    assert not Order.objects.exists()
    (here / "a.csv").write_text("old")
    export(output="a.csv")
    assert (here / "a.csv").read_bytes() == b"number\r\n"
