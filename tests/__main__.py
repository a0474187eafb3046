"""Runs the tests on every database that is wanted and there: `python -m tests [pytest arguments]`.

What is not there is left out and named in one line; with CI=true that is a failure instead.
"""

import os
import subprocess
import sys
from importlib.util import find_spec

from tests.services import SERVERS, find_chromium, is_redis_there


def databases() -> tuple[list[str], list[str]]:
    """Those to run on, and those that are left out with the reason."""
    run, left_out = [], []
    for name in os.environ.get("TEST_DATABASES", "sqlite").replace(",", " ").split():
        server = SERVERS.get(name)
        if server is None:
            run.append(name)
        elif find_spec(server.driver) is None:
            left_out.append(f"{server.label} ({server.driver} is not installed)")
        elif not server.is_there():
            left_out.append(f"{server.label} (no server on {server.host}:{server.port})")
        else:
            run.append(name)
    return run, left_out


def main() -> int:
    run, left_out = databases()
    if not is_redis_there():
        left_out.append("RQ (no Redis)")
    if find_chromium() is None:
        left_out.append("browser (no Chromium)")
    wanted, missing = ", ".join(run) or "nothing", ", ".join(left_out) or "nothing"
    print(f"tests: running on {wanted}; left out: {missing}", flush=True)
    if left_out and os.environ.get("CI") == "true":
        print("tests: in CI nothing may be left out", file=sys.stderr)
        return 1
    status = 0
    for name in run:
        print(f"tests: {name}", flush=True)
        command = [sys.executable, "-m", "pytest", *sys.argv[1:]]
        done = subprocess.run(command, env={**os.environ, "TEST_DATABASE": name}, check=False)
        status = status or done.returncode
    return status


if __name__ == "__main__":
    sys.exit(main())
