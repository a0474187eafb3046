"""Tells how long each page takes, and how many queries, with few and with many exports and rows.

`python -m tests.pages` makes a database of its own on PostgreSQL, fills it, opens every page, fills
it further and opens them again. A page's time is the best of several.
"""

import argparse
import os
import time

import django
from django.conf import settings
from django.test import override_settings
from django.test.utils import CaptureQueriesContext, setup_test_environment

PAGES = {
    "catalogue": "/reports/",
    "catalogue, searched": "/reports/?q=order",
    "export page": "/reports/shop.orders/",
    "export page, of a list": "/admin/shop/order/export-report/",
    "an export that waits": "/reports/jobs/{waiting}/",
    "an export that has finished": "/reports/jobs/{finished}/",
    "its status": "/reports/jobs/{waiting}/status/",
    "one's own exports": "/reports/jobs/",
    "those of others, too": "/reports/jobs/?others=1",
    "… the last page": "/reports/jobs/?others=1&page=200",
    "… those that failed": "/reports/jobs/?others=1&status=failed",
    "… of a report that is rare": "/reports/jobs/?others=1&report=shop.numbers",
    "… searched, and nothing found": "/reports/jobs/?others=1&q=zebra",
    "dashboard, kept": "/reports/dashboard/",
    "rights": "/reports/rights/",
    "admin: index": "/admin/",
    "admin: exports": "/admin/django_reports/reportjob/",
}
TIMES = 25

# Copies of one job, one every 13 seconds: half are its person's, one in a thousand failed.
COPY_JOBS = """
INSERT INTO django_reports_reportjob (%(columns)s)
SELECT %(values)s FROM django_reports_reportjob, generate_series(1, %%s) AS n WHERE id = %%s
"""
CHANGED = {
    "id": "gen_random_uuid()",
    "created_at": "now() - n * interval '13 seconds' - interval '1 minute'",
    "started_at": "now() - n * interval '13 seconds'",
    "finished_at": "now() - n * interval '13 seconds' + mod(n, 100) * interval '1 second'",
    "status": "CASE WHEN mod(n, 1000) = 0 THEN 'failed' ELSE status END",
    "requested_by_id": "CASE WHEN mod(n, 2) = 0 THEN requested_by_id END",
    "requested_by_text": "'person' || mod(n, 50)",
    "rows_done": "n",
    "is_news": "false",
    "file_key": "'key' || n",
}
COPY_ORDERS = """
INSERT INTO shop_order (customer_id, number, region, total, cost, is_paid, placed_at, due_on, note)
SELECT customer_id, 'N' || n, region, mod(n, 1000), cost, is_paid, placed_at, due_on, note
FROM shop_order, generate_series(1, %s) AS n WHERE id = %s
"""


def fill(job, order, jobs, rows):
    from django.db import connection

    columns = [field.column for field in type(job)._meta.concrete_fields]
    values = [CHANGED.get(column, column) for column in columns]
    statement = COPY_JOBS % {"columns": ", ".join(columns), "values": ", ".join(values)}
    with connection.cursor() as cursor:
        cursor.execute(statement, [jobs, job.pk])
        cursor.execute(COPY_ORDERS, [rows, order.pk])
        cursor.execute("ANALYZE")


def measure(client, keys):
    """Milliseconds and queries of each page."""
    from django.core.cache import cache
    from django.db import connection

    found = {}
    for name, template in PAGES.items():
        address = template.format(**keys)
        opened(client, address)
        with CaptureQueriesContext(connection) as queries:
            client.get(address)
        count = len(queries)
        found[name] = min(opened(client, address) for _n in range(TIMES)), count
    cache.clear()
    with CaptureQueriesContext(connection) as queries:
        took = opened(client, "/reports/dashboard/")
    found["dashboard, added up"] = took, len(queries)
    return found


def opened(client, address):
    begun = time.perf_counter()
    answer = client.get(address)
    took = (time.perf_counter() - begun) * 1000
    assert answer.status_code == 200, (address, answer.status_code)
    return took


def tell(jobs, rows):
    from django.contrib.auth.models import User
    from django.test import Client

    from tests.conftest import make_orders
    from tests.doors.helpers import enqueue, make

    user = User.objects.create_superuser("root", "root@example.com", "secret")
    client = Client()
    client.force_login(user)
    order, *_others = make_orders(20)
    finished, waiting = make(user), enqueue(user)
    keys = {"finished": finished.pk, "waiting": waiting.pk}
    fill(finished, order, jobs[0], rows[0])
    few = measure(client, keys)
    fill(finished, order, jobs[1] - jobs[0], rows[1] - rows[0])
    many = measure(client, keys)
    heads = [f"{jobs[n]:,} exports, {rows[n]:,} rows" for n in (0, 1)]
    print(f"| Page | {heads[0]} | {heads[1]} | Times as long | Queries |")
    print("|---|---|---|---|---|")
    for name, (before, asked_before) in few.items():
        after, asked = many[name]
        queries = f"{asked}" if asked == asked_before else f"{asked_before}, then {asked}"
        ratio = f"{after / before:.1f}"
        print(f"| {name} | {before:.0f} ms | {after:.0f} ms | {ratio} | {queries} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, nargs=2, default=(10_000, 200_000))
    parser.add_argument("--rows", type=int, nargs=2, default=(10_000, 10_000_000))
    options = parser.parse_args()
    os.environ.setdefault("TEST_DATABASE", "postgresql")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    from django.db import connection

    setup_test_environment()
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0)
    try:
        with override_settings(DJANGO_REPORTS={**settings.DJANGO_REPORTS, "RUNNER": "local"}):
            tell(options.jobs, options.rows)
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


if __name__ == "__main__":
    main()
