"""Selections: which rows of a report's source are wanted.

A selection is data (a kind and JSON). How a kind becomes a queryset is registered here, so that
the services can resolve a changelist without knowing the admin.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_reports.core.formatting import grouped
from django_reports.core.users import User
from django_reports.definitions.base import ModelReport, Report, ReportContext
from django_reports.definitions.base import Selection as Selection  # noqa: PLC0414 - its home for others
from django_reports.definitions.base import is_selection as is_selection  # noqa: PLC0414
from django_reports.definitions.querysets import narrowed, queryset_of
from django_reports.definitions.registry import registry
from django_reports.exceptions import InvalidSpec


def are_keys(value: Any) -> bool:
    """Whether a JSON value is a list of primary keys."""
    return isinstance(value, list) and all(isinstance(key, str | int) for key in value)


@dataclass(frozen=True)
class SelectionKind:
    """`queryset` gives the rows that were selected, `in_words` says which those are. `may_view`
    overrides the question whether a person may view the model at all; None leaves it to Django's
    view permission. `shapes` are the keys that a selection's data must have, each with a test of
    its value. `report` gives the report of an identifier that belongs to the selection, where
    others may have the same. `lookups` are those by which a person chose rows though nobody
    declared them, each with the path of the field that it tells of."""

    queryset: Callable[[Selection, ModelReport, ReportContext], "QuerySet[Any]"]
    may_view: Callable[[Selection, User], bool] | None = None
    in_words: Callable[[Selection, ModelReport, User | None], str] | None = None
    shapes: Mapping[str, Callable[[Any], bool]] = field(default_factory=dict)
    report: Callable[[Selection, str], Report | None] | None = None
    lookups: Callable[[ReportContext], list[tuple[str, str]]] | None = None


_kinds: dict[str, SelectionKind] = {}


def register_selection(name: str, kind: SelectionKind) -> None:
    _kinds[name] = kind


def selection_kind(selection: Selection) -> SelectionKind:
    """Raises InvalidSpec for a kind that nobody registered, and for data that it cannot be of."""
    if selection.kind not in _kinds:
        raise InvalidSpec(
            _("There is no selection %(kind)s.") % {"kind": repr(selection.kind)},
            field="selection",
            legal=sorted(_kinds),
        )
    kind = _kinds[selection.kind]
    for name, fits in kind.shapes.items():
        if not fits(selection.data.get(name)):
            raise InvalidSpec(
                _("A selection of the kind %(kind)s cannot have %(value)s as %(name)s.")
                % {
                    "kind": selection.kind,
                    "value": repr(selection.data.get(name))[:100],
                    "name": name,
                },
                field="selection",
            )
    return kind


def find_report(selection: Selection, identifier: str) -> Report | None:
    """The report of this identifier or alias: the selection's own, or else a registered one."""
    own = selection_kind(selection).report
    return (own(selection, identifier) if own else None) or registry.find(identifier)


def _all(selection: Selection, report: ModelReport, context: ReportContext) -> "QuerySet[Any]":
    return queryset_of(report, context)


def _keys(selection: Selection, report: ModelReport, context: ReportContext) -> "QuerySet[Any]":
    keys = selection.data["keys"]
    rows = queryset_of(report, context)
    selected: QuerySet[Any] = narrowed(
        rows, lambda rows: rows.filter(pk__in=keys), "filter(pk__in=…)"
    )
    return selected


def describe_selection(selection: Selection, report: Report, user: User | None) -> str:
    """Which rows are selected, for people to read."""
    if not isinstance(report, ModelReport):
        return _("Everything that this report makes")
    words = selection_kind(selection).in_words
    return words(selection, report, user) if words else selection.kind


def _describe_all(selection: Selection, report: ModelReport, user: User | None) -> str:
    return _("All %(name)s") % {"name": report.model._meta.verbose_name_plural}


def _describe_keys(selection: Selection, report: ModelReport, user: User | None) -> str:
    count = len(selection.data["keys"])
    return ngettext("%(count)s selected: %(name)s", "%(count)s selected: %(name)s", count) % {
        "count": grouped(count),
        "name": report.model._meta.verbose_name_plural,
    }


register_selection("all", SelectionKind(_all, in_words=_describe_all))
register_selection("keys", SelectionKind(_keys, in_words=_describe_keys, shapes={"keys": are_keys}))
