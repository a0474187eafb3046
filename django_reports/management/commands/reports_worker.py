"""reports_worker: executes background exports, and sweeps."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_reports.conf import get_settings
from django_reports.runners import get_runner, sweep


class Command(BaseCommand):
    help = "Executes background exports with the configured runner until it is stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--burst", action="store_true", help="end as soon as no export is waiting"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        runner = get_runner()
        if options["verbosity"]:
            self.stderr.write(f"reports_worker: runner={get_settings().RUNNER}, ready")
        try:
            runner.work(burst=options["burst"], sweep=sweep)
        except runner.unavailable as error:
            raise CommandError(f"The queue server is not to be had: {error}") from error
