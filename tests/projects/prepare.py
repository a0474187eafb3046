"""Checks a project, makes its databases and fills them: python -m tests.projects.prepare."""

from importlib import import_module

import django
from django.conf import settings
from django.core.management import call_command


def main():
    django.setup()
    call_command("check", fail_level="WARNING")
    # No project's settings may have Django want a migration of an app that it does not own.
    call_command("makemigrations", "django_reports", check_changes=True, dry_run=True)
    for alias in settings.DATABASES:
        # First what models of apps without migrations may point to.
        call_command("migrate", "auth", database=alias, verbosity=0)
        call_command("migrate", database=alias, run_syncdb=True, verbosity=0)
    package = settings.SETTINGS_MODULE.rpartition(".")[0]
    import_module(f"{package}.seed").seed()


if __name__ == "__main__":
    main()
