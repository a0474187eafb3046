"""Tells how long each page takes, and how many queries, with few and with many exports and rows.

`python -m tools.pages` makes two databases of its own on PostgreSQL, one with few and one with many
exports, audit entries and rows, and opens every page in both by turns. A page's time is the median.
"""

import argparse
import os
import time
from statistics import median

import django
from django.conf import settings
from django.test import override_settings
from django.test.utils import CaptureQueriesContext, setup_test_environment

OWN, OTHERS = "/reports/jobs/", "/reports/jobs/?others=1"
JOBS, ENTRIES = "/admin/django_reports/reportjob/", "/admin/django_reports/auditentry/"
ORDERS = "/admin/shop/order/"
PREVIEW = {"_preview": "1", "format": "csv", "profile": "machine", "columns": ["id", "number"]}
TICKED = {"action": "export_selected", "index": "0", "select_across": "0", "_selected_action": "1"}

# Addresses; with what is posted there, if it is.
PAGES = {
    "catalog": "/reports/",
    "catalog, searched": "/reports/?q=order",
    "export page": "/reports/shop.orders/",
    "export page: previewed": ("/reports/shop.orders/", PREVIEW),
    "export page: of a list": f"{ORDERS}export-report/",
    "export page: of a list, filtered": f"{ORDERS}export-report/?region__exact=n",
    "export page: of ticked rows": (ORDERS, TICKED),
    "export page: of all pages of a list": (ORDERS, {**TICKED, "select_across": "1"}),
    "export page: to change something first": "/reports/shop.orders/?from={finished}",
    "an export that waits": "/reports/jobs/{waiting}/",
    "an export that has finished": "/reports/jobs/{finished}/",
    "its status": "/reports/jobs/{waiting}/status/",
    "its manifest": "/reports/jobs/{finished}/manifest/",
    "one's own exports": OWN,
    "own: that failed": f"{OWN}?status=failed",
    "own: of a state that is rare": f"{OWN}?status=canceled",
    "own: of a report": f"{OWN}?report=shop.orders",
    "own: of a report that is rare": f"{OWN}?report=shop.numbers",
    "own: of some days": f"{OWN}?since=2026-01-01&until=2100-01-01",
    "own: searched": f"{OWN}?q=orders",
    "own: searched, and nothing found": f"{OWN}?q=zebra",
    "others, too": OTHERS,
    "others: the last page": f"{OTHERS}&page=200",
    "others: that failed": f"{OTHERS}&status=failed",
    "others: of a report that is rare": f"{OTHERS}&report=shop.numbers",
    "others: with all filters": f"{OTHERS}&status=failed&report=shop.orders&since=2020-01-01&q=o",
    "others: searched, and nothing found": f"{OTHERS}&q=zebra",
    "dashboard, kept": "/reports/dashboard/",
    "dashboard, added up": "/reports/dashboard/",
    "rights": "/reports/rights/",
    "rights, by group": "/reports/rights/?by=group",
    "admin index": "/admin/",
    "admin exports": JOBS,
    "admin exports: the last page": f"{JOBS}?p=200",
    "admin exports: that failed": f"{JOBS}?status__exact=failed",
    "admin exports: delivered at once": f"{JOBS}?execution__exact=immediate",
    "admin exports: in a format that is rare": f"{JOBS}?format=xlsx",
    "admin exports: of a report that is rare": f"{JOBS}?report=shop.numbers",
    "admin exports: by rows": f"{JOBS}?o=-5",
    "admin exports: searched for one": f"{JOBS}?q={{finished}}",
    "admin exports: searched, and nothing found": f"{JOBS}?q=zebra",
    "admin log": ENTRIES,
    "admin log: the last page": f"{ENTRIES}?p=200",
    "admin log: of an action": f"{ENTRIES}?action__exact=requested",
    "admin log: of an action that is rare": f"{ENTRIES}?action__exact=canceled",
    "admin log: of a report that is rare": f"{ENTRIES}?report=shop.numbers",
    "admin log: by person": f"{ENTRIES}?o=3",
    "admin log: searched for a person": f"{ENTRIES}?q=person7",
    "admin log: searched for an export": f"{ENTRIES}?q={{finished}}",
    "admin log: searched, and nothing found": f"{ENTRIES}?q=zebra",
    "admin report permissions": "/admin/django_reports/groupreportpermission/",
}
ADDED_UP = "dashboard, added up"
TIMES = 15

# Copies of one job: half are its person's, one in a hundred failed.
CHANGED_JOB = {
    "id": "gen_random_uuid()",
    "created_at": "now() - n * interval '{apart} seconds' - interval '1 minute'",
    "started_at": "now() - n * interval '{apart} seconds'",
    "finished_at": "now() - n * interval '{apart} seconds' + mod(n, 100) * interval '1 second'",
    "status": "CASE WHEN mod(n, 100) = 0 THEN 'failed' ELSE status END",
    "requested_by_id": "CASE WHEN mod(n, 2) = 0 THEN requested_by_id END",
    "requested_by_text": "'person' || mod(n, 50)",
    "rows_done": "n",
    "is_unread": "false",
    "file_key": "CASE WHEN n < 5000 THEN 'key' || n ELSE '' END",
}
CHANGED_ENTRY = {
    "id": "-n",  # in the order of their time
    "key": "gen_random_uuid()",
    "created_at": "now() - n * interval '{apart} seconds'",
    "actor_key": "mod(n, 50)",
    "actor_label": "'person' || mod(n, 50)",
    "job_key": "gen_random_uuid()",
}
CHANGED_ORDER = {"number": "'N' || n", "total": "mod(n, 1000)"}


def copy(thing, numbers, changed, apart):
    """A copy of a row for each number, made by the database."""
    from django.db import connection

    options = type(thing)._meta
    columns = [field.column for field in options.concrete_fields]
    if options.pk.column not in changed:
        columns.remove(options.pk.column)  # the database numbers them
    values = [changed.get(column, column).format(apart=apart) for column in columns]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {options.db_table} ({', '.join(columns)}) SELECT {', '.join(values)} "
            f"FROM {options.db_table}, generate_series(%s, %s) AS n WHERE {options.pk.column} = %s",
            [numbers.start, numbers.stop - 1, thing.pk],
        )


def fill(things, jobs, rows, apart):
    from django.db import connection

    job, entry, order = things
    copy(job, jobs, CHANGED_JOB, apart)
    copy(entry, jobs, CHANGED_ENTRY, apart)
    copy(order, rows, CHANGED_ORDER, apart)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def tell(sizes, apart):
    from django.contrib.auth.models import User
    from django.db import connection, connections
    from django.test import Client

    from django_reports.models import AuditEntry
    from tests.conftest import make_orders
    from tests.entry_points.helpers import enqueue, make

    user = User.objects.create_superuser("root", "root@example.com", "secret")
    client = Client()
    client.force_login(user)
    order, *_others = make_orders(20)
    finished, waiting = make(user), enqueue(user)
    keys = {"finished": finished.pk, "waiting": waiting.pk}
    things = finished, AuditEntry.objects.filter(action="requested").first(), order
    fill(things, *(range(1, few + 1) for few, _many in sizes), apart)

    small = connections["default"]
    large = small.copy()
    large.settings_dict["NAME"] = f"{small.settings_dict['NAME']}_large"
    small.close()
    with small._nodb_cursor() as cursor:
        names = large.settings_dict["NAME"], small.settings_dict["NAME"]
        cursor.execute('CREATE DATABASE "{}" TEMPLATE "{}"'.format(*names))
    try:
        connections["default"] = large
        fill(things, *(range(few + 1, many + 1) for few, many in sizes), apart)
        (fewer, rows), (more, more_rows) = zip(*sizes, strict=True)
        print(f"| Page | {fewer:,} exports, {rows:,} rows | {more:,} exports, {more_rows:,} rows "
              "| Times as long | Queries |")  # fmt: skip
        print("|---|---|---|---|---|")
        for name, asked in PAGES.items():
            print(line(client, (small, large), name, asked, keys), flush=True)
    finally:
        connections["default"] = small
        large.close()
        with small._nodb_cursor() as cursor:
            cursor.execute(f'DROP DATABASE "{names[0]}"')
    assert connection.settings_dict["NAME"] == names[1]


def line(client, databases, name, asked, keys):
    """A page's times and queries in both databases, opened by turns."""
    from django.core.cache import cache
    from django.db import connections

    times, counts = ([], []), [0, 0]
    for turn in range(TIMES + 1):
        for number, database in enumerate(databases):
            connections["default"] = database
            if name == ADDED_UP:
                cache.clear()
            if turn:
                times[number].append(opened(client, asked, keys))
            else:
                opened(client, asked, keys)
                if name == ADDED_UP:
                    cache.clear()
                with CaptureQueriesContext(database) as queries:
                    opened(client, asked, keys)
                counts[number] = len(queries)
    before, after = map(median, times)
    queries = f"{counts[0]}" if counts[0] == counts[1] else f"{counts[0]}, then {counts[1]}"
    ratio = f"{after / before:.1f}"
    return f"| {name} | {before:.0f} ms | {after:.0f} ms | {ratio} | {queries} |"


def opened(client, asked, keys):
    """Milliseconds that a page takes."""
    address, posted = asked if isinstance(asked, tuple) else (asked, None)
    address = address.format(**keys)
    begun = time.perf_counter()
    answer = client.get(address) if posted is None else client.post(address, posted)
    took = (time.perf_counter() - begun) * 1000
    assert answer.status_code == 200, (address, answer.status_code)
    return took


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, nargs=2, default=(10_000, 1_000_000))
    parser.add_argument("--rows", type=int, nargs=2, default=(10_000, 10_000_000))
    parser.add_argument(
        "--apart", type=int, default=260, help="seconds between two exports: 10,000 in 30 days"
    )
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
            tell([options.jobs, options.rows], options.apart)
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


if __name__ == "__main__":
    main()
