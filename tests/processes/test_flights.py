"""All of the demo's flights: every row arrives, and memory stays flat."""

import csv
import datetime as dt
import time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db.models import F
from python_calamine import CalamineWorkbook

from demo_project.flights.data import load
from demo_project.flights.models import Flight
from django_reports.access.permissions import Authority
from django_reports.audit.log import Origin
from django_reports.core.storages import storage_of
from django_reports.definitions.selections import Selection
from django_reports.definitions.specs import ExportSpec, Options
from django_reports.jobs import dispatch
from django_reports.models import ReportJob
from tests import figures
from tests.processes.conftest import Processes, session_of, wait_for

pytestmark = pytest.mark.thorough

FLIGHTS = 336_776
MEMORY = 40  # MB that a worker may need beyond an idle one


@pytest.fixture
def flights(transactional_db):
    load(lambda line: None)


@pytest.fixture
def worker_for(flights, folder, tmp_path, configure):
    """Runs one export in a worker of its own. Returns the job and the worker's memory in MB."""
    configure(RUNNER="local")
    processes = Processes(folder, tmp_path)
    processes.changed["RUNNER"] = "local"

    def run(spec):
        worker = processes.worker()
        wait_for(lambda: "ready" in processes.log.read_text())
        time.sleep(2)  # until it has found that there is nothing to do
        idle = peak_of(worker)
        job = dispatch.enqueue(spec, Authority.system(), Origin())
        wait_for(lambda: ReportJob.objects.get(pk=job.pk).finished_at, every=0.5)
        peak = peak_of(worker)
        processes.kill(worker)
        processes.log.write_text("")
        job.refresh_from_db()
        assert job.status == "succeeded", job.error
        return job, peak - idle

    yield run
    processes.end()


def peak_of(process):
    """The peak memory of a process and its children, in MB."""
    total = 0
    for pid in session_of(process.pid):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                total += int(line.split()[1])
    return total / 1024


def spec(format, keys=None, profile="machine"):
    selection = Selection() if keys is None else Selection("keys", {"keys": keys})
    return ExportSpec(
        report="flights.flights",
        format=format,
        options=Options(profile=profile),
        selection=selection,
        time_zone=settings.TIME_ZONE,
        language=settings.LANGUAGE_CODE,
    )


COLUMNS = (
    "id", "date", "carrier_id", "carrier__name", "number", "tail_number", "plane__manufacturer",
    "origin_id", "origin__name", "destination_id", "destination__name", "scheduled_hour",
    "scheduled_departure", "departure", "departure_delay", "scheduled_arrival", "arrival",
    "arrival_delay", "made_up", "air_time", "distance",
)  # fmt: skip


def expected_rows():
    """What the database holds, read past everything that is tested."""
    queryset = Flight.objects.annotate(made_up=F("departure_delay") - F("arrival_delay"))
    return queryset.order_by("id").values_list(*COLUMNS).iterator(chunk_size=2000)


def as_text(value):
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        return value.astimezone(ZoneInfo(settings.TIME_ZONE)).isoformat()
    return str(value)


def as_cell(value):
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        local = value.astimezone(ZoneInfo(settings.TIME_ZONE)).replace(tzinfo=None)
        return local.date() if local.time() == dt.time() else local  # how this reader sees midnight
    return float(value) if isinstance(value, int) else value


def file_of(job):
    return Path(storage_of(job.storage).path(job.file_key))


def ten_thousand(format):
    first = Flight.objects.order_by("id").values_list("id", flat=True).first()
    return spec(format, keys=list(range(first, first + 10_000)))


def note_memory(format, small, whole):
    table = "Memory that a worker takes for an export, in MB"
    figures.note(table, f"{format}, 10,000 rows", small)
    figures.note(table, f"{format}, {FLIGHTS:,} rows", whole)


def test_csv_by_job_and_by_command(worker_for, tmp_path):
    small, small_memory = worker_for(ten_thousand("csv"))
    job, memory = worker_for(spec("csv"))
    note_memory("CSV", small_memory, memory)
    assert (small.rows_done, job.rows_done) == (10_000, FLIGHTS)
    with file_of(job).open(newline="") as file:
        rows = csv.reader(file)
        assert next(rows)[:4] == ["id", "date", "carrier", "carrier__name"]
        for row, values in zip(rows, expected_rows(), strict=True):
            assert row == [as_text(value) for value in values]
    output = tmp_path / "command.csv"
    call_command("export_report", "flights.flights", output=str(output), verbosity=0)
    assert output.read_bytes() == file_of(job).read_bytes()
    assert max(small_memory, memory) < MEMORY


def test_xlsx_by_job(worker_for):
    small, small_memory = worker_for(ten_thousand("xlsx"))
    job, memory = worker_for(spec("xlsx"))
    note_memory("XLSX", small_memory, memory)
    assert (small.rows_done, job.rows_done) == (10_000, FLIGHTS)
    rows = CalamineWorkbook.from_path(str(file_of(job))).get_sheet_by_index(0).iter_rows()
    assert next(rows)[:4] == ["id", "date", "carrier", "carrier__name"]
    for row, values in zip(rows, expected_rows(), strict=True):
        assert row == [as_cell(value) for value in values]
    assert max(small_memory, memory) < MEMORY
