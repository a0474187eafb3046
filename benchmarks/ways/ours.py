"""This app, by its command: permission, plan, audit entry, snapshot, guard, labels, hash, file.

What everybody gets who exports, with nothing left out. The masked table is made as a person who
may not see that column; the others in the system's name.
"""

from django.core.management import call_command

from benchmarks.filling import PROFILE, ZONE


def make(path, report, format, rows):  # noqa: A002 - the word of the command
    user = ["--user=staff"] if report == "masked" else []
    call_command(
        "export_report", f"benchmarks.{report}", f"--format={format}", f"--profile={PROFILE}",
        f"--time-zone={ZONE}", "--language=en", f"--param=rows={rows}", f"--output={path}", *user,
        verbosity=0,
    )  # fmt: skip
