"""The checkboxes of a list, without a query for the name of each row."""

import copy
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any

from django.contrib.admin import ModelAdmin
from django.db import connections


class NeedsQuery(Exception):
    """A name cannot be had without asking the database."""


def with_quiet_checkboxes(model_admin: "ModelAdmin[Any]") -> "ModelAdmin[Any]":
    """A copy of a ModelAdmin whose checkboxes are named as Django names them, by `str(obj)`, unless
    that would take a query; then they are named by the model and the key."""
    quiet: Any = copy.copy(model_admin)
    original = quiet.action_checkbox

    @wraps(original)
    def action_checkbox(obj: Any) -> Any:
        try:
            with _without_queries():
                return original(obj)
        except NeedsQuery:
            return original(_NamedByKey(obj))

    quiet.action_checkbox = action_checkbox
    return quiet  # type: ignore[no-any-return]


class _NamedByKey:
    """A row whose name needs no query."""

    def __init__(self, row: Any) -> None:
        self._row = row

    def __getattr__(self, name: str) -> Any:
        return getattr(self._row, name)

    def __str__(self) -> str:
        return f"{self._row._meta.verbose_name} {self._row.pk}"


@contextmanager
def _without_queries() -> Iterator[None]:
    """Raise NeedsQuery instead of asking a database: before the query is logged as one."""

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise NeedsQuery

    with ExitStack() as stack:
        for connection in connections.all(initialized_only=True):
            for name in ("cursor", "chunked_cursor"):
                stack.callback(_put_back, connection, name, vars(connection).get(name))
                setattr(connection, name, refuse)
        yield


def _put_back(connection: Any, name: str, replaced: Any) -> None:
    if replaced is None:
        delattr(connection, name)
    else:
        setattr(connection, name, replaced)
