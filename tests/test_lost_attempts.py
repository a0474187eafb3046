"""What ends an attempt but need not end the next one, and what would only happen again."""

import datetime as dt
import threading

import pytest
from django.db import OperationalError, connection, connections, transaction

from django_reports import Report
from django_reports.core.clock import database_now
from django_reports.core.database_errors import is_conflict, is_lost_connection, is_timeout
from tests.conftest import elsewhere, make_orders
from tests.entry_points.helpers import actions, deliver, files_in, make, put, run, sweep
from tests.shop.models import Order

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def report_of(declare):
    """Declare a report that does something before its only row."""

    def report_of(act):
        @declare
        class Acting(Report):
            identifier = "shop.acting"
            permission = "shop.view_order"
            columns = ["n"]

            def rows(self, context):
                act()
                yield {"n": 1}

        return Acting.identifier

    return report_of


@pytest.fixture(autouse=True)
def queue(configure):
    """Jobs wait until the test runs them."""
    configure(RUNNER="local")


def is_over(job):
    return job.lease_until < database_now("default")


def fail_to_serialize():
    """Change what somebody else has changed since it was read."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        order = Order.objects.order_by("pk").first()
        elsewhere(lambda: Order.objects.filter(pk=order.pk).update(note="theirs"))
        Order.objects.filter(pk=order.pk).update(note="ours")


def run_into_deadlock():
    """Two wait for each other; MariaDB ends the one that has changed less."""
    first, *others = Order.objects.order_by("pk").values_list("pk", flat=True)
    is_held = threading.Event()

    def hold_the_others():
        try:
            with transaction.atomic():
                for key in others:
                    Order.objects.filter(pk=key).update(note="theirs")
                is_held.set()
                Order.objects.filter(pk=first).update(note="theirs")
        finally:
            connections.close_all()

    other = threading.Thread(target=hold_the_others)
    try:
        with transaction.atomic():
            Order.objects.select_for_update().get(pk=first)
            other.start()
            is_held.wait()
            Order.objects.filter(pk=others[0]).update(note="ours")
    finally:
        other.join()


CONFLICTS = {"postgresql": fail_to_serialize, "mysql": run_into_deadlock}


@pytest.mark.skipif(connection.vendor not in CONFLICTS, reason="SQLite lets writers wait")
def test_a_conflict_is_a_lost_attempt_that_is_made_again_at_once(alice, report_of):
    make_orders(5)
    conflicts = [CONFLICTS[connection.vendor]]
    job = make(alice, report_of(lambda: conflicts and conflicts.pop()()))
    assert (job.status, job.cause, job.attempt) == ("running", "conflict", 1)
    assert is_over(job)
    assert sweep().rerun == 1
    assert (run(job).status, job.lost, job.cause) == ("succeeded", 1, "")


@pytest.mark.skipif(connection.vendor not in CONFLICTS, reason="SQLite lets writers wait")
def test_a_conflict_that_comes_again_and_again(alice, report_of, configure):
    make_orders(5)
    configure(JOB_MAX_ATTEMPTS=1)
    job = make(alice, report_of(CONFLICTS[connection.vendor]), language="de")
    assert sweep().failed == 1
    job.refresh_from_db()
    assert (job.status, job.cause) == ("failed", "conflict")
    assert job.error.endswith("Versuche: 1.")


SLEEP_TOO_LONG = {
    "postgresql": "SET LOCAL statement_timeout = 50; SELECT pg_sleep(3600)",
    "mysql": "SET STATEMENT max_statement_time = 0.05 FOR SELECT SLEEP(3600)",
}


def sleep_too_long():
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(SLEEP_TOO_LONG[connection.vendor])


@pytest.mark.skipif(connection.vendor not in SLEEP_TOO_LONG, reason="SQLite has no such limit")
def test_a_statement_that_takes_too_long_would_do_so_again(alice, report_of):
    job = make(alice, report_of(sleep_too_long))
    assert (job.status, job.cause, job.lost) == ("failed", "timeout", 0)
    assert job.error == "The database ended a query that took longer than it allows."


def own_session():
    ask = {"postgresql": "SELECT pg_backend_pid()", "mysql": "SELECT CONNECTION_ID()"}
    with connection.cursor() as cursor:
        cursor.execute(ask[connection.vendor])
        return cursor.fetchone()[0]


def cut(session):
    end = {"postgresql": "SELECT pg_terminate_backend(%s)", "mysql": "KILL %s"}
    with connection.cursor() as cursor:
        cursor.execute(end[connection.vendor], [session])


def be_cut_off():
    with transaction.atomic():
        session = own_session()
        elsewhere(lambda: cut(session))
        Order.objects.count()


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no connections to cut")
def test_a_lost_connection_has_the_time_of_a_lease_to_come_back(alice, report_of, folder):
    job = make(alice, report_of(be_cut_off))
    assert (job.status, job.cause) == ("running", "connection")
    left = job.lease_until - database_now("default")
    assert dt.timedelta(seconds=20) < left <= dt.timedelta(seconds=30)
    assert sweep().rerun == 0
    put(job, lost=2, lease_until=database_now("default") - dt.timedelta(seconds=1))
    assert sweep().failed == 1
    job.refresh_from_db()
    assert (job.status, job.cause) == ("failed", "connection")
    assert job.error == "The connection to the database was lost. It was tried 3 times."
    assert actions(job) == ["requested", "started", "failed"]
    assert files_in(folder) == []


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no connections to cut")
def test_a_connection_that_was_cut_unused_is_replaced(alice, report_of):
    """As that to the jobs is while a replica is read for long."""
    session = []

    def rest():
        session.append(own_session())
        elsewhere(lambda: cut(session[0]))

    job = make(alice, report_of(rest))
    assert (job.status, job.lost) == ("succeeded", 0)
    assert own_session() != session[0]


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no connections to cut")
def test_an_export_that_is_sent_says_so(alice, report_of):
    with pytest.raises(Exception, match="The connection to the database was lost"):
        b"".join(deliver(alice, report_of(be_cut_off)))


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no sessions")
def test_the_limits_of_a_session_are_those_of_the_export_and_then_as_before(alice):
    from django_reports.engine.rows import QuerySetSource

    asked = {
        "postgresql": "SELECT current_setting('statement_timeout'), "
        "current_setting('idle_in_transaction_session_timeout')",
        "mysql": "SELECT @@max_statement_time, @@net_write_timeout, @@wait_timeout",
    }

    def limits():
        with connection.cursor() as cursor:
            cursor.execute(asked[connection.vendor])
            return {str(value).removesuffix("s").split(".")[0] for value in cursor.fetchone()}

    before = limits()
    source = QuerySetSource(Order.objects.all(), [])
    with source.snapshot(77):
        assert limits() == {"87"}
    with source.snapshot():
        assert limits() == before
    assert limits() == before


# Which error is what


class DriverError(Exception):
    def __init__(self, *args, sqlstate=None):
        super().__init__(*args)
        self.sqlstate = sqlstate


def of(module, *args, sqlstate=None, name="OperationalError"):
    """An error as Django raises it for one of a driver."""
    kind = type(name, (DriverError,), {"__module__": module})
    try:
        raise OperationalError from kind(*args, sqlstate=sqlstate)
    except OperationalError as error:
        return error


PSYCOPG, MYSQL = "psycopg.errors", "MySQLdb"
JUDGES = {"lost": is_lost_connection, "conflict": is_conflict, "timeout": is_timeout}


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        *((of(PSYCOPG, sqlstate=state), "lost")
          for state in ("08006", "08003", "25P03", "53300", "57P01", "57P02", "57P03", "57P05")),
        (of(PSYCOPG, "server closed the connection unexpectedly"), "lost"),
        (of("psycopg", "the connection is closed", name="InterfaceError"), "lost"),
        (of("psycopg_pool.errors", "couldn't get a connection"), "lost"),
        *((of(MYSQL, code, "words"), "lost") for code in (1053, 1927, 2002, 2006, 2013, 2055)),
        (of(MYSQL, 0, "", name="InterfaceError"), "lost"),
        *((of(PSYCOPG, sqlstate=state), "conflict") for state in ("40001", "40P01")),
        *((of(MYSQL, code, "words"), "conflict") for code in (1205, 1213)),
        *((of(PSYCOPG, sqlstate=state), "timeout") for state in ("57014",)),
        *((of(MYSQL, code, "words"), "timeout") for code in (1317, 1969, 3024)),
        *((of(PSYCOPG, sqlstate=state), None) for state in ("42P01", "22012", "57P04", "53100")),
        (of(MYSQL, 1054, "words"), None),
        (of("psycopg.errors", "no state", name="ProgrammingError"), None),
        (of("shop.errors", 2006, "of somebody else"), None),
        (ValueError(2006), None),
        (OperationalError(2006), None),
    ],
)  # fmt: skip
def test_what_an_error_is(error, expected):
    assert [name for name, judge in JUDGES.items() if judge(error)] == [expected] * bool(expected)


def test_what_comes_of_a_lost_connection_is_one():
    lost = of(PSYCOPG, sqlstate="57P01")
    while_cleaning_up, known_to_be_another = ValueError(), ValueError()
    while_cleaning_up.__context__ = known_to_be_another.__context__ = lost
    known_to_be_another.__suppress_context__ = True
    assert is_lost_connection(while_cleaning_up)
    assert not is_lost_connection(known_to_be_another)
