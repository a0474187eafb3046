"""PostgreSQL's own COPY of the same columns and rows in the same order, into a file: the limit.

Values, not labels; UTC, or what the server's session has; no guard, no snapshot, no record. The
bytes are taken from the driver and written as they come: nothing in Python looks at them. No way
through this driver can be faster, so what we reach is told as a part of it.
"""

from django.db import connection, transaction

from benchmarks.models import Order
from benchmarks.reports import COLUMNS


def make(path, report, format, rows):  # noqa: A002 - as in the other ways
    queryset = Order.objects.filter(id__lte=rows).order_by("pk").values_list(*COLUMNS)
    query, parameters = queryset.query.sql_with_params()
    with transaction.atomic(), connection.cursor() as cursor, path.open("wb") as file:
        statement = f"COPY ({query}) TO STDOUT WITH (FORMAT csv, HEADER)"
        with cursor.cursor.copy(statement, parameters) as copy:
            for block in copy:
                file.write(block)
