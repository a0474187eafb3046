"""Connections to the database that are cut, or that it would close: jobs end right all the same."""

import contextlib
import datetime as dt
import socket
import threading
import time

import pytest
from django.db import connection

from django_reports.models import ReportJob
from tests.conftest import make_orders
from tests.entry_points.helpers import enqueue
from tests.processes.conftest import kept_files, wait_for
from tests.processes.test_kills import ROWS, assert_one_whole_file

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.django_db(transaction=True, databases=["default", "replica"]),
    pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no connections to cut"),
]

SESSIONS = {
    "postgresql": "SELECT pid FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()",
    "mysql": "SELECT id FROM information_schema.processlist "
    "WHERE db = DATABASE() AND id <> CONNECTION_ID()",
}
IN_A_TRANSACTION = {
    "postgresql": "AND (state = 'idle in transaction' OR query LIKE '%%COPY%%')",
    "mysql": "AND id IN (SELECT trx_mysql_thread_id FROM information_schema.innodb_trx)",
}
CUT = {"postgresql": "SELECT pg_terminate_backend(%s)", "mysql": "KILL %s"}


def cut(condition=""):
    """End sessions of the test's workers as an administrator does. How many there were."""
    with connection.cursor() as cursor:
        cursor.execute(f"{SESSIONS[connection.vendor]} {condition}")
        found = [number for (number,) in cursor.fetchall()]
        for number in found:
            cursor.execute(CUT[connection.vendor], [number])
    return len(found)


@pytest.fixture
def hold(alice, processes, configure, tmp_path):
    """Have a worker wait at a point of a job, which `go` lets it pass; the next attempt passes."""

    def until(point, format="csv", **changed):
        changed = {"RUNNER": "local", "JOB_LEASE": dt.timedelta(seconds=2), **changed}
        configure(**changed)
        processes.changed.update(changed)
        mark = tmp_path / "mark"
        processes.environment.update(
            {"TEST_APPS": "tests.faults", "TEST_POINT": point, "TEST_MARK": str(mark)}
        )
        make_orders(ROWS)
        job = enqueue(alice, format=format)
        processes.worker()
        wait_for(lambda: mark.exists() and mark.read_text())
        return job, mark.with_suffix(".go").touch

    return until


def end_of(job):
    wait_for(lambda: ReportJob.objects.get(pk=job.pk).finished_at)
    job.refresh_from_db()
    return job


@pytest.mark.parametrize("format", ["csv", "xlsx"])  # by COPY, by a cursor on the server
def test_the_reading_connection_is_cut(hold, folder, format):
    job, go = hold("mid-rows", format, DATABASE="replica")
    assert cut(IN_A_TRANSACTION[connection.vendor]) == 1
    go()
    end_of(job)
    assert (job.attempt, job.lost, job.cause) == (2, 1, "")
    assert_one_whole_file(job, folder)


@pytest.mark.parametrize("point", ["count", "mid-save", "flip-audit"])
def test_all_connections_are_cut(hold, folder, point):
    """While it counts, while the file is stored, and within the transaction that ends the job."""
    job, go = hold(point)
    assert cut() >= 1
    go()
    end_of(job)
    is_needed = point != "mid-save"  # a new one does, once the file is there
    assert (job.attempt, job.lost) == (2, 1) if is_needed else (1, 0)
    assert_one_whole_file(job, folder)


def test_a_connection_that_is_lost_again_and_again(hold, folder):
    job, go = hold("mid-rows", "xlsx", JOB_MAX_ATTEMPTS=1)
    assert cut(IN_A_TRANSACTION[connection.vendor]) == 1
    go()
    end_of(job)
    assert (job.status, job.cause, job.attempt) == ("failed", "connection", 1)
    assert job.error == "The connection to the database was lost. It was tried 1 time."
    assert kept_files(folder) == []


class Bridge:
    """A network between a worker and its database: it can go away, and come back."""

    def __init__(self, host, port):
        self.there, self.port = (host, port), 0
        self.connect()

    def connect(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self.listener.getsockname()[1]
        self.ends = [self.listener]
        threading.Thread(target=self.serve, args=(self.listener,), daemon=True).start()

    def serve(self, listener):
        with contextlib.suppress(OSError):  # it was cut
            while True:
                near, far = listener.accept()[0], socket.create_connection(self.there)
                self.ends += [near, far]
                for way in ((near, far), (far, near)):
                    threading.Thread(target=self.carry, args=way, daemon=True).start()

    def carry(self, source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def cut(self):
        for end in self.ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)  # whoever waits for it has to notice
            end.close()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="one database with a network will do")
def test_the_database_is_away_for_a_while(hold, processes, folder):
    """Nobody can be told of the lost attempt; it is found when the database is back."""
    known = connection.settings_dict
    bridge = Bridge(known["HOST"], int(known["PORT"] or 5432))
    processes.environment |= {
        "TEST_POSTGRESQL_HOST": "127.0.0.1", "TEST_POSTGRESQL_PORT": str(bridge.port)
    }  # fmt: skip
    job, go = hold("mid-rows", "xlsx")
    bridge.cut()
    go()
    wait_for(lambda: "event=database_away" in processes.log.read_text())
    bridge.connect()
    end_of(job)
    bridge.cut()
    assert (job.attempt, job.lost) == (2, 1)
    assert_one_whole_file(job, folder)


@pytest.fixture
def short_limits(processes):
    """Sessions that their database lets live for a second."""
    if connection.vendor == "mysql":
        processes.environment["TEST_MARIADB_INIT"] = (
            "SET SESSION max_statement_time = 1, net_write_timeout = 1, wait_timeout = 1, "
            "idle_transaction_timeout = 1, idle_readonly_transaction_timeout = 1"
        )
        yield
        return
    name = connection.settings_dict["NAME"]
    limits = ("statement_timeout", "idle_in_transaction_session_timeout")
    with connection.cursor() as cursor:
        for limit in limits:
            cursor.execute(f"ALTER ROLE CURRENT_USER IN DATABASE {name} SET {limit} = '1s'")
        yield
        cursor.execute(f"ALTER ROLE CURRENT_USER IN DATABASE {name} RESET ALL")


@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_a_slow_reader_keeps_its_session(hold, short_limits, folder, format):
    job, go = hold("mid-rows", format)
    time.sleep(2)
    go()
    end_of(job)
    assert (job.attempt, job.lost) == (1, 0)
    assert_one_whole_file(job, folder)


LIMITED = {
    "postgresql": [
        "CREATE ROLE reports_limited LOGIN CONNECTION LIMIT 1",
        "GRANT ALL ON ALL TABLES IN SCHEMA public TO reports_limited",
        "GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO reports_limited",
    ],
    "mysql": [
        "CREATE USER reports_limited@'%' WITH MAX_USER_CONNECTIONS 1",
        "GRANT ALL ON *.* TO reports_limited@'%'",
    ],
}
UNLIMITED = {
    "postgresql": ["DROP OWNED BY reports_limited", "DROP ROLE reports_limited"],
    "mysql": ["DROP USER reports_limited@'%'"],
}


@pytest.fixture
def limited():
    """The name of a person whom the database allows one connection."""
    with connection.cursor() as cursor:
        for statement in LIMITED[connection.vendor]:
            cursor.execute(statement)
    yield "reports_limited"
    with connection.cursor() as cursor:
        for statement in UNLIMITED[connection.vendor]:
            cursor.execute(statement)


def test_a_worker_that_gets_one_connection_says_so(alice, processes, configure, limited):
    changed = {"RUNNER": "local", "JOB_LEASE": dt.timedelta(seconds=2)}
    configure(**changed)
    processes.changed.update(changed)
    processes.environment.update(TEST_POSTGRESQL_USER=limited, TEST_MARIADB_USER=limited)
    make_orders(3)
    job = enqueue(alice)
    worker = processes.worker()
    end_of(job)
    processes.kill(worker)
    assert (job.status, job.cause) == ("failed", "error")
    assert job.error.startswith("A worker needs two connections to the database for a job")
