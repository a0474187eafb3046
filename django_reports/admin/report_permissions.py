"""The admin page for report permissions."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from django_reports.admin.lists import CheckedChangeList
from django_reports.audit import log
from django_reports.core.choices import Visibility
from django_reports.core.conf import get_settings
from django_reports.definitions.registry import registry
from django_reports.exports.formats import plain_formats
from django_reports.models import ALL_REPORTS, GroupReportPermission
from django_reports.web.responses.base import origin_of

if TYPE_CHECKING:
    _Base = admin.ModelAdmin[GroupReportPermission]
    _Form = forms.ModelForm[GroupReportPermission]
else:
    _Base = admin.ModelAdmin
    _Form = forms.ModelForm


FIELDS = (
    "group",
    "report",
    "can_view",
    "can_export",
    "can_download",
    "visibility",
    "can_cancel_others",
    "max_rows",
    "max_rows_per_day",
    "max_concurrent_jobs",
    "formats",
)


class ReportPermissionForm(_Form):
    """The report is chosen from the declared ones; one that is gone stays, so that it is seen."""

    report = forms.ChoiceField(label=_("Report"))
    formats = forms.MultipleChoiceField(
        label=_("Formats"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Also compressed. None chosen: every format."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(ALL_REPORTS, _("* (every report)"))] + [
            (report.get_identifier(), f"{report.get_label()} ({report.get_identifier()})")
            for report in registry
        ]
        current = self.instance.report
        if current and current not in dict(choices):
            choices.append((current, _("%(report)s (not declared any more)") % {"report": current}))
        field: Any = self.fields.get("report")
        if field is not None:  # somebody who may only look has no fields
            field.choices = choices
            gone = [name for name in self.instance.formats if name not in dict(plain_formats())]
            formats: Any = self.fields["formats"]
            formats.choices = [*plain_formats(), *((name, name) for name in gone)]

    def clean_visibility(self) -> str:
        visibility: str = self.cleaned_data["visibility"]
        if visibility == Visibility.TENANT and get_settings().TENANT is None:
            raise forms.ValidationError(
                _("Nobody has a tenant: DJANGO_REPORTS['TENANT'] is not set. Choose another.")
            )
        return visibility

    class Meta:
        model = GroupReportPermission
        fields = FIELDS


@admin.register(GroupReportPermission)
class GroupReportPermissionAdmin(_Base):
    form = ReportPermissionForm
    list_display = FIELDS
    list_filter = ("group", "can_export", "visibility")
    list_select_related = ("group",)
    search_fields = ("group__name", "report")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return CheckedChangeList

    # Whatever changes a report permission here is done by this person.

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        with log.acting(origin_of(request)):
            return super().changeform_view(request, *args, **kwargs)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        with log.acting(origin_of(request)):
            return super().delete_view(request, *args, **kwargs)

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        with log.acting(origin_of(request)):
            return super().changelist_view(request, *args, **kwargs)
