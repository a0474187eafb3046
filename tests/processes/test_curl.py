"""The session of docs/http.md, run as it stands there."""

import os
import re
import shutil
import subprocess

import pytest

from django_reports.models import ReportJob
from tests.conftest import VIEW, make_orders
from tests.processes.conftest import ROOT, wait_for
from tests.services import find_curl

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        find_curl() is None or shutil.which("bash") is None, reason="no curl, or no bash"
    ),
]


def session():
    """The commands below the heading, all of them and nothing else."""
    section = (ROOT / "docs" / "http.md").read_text().split("\n## With curl\n")[1].split("\n## ")[0]
    return "\n".join(re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL))


@pytest.fixture
def start(processes, make_person, tmp_path):
    """Start the session as somebody, against a server of which every request is logged."""
    make_person("mia", *VIEW, report="shop.orders")
    make_orders(20)
    processes.changed["RUNNER"] = "local"
    processes.environment["GUNICORN_CMD_ARGS"] = "--access-logfile -"
    base = processes.server()
    folder = tmp_path / "session"
    folder.mkdir()

    def run(**environment):
        known = {"BASE": base, "NAME": "mia", "PASSWORD": "secret"}
        return subprocess.Popen(
            ["bash", "-eu", "-o", "pipefail", "-c", session()],
            cwd=folder,
            env={**os.environ, **known, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    run.folder = folder
    return run


def test_the_session_ends_with_the_file(start, processes):
    running = start()
    job = wait_for(lambda: ReportJob.objects.first() if running.poll() is None else "ended")
    assert job != "ended", running.communicate()[0]
    wait_for(lambda: processes.log.read_text().count(f"GET /reports/jobs/{job.pk}/ ") > 2)
    processes.worker()
    output, _ = running.communicate()
    assert (running.returncode, output) == (0, "")
    assert (start.folder / "orders.csv").read_text().splitlines() == [
        "number,total",
        *(f"A{n:05},{n}.50" for n in range(1, 21, 2)),
    ]
    # Nothing was sent twice, and the file came from where it was led to.
    job.refresh_from_db()
    asked = re.findall(
        rf'"GET /reports/jobs/{job.pk}/(\S*) [^"]*" (\d+)', processes.log.read_text()
    )
    assert asked[:3] == [("", "200"), ("", "304"), ("", "304")]
    assert asked[-2:] == [("", "303"), ("download/", "200")]
    assert (job.status, job.spec["columns"]) == ("succeeded", ["number", "total"])


def test_the_session_says_why_there_is_no_file(start):
    running = start()
    job = wait_for(ReportJob.objects.first)
    ReportJob.objects.update(status="failed", error="It broke.", enqueued_at=None)
    output, _ = running.communicate()
    assert running.returncode == 1
    assert '"error": "It broke."' in output
    assert not (start.folder / "orders.csv").exists()
    assert str(job.pk) in output


def test_the_session_stops_where_one_is_not_let_in(start):
    running = start(PASSWORD="wrong")
    output, _ = running.communicate()
    assert running.returncode != 0
    assert "401" in output
    assert not ReportJob.objects.exists()
    assert {path.name for path in start.folder.iterdir()} <= {"cookies", "job.json"}
