"""System checks of what a project declares: reports, their columns and sections."""

import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Any

from django.apps import apps
from django.contrib.auth import get_backends, get_permission_codename
from django.contrib.auth.backends import ModelBackend
from django.core.checks import CheckMessage, Error, Info, Warning, register
from django.db.models import F, Model

from django_reports.core.conf import NAME, get_settings
from django_reports.definitions.base import EXECUTION_CHOICES, ModelReport, Report
from django_reports.definitions.columns import (
    LOOKUP_SEPARATOR,
    Column,
    ColumnError,
    bind,
    is_personal_looking,
    is_secret_looking,
)
from django_reports.definitions.expressions import missing_indexes
from django_reports.definitions.kinds import Auto, Text
from django_reports.definitions.querysets import canonical_path
from django_reports.definitions.registry import registry

TAG = "django_reports"
UNDECLARED = "django_reports.W006"

# An identifier is part of an address among the staff pages, whose other addresses are these.
IDENTIFIER = re.compile(r"[\w.-]+")
RESERVED = ("dashboard", "jobs", "openapi.json", "rights")


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
    declared = _declared_permissions()
    for report in reports:
        found += check_report(report)
        if declared is not None:
            found += _check_permissions(report, declared)
    return found


def check_report(report: Report) -> Iterator[CheckMessage]:
    """The messages about one report."""
    if report.execution not in EXECUTION_CHOICES:
        yield Error(
            f"{_name(report)}.execution is {report.execution!r}.",
            hint=f"Choose from {', '.join(EXECUTION_CHOICES)}.",
            obj=type(report),
            id="django_reports.E006",
        )
    yield from _check_identifiers(report)
    if report.sections:
        yield from _check_sections(report)
    for part in report.get_sections().values():
        if not part.sections:
            yield from _check_rows(part)
    yield from _check_parameters(report)


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
    if not report.columns_vary:
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


def _check_parameters(report: Report) -> Iterator[CheckMessage]:
    """A parameter by which somebody narrows the rows tells of a column that they do not see."""
    form, model = report.parameters, report.model
    if form is None or model is None:
        return
    protected = {
        name: column
        for column in report.get_declared_columns()
        if column.permission
        for name in (column.name, canonical_path(model, column.path or column.name))
    }
    for name in form.base_fields:
        column = protected.get(name) or protected.get(canonical_path(model, name))
        if column is not None:
            yield Warning(
                f"{_name(report)} has the parameter {name!r}, and its column {column.name!r} needs "
                f"the permission {column.permission!r}: whoever lacks it learns the column's "
                "values by trying them.",
                hint="Offer the parameter only to those who have the permission, or silence this "
                "check if it gives nothing away.",
                obj=type(report),
                id="django_reports.W062",
            )


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
    if left_out := report.get_left_out():
        yield Info(
            f"{', '.join(map(str, left_out))} of the list that {report.get_identifier()} follows "
            "is not in the export.",
            hint="It looks like a secret, or is binary. A report of its own, named in reports = "
            "[...] of the ModelAdmin, can have it: Column(name, ...).",
            id="django_reports.I002",
        )


def _check_column(report: Report, column: Column) -> Iterator[CheckMessage]:
    try:
        kind = bind(column, report.model).kind
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
    if report.model is not None and column.expression is not None:
        yield from _check_indexes(report, column, report.model)
    if column.mask == "partial" and not isinstance(kind, Text | Auto):
        yield Warning(
            f'{_name(report)}, column {column.name!r} has mask="partial", and is no text: nothing '
            "of its values is shown.",
            hint='Choose mask="omit", mask="null" or a callable.',
            obj=type(report),
            id="django_reports.W060",
        )
    if column.mask == "hash" and get_settings().MASK_KEY is None:
        yield Error(
            f'{_name(report)}, column {column.name!r} has mask="hash", and there is no key.',
            hint=f"Set {NAME}['MASK_KEY'] to a long random text of its own, and keep it: other "
            "keys give other hashes.",
            obj=type(report),
            id="django_reports.E023",
        )


def _check_indexes(report: Report, column: Column, model: type[Model]) -> Iterator[CheckMessage]:
    for relation, index in missing_indexes(column.expression, model).items():
        yield Warning(
            f"{_name(report)}, column {column.name!r} aggregates {relation!r}, whose rows "
            f"({index.label}) no index finds by {', '.join(index.fields)}: the whole table is read "
            "again and again.",
            hint=f"Add models.Index(fields={list(index.fields)}) to the Meta of {index.label}. If "
            "the database has one that Django does not know, set silenced_system_checks="
            '["django_reports.W051"] on the column.',
            obj=type(report),
            id="django_reports.W051",
        )


def _check_permissions(report: Report, declared: Container[str]) -> Iterator[CheckMessage]:
    """A name with a mistake in it reads like a right that nobody has."""
    wanted: list[tuple[str, str | None, Sequence[str]]] = [(_name(report), report.permission, ())]
    for part in report.get_sections().values():
        wanted += [
            (f"{_name(part)}, column {column.name!r},", column.permission,
             column.silenced_system_checks)
            for column in part.get_declared_columns()
        ]  # fmt: skip
    for what, permission, silenced in wanted:
        if permission and permission not in declared and UNDECLARED not in silenced:
            yield Warning(
                f"{what} needs the permission {permission!r}, which no model declares.",
                hint="Correct it, or name it in permissions of a model's Meta and migrate. If it "
                "is made elsewhere, silence this check.",
                obj=type(report),
                id=UNDECLARED,
            )


def _declared_permissions() -> Container[str] | None:
    """Those of all models; None where a project asks somebody else about permissions."""
    known = ModelBackend.has_perm
    if any(getattr(type(backend), "has_perm", known) is not known for backend in get_backends()):
        return None
    return {
        f"{options.app_label}.{codename}"
        for options in (model._meta for model in apps.get_models())
        for codename in (
            *(get_permission_codename(action, options) for action in options.default_permissions),
            *(codename for codename, _name in options.permissions),
        )
    }


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
