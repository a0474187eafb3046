"""Runs the tests on every database that is wanted and there: `python -m tests [pytest arguments]`.

What is not there is left out and named in one line; with CI=true that is a failure instead. With
TEST_PROCESSES_ONCE, servers, workers, browsers and what helps projects to test are not tried on
SQLite, and what asks no database, or little, only there.
"""

import os
import subprocess
import sys

from tests.django_admin.source import find_django_tests
from tests.services import (
    LABELS,
    find_axe,
    find_chromium,
    find_compiler,
    find_curl,
    find_nginx,
    find_pgbouncer,
    find_redis_server,
    find_soffice,
    is_redis_there,
    missing_packages,
    problem_with,
)

# What these pages say depends on no database.
PAGES = [
    *("admin_access", "admin_answers", "admin_grants_audit", "admin_requests", "export_page"),
    *("json_parameters", "json_problems", "language_codes", "list_descriptions", "list_reports"),
    *(
        "options",
        "page_queries",
        "ranges",
        "staff_access",
        "staff_guards",
        "staff_news",
        "staff_pages",
    ),
    "stop_iteration",
]


def databases() -> tuple[list[str], list[str]]:
    """Those to run on, and those that are left out with the reason."""
    run, left_out = [], []
    for wanted in os.environ.get("TEST_DATABASES", "sqlite").replace(",", " ").split():
        for name in wanted.split("|"):  # the first of these that can be used
            problem = problem_with(name)
            if problem is None:
                run.append(name)
                break
            left_out.append(f"{LABELS[name]} ({problem})")
    return run, left_out


def main() -> int:
    run, left_out = databases()
    if not is_redis_there():
        left_out.append("RQ (no Redis)")
    if "thorough" in sys.argv and find_redis_server() is None:
        left_out.append("a Redis that is stopped (no redis-server)")
    if "thorough" in sys.argv and find_compiler() is None:
        left_out.append("clocks that are wrong (no C compiler)")
    if find_chromium() is None:
        left_out.append("browser (no Chromium)")
    if find_curl() is None:
        left_out.append("the session with curl (no curl)")
    if "integration" in sys.argv and (packages := missing_packages()):
        left_out.append(f"what needs {', '.join(packages)}")
    if "integration" in sys.argv and find_django_tests() is None:
        left_out.append("Django's own tests of its admin (no sdist of this Django)")
    if "integration" in sys.argv and find_axe() is None:
        left_out.append("axe (no axe-core)")
    if "integration" in sys.argv and find_soffice() is None:
        left_out.append("LibreOffice (no soffice)")

    if "integration" in sys.argv and find_pgbouncer() is None:
        left_out.append("the pooler (no pgbouncer)")
    if "integration" in sys.argv and find_nginx() is None:
        left_out.append("a server in front (no nginx)")
    wanted, missing = ", ".join(run) or "nothing", ", ".join(left_out) or "nothing"
    print(f"tests: running on {wanted}; left out: {missing}", flush=True)
    if left_out and os.environ.get("CI") == "true":
        print("tests: in CI nothing may be left out", file=sys.stderr)
        return 1
    status = 0
    for name in run:
        print(f"tests: {name}", flush=True)
        command = [sys.executable, "-m", "pytest", "--durations=20", *sys.argv[1:]]
        if os.environ.get("TEST_PROCESSES_ONCE"):
            if name == "sqlite":  # PostgreSQL's run has them, MariaDB's the latter
                command += ["--ignore=tests/processes", "--ignore=tests/testing"]
                command.append("--ignore=tests/entry_points/test_demo_lists.py")
            elif not {"thorough", "integration"}.intersection(sys.argv):  # SQLite's has the others
                command.append("--database-only")
                if "tests/entry_points" not in sys.argv:
                    command += [f"--ignore=tests/entry_points/test_{page}.py" for page in PAGES]
        done = subprocess.run(command, env={**os.environ, "TEST_DATABASE": name}, check=False)
        status = status or done.returncode
    return status


if __name__ == "__main__":
    sys.exit(main())
