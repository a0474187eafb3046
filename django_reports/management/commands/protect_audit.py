"""protect_audit: have the database itself refuse changes of the audit log."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_reports.audit import triggers


class Command(BaseCommand):
    help = (
        "Installs triggers by which the database itself refuses to change or remove audit entries, "
        "whoever asks. Run it again after migrations."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--remove", action="store_true", help="take the triggers out")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            names = triggers.remove() if options["remove"] else triggers.install()
        except triggers.NotSupported as error:
            raise CommandError(str(error)) from error
        word = "removed" if options["remove"] else "installed"
        for name in names:
            self.stdout.write(f"{word} {name}")
