"""System checks of the databases that exports read."""

from collections.abc import Iterable
from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import connections


@register(Tags.database)
def check_databases(databases: Iterable[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Asked for by `check --database` and by `migrate`."""
    found: list[CheckMessage] = []
    for alias in databases or ():
        connection = connections[alias]
        if connection.vendor != "sqlite":
            continue
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA journal_mode")
            mode = cursor.fetchone()[0]
        if mode not in ("wal", "memory"):
            found.append(
                Warning(
                    f"The SQLite database {alias!r} has no write-ahead log (journal_mode={mode}): "
                    "an export's rows are copied to a temporary file first, lest nobody can write "
                    "while it runs.",
                    hint='Set OPTIONS["init_command"] = "PRAGMA journal_mode=WAL;" in DATABASES.',
                    id="django_reports.W003",
                )
            )
    return found
