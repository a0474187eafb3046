"""Whether rows are chosen alike where nothing is left of the request that asks for them.

A middleware may keep a tenant, say, in a thread-local or a context variable, from which managers
and querysets read it. A worker has no such thing, and would write everybody's rows. So before an
export is left to one, its querysets are built again with nothing but what is known there.
"""

import contextvars
import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, TypeVar

from django.contrib.auth import get_user_model
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.translation import gettext as _

from django_reports.access.permissions import Authority
from django_reports.engine.comparison import Compiled, compiled, is_same_sql
from django_reports.engine.rows import QuerySetSource
from django_reports.exceptions import ReportError, SelectionNotReplayable
from django_reports.exports.prepare import Export

logger = logging.getLogger(__name__)
T = TypeVar("T")


def check_detached(export: Export) -> None:
    """Raises SelectionNotReplayable if a worker would choose other rows for an export."""
    if export.authority.user is None or not _querysets(export):
        return
    try:
        elsewhere = detached(lambda: _as_by_worker(export))
    except ReportError:
        raise
    except Exception as error:
        logger.exception("report=%s event=not_detached", export.spec.report)
        raise _other_rows() from error
    here = _compiled(export)
    if len(here) != len(elsewhere) or not all(map(is_same_sql, here, elsewhere)):
        raise _other_rows()


def _other_rows() -> SelectionNotReplayable:
    return SelectionNotReplayable(
        _(
            "This export cannot be made in the background: there its queryset would choose other "
            "rows, since it depends on more of this request than its user and its parameters."
        )
    )


def _as_by_worker(export: Export) -> list[Compiled | None]:
    """What is asked if only the key of the user is known, and the spec."""
    user = export.authority.user
    assert user is not None
    people: Any = get_user_model()._base_manager
    own = people.get(pk=user.pk)
    context = replace(export.context, user=own, memo={})
    return _compiled(replace(export, authority=Authority.of(own), context=context))


def _compiled(export: Export) -> list[Compiled | None]:
    with export.spec.locales.filter.active():
        return [compiled(queryset) for queryset in _querysets(export)]


def _querysets(export: Export) -> list[Any]:
    sources = [section.source for section in export.sections]
    return [source.queryset for source in sources if isinstance(source, QuerySetSource)]


def detached(work: Callable[[], T]) -> T:
    """Do some work in a thread and a context of its own, over the connections of this one."""
    results: list[T] = []
    errors: list[BaseException] = []
    lent = connections.all(initialized_only=True)

    def run() -> None:
        try:
            for connection in lent:
                connections[connection.alias] = connection
            results.append(work())
        except BaseException as error:  # for the caller, who waits for this thread
            errors.append(error)
        finally:
            _close_own(lent)

    with ExitStack() as stack:
        for connection in lent:
            connection.inc_thread_sharing()
            stack.callback(connection.dec_thread_sharing)
        thread = threading.Thread(target=contextvars.Context().run, args=(run,))
        thread.start()
        thread.join()
    if errors:
        raise errors[0]
    return results[0]


def _close_own(lent: Sequence[BaseDatabaseWrapper]) -> None:
    for connection in connections.all(initialized_only=True):
        if connection not in lent:
            connection.close()
