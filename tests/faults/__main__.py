"""Every fault at full size, and tables at the end: python -m tests.faults

Takes about LENGTH on two cores. Needs PostgreSQL, MariaDB and Redis.
"""

import os
import subprocess
import sys

from tests import figures

SIZE = {
    "TEST_ROUNDS": "20",
    "TEST_JOBS": "1000",
    "TEST_WORKERS": "8",
    "TEST_KILLS": "5",
    "TEST_ROWS": "1000000",
    "TEST_TIMES": "10",
    "TEST_COMPARE": "1",
}
# What mostly waits at once, the longest first; then what keeps the machine busy.
RUNS = [
    ("postgresql", 6, ["times", "kills"]),
    ("postgresql", 1, ["many_jobs"]),
    ("postgresql", 1, ["writers"]),
    ("mariadb", 1, ["writers"]),
]


def main():
    figures.collect()
    status = 0
    for database, at_once, names in RUNS:
        files = [f"tests/processes/test_{name}.py" for name in names]
        done = subprocess.run(
            [sys.executable, "-m", "tests", "-m", "thorough", "-n", str(at_once),
             "--maxschedchunk", "1", *files, *sys.argv[1:]],
            env={**os.environ, **SIZE, "TEST_DATABASES": database},
            check=False,
        )  # fmt: skip
        status = status or done.returncode
    print("\n".join(figures.tables()))
    return status


if __name__ == "__main__":
    sys.exit(main())
