"""System checks. Each message has an id of its own, and a remedy."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, Warning, register
from django.db import DatabaseError, connections
from django.db.models import F
from django.utils.module_loading import import_string

from django_reports import anchors, protection
from django_reports.columns import (
    LOOKUP_SEPARATOR,
    Column,
    ColumnError,
    bind,
    is_personal_looking,
    is_secret_looking,
)
from django_reports.conf import NAME, get_settings, problems
from django_reports.registry import registry
from django_reports.reports import DELIVERY_CHOICES, ModelReport, Report
from django_reports.runners import RUNNERS, get_runner

TAG = "django_reports"

# An identifier is part of an address among the staff pages, whose other addresses are these.
IDENTIFIER = re.compile(r"[\w.-]+")
RESERVED = ("dashboard", "jobs", "openapi.json", "rights")

# What settings name by a dotted path.
NAMED = (
    (
        "POLICY",
        "Name a class with the methods of django_reports.permissions.Policy.",
        "django_reports.E003",
    ),
    (
        "TENANT",
        "Name a function that takes a user and returns their tenant, or None.",
        "django_reports.E021",
    ),
)


@register(TAG)
def check_settings(**kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = [
        Error(problem, id="django_reports.E001")
        for problem in problems(getattr(settings, NAME, {}))
    ]
    if found:
        return found
    conf = get_settings()
    try:
        found += get_runner().check()
    except ImportError as error:
        found.append(
            Error(
                f"{NAME}['RUNNER'] is {conf.RUNNER!r}, which cannot be imported: {error}",
                hint=f"Choose from {', '.join(RUNNERS)}, or name a subclass of "
                "django_reports.runners.base.Runner by its dotted path.",
                id="django_reports.E002",
            )
        )
    for key, hint, check_id in NAMED:
        name = getattr(conf, key)
        try:
            if name is not None:
                import_string(name)
        except ImportError as error:
            message = f"{NAME}['{key}'] is {name!r}, which cannot be imported: {error}"
            found.append(Error(message, hint=hint, id=check_id))
    if conf.DATABASE is not None and conf.DATABASE not in settings.DATABASES:
        found.append(
            Error(
                f"{NAME}['DATABASE'] is {conf.DATABASE!r}, which DATABASES lacks.",
                hint=f"Choose from {', '.join(settings.DATABASES)}, or leave it out.",
                id="django_reports.E017",
            )
        )
    if conf.TELL_BY_EMAIL and not conf.BASE_URL:
        found.append(
            Error(
                f"{NAME}['TELL_BY_EMAIL'] is on, and mails cannot say where the site is.",
                hint='Set BASE_URL, such as "https://shop.example.com".',
                id="django_reports.E018",
            )
        )
    return found


@register(TAG, deploy=True)
def check_workers(**kwargs: Any) -> list[CheckMessage]:
    """A thread of the site is no worker; whether there is one, nobody here can know."""
    if problems(getattr(settings, NAME, {})):
        return []
    conf = get_settings()
    if conf.RUNNER != "local" or not conf.LOCAL_THREAD:
        return []
    return [
        Warning(
            "Background exports may be made by a thread of the process that serves pages.",
            hint="Run reports_worker as a service of its own, and set "
            f"{NAME}['LOCAL_THREAD'] to False.",
            id="django_reports.W002",
        )
    ]


@register(Tags.security, deploy=True)
def check_audit(**kwargs: Any) -> list[CheckMessage]:
    """What makes the audit log worth more than the word of whoever has the database."""
    if problems(getattr(settings, NAME, {})):
        return []
    conf = get_settings()
    found: list[CheckMessage] = []
    try:
        missing = protection.missing()
    except (protection.NotSupported, DatabaseError):  # no database, or no tables yet
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
    if not conf.AUDIT_ANCHORS:
        found.append(
            Warning(
                "Who has the database and the keys can write the audit log anew: nothing outside "
                "knows of it.",
                hint=f"Set {NAME}['AUDIT_ANCHORS'], such as ['log'], where they cannot write.",
                id="django_reports.W043",
            )
        )
    return found


@register(TAG)
def check_anchors(**kwargs: Any) -> list[CheckMessage]:
    if problems(getattr(settings, NAME, {})):
        return []
    return [
        Error(
            f"{NAME}['AUDIT_ANCHORS'] has {problem}",
            hint='Legal are "log", "storage:ALIAS", an address with https://, and the dotted path '
            "of a subclass of django_reports.anchors.Anchor, with what it needs behind a colon.",
            id="django_reports.E041",
        )
        for problem in anchors.problems()
    ]


@register(Tags.database)
def check_databases(databases: Iterable[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Asked for by `check --database` and by `migrate`."""
    found: list[CheckMessage] = []
    for alias in databases or ():
        connection = connections[alias]
        if connection.vendor != "sqlite":
            continue
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA journal_mode")
            mode = cursor.fetchone()[0]
        if mode not in ("wal", "memory"):
            found.append(
                Warning(
                    f"The SQLite database {alias!r} has no write-ahead log (journal_mode={mode}): "
                    "an export's rows are copied to a temporary file first, lest nobody can write "
                    "while it runs.",
                    hint='Set OPTIONS["init_command"] = "PRAGMA journal_mode=WAL;" in DATABASES.',
                    id="django_reports.W003",
                )
            )
    return found


@register(TAG)
def check_reports(**kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    reports = list(registry)
    for identifier, report, other in _doubled(reports):
        found.append(
            Error(
                f"{_name(report)} has the identifier {identifier!r}, which is "
                f"{_name(other)}'s already.",
                hint="Give one of them another identifier; its old one can stay in aliases.",
                obj=type(report),
                id="django_reports.E005",
            )
        )
    for report in reports:
        found += check_report(report)
    return found


def check_report(report: Report) -> Iterator[CheckMessage]:
    """The messages about one report."""
    if report.delivery not in DELIVERY_CHOICES:
        yield Error(
            f"{_name(report)}.delivery is {report.delivery!r}.",
            hint=f"Choose from {', '.join(DELIVERY_CHOICES)}.",
            obj=type(report),
            id="django_reports.E006",
        )
    yield from _check_identifiers(report)
    if report.sections:
        yield from _check_sections(report)
    for part in report.get_sections().values():
        if not part.sections:
            yield from _check_rows(part)


def _check_rows(report: Report) -> Iterator[CheckMessage]:
    """Where rows come from, who may have them, what they hold."""
    if isinstance(report, ModelReport):
        if getattr(report, "model", None) is None:
            yield Error(
                f"{_name(report)} is a ModelReport without a model.",
                hint="Set model, or derive it from Report.",
                obj=type(report),
                id="django_reports.E010",
            )
            return
    elif not report.permission:
        yield Error(
            f"{_name(report)} has no model and no permission, so nobody may export it.",
            hint='Set permission = "app_label.codename".',
            obj=type(report),
            id="django_reports.E007",
        )
    yield from _check_columns(report)


def _check_identifiers(report: Report) -> Iterator[CheckMessage]:
    for identifier in registry.names_of(report):
        if identifier in RESERVED or not IDENTIFIER.fullmatch(identifier):
            yield Error(
                f"{_name(report)} has the identifier {identifier!r}, which cannot be an address.",
                hint="Use letters, digits, dots, hyphens and underscores, and none of "
                f"{', '.join(RESERVED)}.",
                obj=type(report),
                id="django_reports.E015",
            )


def _check_columns(report: Report) -> Iterator[CheckMessage]:
    columns = report.get_declared_columns()
    if not columns:
        yield Error(
            f"{_name(report)} has no columns.",
            hint="Declare columns = [...].",
            obj=type(report),
            id="django_reports.E012",
        )
    for name, count in Counter(column.name for column in columns).items():
        if count > 1:
            yield Error(
                f"{_name(report)} has {count} columns called {name!r}.",
                hint="Give each a name of its own; Column(name, path=...) reads the same field.",
                obj=type(report),
                id="django_reports.E008",
            )
    for column in columns:
        for message in _check_column(report, column):
            if message.id not in column.silenced_system_checks:
                yield message


def _check_sections(report: Report) -> Iterator[CheckMessage]:
    problem = ""
    if isinstance(report, ModelReport) or report.columns:
        problem = "has sections, and columns or a model of its own"
    elif any(section.sections for section in report.sections):
        problem = "has a section that has sections"
    elif len(report.get_sections()) < len(report.sections):
        problem = "has two sections whose identifiers end alike"
    if problem:
        yield Error(
            f"{_name(report)} {problem}.",
            hint="A report has either columns or sections; the last part of a section's "
            "identifier stands before the names of its columns.",
            obj=type(report),
            id="django_reports.E016",
        )


@register(TAG, deploy=True)
def check_disclosures(**kwargs: Any) -> list[CheckMessage]:
    """What is no mistake, but worth a look before others get to use it."""
    parts = [part for report in registry for part in report.get_sections().values()]
    return [message for part in parts for message in _check_disclosures(part)]


def _check_disclosures(report: Report) -> Iterator[CheckMessage]:
    related = list(_related_columns(report))
    if report.model is not None and related:
        yield Info(
            f"{_name(report)} shows {', '.join(related)} to everybody who may view "
            f"{report.model._meta.label}: fields of other models need no permission of their own.",
            hint='Set permission="app_label.codename" on a column that not all of them may have.',
            obj=type(report),
            id="django_reports.I001",
        )
    if report.left_out:
        yield Info(
            f"{', '.join(report.left_out)} of the list that {report.get_identifier()} follows is "
            "not in the export.",
            hint="It is computed, or looks like a secret. A report of its own, named in reports = "
            "[...] of the ModelAdmin, can have it: Column(name, value=..., fields=[...]).",
            id="django_reports.I002",
        )


def _check_column(report: Report, column: Column) -> Iterator[CheckMessage]:
    try:
        bind(column, report.model)
    except ColumnError as error:
        yield Error(
            f"{_name(report)}, column {column.name!r}: {error}.",
            obj=type(report),
            id="django_reports.E009",
        )
        return
    read = [column.path or column.name, *column.fields, *_names_in(column.expression)]
    secrets = [path for path in read if is_secret_looking(path)]
    if secrets:
        yield Warning(
            f"{_name(report)}, column {column.name!r} exports {secrets[0]!r}, which looks like a "
            "credential.",
            hint="Leave it out. If it is none, silence this check for your project.",
            obj=type(report),
            id="django_reports.W001",
        )
    personal = [path for path in read if is_personal_looking(path) and path not in secrets]
    if personal and column.permission is None:
        yield Warning(
            f"{_name(report)}, column {column.name!r} exports {personal[0]!r}, which looks "
            "personal, to everybody who may export the report.",
            hint='Set permission="app_label.codename", and mask= for those without it. If all may '
            'have it, set silenced_system_checks=["django_reports.W004"] on the column.',
            obj=type(report),
            id="django_reports.W004",
        )
    if column.mask == "hash" and get_settings().MASK_KEY is None:
        yield Error(
            f'{_name(report)}, column {column.name!r} has mask="hash", and there is no key.',
            hint=f"Set {NAME}['MASK_KEY'] to a long random text of its own, and keep it: other "
            "keys give other hashes.",
            obj=type(report),
            id="django_reports.E023",
        )


def _names_in(expression: Any) -> Iterator[str]:
    """The paths that an expression reads."""
    name = getattr(expression, "name", None)
    if isinstance(expression, F) and name:
        yield name
    for part in getattr(expression, "get_source_expressions", list)():
        yield from _names_in(part)


def _related_columns(report: Report) -> Iterator[str]:
    """The columns that show other models' data to whoever may view this report's."""
    for column in report.get_declared_columns():
        path = column.path or column.name
        is_plain = column.value is None and column.expression is None and not column.problem()
        if is_plain and column.permission is None and LOOKUP_SEPARATOR in path:
            yield column.name


def _doubled(reports: Iterable[Report]) -> Iterator[tuple[str, Report, Report]]:
    seen: dict[str, Report] = {}
    for report in reports:
        for identifier in registry.names_of(report):
            if identifier in seen:
                yield identifier, report, seen[identifier]
            else:
                seen[identifier] = report


def _name(report: Report) -> str:
    kind = type(report)
    return f"{kind.__module__}.{kind.__qualname__}"
