"""A thread of the site in which a job hangs: nothing ends it, and everybody can see it."""

import datetime as dt

import pytest
from django.core import checks

from django_reports.models import HangingProcess
from tests.entry_points.helpers import browse, enqueue, text_of
from tests.processes.conftest import Browser, session_of, wait_for

pytestmark = pytest.mark.thorough

DASHBOARD = "/reports/dashboard/"


def warnings():
    messages = checks.run_checks(tags=[checks.Tags.database], databases=["default"])
    return [message.msg for message in messages if message.id == "django_reports.W007"]


def test_it_is_shown_until_it_ends_after_all(alice, root, processes, configure, tmp_path):
    configure(RUNNER="local")
    timeout = dt.timedelta(seconds=3)
    processes.changed.update({"RUNNER": "local", "LOCAL_THREAD": True, "JOB_TIMEOUT": timeout})
    processes.environment.update({"TEST_APPS": "tests.faults", "TEST_FAULTS": "impatient"})
    gate = tmp_path / "gate"
    job = enqueue(alice, "shop.numbers", parameters={"gate": [str(gate)], "rows": ["3"]})
    following = enqueue(alice)
    alice_at_work = Browser(processes.server()).log_in("alice")
    page = f"/reports/jobs/{following.pk}/status/"
    alice_at_work.open(page)  # which has the thread begin
    hanging = wait_for(HangingProcess.objects.alive().first)
    (server,) = processes.started
    (worker,) = (pid for pid in session_of(server.pid) if pid != server.pid)
    assert hanging.process.endswith(f", process {worker}")
    (warning,) = warnings()
    assert hanging.process in warning
    assert "'shop.numbers'" in warning
    shown = text_of(browse(root).get(DASHBOARD))
    assert f"({hanging.process}) has been stuck in “Numbers” since" in shown
    assert "event=process_hangs" in processes.log.read_text()
    job.refresh_from_db()
    assert (job.status, job.cause) == ("failed", "timeout")
    first_sign = hanging.seen_at
    wait_for(lambda: alice_at_work.open(page) and seen_at() > first_sign)
    following.refresh_from_db()
    assert (following.status, following.attempt) == ("queued", 0)

    gate.touch()
    wait_for(lambda: following.refresh_from_db() or following.status == "succeeded")
    assert list(HangingProcess.objects.all()) == []
    assert warnings() == []
    assert "has been stuck" not in text_of(browse(root).get(DASHBOARD))


def seen_at():
    return HangingProcess.objects.get().seen_at
