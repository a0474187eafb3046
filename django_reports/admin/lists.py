"""What the admin lists of this app share: read-only, and never a count of a whole table."""

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin, ShowFacets, SimpleListFilter
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_reports.formats import offered_formats
from django_reports.numerals import grouped
from django_reports.permissions import may_generate
from django_reports.registry import registry
from django_reports.views.paging import COUNTED, BoundedPaginator

if TYPE_CHECKING:
    _Base = ModelAdmin[Any]
else:
    _Base = ModelAdmin


class ReadOnlyAdmin(_Base):
    """A list and its pages to look at. What changes the rows is the services' business."""

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_per_page = 50
    actions = None

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
            if changelist is not None and changelist.paginator.is_cut:
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
            if may_generate(request.user, report)
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
