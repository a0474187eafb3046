"""The one clock of leases, ends and ages: the database's, which all processes share.

That of a process may be wrong by more than a lease: what is alive would look dead to others. So
such moments are written and compared by the statement that writes or asks.
"""

import datetime as dt
from typing import Any

from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import DateTimeField, Func, Model
from django.utils import timezone


class DatabaseNow(Func):
    """The moment at which the database takes the statement, or some time after (or before) it.

    The same wherever it stands in one statement, and an index can be searched for it.
    """

    output_field: Any = DateTimeField()

    def __init__(self, after: dt.timedelta = dt.timedelta(0)) -> None:
        super().__init__()
        self.after = after

    def as_sql(  # type: ignore[override]
        self, compiler: Any, connection: Any, **context: Any
    ) -> tuple[str, Any]:
        """Where the database is part of the process, as SQLite is, both have one clock."""
        now = vars(compiler).setdefault("_django_reports_now", timezone.now())
        return "%s", [connection.ops.adapt_datetimefield_value(now + self.after)]

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, Any]:
        return "(STATEMENT_TIMESTAMP() + %s)", [self.after]

    def as_mysql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, Any]:
        microseconds = (_offset_of(connection) + self.after) // dt.timedelta(microseconds=1)
        return "(UTC_TIMESTAMP(6) + INTERVAL %s MICROSECOND)", [microseconds]


def _offset_of(connection: BaseDatabaseWrapper) -> dt.timedelta:
    """By how much the times that Django keeps in MySQL and MariaDB are ahead of UTC."""
    zone = connection.timezone or timezone.get_default_timezone()
    return dt.datetime.now(zone).utcoffset() or dt.timedelta(0)


def defer_expressions(saved: Model) -> None:
    """Have what the database computed be read when it is asked for, as Django does from 6.0 on."""
    for name, value in [*vars(saved).items()]:
        if isinstance(value, DatabaseNow):
            delattr(saved, name)


_UTC = {
    "postgresql": "SELECT STATEMENT_TIMESTAMP() AT TIME ZONE 'UTC'",
    "mysql": "SELECT UTC_TIMESTAMP(6)",
}


def database_now(alias: str) -> dt.datetime:
    """What the clock of a database says, as `timezone.now()` would: one query."""
    connection = connections[alias]
    if connection.vendor not in _UTC:
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(_UTC[connection.vendor])
        now = cursor.fetchone()[0].replace(tzinfo=dt.UTC)
    return now if settings.USE_TZ else timezone.make_naive(now)
