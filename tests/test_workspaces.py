"""Temporary files and folders end with what made them, also where the disk is full."""

import errno
import gc
import os
import resource
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from django_reports.core import tempdirs
from django_reports.core.tempdirs import (
    Workspace,
    close_leftovers,
    remove_abandoned,
    temporary_file,
    unusable_folder,
)
from django_reports.engine.cursors import Spool
from django_reports.engine.spooling import ByteSpool
from tests.sheets import column, writer, written

LIMIT = 64 * 1024  # bytes
ROWS = [("x" * 100,)] * 500
MANY = [(f"{n}" * 20,) for n in range(20_000)]
YEAR = 365 * 24 * 60 * 60


@pytest.fixture
def temporary(monkeypatch, tmp_path):
    """Where this test's temporary files lie."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(tempdirs, "FALLBACKS", ())
    monkeypatch.chdir(tmp_path)
    for name in tempdirs.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@contextmanager
def small_files(limit=LIMIT):
    """The kernel refuses to let a file of this process grow any larger."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def descriptors():
    return sorted(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else []


def make_old(path):
    os.utime(path, (time.time() - YEAR,) * 2)


# The kernel's refusal, wherever it comes: with a row, at the end of a sheet, in the archive.
@pytest.mark.parametrize("limit", [0, 200, 900, 8192, 8500, LIMIT, 2 * LIMIT])
@pytest.mark.parametrize("rows", [1, 70, 500])
def test_xlsx_that_cannot_be_written_leaves_nothing(temporary, limit, rows):
    written(writer(column("a")), ROWS[:1])  # what is imported late opens files
    before = descriptors()
    made = writer(column("a"), about=[("Report", "x" * 1000)])
    with small_files(limit):
        error = error_of(made, rows)
        made.close()
    assert error.errno == errno.EFBIG if error else limit >= 8192
    assert list(temporary.iterdir()) == []
    del made
    gc.collect()
    assert descriptors() == before
    assert written(writer(column("a")), ROWS)  # and the next one is made


def error_of(made, rows):
    try:
        made.begin()
        for _ in range(3):
            made.write(ROWS[:rows])
        b"".join(made.end())
    except OSError as error:
        return error
    return None


def test_sheet_that_cannot_be_ended_is_closed(temporary):
    made = writer(column("a"))
    made.write(ROWS[:50])  # in the buffer
    with small_files(10):
        made.close()
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("drain", [lambda: Spool(MANY), lambda: filled(ByteSpool())])
def test_spool_that_cannot_be_written_leaves_no_file(temporary, drain):
    before = descriptors()
    with small_files(), pytest.raises(OSError, match="File too large"):
        drain()
    gc.collect()
    assert descriptors() == before


def filled(spool):
    try:
        for _ in range(100):
            spool.write(b"x" * 100_000, 1)
    finally:
        spool.close()


def test_temporary_file_is_closed_although_its_end_cannot_be_written(temporary):
    before = descriptors()
    with small_files(10):
        with temporary_file() as file:
            file.write(b"x" * 1000)
        assert file.closed
    assert descriptors() == before


def test_folder_that_cannot_be_locked_is_removed(temporary, monkeypatch):
    def flock(*args):
        raise OSError(errno.ENOLCK, "No locks available")

    before = descriptors()
    monkeypatch.setattr(tempdirs.fcntl, "flock", flock)
    with pytest.raises(OSError, match="No locks"):
        Workspace()
    assert list(temporary.iterdir()) == []
    assert descriptors() == before


def test_workspace_that_nobody_closes_ends_with_its_object(temporary):
    made = Workspace()
    assert made.path.exists()
    del made
    gc.collect()
    assert list(temporary.iterdir()) == []


def test_worker_removes_what_its_last_job_left_open(temporary):
    left = Workspace()
    (left.path / "sheet.xml").write_text("x")
    close_leftovers()
    assert list(temporary.iterdir()) == []
    left.close()


def test_workspaces_of_other_threads_stay(temporary):
    made = Workspace()
    worker = threading.Thread(target=close_leftovers)
    worker.start()
    worker.join()
    assert made.path.exists()
    made.close()


def test_child_does_not_remove_the_workspaces_of_its_parent(temporary):
    made = Workspace()
    child = os.fork()
    if not child:
        close_leftovers()
        os._exit(0)
    os.waitpid(child, 0)
    assert made.path.exists()
    make_old(made.path)
    assert (remove_abandoned(), made.path.exists()) == (0, True)  # the lock holds, too
    made.close()


def abandoned_in(folder, monkeypatch):
    """A workspace of nobody, made while temporary files were made there."""
    folder.mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(folder))
        made = Workspace()
    os.close(made.close.peek()[2][1])
    made.close.detach()
    make_old(made.path)
    return made.path


@pytest.mark.parametrize("name", ["TMPDIR", "TEMP", "TMP"])
def test_sweep_looks_where_the_environment_says(temporary, monkeypatch, name):
    left = abandoned_in(temporary / "full", monkeypatch)
    assert remove_abandoned() == 0
    monkeypatch.setenv(name, str(temporary / "full"))
    assert (remove_abandoned(), left.exists()) == (1, False)


def test_sweep_looks_where_processes_go_while_the_disk_is_full(temporary, monkeypatch):
    left = abandoned_in(temporary / "fallback", monkeypatch)
    monkeypatch.setattr(tempdirs, "FALLBACKS", (str(temporary / "fallback"),))
    assert (remove_abandoned(), left.exists()) == (1, False)


def test_sweep_goes_on_where_no_folder_is_usable(temporary, monkeypatch):
    def gettempdir():
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    left = abandoned_in(temporary / "full", monkeypatch)
    monkeypatch.setenv("TMPDIR", str(temporary / "full"))
    monkeypatch.setattr(tempfile, "gettempdir", gettempdir)
    assert (remove_abandoned(), left.exists()) == (1, False)
    assert unusable_folder() == str(temporary / "full")


def test_folder_that_is_not_used_is_named(temporary, monkeypatch):
    assert unusable_folder() is None
    monkeypatch.setenv("TMPDIR", f"{temporary}/")
    assert unusable_folder() is None
    monkeypatch.setenv("TMPDIR", "/nowhere")
    assert unusable_folder() == "/nowhere"
