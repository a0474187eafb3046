"""Lookups in a list's address that nobody declared: Django's admin takes any field of the model.

Whoever may filter by a field learns its values, though the list shows none of them: rows that
begin with "a", with "ab", and so on.
"""

from collections.abc import Iterator
from typing import Any

from django_reports.admin.descriptions import applied_lookups
from django_reports.querysets import canonical_path


def undeclared_lookups(changelist: Any, request: Any) -> list[tuple[str, str]]:
    """The lookups that no filter, search or date hierarchy of the list declares, each with the
    path of the field that it tells of."""
    model = changelist.model
    declared = {canonical_path(model, path) for path in _declared(changelist.model_admin, request)}
    if changelist.date_hierarchy:
        declared.add(canonical_path(model, changelist.date_hierarchy))
    found = ((name, canonical_path(model, name)) for name in applied_lookups(changelist, request))
    return [(name, path) for name, path in found if path not in declared]


def _declared(model_admin: Any, request: Any) -> Iterator[str]:
    for item in model_admin.get_list_filter(request):
        path = item[0] if isinstance(item, list | tuple) else item
        if isinstance(path, str):
            yield path
    for path in model_admin.get_search_fields(request):
        yield path.lstrip("^=@")
