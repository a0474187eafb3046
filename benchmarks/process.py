"""One way, once, in a process of its own: python -m benchmarks.process WAY PATH REPORT FORMAT ROWS

Prints what it took as JSON: seconds without the start of Python and Django, of the processor, and
the most memory that it held.
"""

import json
import os
import sys
import time
from importlib import import_module
from pathlib import Path

import django


def peak_memory():
    """In bytes, of this process since its start."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/self/status has no VmHWM")


def make(way, path, report, format, rows):  # noqa: A002 - as in the ways
    module = import_module(f"benchmarks.ways.{way}")
    begin = time.perf_counter()
    told = module.make(Path(path), report=report, format=format, rows=int(rows))
    seconds = time.perf_counter() - begin
    return {
        "inside": seconds,
        "cpu": time.process_time(),
        "memory": peak_memory(),
        **(told or {}),
    }


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
    django.setup()
    print(json.dumps(make(*sys.argv[1:])))
