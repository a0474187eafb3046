"""Every fault at full size, and tables at the end: python -m tools.faults

Takes about an hour on two cores. Needs PostgreSQL, MariaDB and Redis.
"""

import os
import subprocess
import sys

from tests import figures

SIZE = {
    "TEST_ROUNDS": "20",
    "TEST_CLOCK_MINUTES": "30",
    "TEST_JOBS": "1000",
    "TEST_WORKERS": "8",
    "TEST_KILLS": "5",
    "TEST_ROWS": "1000000",
    "TEST_TIMES": "10",
    "TEST_COMPARE": "1",
    "TEST_BATCHES": "20",
    "TEST_GENERATED_ROWS": "100000",
    "TEST_EXAMPLES": "250",
}
# What mostly waits at once, the longest first; then what keeps the machine busy.
RUNS = [
    (
        "postgresql",
        6,
        ["processes/test_times.py", "processes/test_clocks.py", "processes/test_kills.py"],
    ),
    ("postgresql", 1, ["processes/test_many_jobs.py"]),
    ("postgresql", 1, ["processes/test_writers.py"]),
    ("mariadb", 1, ["processes/test_writers.py"]),
    ("postgresql", 1, ["trust/test_scale.py", "test_short_ways.py", "test_parity.py"]),
]


def main():
    figures.collect()
    status = 0
    for database, at_once, names in RUNS:
        files = [f"tests/{name}" for name in names]
        done = subprocess.run(
            [sys.executable, "-m", "tests", "-m", "thorough", "-n", str(at_once),
             "--maxschedchunk", "1", "-o", "faulthandler_timeout=0", *files, *sys.argv[1:]],
            env={**os.environ, **SIZE, "TEST_DATABASES": database},
            check=False,
        )  # fmt: skip
        status = status or done.returncode
    print("\n".join(figures.tables()))
    return status


if __name__ == "__main__":
    sys.exit(main())
