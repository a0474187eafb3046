"""A changelist's rows without its page: for an export, and again later in a worker.

What a changelist shows depends on its query string, its person and whatever else its ModelAdmin
reads from the request. A replay gives it a request that holds just what can be known later, and
that names what it lacks when asked for more.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.admin import ModelAdmin
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.urls import ResolverMatch, get_resolver
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_reports.admin.addresses import (
    match_of_list,
    owner_of,
    path_of_list,
    registered_path,
    under_urlconf,
    urlconf_of,
)
from django_reports.admin.descriptions import describe_filters, may_narrow_by_itself
from django_reports.admin.lookups import undeclared_lookups
from django_reports.admin.replayed_requests import Lack, ReplayedRequest
from django_reports.admin.shown_lists import (
    BuiltList,
    arrived,
    counting_nothing,
    is_viewable,
    lacks,
    posted,
    unused_copy,
)
from django_reports.core.formatting import grouped
from django_reports.core.users import User
from django_reports.definitions.base import ModelReport, Report, ReportContext
from django_reports.definitions.registry import registry
from django_reports.definitions.selections import (
    Selection,
    SelectionKind,
    are_keys,
    register_selection,
)
from django_reports.engine.comparison import is_same
from django_reports.exceptions import InvalidSpec, SelectionNotReplayable
from django_reports.exports.file_metadata import query_without_secrets

KIND = "changelist"
_NOTHING: dict[str, Any] = {
    "path": "",
    "urlconf": None,
    "model": "",
    "query": "",
    "keys": None,
    "state": None,
    "captured_for": None,
    "lacked": None,
}


class ReplayableList:
    """What a ModelAdmin's list can supply of its request. Only such a list can be built again."""

    def capture_request(self, request: HttpRequest) -> Any:
        """What the list depends on besides its URL and its person (a tenant, say), as JSON."""
        return None

    def restore_request(self, request: HttpRequest, state: Any) -> None:
        """Put what `capture_request` gave onto the request with which the list is built again."""

    def get_report(self, identifier: str) -> Report | None:
        """The report of this identifier or alias that the list offers."""
        raise NotImplementedError

    def has_own_changelist_view(self) -> bool:
        """Whether its view is not Django's alone, so that it may show other rows."""
        raise NotImplementedError


@dataclass(frozen=True)
class ShownList(Selection):
    """A changelist that is being shown: its ModelAdmin has said of the request that shows it
    whether it may be viewed. Only a list that is built again has to be asked anew."""

    is_viewable: bool = False

    @classmethod
    def of(cls, *, is_viewable: bool) -> "ShownList":
        return cls(KIND, _NOTHING, is_viewable)


def changelist_selection(
    model_admin: "ModelAdmin[Any]",
    request: HttpRequest,
    *,
    keys: list[str] | None,
    state: Any,
) -> Selection:
    """The selection of a changelist: as its request filters it, or the ticked `keys` of it.

    Raises SelectionNotReplayable if its address, or what was captured, cannot be kept.
    """
    try:
        json.dumps(state)
    except (TypeError, ValueError) as error:
        raise SelectionNotReplayable(
            _("This list cannot be exported: capture_request() must return JSON, not %(value)s.")
            % {"value": repr(state)[:100]}
        ) from error
    try:
        urlconf = urlconf_of(request)
    except ValueError as error:
        raise lacks({("urlconf", None)}) from error
    data = {
        **_NOTHING,
        "path": path_of_list(model_admin, request),
        "urlconf": urlconf,
        "model": model_admin.opts.label_lower,
        "query": arrived(request)["GET"].urlencode(),
        "keys": keys,
        "state": state,
        "captured_for": None if state is None else str(request.user.pk),
    }
    return Selection(KIND, data)


def whole_list(model_admin: "ModelAdmin[Any]") -> Selection:
    """The selection of all that a ModelAdmin's list shows."""
    place = {"path": registered_path(model_admin), "model": model_admin.opts.label_lower}
    return Selection(KIND, {**_NOTHING, **place})


def load_sites() -> None:
    """Import the URL conf: admin sites that are made there exist only after that."""
    get_resolver().url_patterns  # noqa: B018


registry.add_loader(load_sites)


def find_list(selection: Selection) -> ResolverMatch:
    """What answers at the list's address. Raises InvalidSpec if it is no longer that list."""
    data = selection.data
    match = match_of_list(data["path"], data["urlconf"], data["model"])
    if match is None or not isinstance(owner_of(match.func), ReplayableList):
        raise InvalidSpec(
            _("%(path)s no longer has a list of %(model)s.")
            % {"path": data["path"], "model": data["model"]},
            field="selection",
        )
    return match


def find_model_admin(selection: Selection) -> "ModelAdmin[Any]":
    """Raises InvalidSpec if the list is no longer there."""
    model_admin: ModelAdmin[Any] = owner_of(find_list(selection).func)
    return model_admin


def own_copy(selection: Selection) -> "ModelAdmin[Any]":
    """A list's ModelAdmin that nobody else uses, and which counts nothing."""
    return counting_nothing(unused_copy(find_model_admin(selection)))


def replayed_request(selection: Selection, user: User) -> ReplayedRequest:
    match = find_list(selection)
    model_admin: Any = owner_of(match.func)
    keys = selection.data["keys"]
    post = None if keys is None else posted(keys)
    request = ReplayedRequest(selection.data["path"], selection.data["query"], post)
    if selection.data["urlconf"] is not None:
        request.urlconf = selection.data["urlconf"]
    request.user = user
    request.resolver_match = match
    request.current_app = model_admin.admin_site.name
    request.LANGUAGE_CODE = translation.get_language() or settings.LANGUAGE_CODE
    model_admin.restore_request(request, selection.data["state"])
    return request


def may_view(selection: Selection, user: User) -> bool:
    """The ModelAdmin's own word on who may see its list; no if it needs what is not known."""
    if isinstance(selection, ShownList):
        return selection.is_viewable
    with under_urlconf(selection.data["urlconf"]):
        request = replayed_request(selection, user)
        try:
            return is_viewable(request) and not _unknown(request, selection)
        except Exception:
            if not request.lacking:
                raise
            return False


def find_report(selection: Selection, identifier: str) -> Report | None:
    """The report of that identifier which this list offers: two sites may have one name."""
    try:
        model_admin: Any = find_model_admin(selection)
    except InvalidSpec:
        return None
    report: Report | None = model_admin.get_report(identifier)
    return report


class Replay:
    """A changelist built again for a person, by a ModelAdmin that nobody else uses.

    What its methods keep on themselves is this person's, and its columns belong to its rows.
    """

    def __init__(self, selection: Selection, user: User) -> None:
        """Raises SelectionNotReplayable for what was captured of another person's request."""
        if not _is_captured_for(selection, user):
            raise SelectionNotReplayable(
                _(
                    "This list depends on who looks at it, and it was another person who chose "
                    "these rows. Open the list yourself and export it there."
                )
            )
        self.selection = selection
        self.request = replayed_request(selection, user)
        self.model_admin = own_copy(selection)
        self.list = BuiltList(self.model_admin, self.request, selection.data["keys"])
        self._checked = 0

    def list_display(self) -> Sequence[Any]:
        """What the list shows. Raises as `rows`."""
        with self._complete():
            return self.list.list_display()

    def rows(self) -> "QuerySet[Any]":
        """The changelist's rows as that person sees them, in its order, without counting them.

        Raises SelectionNotReplayable if it reads something from the request that is not known.
        """
        with self._complete():
            return self.list.rows()

    def undeclared_lookups(self) -> list[tuple[str, str]]:
        """See `lookups`. Raises as `rows`."""
        if not self.selection.data["query"]:
            return []
        with self._complete():
            return undeclared_lookups(self.list.changelist, self.request)

    def checked(self, read: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """What a column computes of a row, which may ask the request for more. Raises as `rows`."""

        def value(instance: Any) -> Any:
            try:
                return read(instance)
            finally:
                self._check()

        return value

    @contextmanager
    def _complete(self) -> Iterator[None]:
        with under_urlconf(self.selection.data["urlconf"]):
            yield
        self._check()

    def _check(self) -> None:
        count = len(self.request.lacking) + len(self.request.aside)
        if count == self._checked:  # of a million rows mostly none asks for anything new
            return
        if unknown := _unknown(self.request, self.selection):
            raise lacks(unknown)
        self._checked = count


def _is_captured_for(selection: Selection, user: User) -> bool:
    """Whether what `capture_request` gave, if anything, was given for this person."""
    state, owner = selection.data["state"], selection.data.get("captured_for")
    return state is None or owner == str(user.pk)


def replay_of(context: ReportContext) -> Replay:
    """The replay of an export's list: one for its columns and its rows.

    Raises InvalidSpec where no person asks.
    """
    if context.user is None:
        raise InvalidSpec(_("A list of the admin is exported in a person's name."), field="user")
    if KIND not in context.memo:
        context.memo[KIND] = Replay(context.selection, context.user)
    found: Replay = context.memo[KIND]
    return found


def _unknown(request: ReplayedRequest, selection: Selection) -> set[Lack]:
    """What a replay lacks that was not lacking, or was of no account, at the click."""
    lacked = selection.data["lacked"]
    is_theirs = lacked is not None and lacked["user"] == str(request.user.pk)
    known = {(attribute, key) for attribute, key in lacked["names"]} if is_theirs else set()
    return (request.lacking | request.aside) - known


def _queryset(selection: Selection, report: ModelReport, context: ReportContext) -> "QuerySet[Any]":
    return replay_of(context).rows()


def _lookups(context: ReportContext) -> list[tuple[str, str]]:
    return replay_of(context).undeclared_lookups()


def in_words(selection: Selection, report: ModelReport, user: User | None) -> str:
    """What a changelist shows: how many were ticked, or its filters and its search."""
    model_admin: Any = find_model_admin(selection)
    name = str(model_admin.opts.verbose_name_plural)
    keys = selection.data["keys"]
    if keys is not None:
        return ngettext(
            "%(count)s selected: %(name)s", "%(count)s selected: %(name)s", len(keys)
        ) % {"count": grouped(len(keys)), "name": name}
    facts = [] if user is None else _describe(model_admin, selection, user)
    return " · ".join([_("All %(name)s") % {"name": name}, *facts])


def _describe(model_admin: Any, selection: Selection, user: User) -> list[str]:
    """What narrows the rows of a changelist."""
    if not _is_captured_for(selection, user):
        filters = QueryDict(query_without_secrets(selection.data["query"])).lists()
        return [f"{name}: {', '.join(values)}" for name, values in filters]
    replay = Replay(selection, user)
    # A view or a filter of its own may narrow the rows without a query.
    narrows_by_itself = model_admin.has_own_changelist_view() or may_narrow_by_itself(
        model_admin, replay.request
    )
    if not selection.data["query"] and not narrows_by_itself:
        return []
    with under_urlconf(selection.data["urlconf"]):
        changelist = replay.list.changelist
    facts = describe_filters(changelist, replay.request)
    unprepared = model_admin.get_queryset(replayed_request(selection, user))
    if not is_same(unprepared, changelist.root_queryset):
        facts.append(_("only the rows that the list shows when it opens"))
    return facts


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_note(value: Any) -> bool:
    """Whether a value says what a replay may lack, and for whom."""
    if value is None:
        return True
    if not isinstance(value, dict) or not _is_text(value.get("user")):
        return False
    names = value.get("names")
    return isinstance(names, list) and all(
        isinstance(name, list) and len(name) == 2 and _is_text(name[0]) for name in names
    )


_SHAPES = {
    "path": _is_text,
    "urlconf": lambda value: value is None or _is_text(value),
    "model": _is_text,
    "query": _is_text,
    "keys": lambda value: value is None or are_keys(value),
    "captured_for": lambda value: value is None or _is_text(value),
    "lacked": _is_note,
}
register_selection(
    KIND, SelectionKind(_queryset, may_view, in_words, _SHAPES, find_report, _lookups)
)
