"""At the click: whether a list that is built again shows what its request shows."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib.admin import ModelAdmin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

from django_reports.admin.changelists import KIND, Replay, find_model_admin, own_copy
from django_reports.admin.list_columns import names_of, shown_by
from django_reports.admin.replayed_requests import ReplayedRequest, describe_lack, has
from django_reports.admin.shown_lists import (
    BuiltList,
    copy_of_request,
    lacks,
    live_request,
    unused_copy,
)
from django_reports.definitions.columns import BoundColumn
from django_reports.definitions.querysets import keeps_order
from django_reports.definitions.selections import Selection
from django_reports.engine.comparison import is_same
from django_reports.engine.rows import QuerySetSource
from django_reports.exceptions import InvalidQuerySet, SelectionNotReplayable

SAMPLE = 5  # rows whose computed values are compared
GUESSED = 10_000  # from so many rows on, a paginator of one's own need not count exactly


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
    if with_columns:
        _verify_values(replay, shown, as_arrived)
    is_whole = selection.data["keys"] is None  # whoever ticked rows has seen them
    if is_whole and _has_own_page(replay.model_admin, replay.list.changelist):
        _verify_page(request, replay)
    if lacked := replay.request.lacking | replay.request.aside:
        names = [list(name) for name in sorted(lacked, key=describe_lack)]
        note = {"user": str(request.user.pk), "names": names}
        replay.selection = Selection(KIND, {**selection.data, "lacked": note})
    return replay


def _verify_values(replay: Replay, shown: BuiltList, as_arrived: HttpRequest) -> None:
    """What a list computes of its first rows must not depend on what a replay lacks."""
    first = replay.list.changelist.queryset[:SAMPLE]
    one, other = (list(_computed_of(built, first)) for built in (replay.list, shown))
    if differing := {lack for lack in replay.request.lacking if has(as_arrived, lack)}:
        raise lacks(differing)
    around = {lack for lack in replay.request.aside if has(as_arrived, lack)}
    if one != other and around:
        raise lacks(around)


def _computed_of(built: BuiltList, rows: "QuerySet[Any]") -> Iterator[str]:
    display = built.list_display()
    columns = shown_by(built.model_admin, display, is_spreadsheet=True).columns
    reads = [column.from_instance for column in columns if column.from_instance]
    for instance in rows if reads else ():
        for read in reads:
            try:
                yield repr(read(instance))
            except Exception as error:  # then the export fails, and says so
                yield type(error).__name__


def _has_own_page(model_admin: Any, changelist: Any) -> bool:
    """Whether a list decides in its own code what stands on its pages."""
    return bool(
        model_admin.has_own_changelist_view()
        or changelist.has_own_results
        or model_admin.paginator is not Paginator
        or type(model_admin).get_paginator is not ModelAdmin.get_paginator
    )


def _verify_page(request: HttpRequest, replay: Replay) -> None:
    """The page that was shown must have the rows that the replay has at its place."""
    data = replay.selection.data
    asked = ReplayedRequest(data["path"], data["query"])
    match: Any = replay.request.resolver_match
    asked.resolver_match = match
    model_admin: Any = unused_copy(find_model_admin(replay.selection))
    live = live_request(request, asked)
    response = model_admin.changelist_view(live, *match.args, **match.kwargs)
    changelist = (getattr(response, "context_data", None) or {}).get("cl")
    if changelist is None:
        return
    shown = [row.pk for row in changelist.result_list]
    if [row.pk for row in _page_of(replay.list.changelist.queryset, changelist)] != shown:
        raise SelectionNotReplayable(
            _(
                "This list cannot be exported: its pages have other rows than its queryset. "
                "What get_results(), a paginator or changelist_view() leaves out belongs into "
                "get_queryset()."
            )
        )


def _page_of(rows: "QuerySet[Any]", changelist: Any) -> list[Any]:
    """Those of some rows that a changelist should show, and one more if it has rows that none of
    its pages show."""
    if not changelist.multi_page or (changelist.show_all and changelist.can_show_all):
        return list(rows[: len(changelist.result_list) + 1])
    page = changelist.paginator.page(changelist.page_num)
    begin = max(0, page.start_index() - 1)
    count = changelist.result_count
    # Of a large table a paginator may only guess how many there are.
    further = rows[count : count + 1] if count <= GUESSED else ()
    return [*rows[begin : begin + len(page.object_list)], *further]


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
    try:
        read = QuerySetSource(rows, columns).as_read()
    except InvalidQuerySet:  # which is said of those columns where they are chosen
        read = QuerySetSource(rows, [column for column in columns if column.path]).as_read()
    if not keeps_order(rows, read):
        raise SelectionNotReplayable(
            _(
                "This list cannot be exported: with these columns its rows would be in a different "
                "order."
            )
        )
