"""Reports that are made of queries of their own."""

from django.db import connection

from django_reports import Report, register
from tests.shop.models import Line


@register
class Broken(Report):
    """Asks the database for what it does not have: on PostgreSQL that spoils the transaction."""

    identifier = "atomic.broken"
    permission = "shop.view_order"
    columns = ["n"]

    def rows(self, context):
        with connection.cursor() as cursor:
            cursor.execute("SELECT n FROM atomic_nothing")
            yield from ({"n": n} for (n,) in cursor.fetchall())


@register
class Flat(Report):
    """Rows by a database cursor, which on PostgreSQL ends with the transaction that opened it."""

    identifier = "atomic.flat"
    permission = "shop.view_order"
    columns = ["text"]

    def rows(self, context):
        for line in Line.objects.order_by("pk").iterator(chunk_size=100):
            yield {"text": line.text}
