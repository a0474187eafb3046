"""At the click: whether a list that is built again shows what its request shows."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

from django_reports.admin.changelists import KIND, Replay, own_copy
from django_reports.admin.comparison import is_same
from django_reports.admin.list_columns import names_of
from django_reports.admin.replayed_requests import describe_lack, has
from django_reports.admin.shown_lists import BuiltList, copy_of_request, lacks, live_request
from django_reports.columns import BoundColumn
from django_reports.exceptions import SelectionNotReplayable
from django_reports.querysets import keeps_order
from django_reports.selections import Selection
from django_reports.sources import QuerySetSource


def verify_replay(
    request: HttpRequest, live: "QuerySet[Any] | None", selection: Selection, *, with_columns: bool
) -> Replay:
    """At the click: the replay must ask for exactly what the live list shows, in its order, and
    show the same columns, where those are exported.

    A list that reads the clock does so again; its moments need only lie beside each other.
    `live` is the list's queryset where the caller has it, else it is built from the request.
    The replay's selection notes what it may lack: what the request itself lacks as well, and what
    was asked around the list and makes no difference to it.
    Raises SelectionNotReplayable, so that it is refused here and not in a worker.
    """
    replay = Replay(selection, request.user)
    shown = BuiltList(
        own_copy(selection), live_request(request, replay.request), selection.data["keys"]
    )
    columns = names_of(replay.list.list_display()) if with_columns else []
    rows = replay.list.rows()
    as_arrived = copy_of_request(request)
    if differing := {lack for lack in replay.request.lacking if has(as_arrived, lack)}:
        raise lacks(differing)
    has_columns = not with_columns or columns == names_of(shown.list_display())
    if not has_columns or not is_same(shown.rows() if live is None else live, rows):
        if around := {lack for lack in replay.request.aside if has(as_arrived, lack)}:
            raise lacks(around)
        raise _shows_other(rows=has_columns)
    if lacked := replay.request.lacking | replay.request.aside:
        names = [list(name) for name in sorted(lacked, key=describe_lack)]
        note = {"user": str(request.user.pk), "names": names}
        replay.selection = Selection(KIND, {**selection.data, "lacked": note})
    return replay


def _shows_other(*, rows: bool) -> SelectionNotReplayable:
    """What to raise for a replay that has other rows, or else other columns."""
    return SelectionNotReplayable(
        _(
            "This list cannot be exported: built again without its request it would hold other "
            "rows. Its ModelAdmin can supply what it depends on with capture_request() and "
            "restore_request()."
        )
        if rows
        else _(
            "This list cannot be exported: built again without its request it would show other "
            "columns. Its ModelAdmin can supply what it depends on with capture_request() and "
            "restore_request()."
        )
    )


def verify_order(replay: Replay, columns: Sequence[BoundColumn]) -> None:
    """Raises SelectionNotReplayable if the rows were in another order with these columns."""
    rows = replay.rows()
    if not keeps_order(rows, QuerySetSource(rows, columns).as_read()):
        raise SelectionNotReplayable(
            _(
                "This list cannot be exported: with these columns its rows would be in a different "
                "order."
            )
        )
