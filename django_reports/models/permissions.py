"""GroupReportPermission: what a group may do with a report."""

from typing import ClassVar

from django.contrib.auth.models import Group
from django.db import models
from django.utils.translation import gettext_lazy as _

from django_reports.statuses import Others

ALL_REPORTS = "*"


class GroupReportPermission(models.Model):
    group = models.ForeignKey(
        Group, on_delete=models.CASCADE, related_name="report_permissions", verbose_name=_("group")
    )
    report = models.CharField(
        _("report"), max_length=200, help_text=_("The report's identifier, or * for every report.")
    )
    can_generate = models.BooleanField(_("may export"), default=True)
    others = models.CharField(
        _("sees exports of others"), max_length=6, choices=Others, default=Others.NONE
    )
    max_rows = models.PositiveBigIntegerField(
        _("row limit"),
        null=True,
        blank=True,
        help_text=_("Rows in one export at most. Empty: unlimited."),
    )

    class Meta:
        verbose_name = _("report permission")
        verbose_name_plural = _("report permissions")
        ordering = ("group__name", "report")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["group", "report"], name="reports_one_grant_per_group_and_report"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.group}: {self.report}"
