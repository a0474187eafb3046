"""reports_worker: executes background exports, and sweeps."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_reports.core.conf import get_settings
from django_reports.jobs.runners import Maintenance, get_runner


class Command(BaseCommand):
    help = "Executes background exports with the configured runner until it is stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--burst", action="store_true", help="end as soon as no export is waiting"
        )

    _has_process = False

    def run_from_argv(self, argv: list[str]) -> None:
        self._has_process = True  # by `call_command` it has not: others go on there
        super().run_from_argv(argv)

    def handle(self, *args: Any, **options: Any) -> None:
        runner, burst = get_runner(), options["burst"]
        if options["verbosity"]:
            self.stderr.write(f"reports_worker: runner={get_settings().RUNNER}, ready")
        try:
            work = runner.take_over if self._has_process else runner.work
            work(burst=burst, sweep=Maintenance(tidies=not burst))
        except runner.unavailable as error:
            raise CommandError(f"The queue server is not to be had: {error}") from error
