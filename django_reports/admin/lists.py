"""What the admin lists of this app share: read-only, and never a look at a whole table."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin, ShowFacets, SimpleListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_reports.access.permissions import may_export
from django_reports.core.formatting import grouped
from django_reports.definitions.registry import registry
from django_reports.exports.formats import offered_formats
from django_reports.web.pages.filters import newest_of
from django_reports.web.pages.paging import COUNTED, BoundedPaginator

if TYPE_CHECKING:
    _Base = ModelAdmin[Any]
else:
    _Base = ModelAdmin


PERIOD = ("created_at__gte", "created_at__lt")  # as Django's filter by date sends it


class CheckedChangeList(ChangeList):
    """Answers a character that PostgreSQL does not know like any other wrong filter: Django's list
    would meet it where nothing catches it."""

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        if any("\0" in value for _name, values in request.GET.lists() for value in values):
            raise IncorrectLookupParameters
        super().__init__(request, *args, **kwargs)


class BoundedChangeList(CheckedChangeList):
    """Looks through the newest rows only for what no index finds; `is_windowed` says that it did.

    Else a word that is nowhere, or an order by size, would read the whole table.
    """

    model_admin: "ReadOnlyAdmin"
    is_windowed = False

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> Any:
        if not set(self.params) <= {*PERIOD, *self.model_admin.indexed_parameters}:
            self.root_queryset = self._looked_through()
        return super().get_queryset(request, exclude_parameters)

    def _looked_through(self) -> Any:
        """What a search names by its key, however old; else the newest."""
        for condition in self.model_admin.key_conditions(self.query.strip()):
            found = self.root_queryset.filter(condition)
            if found.exists():
                return found
        newest = newest_of(self.root_queryset)
        self.is_windowed = newest is not self.root_queryset
        return newest


class ReadOnlyAdmin(_Base):
    """A list and its pages to look at. What changes the rows is the services' business.

    `indexed_parameters` are those of its address by which an index finds rows in their order.
    """

    indexed_parameters: Collection[str] = ()
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_per_page = 50
    actions = None

    def key_conditions(self, text: str) -> list[Q]:
        """For what a search may be the key, by an index."""
        return []

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return BoundedChangeList

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        response = super().changelist_view(request, extra_context)
        if isinstance(response, TemplateResponse):
            changelist = (response.context_data or {}).get("cl")
            if changelist is not None and (changelist.is_windowed or changelist.paginator.is_cut):
                text = _("Only the first %(count)s are listed here; filter or search for others.")
                messages.info(request, text % {"count": grouped(COUNTED)})
        return response


class ReportFilter(SimpleListFilter):
    """By report, from the declared ones: no scan of the table for its values."""

    title = gettext_lazy("report")
    parameter_name = "report"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            (report.get_identifier(), str(report.get_label()))
            for report in registry
            if may_export(request.user, report)
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        value = self.value()
        if value is None:
            return queryset
        report = registry.find(value)
        return queryset.filter(report__in=registry.names_of(report) if report else [value])


class FormatFilter(SimpleListFilter):
    """By format, from those that there are."""

    title = gettext_lazy("format")
    parameter_name = "format"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, str(label)) for name, label in offered_formats()]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        value = self.value()
        return queryset if value is None else queryset.filter(format=value)
