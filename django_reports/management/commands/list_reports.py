"""list_reports: the declared reports."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from django_reports.registry import registry


class Command(BaseCommand):
    help = "Lists the declared reports: identifier, label, and with --columns their columns."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--columns", action="store_true", help="also list each one's columns")

    def handle(self, *args: Any, **options: Any) -> None:
        registry.load()
        for report in sorted(registry, key=lambda report: report.get_identifier()):
            self.stdout.write(f"{report.get_identifier()}\t{report.get_label()}")
            if options["columns"]:
                for column in report.get_columns():
                    self.stdout.write(f"\t{column.key}\t{column.kind.name}\t{column.full_label}")
