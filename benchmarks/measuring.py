"""Processes run in turn, so that what slows the machine down slows all of them down."""

import json
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import process


class Failed(Exception):
    """A process that did not end well."""


@dataclass(frozen=True)
class Way:
    """One process to measure. `name` is how the tables call it."""

    name: str
    module: str
    report: str = "orders"
    format: str = "csv"
    rows: int = 0

    @property
    def file_name(self):
        return f"{self.module}-{self.report}-{self.rows}.{self.format}"


@dataclass
class Measured:
    """What the runs of one way took, in seconds and bytes."""

    way: Way
    seconds: list[float] = field(default_factory=list)  # whole processes
    inside: list[float] = field(default_factory=list)  # without the start of Python and Django
    cpu: list[float] = field(default_factory=list)  # of the process itself, without the database
    memory: list[int] = field(default_factory=list)
    watching: list[float] = field(default_factory=list)  # where the way counts that
    size: int = 0

    @property
    def median(self):
        return statistics.median(self.seconds)

    @property
    def rate(self):
        """Rows a second, of whole processes."""
        return self.way.rows / self.median

    @property
    def spread(self):
        """How far the slowest run is from the fastest, as a part of the median."""
        return (max(self.seconds) - min(self.seconds)) / self.median

    def to_json(self):
        return {
            "rows": self.way.rows,
            "seconds": self.seconds,
            "inside": self.inside,
            "cpu": self.cpu,
            "memory": self.memory,
            "watching": self.watching,
            "bytes": self.size,
            "rows_per_second": round(self.rate),
        }


def run(way, folder, in_this_process=False):
    """Start a process for it and wait. Returns whole seconds, what it told, and its file."""
    path = Path(folder) / way.file_name
    wish = [way.module, str(path), way.report, way.format, str(way.rows)]
    begin = time.perf_counter()
    if in_this_process:
        told = process.make(*wish)
        return told["inside"], told, path
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.process", *wish],
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - begin
    if done.returncode:
        raise Failed(f"{way.name} failed:\n{done.stderr[-3000:]}")
    return seconds, json.loads(done.stdout.splitlines()[-1]), path


def measure(ways, runs, folder, tell, keep=(), in_this_process=False):
    """Run each way once for its file, then all of them in turn. Returns {name: Measured}.

    The first round is not measured, unless it is the only one. `keep` names the ways whose files
    stay.
    """
    found = {way.name: Measured(way) for way in ways}
    for turn in range(runs + (runs > 1)):
        for way in ways:
            seconds, told, path = run(way, folder, in_this_process)
            measured = found[way.name]
            if turn or runs == 1:
                measured.seconds.append(seconds)
                measured.inside.append(told["inside"])
                measured.cpu.append(told["cpu"])
                measured.memory.append(told["memory"])
                measured.watching += [told["watching"]] if "watching" in told else []
            if path.exists():
                measured.size = path.stat().st_size
                if way.name not in keep:
                    path.unlink()
        tell(f"{', '.join(way.name for way in ways)}: round {turn} of {runs}")
    return found
