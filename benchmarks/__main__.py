"""Measures exports beside other ways to the same files, and tells it in tables and as JSON.

    python -m benchmarks                         a million rows on PostgreSQL, five runs of each way
    python -m benchmarks --rows 200000           the same, smaller
    python -m benchmarks --database sqlite       where rows always go through Python
    python -m benchmarks --only csv xlsx         some of the tables
    python -m benchmarks --quick                 whether everything runs, and files are equal

Other packages are measured where they are installed; without them their lines are left out, and it
says so.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import django

from benchmarks import databases

TABLES = ("csv", "rows", "lists", "xlsx", "peers", "memory", "watching", "pages", "workers")


def arguments(given=None):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--database", default="postgresql", choices=["postgresql", "sqlite", "mariadb"])
    add("--host", default="127.0.0.1")
    add("--port", default="")
    add("--user", default="")
    add("--password", default="")
    add("--file", help="SQLite: where the database is kept for the next time")
    add("--fresh", action="store_true", help="make the server's database anew")
    add("--rows", type=int, default=1_000_000, help="of CSV files and of the jobs' memory")
    add("--xlsx-rows", type=int, help="default: as --rows, at most what a sheet holds")
    add("--peer-rows", type=int, default=100_000, help="for what keeps all rows in memory")
    add("--many", type=int, default=10_000_000, help="rows of the table whose page is measured")
    add("--job-rows", type=int, default=100_000, help="of each of the workers' jobs")
    add("--jobs", type=int, default=20, help="of the workers")
    add("--runs", type=int, default=5, help="of each way, in turn")
    add("--only", nargs="+", choices=TABLES, default=TABLES, metavar="TABLE", help=str(TABLES))
    add("--formats", nargs="+", help="whose memory is measured (default: every one)")
    add("--json", default="", help="where the figures are written")
    add("--folder", help="for what is made meanwhile (default: a temporary one)")
    add("--quick", action="store_true", help="few rows, each way once, all in this process")
    options = parser.parse_args(given)
    if options.quick:
        options.rows = options.peer_rows = options.many = 300
        options.job_rows, options.jobs, options.runs = 100, 2, 1
        options.formats = options.formats or ["csv"]
        options.only = [name for name in options.only if name != "workers"]
    if options.xlsx_rows is None:
        options.xlsx_rows = min(options.rows, 1_000_000)
    return options


def main():
    options = arguments()
    with tempfile.TemporaryDirectory(prefix="django-reports-benchmarks-") as made:
        folder = Path(options.folder or made)
        database = databases.configuration(options.database, options, folder)
        os.environ["BENCHMARK_DATABASE"] = json.dumps(database)
        os.environ["BENCHMARK_DIR"] = str(folder)
        os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
        django.setup()
        from benchmarks import filling, tables  # noqa: PLC0415 - they want settings

        tell(f"Filling {options.database}: {options.rows:,} orders")
        needs_many = "pages" in options.only and options.database == "postgresql"
        filling.fill(max(options.rows, options.xlsx_rows), options.many if needs_many else 0)
        result = tables.Result(options, folder, tell)
        for name in options.only:
            getattr(tables, f"measure_{name}")(result)
        figures = {"machine": machine(), "options": vars(options), **result.to_json()}
    for line in result.report(figures["machine"]):
        print(line)
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n")


def tell(text):
    print(text, file=sys.stderr, flush=True)


def machine():
    """What the figures depend on."""
    import openpyxl  # noqa: PLC0415 - these want settings
    from django.db import connection  # noqa: PLC0415

    facts = {
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "lxml": "with" if find_spec("lxml") else "without",
    }
    cpu = Path("/proc/cpuinfo")
    if cpu.exists():
        names = [line for line in cpu.read_text().splitlines() if line.startswith("model name")]
        facts["processor"] = names[0].partition(":")[2].strip() if names else facts["processor"]
    return facts | {
        "django": django.__version__,
        "openpyxl": openpyxl.__version__,
        "database": f"{connection.vendor} {_database_version(connection)}",
    }


def _database_version(connection):
    function = "sqlite_version()" if connection.vendor == "sqlite" else "version()"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}")
        return cursor.fetchone()[0].partition(" on ")[0]


if __name__ == "__main__":
    main()
