"""The session that reads: one state of the database, for as long as its export has time.

The limits of a role or a server are made for requests. A whole COPY is one statement, and between
two fetches a session is idle in its transaction, however well it goes on.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import Error, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
SPARE = 10  # seconds; what has no more time is ended by its process first
MOST = 24 * 24 * 60 * 60  # seconds: more milliseconds than that, PostgreSQL does not count
_POSTGRESQL = ("statement_timeout", "idle_in_transaction_session_timeout")  # in milliseconds
_POSTGRESQL_17 = (*_POSTGRESQL, "transaction_timeout")
_MARIADB = (
    "max_statement_time",
    "net_write_timeout",
    "wait_timeout",
    "idle_transaction_timeout",
    "idle_readonly_transaction_timeout",
)
_MYSQL = ("net_write_timeout", "wait_timeout")


@contextmanager
def reading(connection: BaseDatabaseWrapper, seconds: float | None) -> Iterator[None]:
    """A read-only transaction in which all queries see one state.

    The database lets it go on for so many seconds; None leaves its limits as they are.
    """
    limit = None if seconds is None else int(min(max(seconds, 0), MOST - SPARE)) + SPARE
    if connection.vendor == "postgresql":
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            cursor.execute("; ".join([SNAPSHOT, *_local_limits(connection, limit)]))
            yield
    elif connection.vendor == "mysql":
        with _limited(connection, limit), transaction.atomic(using=connection.alias):
            with connection.cursor() as cursor:
                cursor.execute(SNAPSHOT)
            yield
    else:
        with transaction.atomic(using=connection.alias):
            yield


def _local_limits(connection: BaseDatabaseWrapper, limit: int | None) -> list[str]:
    """For the transaction only: a pooler may give the session to somebody else after it."""
    if limit is None:
        return []
    version = connection.pg_version  # type: ignore[attr-defined]
    names = _POSTGRESQL_17 if version >= 170000 else _POSTGRESQL
    return [f"SET LOCAL {name} = {limit * 1000}" for name in names]


@contextmanager
def _limited(connection: BaseDatabaseWrapper, limit: int | None) -> Iterator[None]:
    """MySQL and MariaDB know limits of a session only: afterwards they are as they were."""
    if limit is None:
        yield
        return
    names = _MARIADB if connection.mysql_is_mariadb else _MYSQL  # type: ignore[attr-defined]
    kept = {name: f"@django_reports_{name}" for name in names}
    before = [f"{mine} = @@SESSION.{name}" for name, mine in kept.items()]
    _set(connection, [*before, *(f"SESSION {name} = {limit}" for name in names)])
    try:
        yield
    finally:
        try:
            _set(connection, [f"SESSION {name} = {mine}" for name, mine in kept.items()])
        except Error:  # it is another session, or none
            connection.close()


def _set(connection: BaseDatabaseWrapper, assignments: list[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET {', '.join(assignments)}")
