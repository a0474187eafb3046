"""list_reports: the declared reports."""

from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from django_reports.access.permissions import Authority
from django_reports.audit.log import Origin
from django_reports.definitions.base import Report
from django_reports.definitions.registry import registry
from django_reports.definitions.specs import ExportSpec
from django_reports.exceptions import ReportError
from django_reports.exports.prepare import prepare


class Command(BaseCommand):
    help = "Lists the declared reports: identifier and label."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--columns", action="store_true", help="also list each one's columns")
        parser.add_argument(
            "--explain",
            action="store_true",
            help="also tell what makes each one's CSV: PostgreSQL, or Python, and why",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        registry.load()
        for report in sorted(registry, key=lambda report: report.get_identifier()):
            try:
                lines = list(_described(report, options))
            except Exception as error:  # of its own code: the others are listed
                words = f"cannot be told, it raised {type(error).__name__}: {error}"
                self.stderr.write(f"{report.get_identifier()}\t{words}")
                continue
            for line in lines:
                self.stdout.write(line)


def _described(report: Report, options: dict[str, Any]) -> Iterator[str]:
    yield f"{report.get_identifier()}\t{report.get_label()}"
    if options["columns"]:
        for column in report.get_columns():
            yield f"\t{column.key}\t{column.kind.name}\t{column.full_label}"
    if options["explain"]:
        for line in _explained(report):
            yield f"\t{line}"


def _explained(report: Report) -> list[str]:
    """How the rows of each section get into a CSV file, with the options that are usual."""
    spec = ExportSpec(report.get_identifier())
    try:
        export = prepare(spec, Authority.system(), Origin())
        ways = export.ways()
    except ReportError as error:
        return [f"not known without its parameters: {error}"]
    several = len(ways) > 1
    return [
        f"{section.title}: {way}" if several else str(way)
        for section, way in zip(export.sections, ways, strict=True)
    ]
