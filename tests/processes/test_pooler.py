"""Behind pgbouncer with transaction pooling, where a connection is another one each time."""

import socket
import subprocess
import time

import pytest
from django.db import connection

from django_reports.audit.log import Origin
from django_reports.jobs import lifecycle
from django_reports.models import ReportJob
from tests import figures
from tests.conftest import make_orders
from tests.entry_points.helpers import enqueue
from tests.processes.conftest import free_port, wait_for
from tests.services import find_pgbouncer

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="pgbouncer is PostgreSQL's"),
]


@pytest.fixture(params=[False, True], ids=["cursors", "no-cursors"])
def behind_pooler(request, processes, tmp_path_factory, configure):
    """Workers reach the database through a pool of two connections."""
    program = find_pgbouncer()
    if program is None:
        pytest.skip("no pgbouncer: the pooler is left out")
    folder = tmp_path_factory.mktemp("pooler")
    folder.chmod(0o755)
    folder.parent.chmod(0o755)
    folder.parent.parent.chmod(0o755)
    port = free_port()
    facts = connection.settings_dict
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n* = host={facts['HOST']} port={facts['PORT'] or 5432} "
        f"user={facts['USER']} password={facts['PASSWORD'] or 'x'}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = any\n"
        "pool_mode = transaction\ndefault_pool_size = 3\nunix_socket_dir =\n"
    )
    command = [program, "-u", "postgres", str(folder / "pgbouncer.ini")]
    pooler = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    processes.environment |= {"TEST_POSTGRESQL_PORT": str(port)}
    if request.param:  # as Django's documentation says for such poolers
        processes.environment["TEST_NO_CURSORS"] = "1"
    processes.changed["RUNNER"] = "local"
    configure(RUNNER="local")
    wait_for(lambda: pooler.poll() is not None or is_up(port))
    assert pooler.poll() is None
    yield
    processes.end()
    processes.started.clear()
    pooler.terminate()
    pooler.wait()


def is_up(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_job_is_made(behind_pooler, alice, processes):
    make_orders(5000)
    job = enqueue(alice)
    processes.worker()
    wait_for(lambda: ReportJob.objects.get(pk=job.pk).finished_at)
    job.refresh_from_db()
    assert (job.status, job.error, job.rows_done) == ("succeeded", "", 5000)


def test_a_query_is_canceled(behind_pooler, alice, processes):
    make_orders(3)
    job = enqueue(alice, "shop.long_query")
    processes.worker()
    wait_for(lambda: ReportJob.objects.get(pk=job.pk).status == "running")
    time.sleep(1)
    lifecycle.cancel(job, Origin(user=alice))
    asked = time.monotonic()
    wait_for(lambda: ReportJob.objects.get(pk=job.pk).finished_at)
    figures.note("seconds from a cancel to the end", "behind a pooler", time.monotonic() - asked)
    assert ReportJob.objects.get(pk=job.pk).status == "canceled"
