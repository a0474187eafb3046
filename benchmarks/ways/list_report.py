"""This app, by its command: the report that follows the admin's list, as somebody who may."""

from django.core.management import call_command

from benchmarks.admin import OrderAdmin
from benchmarks.filling import PROFILE, ZONE


def make(path, report, format, rows):  # noqa: A002 - the word of the command
    OrderAdmin.rows = rows
    call_command(
        "export_report", "admin.benchmarks.order", f"--format={format}", f"--profile={PROFILE}",
        f"--time-zone={ZONE}", "--language=en", f"--output={path}", "--user=staff", verbosity=0,
    )  # fmt: skip
