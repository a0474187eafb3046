"""The tables: what is measured beside what, what it should reach, and whether files are equal."""

import statistics
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from django.db import connection

from benchmarks import equality, workers
from benchmarks.filling import FEW
from benchmarks.measuring import Way, measure, run
from benchmarks.ways.job import spec
from django_reports.access.permissions import Authority
from django_reports.audit.log import Origin
from django_reports.engine.writers import all_writers
from django_reports.exports.prepare import prepare

MIB = 1024 * 1024
ALIKE = (0, 1, 2, 3, 6, 7)  # positions of columns that everybody writes alike


@dataclass
class Result:
    """What has been found out so far."""

    options: Any
    folder: Any
    tell: Any
    ways: dict[str, Any] = field(default_factory=dict)
    lines: list[tuple[str, float, str, float, bool]] = field(default_factory=list)
    equal: list[str] = field(default_factory=list)
    paths: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def run(self, ways, keep=(), runs=None):
        """Measure these ways in turn."""
        count = runs or self.options.runs
        found = measure(ways, count, self.folder, self.tell, keep, self.options.quick)
        self.ways |= found
        return found

    def at_least(self, what, value, wanted, unit="×"):
        self.lines.append((what, value, unit, wanted, value >= wanted))

    def at_most(self, what, value, wanted, unit="×"):
        self.lines.append((what, value, unit, -wanted, value <= wanted))

    def check(self, name, compare, one, other, *more):
        """Compare the files of two ways."""
        paths = [self.folder / self.ways[way].way.file_name for way in (one, other)]
        self.equal.append(f"{name}: {compare(*paths, *more)}")

    def note_path(self, report, format):  # noqa: A002 - the word of the spec
        """Which way the rows of a report take, asked of the app itself."""
        wish = spec(report, format, 1)
        (way,) = prepare(wish, Authority.system(), Origin()).ways()
        self.paths[f"{report} as {format}"] = str(way)

    def to_json(self):
        return {
            "lines": [
                {"what": what, "value": value, "unit": unit, "wanted": abs(wanted), "met": met}
                for what, value, unit, wanted, met in self.lines
            ],
            "ways": {name: measured.to_json() for name, measured in self.ways.items()},
            "paths": self.paths,
            "equal": self.equal,
            "notes": self.notes,
            "missing": self.missing,
        }

    def report(self, machine):
        yield ", ".join(f"{name}: {value}" for name, value in machine.items())
        yield f"medians of {self.options.runs}, whole processes, in turn"
        yield ""
        width = max((len(name) for name in self.ways), default=0)
        columns = ("rows", 10), ("seconds", 8), ("rows/s", 9), ("spread", 7), ("cpu", 7), ("MiB", 6)
        yield f"{'way':{width}} " + " ".join(f"{name:>{size}}" for name, size in columns)
        for name, measured in self.ways.items():
            memory = statistics.median(measured.memory) / MIB
            yield (
                f"{name:{width}} {measured.way.rows:10,} {measured.median:8.2f} "
                f"{measured.rate:9,.0f} {measured.spread:7.0%} "
                f"{statistics.median(measured.cpu):7.2f} {memory:6.0f}"
            )
        yield ""
        yield from (f"path of {what}: {path}" for what, path in self.paths.items())
        yield from (f"equal: {what}" for what in self.equal)
        yield from self.notes
        yield from (f"left out: {what}" for what in self.missing)
        yield ""
        width = max((len(line[0]) for line in self.lines), default=0)
        for what, value, unit, wanted, met in self.lines:
            word = "at least" if wanted > 0 else "at most"
            verdict = "" if met or self.options.quick else "  falls short"
            yield f"{what:{width}} {value:8.2f} {unit:3} {word} {abs(wanted):.4g}{verdict}"


def measure_csv(result):
    """Columns that the database can write as text."""
    rows = result.options.rows
    ways = [
        Way("ours, CSV", "ours", rows=rows),
        Way("careful loop, CSV", "careful_loop", rows=rows),
        Way("documented stream, CSV", "documented_stream", rows=rows),
    ]
    is_postgresql = connection.vendor == "postgresql"
    if is_postgresql:
        ways.insert(0, Way("raw COPY", "raw_copy", rows=rows))
    result.note_path("orders", "csv")
    found = result.run(ways, keep=[way.name for way in ways])
    result.check(
        "CSV, ours and the careful loop", equality.same_bytes, ways[-3].name, ways[-2].name
    )
    result.check("CSV, ours and the documented stream, values that both write alike",
                 equality.same_columns, ways[-3].name, ways[-1].name, (0, 1, 2, 3))  # fmt: skip
    ours = found["ours, CSV"]
    if is_postgresql:
        result.check("CSV, ours and raw COPY, values that both write alike",
                     equality.same_columns, "ours, CSV", "raw COPY", ALIKE)  # fmt: skip
        result.at_least("CSV by COPY, of raw COPY", ours.rate / found["raw COPY"].rate, 0.6)
    else:
        result.at_least("CSV, of a careful loop", ours.rate / found["careful loop, CSV"].rate, 2)


def measure_rows(result):
    """Columns that go through Python."""
    rows = result.options.rows
    for report, what in (("computed", "a callable"), ("masked", "a masked column")):
        ours = Way(f"ours, CSV with {what}", "ours", report, rows=rows)
        loop = Way(f"careful loop, CSV with {what}", "careful_loop", report, rows=rows)
        if report == "computed":
            result.note_path(report, "csv")
        found = result.run([ours, loop], keep=[ours.name, loop.name])
        result.check(f"CSV with {what}", equality.same_bytes, ours.name, loop.name)
        ratio = found[ours.name].rate / found[loop.name].rate
        result.at_least(f"CSV with {what}, of a careful loop", ratio, 2)


def measure_lists(result):
    """What an admin's list shows, with columns that it computes."""
    rows = result.options.rows
    ours = Way("ours, a list", "list_report", "list", rows=rows)
    loop = Way("careful loop, a list", "list_loop", "list", rows=rows)
    plain = Way("ours, columns", "ours", rows=rows)
    found = result.run([ours, loop, plain], keep=[ours.name, loop.name])
    result.check("a list", equality.same_bytes, ours.name, loop.name)
    result.at_least("a list, of a careful loop over instances",
                    found[ours.name].rate / found[loop.name].rate, 1)  # fmt: skip
    share = found[ours.name].rate / found[plain.name].rate
    result.notes.append(f"a list, of the same number of plain columns: {share:.2f} ×")


def measure_xlsx(result):
    rows = result.options.xlsx_rows
    ours = Way("ours, XLSX", "ours", format="xlsx", rows=rows)
    loop = Way("openpyxl loop, XLSX", "openpyxl_loop", format="xlsx", rows=rows)
    result.note_path("orders", "xlsx")
    found = result.run([ours, loop], keep=[ours.name, loop.name])
    result.check("XLSX", equality.same_cells, ours.name, loop.name)
    result.at_least("XLSX, of a bare openpyxl loop",
                    found[ours.name].rate / found[loop.name].rate, 5)  # fmt: skip


def measure_peers(result):
    """django-import-export, and us at the same size."""
    if not find_spec("import_export"):
        result.missing.append("django-import-export, which is not installed")
        return
    rows = result.options.peer_rows
    for format, wanted in (("csv", 20), ("xlsx", 10)):  # noqa: A001 - the word of the spec
        ours = Way(f"ours, {format.upper()}, small", "ours", format=format, rows=rows)
        theirs = Way(f"django-import-export, {format.upper()}", "import_export", format=format,
                     rows=rows)  # fmt: skip
        found = result.run([ours, theirs], keep=[ours.name, theirs.name])
        if format == "csv":
            result.check("CSV, ours and django-import-export, values that both write alike",
                         equality.same_columns, ours.name, theirs.name, ALIKE[:4])  # fmt: skip
        ratio = found[ours.name].rate / found[theirs.name].rate
        result.at_least(f"{format.upper()}, of django-import-export", ratio, wanted)


def measure_memory(result):
    """Peak memory of a job, large beside small."""
    rows = result.options.rows
    formats = result.options.formats or [writer.format for writer in all_writers()]
    runs = min(result.options.runs, 3)
    for format in formats:  # noqa: A001 - the word of the spec
        large = Way(f"job, {format}", "job", format=format, rows=rows)
        small = Way(f"job, {format}, few", "job", format=format, rows=min(FEW, rows))
        found = result.run([large, small], runs=runs)
        more = [statistics.median(found[way.name].memory) for way in (large, small)]
        result.at_most(f"memory of a job, {format}", (more[0] - more[1]) / MIB, 8, "MiB")


def measure_watching(result):
    """Progress, hash and cancel checks: how long they take, and a job beside one without them."""
    rows = result.options.rows
    for report in ("orders", "computed"):
        ways = [Way(f"{name}, {report}", name, report, rows=rows) for name in WATCHING]
        watched, unwatched = result.run(ways).values()
        parts = zip(watched.watching, watched.seconds, strict=True)
        share = statistics.median(watching / whole for watching, whole in parts)
        result.at_most(f"cost of watching, {report}", share * 100, 3, "%")
        # Of runs beside each other: what is looked for is less than what comes and goes.
        pairs = zip(watched.inside, unwatched.inside, strict=True)
        ratios = [with_it / without for with_it, without in pairs]
        result.notes.append(
            f"watched beside unwatched, {report}: {statistics.median(ratios):.3f} × "
            f"({min(ratios):.2f} to {max(ratios):.2f})"
        )


WATCHING = ("watched", "unwatched")


def measure_pages(result):
    """Pages on a large table; the first byte of an immediate file."""
    if connection.vendor != "postgresql":
        result.missing.append("pages, which are measured on PostgreSQL")
        return
    _seconds, told, _path = run(Way("pages", "pages"), result.folder, result.options.quick)
    rows = f"{told['rows of many']:,} rows against {told['rows of few']:,}"
    result.at_most(f"plan on {rows}", told["plan of many"] / told["plan of few"], 2)
    result.at_most(f"export page on {rows}", told["page of many"] / told["page of few"], 2)
    result.at_most(
        f"first byte of 5,000 rows (the query: {told['query'] * 1000:.0f} ms)",
        told["first byte"] * 1000, 1.5 * told["query"] * 1000 + 30, "ms",
    )  # fmt: skip


def measure_workers(result):
    """Two workers against one."""
    jobs, rows = result.options.jobs, result.options.job_rows
    for report, format in (("orders", "csv"), ("orders", "xlsx")):  # noqa: A001
        rates = [workers.throughput(n, report, format, rows, jobs) for n in (1, 2)]
        result.tell(f"workers, {format}: {rates[0]:,.0f} and {rates[1]:,.0f} rows/s")
        result.at_least(f"two workers, {jobs} jobs of {rows:,} rows as {format}",
                        rates[1] / rates[0], 1.7)  # fmt: skip
