"""System checks of the databases that exports read."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import DatabaseError, connections

from django_reports.jobs.lifecycle import database
from django_reports.models import HangingProcess


@register(Tags.database)
def check_databases(databases: Iterable[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Asked for by `check --database` and by `migrate`."""
    found: list[CheckMessage] = []
    for alias in databases or ():
        connection = connections[alias]
        if connection.vendor == "sqlite":
            found += _check_journal(alias, connection)
        elif connection.vendor == "mysql" and settings.USE_TZ:
            found += _check_zones(alias, connection)
    return found


@register(Tags.database)
def check_hanging(databases: Iterable[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """What holds up a process of the site at this moment."""
    if database() not in (databases or ()):
        return []
    try:
        hanging = list(HangingProcess.objects.alive())
    except DatabaseError:  # no tables yet
        return []
    return [
        Warning(
            f"A process of the site ({record}) hangs in the report {record.report!r} since "
            f"{record.since:%Y-%m-%d %H:%M:%S %Z} and makes no other export.",
            hint="Start that process anew, and give the report's code an end, such as a timeout of "
            "what it waits for. reports_worker, with LOCAL_THREAD set to False, replaces a process "
            "that hangs.",
            id="django_reports.W007",
        )
        for record in hanging
    ]


def _check_journal(alias: str, connection: Any) -> Iterator[CheckMessage]:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        mode = cursor.fetchone()[0]
    if mode not in ("wal", "memory"):
        yield Warning(
            f"The SQLite database {alias!r} has no write-ahead log (journal_mode={mode}): "
            "an export's rows are copied to a temporary file first, lest nobody can write "
            "while it runs.",
            hint='Set OPTIONS["init_command"] = "PRAGMA journal_mode=WAL;" in DATABASES.',
            id="django_reports.W003",
        )


def _check_zones(alias: str, connection: Any) -> Iterator[CheckMessage]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT CONVERT_TZ('2000-01-01 00:00:00', 'UTC', 'Europe/Berlin')")
        (moment,) = cursor.fetchone()
    if moment is None:
        yield Warning(
            f"The database {alias!r} has no time zone tables: filters by a day, a month or a year "
            "of a moment match no rows, and such columns are empty, without an error.",
            hint="Load them, on the server: "
            "mysql_tzinfo_to_sql /usr/share/zoneinfo | mysql -u root mysql "
            "(mariadb-tzinfo-to-sql and mariadb, for MariaDB).",
            id="django_reports.W054",
        )
