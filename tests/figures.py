"""What tests measure, told in tables at the end of a run.

Tests may run in several processes, so each figure is a line of a file that all of them know.
"""

import json
import os
import statistics
import tempfile
from collections import defaultdict
from pathlib import Path

FILE = "TEST_FIGURES"  # the variable that names the file
MANY = 100  # figures from which on a histogram says more than a median
BARS = 12
WIDTH = 50

_own = []  # the file, where this process is the one to tell


def collect():
    """Begin to collect, unless the process that started this one does."""
    if FILE not in os.environ:
        handle, name = tempfile.mkstemp(prefix="django-reports-figures-")
        os.close(handle)
        os.environ[FILE] = name
        _own.append(name)


def note(table, case, value):
    """Add a number to a case of a table."""
    with Path(os.environ[FILE]).open("a") as file:
        file.write(json.dumps([table, case, value]) + "\n")


def tables():
    """The lines of the tables; none, where another process tells."""
    found = defaultdict(lambda: defaultdict(list))
    while _own:
        path = Path(_own.pop())
        for line in path.read_text().splitlines():
            table, case, value = json.loads(line)
            found[table][case].append(value)
        path.unlink()
    return [line for name, cases in found.items() for line in _table(name, cases)]


def _table(name, cases):
    width = max(map(len, cases))
    yield ""
    yield name
    yield f"{'':{width}} {'n':>5} {'least':>10} {'median':>10} {'most':>10}"
    values = [value for taken in cases.values() for value in taken]
    if len(cases) > 1:
        cases = {**dict(sorted(cases.items())), "all": values}
    for case, taken in cases.items():
        least, median, most = min(taken), statistics.median(taken), max(taken)
        yield f"{case:{width}} {len(taken):5} {least:10,.2f} {median:10,.2f} {most:10,.2f}"
    if len(values) >= MANY:
        yield from _histogram(values)


def _histogram(values):
    least, step = min(values), (max(values) - min(values)) / BARS or 1
    counts = [0] * BARS
    for value in values:
        counts[min(int((value - least) / step), BARS - 1)] += 1
    yield ""
    for number, count in enumerate(counts):
        begin = least + number * step
        bar = "#" * round(WIDTH * count / max(counts))
        yield f"{begin:8,.2f} – {begin + step:8,.2f} {count:5} {bar}".rstrip()
