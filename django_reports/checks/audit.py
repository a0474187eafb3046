"""System checks of the audit log: what keeps it from being changed unnoticed."""

from collections.abc import Iterable
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DatabaseError

from django_reports.audit import anchors, sealing, triggers
from django_reports.audit.chain import database, is_overdue
from django_reports.core.conf import NAME, get_settings, settings_problems

TAG = "django_reports"


@register(Tags.security, deploy=True)
def check_audit(**kwargs: Any) -> list[CheckMessage]:
    """What makes the audit log worth more than the word of whoever has the database."""
    if settings_problems():
        return []
    conf = get_settings()
    found: list[CheckMessage] = []
    try:
        missing = triggers.missing()
    except (triggers.NotSupported, DatabaseError):  # no database, or no tables yet
        missing = []
    if missing:
        found.append(
            Warning(
                f"The database lets audit entries be changed: {', '.join(missing)} are missing.",
                hint="Run protect_audit, again after each migration.",
                id="django_reports.W041",
            )
        )
    if not conf.AUDIT_KEYS:
        found.append(
            Warning(
                "The audit log is signed with SECRET_KEY, which every process of the site has.",
                hint=f"Set {NAME}['AUDIT_KEYS'] to a text of its own, with SECRET_KEY behind it.",
                id="django_reports.W042",
            )
        )
    if not anchors.anchors_in_force():
        found.append(
            Warning(
                "Who has the database and the keys can write the audit log anew: nothing outside "
                "knows of it.",
                hint=f"Keep files in a storage that lasts, or set {NAME}['AUDIT_ANCHORS'], such as "
                "['log'], where they cannot write.",
                id="django_reports.W043",
            )
        )
    return found


@register(Tags.database)
def check_log_is_sealed(
    databases: Iterable[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    if settings_problems() or anchors.problems() or database() not in (databases or ()):
        return []
    try:
        problems = sealing.problems()
        waits = is_overdue()
    except DatabaseError:  # no tables yet
        return []
    found: list[CheckMessage] = [
        Error(
            f"The audit log is not what it was, and is no longer sealed: {problem}",
            hint="verify_reports says what is wrong. After a backup was restored, "
            'verify_reports --accept "why" goes on with the log as it is, and records that.',
            id="django_reports.E042",
        )
        for problem in problems
    ]
    if waits and not found:
        found.append(
            Warning(
                "Entries of the audit log wait to be sealed for long, and could be removed "
                "unnoticed until then.",
                hint="Run a reports_worker, or sweep_reports every minute.",
                id="django_reports.W044",
            )
        )
    return found


@register(TAG)
def check_anchors(**kwargs: Any) -> list[CheckMessage]:
    if settings_problems():
        return []
    return [
        Error(
            f"{NAME}['AUDIT_ANCHORS'] has {problem}",
            hint='Legal are "reports", "log", "storage:ALIAS", an address with https://, and the '
            "dotted path of a subclass of django_reports.Anchor, with what it needs behind a "
            "colon.",
            id="django_reports.E041",
        )
        for problem in anchors.problems()
    ]
