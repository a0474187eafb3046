"""export_report: make a report's file from the command line."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, BinaryIO

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_reports.access.command_origins import CommandOrigin
from django_reports.access.permissions import Authority
from django_reports.audit.log import Origin
from django_reports.core.choices import Profile
from django_reports.definitions.specs import CHOICES, ExportSpec, Options
from django_reports.exceptions import ReportError
from django_reports.jobs import dispatch
from django_reports.jobs.immediate import ImmediateExport
from django_reports.management.outputs import open_output

try:
    from tqdm import tqdm
except ImportError:  # the extra "progress" is not installed: no bar, everything else works
    tqdm = None  # type: ignore[assignment, misc]

NAME = "export_report"
STDOUT = "-"
# An empty one comes of a shell's variable that is not set: it must not mean "as usual".
NEVER_EMPTY = ("format", *CHOICES, "time_zone", "language", "columns", "user", "output")


class Command(BaseCommand):
    help = (
        "Exports a report to a file, to standard output (--output -), or into the background "
        "(--queue). Without --user it is made in the system's name, with every row and column."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("identifier", help="the report, as list_reports names it")
        parser.add_argument(
            "--format", default="csv", help="csv (default), xlsx, jsonl, … or csv.gz, csv.zip, …"
        )
        parser.add_argument(
            "--profile",
            default=Profile.MACHINE.value,
            help="machine (default): names, ISO 8601; spreadsheet: labels, local time",
        )
        for name, choices in CHOICES.items():
            if name != "profile":
                legal = ", ".join(choices.values)
                parser.add_argument(f"--{name.replace('_', '-')}", help=f"one of: {legal}")
        parser.add_argument("--time-zone", metavar="ZONE", help="an IANA name (default: TIME_ZONE)")
        parser.add_argument("--language", metavar="CODE", help="default: LANGUAGE_CODE")
        parser.add_argument("--columns", help="names, separated by commas, in the wanted order")
        parser.add_argument(
            "--label",
            action="append",
            default=[],
            metavar="COLUMN=TEXT",
            help="another name for a column in the file; may be repeated",
        )
        parser.add_argument(
            "--param",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="a parameter of the report; may be repeated",
        )
        parser.add_argument("--user", metavar="USERNAME", help="export with this person's rights")
        parser.add_argument(
            "--output", metavar="PATH", help="a file (default: the report's dated name), or -"
        )
        parser.add_argument(
            "--queue", action="store_true", help="make a background job and print its key"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        for name in NEVER_EMPTY:
            if options[name] == "":
                raise CommandError(f"--{name.replace('_', '-')} is empty.")
        if options["queue"] and options["output"]:
            raise CommandError("--queue and --output exclude each other: a job keeps its file.")
        try:
            spec = self._spec(options)
            authority, origin = self._authority(options["user"])
            if options["queue"]:
                job = dispatch.enqueue(spec, authority, origin)
                self.stdout.write(str(job.pk))
                return
            self._export(spec, authority, origin, options)
        except ReportError as error:
            raise CommandError(str(error)) from error
        except BrokenPipeError:
            # The reader has had enough (`| head`): nothing is left to say, nor anyone to hear it.
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise CommandError("Whoever read the output left before its end.") from None
        except OSError as error:
            raise CommandError(f"The file cannot be written: {error}") from error

    def _export(
        self, spec: ExportSpec, authority: Authority, origin: Origin, options: dict[str, Any]
    ) -> None:
        output = options["output"]
        with ExitStack() as stack:
            # Before rows are read: a FIFO is opened when its reader is there.
            file = stack.enter_context(self._sink(output)) if output else None
            on_progress = stack.enter_context(self._progress())
            export = dispatch.export_now(spec, authority, origin, on_progress=on_progress)
            stack.callback(export.close)
            output = output or export.filename
            self._write(export, file or stack.enter_context(self._sink(output)))
        if output != STDOUT and options["verbosity"]:
            meter = export.meter
            self.stderr.write(f"{output}: {meter.rows:,} rows, {meter.size:,} bytes")

    def _spec(self, options: dict[str, Any]) -> ExportSpec:
        parameters: dict[str, list[str]] = {}
        for name, value in _pairs(options["param"], "--param is NAME=VALUE"):
            parameters.setdefault(name, []).append(value)
        names = options["columns"]
        return ExportSpec(
            report=options["identifier"],
            format=options["format"],
            columns=None if names is None else tuple(n.strip() for n in names.split(",")),
            labels=dict(_pairs(options["label"], "--label is COLUMN=TEXT")),
            options=Options.of(**{name: options[name] for name in CHOICES}),
            parameters=parameters,
            time_zone=options["time_zone"] or settings.TIME_ZONE,
            language=options["language"] or settings.LANGUAGE_CODE,
        )

    def _authority(self, username: str | None) -> tuple[Authority, Origin]:
        if username is None:
            return Authority.system(), CommandOrigin(command=NAME)
        model = get_user_model()
        try:
            user = model._default_manager.get_by_natural_key(username)
        except model.DoesNotExist as error:
            raise CommandError(f"There is no user {username!r}.") from error
        return Authority.of(user), CommandOrigin(user=user, command=NAME)

    def _write(self, export: ImmediateExport, file: BinaryIO) -> None:
        for block in self._blocks(export):
            file.write(block)
            file.flush()  # before the export is recorded as finished

    def _blocks(self, export: ImmediateExport) -> Iterator[bytes]:
        try:
            yield from export
        except ReportError:
            raise
        except Exception as error:
            export.job.refresh_from_db()
            raise CommandError(export.job.error) from error

    @contextmanager
    def _sink(self, output: str) -> Iterator[BinaryIO]:
        """Where the bytes go."""
        if output == STDOUT:
            stream = getattr(self.stdout, "_out", sys.stdout)
            binary = getattr(stream, "buffer", None)
            if binary is None:
                raise CommandError("--output - needs a standard output that takes bytes.")
            yield binary
            binary.flush()
            return
        with open_output(output) as file:
            yield file

    @contextmanager
    def _progress(self) -> Iterator[Callable[[int, int | None], None] | None]:
        """A bar on a terminal; nothing anywhere else."""
        if tqdm is None or not sys.stderr.isatty():
            yield None
            return
        with tqdm(unit=" rows", unit_scale=True) as bar:

            def on_progress(done: int, expected: int | None) -> None:
                bar.total = expected
                bar.update(done - bar.n)

            yield on_progress


def _pairs(items: Iterable[str], legal: str) -> Iterator[tuple[str, str]]:
    """What stands before and behind the = of each. Raises CommandError if there is none."""
    for item in items:
        name, equals, value = item.partition("=")
        if not equals or not name:
            raise CommandError(f"{legal}, not {item!r}.")
        yield name, value
