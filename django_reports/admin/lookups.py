"""Lookups in a list's address that nobody declared: Django's admin takes any lookup of any field.

Whoever may filter by a field learns its values, though the list shows none of them: rows that
begin with "a", with "ab", and so on. So a filter that asks whether a field is empty declares that
alone.
"""

from collections.abc import Iterator
from typing import Any

from django_reports.admin.descriptions import applied_lookups
from django_reports.definitions.querysets import canonical_lookup

Lookup = tuple[str, str]
SEARCHES = {"^": "istartswith", "=": "iexact", "@": "search"}  # how a search field begins
EQUAL = ("", "exact", "iexact", "in")  # all ask for whole values


def undeclared_lookups(changelist: Any, request: Any) -> list[tuple[str, str]]:
    """The lookups that no filter, search or date hierarchy of the list makes itself, each with the
    path of the field that it tells of."""
    model = changelist.model
    declared = {_comparable(model, lookup) for lookup in _declared(changelist, request)}
    asked = {name: _comparable(model, name) for name in applied_lookups(changelist, request)}
    return [
        (name, path)
        for name, (path, kind) in asked.items()
        # Whoever may ask from which value on learns the value, whichever way they ask.
        if not {(path, kind), (path, "gte")} & declared
    ]


def _comparable(model: Any, lookup: str) -> Lookup:
    path, kind = canonical_lookup(model, lookup)
    return path, "exact" if kind in EQUAL else kind


def _declared(changelist: Any, request: Any) -> Iterator[str]:
    for spec in changelist.filter_specs:
        yield from filter(None, spec.expected_parameters())
    for field in changelist.model_admin.get_search_fields(request):
        yield _searched(changelist.model, field)
    if changelist.date_hierarchy:
        for part in ("year", "month", "day", "gte", "lt"):
            yield f"{changelist.date_hierarchy}__{part}"


def _searched(model: Any, field: str) -> str:
    """The lookup by which Django searches a field of `search_fields`."""
    if field[:1] in SEARCHES:
        return f"{field[1:]}__{SEARCHES[field[0]]}"
    _path, kind = canonical_lookup(model, field)
    return field if kind else f"{field}__icontains"
