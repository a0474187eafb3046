"""A temporary disk that is full: one export fails, the next ones do not."""

import contextlib
import os
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from django_reports.exceptions import ReportFailed
from django_reports.jobs import dispatch
from django_reports.models import ReportJob
from tests.entry_points.helpers import asking, enqueue, spec_of
from tests.processes.conftest import wait_for

pytestmark = pytest.mark.thorough

SIZE = 2 * 1024 * 1024  # bytes
TOO_MANY = {"rows": ["60000"]}  # its sheet takes twice that, a CSV less than half
YEAR = 365 * 24 * 60 * 60


@pytest.fixture
def disk(tmp_path):
    """A small disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", str(folder)]
    with contextlib.suppress(OSError):
        if subprocess.run(mount, check=False, capture_output=True).returncode == 0:
            yield folder
            subprocess.run(["umount", "-l", str(folder)], check=True)
            return
    pytest.skip("no disk can be mounted: a full one is left out")


def free_in(folder):
    facts = os.statvfs(folder)
    return facts.f_bavail * facts.f_frsize


def fill(folder):
    with contextlib.suppress(OSError), (folder / "filling").open("wb", buffering=0) as file:
        for size in (4096, 1):
            with contextlib.suppress(OSError):
                while file.write(b"x" * size):
                    pass
    assert free_in(folder) == 0


def ended():
    return not ReportJob.objects.filter(finished_at=None).exists()


@pytest.mark.parametrize("runner", ["local", "rq"])
def test_worker_goes_on_after_an_xlsx_filled_the_disk(
    alice, processes, configure, disk, runner, request
):
    if runner == "rq":
        request.getfixturevalue("redis_queue")
    configure(RUNNER=runner)
    processes.changed["RUNNER"] = runner
    processes.environment["TMPDIR"] = str(disk)
    made = []
    for _ in range(3):
        made.append(enqueue(alice, "shop.numbers", format="xlsx", parameters=TOO_MANY))
        made.append(enqueue(alice, "shop.numbers", format="xlsx", parameters={"rows": ["10"]}))
        made.append(enqueue(alice, "shop.numbers", format="csv", parameters={"rows": ["20000"]}))
    worker = processes.worker()
    wait_for(ended)
    for job in made:
        job.refresh_from_db()
    full, small, csv = ("failed", "storage_full"), ("succeeded", ""), ("succeeded", "")
    assert [(job.status, job.cause) for job in made] == [full, small, csv] * 3
    assert worker.poll() is None
    assert list(disk.iterdir()) == []
    assert free_in(disk) > SIZE - 100_000  # nothing without a name is held open either


@pytest.mark.django_db(transaction=True)
def test_site_goes_on_after_an_xlsx_filled_the_disk(alice, disk, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(disk))
    for _ in range(3):
        with pytest.raises(ReportFailed, match="Storage full"):
            export(alice, format="xlsx", parameters=TOO_MANY)
        assert list(disk.iterdir()) == []
        assert free_in(disk) > SIZE - 100_000
        assert export(alice, format="csv", parameters=TOO_MANY).count(b"\r\n") == 60_001
        assert export(alice, format="xlsx", parameters={"rows": ["10"]})
    assert list(disk.iterdir()) == []


def export(user, **wanted):
    return b"".join(dispatch.export_now(spec_of("shop.numbers", **wanted), *asking(user)))


@pytest.mark.django_db(transaction=True)
def test_command_leaves_nothing_on_a_full_disk(alice, disk, tmp_path):
    (disk / "old.xlsx").write_text("old")
    arguments = ["export_report", "shop.numbers", "--param", "rows=200000"]
    with pytest.raises(CommandError, match="No space left on device"):
        call_command(*arguments, "--output", str(disk / "old.xlsx"))
    assert [path.name for path in disk.iterdir()] == ["old.xlsx"]
    assert (disk / "old.xlsx").read_text() == "old"


@pytest.mark.django_db(transaction=True)
def test_sweep_finds_the_folder_of_a_dead_worker_on_a_full_disk(
    alice, processes, configure, disk, tmp_path
):
    configure(RUNNER="local")
    processes.changed["RUNNER"] = "local"
    processes.environment["TMPDIR"] = str(disk)
    enqueue(alice, "shop.numbers", format="xlsx", parameters={"rows": ["500"], "seconds": ["0.1"]})
    worker = processes.worker()
    wait_for(lambda: list(disk.glob("django-reports-work-*/*.xml")))
    processes.kill(worker)
    (left,) = disk.glob("django-reports-work-*")
    fill(disk)
    os.utime(left, (time.time() - YEAR,) * 2)
    # This process begins while its folder is full: its own temporary files lie elsewhere.
    assert processes.command("sweep_reports") == 0
    assert "folders=1" in processes.log.read_text()
    assert f"event=temporary_folder_unusable folder={disk}" in processes.log.read_text()
    assert [path.name for path in disk.iterdir()] == ["filling"]
    assert not list(Path(tempfile.gettempdir()).glob(f"{left.name}*"))
