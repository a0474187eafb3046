"""Connections and their cursors over many rows: on the server, unbuffered, or drained."""

import pickle
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import chain, islice
from time import monotonic
from typing import Any, Generic, TypeVar
from weakref import finalize

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from django_reports.core.pace import Pace
from django_reports.core.tempdirs import discard

T = TypeVar("T")
RAW_FETCH = 500  # rows read without one: what is at work at a time stays in the processor's cache
SPOOL_CHUNK = 2000  # rows written to disk at once
SPOOL_MEMORY = 1024 * 1024  # bytes of drained rows kept in memory before they go to disk


class Spool(Generic[T]):
    """Rows drained from the database at its speed, to be read as slowly as one likes.

    Memory stays flat: beyond SPOOL_MEMORY the rows lie in a temporary file of this process.
    """

    def __init__(self, rows: Iterable[T]) -> None:
        self.count = 0
        self._file = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - closed by close()
            max_size=SPOOL_MEMORY, prefix="django-reports-"
        )
        finalize(self, discard, self._file)
        try:
            iterator = iter(rows)
            while chunk := list(islice(iterator, SPOOL_CHUNK)):
                self.count += len(chunk)
                pickle.dump(chunk, self._file, protocol=pickle.HIGHEST_PROTOCOL)
        except BaseException:
            discard(self._file)
            close = getattr(rows, "close", None)
            if close is not None:  # else whoever handles the error would find a cursor open
                close()
            raise
        self._file.seek(0)

    def __iter__(self) -> Iterator[T]:
        left = self.count
        while left:
            chunk = pickle.load(self._file)  # noqa: S301 - written by this process, seen by no other
            left -= len(chunk)
            yield from chunk

    def close(self) -> None:
        discard(self._file)

    def __enter__(self) -> "Spool[T]":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


@contextmanager
def cursors_on_the_server(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Have PostgreSQL keep the rows that are not read yet, whatever the settings say.

    They turn server-side cursors off for poolers that give each transaction any connection; a
    cursor that lives inside one transaction does them no harm, and without it all rows would lie
    in memory.
    """
    known = connection.settings_dict
    # Not changed but replaced: it is shared with the connections of other threads.
    connection.settings_dict = {**known, "DISABLE_SERVER_SIDE_CURSORS": False}
    try:
        yield
    finally:
        connection.settings_dict = known


@contextmanager
def one_state(connection: Any) -> Iterator[None]:
    """Have several SELECTs see one state on SQLite, without locking writers out."""
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        yield
        return
    mode = connection.transaction_mode
    connection.transaction_mode = None
    try:
        with transaction.atomic(using=connection.alias):
            yield
    finally:
        connection.transaction_mode = mode


class DrainedCursor:
    """A cursor whose rows are drained as it executes, and are then read from a Spool."""

    def __init__(self, cursor: Any, no_rows: Any) -> None:
        self._cursor = cursor
        self._no_rows = no_rows
        self._spool: Spool[Any] | None = None
        self._rows: Iterator[Any] = iter(())

    def execute(self, sql: str, parameters: Any = None) -> None:
        self._cursor.execute(sql, parameters)
        chunks = iter(lambda: self._cursor.fetchmany(RAW_FETCH), self._no_rows)
        self._spool = Spool(chain.from_iterable(chunks))
        self._rows = iter(self._spool)
        self._cursor.close()

    def fetchmany(self, size: int) -> Any:
        return list(islice(self._rows, size)) or self._no_rows

    def close(self) -> None:
        self._cursor.close()
        if self._spool is not None:
            self._spool.close()


class PacedCursor:
    """A cursor on the server from which so many rows are fetched at once as are soon used up.

    Between two fetches a session waits in its transaction, and what is between it and the database
    may not let it wait for long.
    """

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor
        self._pace: Pace | None = None
        self._fetched, self._at = 0, 0.0

    def execute(self, sql: str, parameters: Any = None) -> None:
        self._cursor.execute(sql, parameters)

    def fetchmany(self, size: int) -> Any:
        if self._pace is None:
            self._pace = Pace(size)
        else:
            self._pace.learn(self._fetched, monotonic() - self._at)
        rows = self._cursor.fetchmany(min(size, self._pace.rows))
        self._fetched, self._at = len(rows), monotonic()
        return rows

    def close(self) -> None:
        """Once: a closed one of psycopg still waits for its connection, which may be at work."""
        cursor, self._cursor = self._cursor, None
        if cursor is not None:
            cursor.close()


@contextmanager
def chunked_cursors(connection: BaseDatabaseWrapper, *, is_drained: bool) -> Iterator[None]:
    """Have the rows of large queries read as suits the database.

    MySQL and MariaDB are to send them as they are read: their usual cursor keeps them all. Where an
    open cursor is in somebody's way, it is drained first. None stays open behind this: an error
    keeps what it went through, and a cursor that is closed along with it, whenever that is, breaks
    another transaction or waits for ever for its own connection.
    """
    is_mysql, is_paced = connection.vendor == "mysql", connection.vendor == "postgresql"
    if not (is_mysql or is_paced or is_drained):
        yield
        return
    no_rows = connection.features.empty_fetchmany_value
    on_the_server = connection.chunked_cursor

    def opened() -> Any:
        if is_paced:
            return PacedCursor(on_the_server())
        cursor = _unbuffered_cursor(connection) if is_mysql else connection.cursor()
        return DrainedCursor(cursor, no_rows) if is_drained else cursor

    with ExitStack() as stack:

        def chunked_cursor() -> Any:
            return stack.enter_context(closing(opened()))

        connection.chunked_cursor = chunked_cursor  # type: ignore[method-assign]
        stack.callback(delattr, connection, "chunked_cursor")
        yield


def _unbuffered_cursor(connection: BaseDatabaseWrapper) -> Any:
    from MySQLdb.cursors import SSCursor  # noqa: PLC0415 - there with this backend only

    connection.ensure_connection()
    wrap = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    return wrap(connection.connection.cursor(SSCursor))


NUMBER = "_django_reports_number"


def _note_number(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """Keep by which number MySQL and MariaDB know a connection: busy, it cannot be asked."""
    if connection.vendor == "mysql":
        raw: Any = connection.connection
        setattr(connection, NUMBER, raw.thread_id())


connection_created.connect(_note_number, dispatch_uid="django_reports.engine.cursors.number")


def interrupt(connection: BaseDatabaseWrapper) -> None:
    """Cancel the query that another thread has running on this connection, if there is one."""
    raw: Any = connection.connection
    if raw is None:
        return
    if connection.vendor == "postgresql":
        getattr(raw, "cancel_safe", raw.cancel)()  # of psycopg 3 from 3.2 on
    elif connection.vendor == "mysql":
        number = getattr(connection, NUMBER, None)
        if number is not None:
            with connections[connection.alias].cursor() as cursor:  # this thread's own
                cursor.execute("KILL QUERY %s", [number])
    elif connection.vendor == "sqlite":
        raw.interrupt()


def release_connections() -> None:
    """Give this thread's database connections back; the next query gets one again.

    A connection inside a transaction (a test's, a caller's) stays.
    """
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()


def drop_dead_connections() -> None:
    """Close those of this thread's connections that were cut while nobody needed them."""
    for connection in connections.all(initialized_only=True):
        is_idle = connection.connection is not None and not connection.in_atomic_block
        if is_idle and not connection.is_usable():
            connection.close()


def reading_locks_others(connection: BaseDatabaseWrapper, *, runs_code: bool) -> bool:
    """Whether an open cursor is in somebody's way, so that its rows are drained first.

    SQLite without a write-ahead log lets nobody write meanwhile. MySQL and MariaDB take no other
    query on the connection, such as a column's `value=` may make.
    """
    if connection.vendor == "mysql":
        return runs_code
    if connection.vendor != "sqlite":
        return False
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        return cursor.fetchone()[0] not in ("wal", "memory")
