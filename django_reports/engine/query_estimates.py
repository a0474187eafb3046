"""What a database tells without reading rows, and how long it may look for them."""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import OperationalError, connections, transaction
from django.db.models import QuerySet

PATIENCE = 1.0  # seconds that the export page looks for rows


class TookTooLong(Exception):
    """A query was broken off."""


def planned_rows(queryset: "QuerySet[Any]") -> int | None:
    """How many rows the planner of PostgreSQL, MariaDB or MySQL expects; None elsewhere."""
    connection = connections[queryset.db]
    try:
        sql, parameters = queryset.query.get_compiler(using=queryset.db).as_sql()
    except EmptyResultSet:
        return 0
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", parameters)
            (plan,) = cursor.fetchone()
            parsed = json.loads(plan) if isinstance(plan, str) else plan
            return int(parsed[0]["Plan"]["Plan Rows"])
        if connection.vendor == "mysql":
            # MariaDB tells only then what share of the rows passes the conditions.
            is_mariadb = getattr(connection, "mysql_is_mariadb", False)
            explain = "EXPLAIN EXTENDED" if is_mariadb else "EXPLAIN"
            cursor.execute(f"{explain} {sql}", parameters)
            names = [column[0] for column in cursor.description]
            steps = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
            # What stands first is joined step by step: for each row of one, so many of the next.
            shares = [
                float(step["rows"] or 0) * float(step["filtered"] or 100) / 100
                for step in steps
                if step["id"] == 1
            ]
            return round(math.prod(shares)) if shares else None
    return None


@contextmanager
def statement_timeout(alias: str, seconds: float) -> Iterator[None]:
    """Break off a query of PostgreSQL or MariaDB that takes longer, by raising TookTooLong."""
    connection = connections[alias]
    codes: tuple[Any, ...]
    if connection.vendor == "postgresql":
        # A savepoint that is rolled back takes the setting with it, and ends the broken query.
        name, value = "statement_timeout", f"{seconds * 1000:.0f}"
        setting, codes = f"SELECT set_config('{name}', '{value}', true)", ("57014",)
    elif getattr(connection, "mysql_is_mariadb", False):
        setting, codes = f"SET max_statement_time = {seconds}", (1969,)
    else:
        yield
        return
    with connection.cursor() as cursor:
        if connection.vendor == "mysql":
            cursor.execute("SELECT @@max_statement_time")
            (before,) = cursor.fetchone()
        try:
            with transaction.atomic(using=alias):
                cursor.execute(setting)
                yield
                transaction.set_rollback(True, using=alias)
        except OperationalError as error:
            cause: Any = error.__cause__
            if getattr(cause, "sqlstate", None) in codes or cause.args[:1] == codes:
                raise TookTooLong from error
            raise
        finally:
            if connection.vendor == "mysql":
                cursor.execute(f"SET max_statement_time = {before}")
