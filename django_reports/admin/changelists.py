"""A changelist's rows without its page: for an export, and again later in a worker.

What a changelist shows depends on its query string, its person and whatever else its ModelAdmin
reads from the request. A replay gives it a request that holds just what can be known later, and
that names what it lacks when asked for more.
"""

import copy
import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from django.contrib.admin import ModelAdmin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.sites import all_sites
from django.contrib.admin.views.main import IGNORED_PARAMS, PAGE_VAR, SEARCH_VAR
from django.contrib.messages.storage.base import BaseStorage
from django.core.exceptions import EmptyResultSet, FieldDoesNotExist
from django.db.models import QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest, QueryDict
from django.urls import get_resolver, get_script_prefix, resolve, reverse
from django.utils import translation
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_reports.columns import BoundColumn
from django_reports.exceptions import InvalidSpec, SelectionNotReplayable
from django_reports.numerals import grouped
from django_reports.querysets import checked, keeps_order
from django_reports.registry import registry
from django_reports.reports import ModelReport, ReportContext, User
from django_reports.selections import Selection, SelectionKind, are_keys, register_selection
from django_reports.sources import QuerySetSource

KIND = "changelist"
BESIDE = dt.timedelta(seconds=10)  # between a list and the same list built again


class _Silent(BaseStorage):
    """Takes messages that nobody will read."""

    def _get(self, *args: Any, **kwargs: Any) -> tuple[list[Any], bool]:
        return [], True

    def _store(self, *args: Any, **kwargs: Any) -> list[Any]:
        return []

    def add(self, *args: Any, **kwargs: Any) -> None:
        return None


class ReplayedRequest(HttpRequest):
    """A GET of the changelist, as far as it can be known later. `lacking` is what else was asked
    of it."""

    lacking: set[str]
    user: Any
    _messages: Any

    def __init__(self) -> None:
        self.lacking = set()
        super().__init__()

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("__"):
            self.__dict__.setdefault("lacking", set()).add(name)
        raise AttributeError(
            f"This changelist reads request.{name}, which does not exist when an export is "
            "replayed; supply it with capture_request() and restore_request()."
        )


def changelist_selection(
    model_admin: "ModelAdmin[Any]",
    query: str,
    *,
    keys: list[str] | None,
    state: Any,
) -> Selection:
    """The selection of a changelist: as filtered by `query`, or the ticked `keys` of it."""
    data = {
        "site": model_admin.admin_site.name,
        "model": model_admin.opts.label_lower,
        "query": query,
        "keys": keys,
        "state": state,
    }
    return Selection(KIND, data)


def load_sites() -> None:
    """Import the URL conf: admin sites that are made there exist only after that."""
    get_resolver().url_patterns  # noqa: B018


registry.add_loader(load_sites)


def find_model_admin(selection: Selection) -> "ModelAdmin[Any]":
    """Raises InvalidSpec if the admin site or the ModelAdmin is no longer there."""
    load_sites()
    site_name, label = selection.data["site"], selection.data["model"]
    for site in all_sites:
        if site.name == site_name:
            for model, model_admin in site._registry.items():
                if model._meta.label_lower == label:
                    return model_admin
    raise InvalidSpec(
        _("The admin %(site)s no longer has a list of %(model)s.")
        % {"site": repr(site_name), "model": label},
        field="selection",
    )


def replayed_request(selection: Selection, user: User) -> ReplayedRequest:
    model_admin = find_model_admin(selection)
    options = model_admin.opts
    site = model_admin.admin_site.name
    request = ReplayedRequest()
    request.method = "GET"
    request.GET = QueryDict(selection.data["query"])
    request.user = user
    request.path = reverse(
        f"admin:{options.app_label}_{options.model_name}_changelist", current_app=site
    )
    request.path_info = "/" + request.path.removeprefix(get_script_prefix())
    request.resolver_match = resolve(request.path_info)
    request.current_app = site
    request.LANGUAGE_CODE = translation.get_language()
    request._messages = _Silent(request)
    restore = getattr(model_admin, "restore_request", None)
    if restore is not None:
        restore(request, selection.data["state"])
    return request


def may_view(selection: Selection, user: User) -> bool:
    """The ModelAdmin's own word on who may see its list; no if it needs what is not known."""
    model_admin = find_model_admin(selection)
    request = replayed_request(selection, user)
    try:
        return bool(model_admin.has_view_or_change_permission(request)) and not request.lacking
    except AttributeError:
        if not request.lacking:
            raise
        return False


class Replay:
    """A changelist built again for a person, by a ModelAdmin that nobody else uses.

    What its methods keep on themselves is this person's, and its columns belong to its rows.
    """

    def __init__(self, selection: Selection, user: User) -> None:
        self._selection = selection
        self._request = replayed_request(selection, user)
        self.model_admin = _counting_nothing(unused_copy(find_model_admin(selection)))

    def list_display(self) -> Sequence[Any]:
        """What the list shows. Raises as `rows`."""
        with self._complete():
            return self.model_admin.get_list_display(self._request)

    def rows(self) -> "QuerySet[Any]":
        """The changelist's rows as that person sees them, in its order, without counting them.

        Raises SelectionNotReplayable if it reads something from the request that is not known.
        """
        with self._complete():
            return rows_of_changelist(self.model_admin, self._request, self._selection.data["keys"])

    @contextmanager
    def _complete(self) -> Iterator[None]:
        try:
            yield
        except AttributeError as error:
            if not self._request.lacking:
                raise
            raise _lacks(self._request) from error
        if self._request.lacking:
            raise _lacks(self._request)


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


def unused_copy(model_admin: "ModelAdmin[Any]") -> "ModelAdmin[Any]":
    """A ModelAdmin like this one, on which no request has left anything.

    Options that were set on the instance itself are kept.
    """
    fresh = type(model_admin)(model_admin.model, model_admin.admin_site)
    options = {
        name: value for name, value in vars(model_admin).items() if hasattr(ModelAdmin, name)
    }
    vars(fresh).update(options)
    return fresh


def _lacks(request: ReplayedRequest) -> SelectionNotReplayable:
    return SelectionNotReplayable(
        _(
            "This list cannot be exported: it depends on request.%(name)s, which is not there when "
            "the export is made. Its ModelAdmin can supply it with capture_request() and "
            "restore_request()."
        )
        % {"name": ", request.".join(sorted(request.lacking))}
    )


def rows_of_changelist(
    model_admin: "ModelAdmin[Any]", request: HttpRequest, keys: list[str] | None
) -> "QuerySet[Any]":
    """The rows that a `countless` changelist shows for a request on all of its pages.

    Raises InvalidSpec for a query string that the changelist does not understand: bad filters
    never mean all rows.
    """
    queryset = _changelist(model_admin, request).queryset
    what = f"{type(model_admin).__name__}.get_queryset()"
    rows = checked(queryset, model_admin.model, what)
    return rows if keys is None else rows.filter(pk__in=keys)


def _changelist(model_admin: "ModelAdmin[Any]", request: HttpRequest) -> Any:
    """The changelist for a request, without its page. Raises as `rows_of_changelist`."""
    try:
        return model_admin.get_changelist_instance(request)
    except IncorrectLookupParameters as error:
        raise InvalidSpec(
            _("The list cannot be filtered like this: %(query)s.")
            % {"query": request.GET.urlencode()},
            field="selection",
        ) from error


def countless(model_admin: "ModelAdmin[Any]") -> "ModelAdmin[Any]":
    """A copy of a ModelAdmin whose changelists fetch no page and run no COUNT(*)."""
    return _counting_nothing(copy.copy(model_admin))


def _counting_nothing(model_admin: "ModelAdmin[Any]") -> "ModelAdmin[Any]":
    original = model_admin.get_changelist

    def get_changelist(request: HttpRequest, **kwargs: Any) -> Any:
        return without_results(original(request, **kwargs))

    model_admin.get_changelist = get_changelist  # type: ignore[method-assign]
    return model_admin


def without_results(changelist_class: Any) -> Any:
    class WithoutResults(changelist_class):  # type: ignore[misc]
        def get_results(self, request: HttpRequest) -> None:
            self.result_count = self.full_result_count = 0
            self.show_full_result_count = self.can_show_all = self.multi_page = False
            self.result_list = self.root_queryset.none()

    return WithoutResults


def verify_replay(
    model_admin: "ModelAdmin[Any]",
    request: HttpRequest,
    live: "QuerySet[Any] | None",
    selection: Selection,
    columns: Sequence[BoundColumn],
) -> None:
    """At the click: the replay must ask for exactly what the live list shows, in its order.

    A list that reads the clock does so again; its moments need only lie beside each other.
    `live` is the list's queryset where the caller has it, else it is built from the request.
    Raises SelectionNotReplayable, so that it is refused here and not in a worker.
    """
    if live is None:
        live = rows_of_changelist(model_admin, request, selection.data["keys"])
    replayed = Replay(selection, request.user).rows()
    if not _is_same(_compiled(live), _compiled(replayed)):
        raise SelectionNotReplayable(
            _(
                "This list cannot be exported: built again without its request it would hold other "
                "rows. Its ModelAdmin can supply what it depends on with capture_request() and "
                "restore_request()."
            )
        )
    if not keeps_order(replayed, QuerySetSource(replayed, columns).as_read()):
        raise SelectionNotReplayable(
            _(
                "This list cannot be exported: with these columns its rows would be in a different "
                "order."
            )
        )


Compiled = tuple[str, tuple[Any, ...]]


def _compiled(queryset: "QuerySet[Any]") -> Compiled | None:
    try:
        sql, parameters = queryset.query.get_compiler(using=queryset.db).as_sql()
    except EmptyResultSet:
        return None
    return sql, tuple(parameters)


def _is_same(one: Compiled | None, other: Compiled | None) -> bool:
    if one is None or other is None:
        return one is other
    return one[0] == other[0] and all(map(_is_same_value, one[1], other[1]))


def _is_same_value(one: Any, other: Any) -> bool:
    """Whether two parameters are equal, or both were read from the clock, one after the other."""
    if repr(one) == repr(other):
        return True
    first, second = _moment(one), _moment(other)
    if first is None or second is None:
        return False
    return is_aware(first) == is_aware(second) and abs(first - second) < BESIDE


def _moment(value: Any) -> dt.datetime | None:
    """As a database's parameter it is a text on some of them."""
    if isinstance(value, str):
        with suppress(ValueError):
            return parse_datetime(value)
    return value if isinstance(value, dt.datetime) else None


def _queryset(selection: Selection, report: ModelReport, context: ReportContext) -> "QuerySet[Any]":
    return replay_of(context).rows()


def in_words(selection: Selection, report: ModelReport, user: User | None) -> str:
    """What a changelist shows: how many were ticked, or its filters and its search."""
    model_admin = find_model_admin(selection)
    name = str(model_admin.opts.verbose_name_plural)
    keys = selection.data["keys"]
    if keys is not None:
        return ngettext(
            "%(count)s selected: %(name)s", "%(count)s selected: %(name)s", len(keys)
        ) % {"count": grouped(len(keys)), "name": name}
    query = QueryDict(selection.data["query"])
    facts = _filters_in_words(model_admin, selection, user) if query and user else []
    if search := query.get(SEARCH_VAR):
        facts.append(_("search: %(text)s") % {"text": search})
    words = _("All %(name)s") % {"name": name}
    return f"{words} · {' · '.join(facts)}" if facts else words


def _filters_in_words(
    model_admin: "ModelAdmin[Any]", selection: Selection, user: User
) -> list[str]:
    """Each filter's title and choice; of what is no filter of the list, the query itself."""
    request = replayed_request(selection, user)
    changelist = _changelist(countless(model_admin), request)
    changelist.add_facets = False  # their counts cost a query each
    facts = []
    told = {*IGNORED_PARAMS, PAGE_VAR}
    for spec in changelist.filter_specs:
        told.update(name for name in spec.expected_parameters() if name)
        is_used = any(name in request.GET for name in spec.expected_parameters())
        chosen = [str(one["display"]) for one in spec.choices(changelist) if one.get("selected")]
        if is_used and chosen:
            facts.append(f"{spec.title}: {', '.join(chosen)}")
    for name, values in request.GET.lists():
        if name not in told:
            facts.append(f"{_lookup_in_words(model_admin, name)}: {', '.join(values)}")
    return facts


def _lookup_in_words(model_admin: "ModelAdmin[Any]", lookup: str) -> str:
    """`date__month` as “date month”, by the names that the fields give themselves."""
    words: list[str] = []
    options: Any = model_admin.opts
    for part in lookup.removesuffix("__exact").split(LOOKUP_SEP):
        try:
            field = options.get_field(part)
        except (AttributeError, FieldDoesNotExist):  # a transform, or nothing that we know
            words.append(part)
            options = None
        else:
            words.append(str(getattr(field, "verbose_name", part)))
            options = getattr(field.related_model, "_meta", None)
    return " ".join(words)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


_SHAPES = {
    "site": _is_text,
    "model": _is_text,
    "query": _is_text,
    "keys": lambda value: value is None or are_keys(value),
}
register_selection(KIND, SelectionKind(_queryset, may_view, in_words, _SHAPES))
