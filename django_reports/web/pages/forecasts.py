"""What an export will be, in words, before it is made."""

import re
from math import floor, log10

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_reports.core.choices import Execution
from django_reports.core.formatting import grouped
from django_reports.definitions.specs import ExportSpec
from django_reports.engine.writers import plain_format
from django_reports.exports.formats import cautions_of
from django_reports.jobs.dispatch import Plan, Preview
from django_reports.web.display import describe_losses

MILLION = 1_000_000
LONG_NUMBER = re.compile(r"-?[0-9]{16,}")


def format_row_count(plan: Plan) -> str:
    """The rows as they were counted, or as the database guesses, which is said."""
    guess = plan.estimate.rows
    if guess is None or plan.rows.is_exact:
        return str(plan.rows)
    if guess >= MILLION:
        number = f"{guess / MILLION:,.0f}" if guess >= 10 * MILLION else f"{guess / MILLION:.1f}"
        return _("about %(n)s million rows, the database estimates") % {"n": number}
    return _("about %(n)s rows, the database estimates") % {"n": grouped(rounded(guess))}


def format_size(plan: Plan) -> str:
    """About how large the file will be; empty if there is nothing to learn it from."""
    size = plan.estimate.size
    if size is None:
        return ""
    return _("about %(size)s, as before") % {"size": filesizeformat(rounded(size))}


def describe_course(plan: Plan) -> str:
    """What will happen, and about how long it will take where that can be known."""
    if plan.execution == Execution.IMMEDIATE:
        return _("Downloads now")
    if plan.estimate.seconds is None:
        return _("Runs in the background")
    return _("Runs in the background, %(time)s") % {"time": format_roughly(plan.estimate.seconds)}


def cautions(plan: Plan, format_name: str) -> list[str]:
    """What to know before this is made in a format."""
    estimate = plan.estimate
    # Of more rows than were counted, at least these are certain.
    return cautions_of(format_name, estimate.rows or plan.rows.n, estimate.largest_key)


def cautions_of_preview(preview: Preview, spec: ExportSpec) -> list[str]:
    """What the first rows already show of what the file cannot hold, or its readers will not."""
    found = describe_losses(preview.losses)
    if plain_format(spec.format) in ("csv", "tsv"):
        rounded_ones = [
            name
            for table in preview.tables
            for at, name in enumerate(table.header or ())
            if any(LONG_NUMBER.fullmatch(row[at]) for row in table.rows)
        ]
        if rounded_ones:
            found.append(
                _("Excel rounds numbers of more than 15 digits when it opens this: %(columns)s.")
                % {"columns": ", ".join(rounded_ones)}
            )
    return found


def format_roughly(seconds: float) -> str:
    """About so long: rounded so that nobody takes it for a promise."""
    if seconds < 5:
        return _("a few seconds")
    if seconds < 90:
        return _("about %(n)s s") % {"n": 5 * round(seconds / 5)}
    minutes = round(seconds / 60)
    if minutes < 90:
        return ngettext("about %(n)s minute", "about %(n)s minutes", minutes) % {"n": minutes}
    hours = round(minutes / 60)
    return ngettext("about %(n)s hour", "about %(n)s hours", hours) % {"n": hours}


def rounded(number: int) -> int:
    """To two digits that count: 1,234,567 is about 1,200,000."""
    if not number:
        return 0
    return round(number, 1 - floor(log10(abs(number))))
