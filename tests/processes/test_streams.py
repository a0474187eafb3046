"""Slow readers: what they may hold up, and what not, behind both sorts of servers."""

import contextlib
import os
import re
import time

import pytest
from django.conf import settings

from django_reports.models import ReportJob
from tests import figures
from tests.conftest import make_orders
from tests.processes.conftest import Browser, session_of, wait_for

EXPORT = "/reports/shop.orders/"
COLUMNS = {"format": "csv", "profile": "machine", "columns": ["number", "remark"]}
NUMBERS = {"format": "csv", "profile": "machine", "columns": ["n", "text"]}
READERS = 50

pytestmark = pytest.mark.integration
POOL = 5


@pytest.fixture(params=["gunicorn", "uvicorn"])
def server(request, processes):
    """A server whose connections to the database, if it has a pool, are fewer than readers."""
    processes.environment["TEST_POSTGRESQL_POOL"] = str(POOL)
    processes.changed["RUNNER"] = "local"  # jobs wait; nobody makes them meanwhile
    return request.param


@pytest.fixture
def browser(processes, server, alice):
    return Browser(processes.server(server)).log_in("alice")


def seconds_of_work(process):
    """The processor time that a server has used so far, its children's included."""
    ticks = 0
    for pid in session_of(process.pid):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def wait_until_idle(process):
    def is_idle():
        before = seconds_of_work(process)
        time.sleep(0.5)
        return seconds_of_work(process) - before < 0.05

    wait_for(is_idle)


def note_times(case, times):
    """Whoever is held up waits for ever, or gets an error; how long the others take is told."""
    for milliseconds in times:
        figures.note("milliseconds of others' requests", case, milliseconds)


def milliseconds_of(browser, path):
    begun = time.perf_counter()
    answer = browser.open(path)
    assert answer.status == 200, answer.text[:500]
    return (time.perf_counter() - begun) * 1000


def test_readers_who_never_read_hold_nobody_up(processes, server, browser):
    """50 times 10 MB that nobody takes: the others' requests still get a connection."""
    if settings.DATABASE != "postgresql":
        pytest.skip("only PostgreSQL has a pool of connections that could run dry")
    make_orders(5000, note="x" * 2000)
    with contextlib.ExitStack() as stack:
        told = []
        for _ in range(READERS):
            reader = stack.enter_context(browser.begin(EXPORT, **COLUMNS))
            told.append(reader.recv(12))  # nothing more, ever
        wait_until_idle(processes.started[0])
        streams = ReportJob.objects.filter(execution="immediate", status="running").count()
        path = f"/reports/jobs/{ReportJob.objects.first().pk}/status/"
        times = [milliseconds_of(browser, path) for _ in range(30)]
        note_times(f"{server}, {streams} of {READERS} streams that nobody reads", times)
        assert streams == (READERS if server == "uvicorn" else 4)
        assert told.count(b"HTTP/1.1 200") == streams
        assert told.count(b"HTTP/1.1 302") == READERS - streams
    left = ReportJob.objects.filter(execution="immediate", status="canceled")
    wait_for(lambda: left.count() == streams)
    assert {job.error for job in left} == {"The reader left before the end."}
    assert max(job.bytes for job in left) < 9_000_000


def test_slow_reader_gets_everything(browser):
    make_orders(5000, note="x" * 2000)
    with browser.begin(EXPORT, **COLUMNS) as reader:
        time.sleep(1)
        content = b""
        while not content.endswith(b"\r\n0\r\n\r\n"):
            block = reader.recv(1_000_000)
            assert block, "the transfer broke"
            content += block
    assert len(content) > 10_000_000
    assert content.count(b"A0") == 5000
    wait_for(lambda: ReportJob.objects.get().status == "succeeded")


def test_first_rows_arrive_before_the_last_one_exists(browser, tmp_path):
    """The last row waits until the first are there; they come as they are made."""
    gate = tmp_path / "gate"
    fields = {"parameter-rows": "20", "parameter-seconds": "0.2", "parameter-gate": str(gate)}
    with browser.begin("/reports/shop.numbers/", **NUMBERS, **fields) as reader:
        content, arrivals = b"", 0
        while b"row number 10\r\n" not in content:
            content += reader.recv(100_000)
            arrivals += 1
        gate.touch()
        while not content.endswith(b"0\r\n\r\n"):
            content += reader.recv(100_000)
    assert len(re.findall(rb"row number", content)) == 20
    assert arrivals > 1


def test_others_are_answered_while_rows_are_made(browser, server):
    """Rows that keep a processor busy are made in the request's thread, not on the event loop."""
    fields = {"parameter-rows": "20000000"}
    with browser.begin("/reports/shop.numbers/", **NUMBERS, **fields) as reader:
        assert reader.recv(12) == b"HTTP/1.1 200"
        note_times(
            f"{server}, while rows are made",
            [milliseconds_of(browser, "/reports/jobs/") for _ in range(10)],
        )
        assert ReportJob.objects.get().status == "running"


def test_downloads_that_nobody_reads_hold_no_connection(processes, server, alice):
    """More readers than the pool has connections, fewer than there are threads."""
    make_orders(5000, note="x" * 2000)
    processes.changed["STREAM_MAX_ROWS"] = 10
    browser = Browser(processes.server(server)).log_in("alice")
    page = browser.export(EXPORT, **COLUMNS).headers["Location"]
    processes.worker("--burst").wait()
    with contextlib.ExitStack() as stack:
        readers = [
            stack.enter_context(browser.connect("GET", f"{page}download/")) for _ in range(POOL + 1)
        ]
        assert [reader.recv(12) for reader in readers] == [b"HTTP/1.1 200"] * len(readers)
        times = [milliseconds_of(browser, page) for _ in range(5)]
        note_times(f"{server}, {POOL + 1} downloads that nobody reads", times)


def test_stream_that_the_servers_timeout_ends_is_recorded_as_that(processes, alice):
    """Where a worker answers one request at a time, gunicorn has it exit after the timeout."""
    server = processes.server("gunicorn", "--worker-class=sync", "--threads=1", "--timeout=2")
    slow = {"parameter-rows": "100000", "parameter-seconds": "0.01"}
    with (
        Browser(server).log_in("alice").begin("/reports/shop.numbers/", **NUMBERS, **slow) as reader
    ):
        while reader.recv(1_000_000):
            pass
    job = ReportJob.objects.get()
    assert (job.status, job.cause) == ("failed", "interrupted")
    assert job.error == "The process that sent it was ended, by the server's timeout say."
