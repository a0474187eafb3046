"""The changelist that a request shows, without its page: its filters, its search, its order.

The request is a person's own, as it arrived, or one that is made for a replay.
"""

import copy
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from django.contrib.admin import ModelAdmin, helpers
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied, SuspiciousOperation, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _

from django_reports.admin.addresses import owner_of
from django_reports.admin.replayed_requests import Lack, ReplayedRequest, Silent, describe_lack
from django_reports.definitions.querysets import checked
from django_reports.exceptions import (
    InvalidSpec,
    ReportDenied,
    ReportError,
    SelectionNotReplayable,
)
from django_reports.exports.file_metadata import query_without_secrets

ACTION = "export_selected"
ARRIVED = "_reports_arrived"  # the name under which a request keeps what it was at first


def note_arrival(request: HttpRequest) -> None:
    """Keep what a request is before a list's own code changes it."""
    if ARRIVED not in vars(request):
        query = request.GET  # is only among its attributes after it was asked for
        vars(request)[ARRIVED] = {**vars(request), "GET": query}


def arrived(request: HttpRequest) -> dict[str, Any]:
    note_arrival(request)
    facts: dict[str, Any] = vars(request)[ARRIVED]
    return facts


def live_request(request: HttpRequest, replayed: ReplayedRequest) -> Any:
    """A request as it arrived, as if it asked for the same list in the same way as a replay."""
    live = copy_of_request(request)
    for name in ("method", "GET", "POST", "path", "path_info", "content_type", "content_params",
                 "resolver_match"):  # fmt: skip
        setattr(live, name, getattr(replayed, name))
    live._body, live._files = b"", MultiValueDict()
    live.META = {**live.META, **dict(dict.items(replayed.META))}
    live.csrf_processing_done = live.is_replay = True
    live._messages = Silent(live)
    return live


def copy_of_request(request: HttpRequest) -> Any:
    request_class: Any = type(request)
    copied: Any = request_class.__new__(request_class)
    vars(copied).update(arrived(request))
    return copied


def posted(keys: list[str]) -> QueryDict:
    """What the list posts for ticked rows and our action."""
    data = QueryDict(mutable=True)
    data.update({"action": ACTION, "index": "0", "select_across": "0"})
    data.setlist(helpers.ACTION_CHECKBOX_NAME, keys)
    return data


def is_viewable(request: HttpRequest) -> bool:
    model_admin = owner_of(request.resolver_match.func)  # type: ignore[union-attr]
    return bool(model_admin.has_view_or_change_permission(request))


class BuiltList:
    """A list that a ModelAdmin of one's own, which counts nothing, shows for a request."""

    def __init__(
        self, model_admin: "ModelAdmin[Any]", request: HttpRequest, keys: list[str] | None
    ) -> None:
        self.model_admin: Any = model_admin
        self._request = request
        self._keys = keys

    @cached_property
    def changelist(self) -> Any:
        return shown_changelist(self.model_admin, self._request)

    def list_display(self) -> Sequence[Any]:
        """What it shows. Only a view of its own may show something else than the ModelAdmin."""
        if self.model_admin.has_own_changelist_view():
            shown = self.changelist.list_display
            return [name for name in shown if name != "action_checkbox"]
        with _translated(self._request):
            names: Sequence[Any] = self.model_admin.get_list_display(self._request)
        return names

    def rows(self) -> "QuerySet[Any]":
        """Its rows on all of its pages, or the ticked ones.

        Raises InvalidSpec for a query string that the changelist does not understand: bad filters
        never mean all rows.
        """
        if self._keys is not None:
            check_keys(self.model_admin.model, self._keys)
        what = f"{type(self.model_admin).__name__}.get_queryset()"
        rows = checked(self.changelist.queryset, self.model_admin.model, what)
        return rows if self._keys is None else rows.filter(pk__in=self._keys)


class _Shown(BaseException):
    """Ends a changelist_view() as soon as its list is built; no `except Exception` stops it."""

    def __init__(self, changelist: Any) -> None:
        self.changelist = changelist


def shown_changelist(model_admin: Any, request: HttpRequest) -> Any:
    """The changelist that a request for it shows, by its own changelist_view(): that may filter by
    default, and set on the request what the list depends on.

    Raises what `BuiltList.rows` does, ReportDenied, and SelectionNotReplayable where the view
    needs what is not known.
    """
    match: Any = request.resolver_match
    aside: Any = request
    original = model_admin.get_changelist_instance

    def get_changelist_instance(request: HttpRequest) -> Any:
        aside.is_aside = False
        raise _Shown(_understood(original, request))

    # On this ModelAdmin and no copy: what its view keeps on itself is for its columns, too.
    model_admin.get_changelist_instance = get_changelist_instance
    try:
        with _translated(request):
            if not model_admin.has_view_or_change_permission(request):
                raise PermissionDenied
            aside.is_aside = True
            response = model_admin.changelist_view(request, *match.args, **match.kwargs)
    except _Shown as shown:
        return shown.changelist
    finally:
        model_admin.get_changelist_instance = original
    changelist = (getattr(response, "context_data", None) or {}).get("cl")
    if changelist is None:
        raise SelectionNotReplayable(
            _("This list cannot be exported: its address answers with something else.")
        )
    return changelist


def _understood(get_changelist_instance: Any, request: HttpRequest) -> Any:
    query = request.GET.urlencode()
    try:
        if "%00" in query:  # which no database takes
            raise IncorrectLookupParameters
        return get_changelist_instance(request)
    except (IncorrectLookupParameters, SuspiciousOperation) as error:
        raise InvalidSpec(
            _("The list cannot be filtered like this: %(query)s.")
            % {"query": query_without_secrets(query)},
            field="selection",
        ) from error


@contextmanager
def _translated(request: HttpRequest) -> Iterator[None]:
    """Where a list cannot be built, say what it lacks, if that may be the cause."""
    try:
        yield
    except ReportError:
        raise
    except Exception as error:
        if lacking := getattr(request, "lacking", set()) | getattr(request, "aside", set()):
            raise lacks(lacking) from error
        if isinstance(error, PermissionDenied):
            raise ReportDenied(_("You may not see this list.")) from error
        raise


def unused_copy(model_admin: "ModelAdmin[Any]") -> "ModelAdmin[Any]":
    """A ModelAdmin like this one, on which no request has left anything.

    Options that were set on the instance itself are kept. One that is made with more than a model
    and a site can only be copied as it is.
    """
    try:
        fresh = type(model_admin)(model_admin.model, model_admin.admin_site)
    except TypeError:
        return copy.copy(model_admin)
    options = {
        name: value for name, value in vars(model_admin).items() if hasattr(ModelAdmin, name)
    }
    vars(fresh).update(options)
    return fresh


def counting_nothing(model_admin: "ModelAdmin[Any]") -> "ModelAdmin[Any]":
    """Have the changelists of a ModelAdmin of one's own fetch no page and run no COUNT(*)."""
    original = model_admin.get_changelist

    def get_changelist(request: HttpRequest, **kwargs: Any) -> Any:
        return without_results(original(request, **kwargs))

    model_admin.get_changelist = get_changelist  # type: ignore[method-assign]
    return model_admin


def without_results(changelist_class: Any) -> Any:
    class WithoutResults(changelist_class):  # type: ignore[misc]
        remaining_lookups: Collection[str] = ()  # of its address, that no filter took
        has_own_results = changelist_class.get_results is not ChangeList.get_results

        def get_filters(self, request: HttpRequest) -> Any:
            found = super().get_filters(request)
            self.remaining_lookups = found[2]
            return found

        def get_results(self, request: HttpRequest) -> None:
            self.result_count = self.full_result_count = 0
            self.show_full_result_count = self.can_show_all = self.multi_page = False
            self.result_list = self.root_queryset.none()

    return WithoutResults


def check_keys(model: Any, keys: Iterable[str]) -> None:
    """Raises InvalidSpec for a key that no row can have."""
    field = model._meta.pk
    while field.remote_field is not None:
        field = field.target_field
    for key in keys:
        try:
            if "\0" in key:
                raise ValidationError(key)
            field.run_validators(field.to_python(key))
        except (ValidationError, ValueError, TypeError, OverflowError) as error:
            raise InvalidSpec(
                _("No row of %(model)s has the key %(key)s.")
                % {"model": model._meta.verbose_name_plural, "key": repr(key)},
                field="selection",
            ) from error


def lacks(names: Iterable[Lack]) -> SelectionNotReplayable:
    return SelectionNotReplayable(
        _(
            "This list cannot be exported: it depends on request.%(name)s, which is not there when "
            "the export is made. Its ModelAdmin can supply it with capture_request() and "
            "restore_request()."
        )
        % {"name": ", request.".join(sorted(map(describe_lack, names)))}
    )
