"""GroupReportPermission: what a group may do with a report."""

from typing import Any, ClassVar

from django.contrib.auth.models import Group
from django.db import models, router, transaction
from django.dispatch import Signal
from django.utils.translation import gettext_lazy as _

from django_reports.core.choices import Visibility
from django_reports.models.records import Record, RecordQuerySet

ALL_REPORTS = "*"


# Sent with `before` and `after`, lists of facts, for changes of which Django sends no signal.
changed_in_bulk = Signal()


class ReportPermissionQuerySet(RecordQuerySet["GroupReportPermission"]):
    """What changes many report permissions in one statement is told as well."""

    def update(self, **changes: Any) -> int:
        with transaction.atomic(using=self.db):
            found = list(self.select_related("group"))
            keys, before = (
                [permission.pk for permission in found],
                [permission.facts() for permission in found],
            )
            changed = super().update(**changes)
            self._tell(before, keys)
        return changed

    update.alters_data = True  # type: ignore[attr-defined]

    def bulk_create(self, objs: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("update_conflicts") or kwargs.get("ignore_conflicts"):
            raise ValueError(
                "Report permissions cannot be written over in bulk: nobody could tell what they "
                "were before. "
                "Use update_or_create()."
            )
        with transaction.atomic(using=self.db):
            made = super().bulk_create(objs, *args, **kwargs)
            for permission in made:
                changed_in_bulk.send(sender=self.model, before=None, after=permission.facts())
        return made

    bulk_create.alters_data = True  # type: ignore[attr-defined]

    def _tell(self, before: list[dict[str, Any]], keys: list[Any]) -> None:
        rows = self.model._base_manager.using(self.db).select_related("group")
        after = {permission.pk: permission.facts() for permission in rows.filter(pk__in=keys)}
        for key, facts in zip(keys, before, strict=True):
            changed_in_bulk.send(sender=self.model, before=facts, after=after.get(key))


class GroupReportPermission(Record):
    group = models.ForeignKey(
        Group, on_delete=models.CASCADE, related_name="report_permissions", verbose_name=_("group")
    )
    report = models.CharField(
        _("report"), max_length=200, help_text=_("The report's identifier, or * for every report.")
    )
    can_view = models.BooleanField(
        _("sees it"), default=True, help_text=_("Finds the report in the catalog.")
    )
    can_export = models.BooleanField(_("may export"), default=True)
    can_download = models.BooleanField(
        _("may download"),
        default=True,
        help_text=_("Gets the files of their own exports, as long as they are kept."),
    )
    visibility = models.CharField(
        _("sees exports of others"),
        max_length=6,
        choices=Visibility,
        default=Visibility.NONE,
        help_text=_("And downloads them."),
    )
    can_cancel_others = models.BooleanField(
        _("may cancel exports of others"),
        default=False,
        help_text=_("Of those whose exports they see."),
    )
    max_rows = models.PositiveBigIntegerField(
        _("row limit"),
        null=True,
        blank=True,
        help_text=_("Rows in one export at most. Empty: unlimited."),
    )
    max_rows_per_day = models.PositiveBigIntegerField(
        _("rows per day"),
        null=True,
        blank=True,
        help_text=_(
            "Rows in all exports that a person asks for within 24 hours. Empty: unlimited."
        ),
    )
    max_concurrent_jobs = models.PositiveIntegerField(
        _("exports at once"),
        null=True,
        blank=True,
        help_text=_(
            "Exports of a person that wait or are made in the background at the same time. "
            "Empty: unlimited."
        ),
    )
    formats = models.JSONField(
        _("formats"), default=list, blank=True, help_text=_("None chosen: every format.")
    )

    objects: ClassVar[Any] = ReportPermissionQuerySet.as_manager()

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

    def save(self, *args: Any, **kwargs: Any) -> None:
        with transaction.atomic(using=router.db_for_write(type(self), instance=self)):
            super().save(*args, **kwargs)  # with its entry in the log, or not at all

    def facts(self) -> dict[str, Any]:
        """What it report permissions, for the log."""
        names = [field.name for field in self._meta.concrete_fields]
        values = {name: getattr(self, name) for name in names if name not in ("id", "group")}
        return {"group": str(self.group), **values, "visibility": str(self.visibility)}


class PermissionSnapshot(Record):
    """What a user or a group had when it was last compared; see snapshots."""

    holder = models.CharField(max_length=300, primary_key=True)  # "user:5", "group:3"
    facts = models.JSONField()
    entry = models.BigIntegerField(null=True)  # the key of the one in the log that told of it
    signature = models.CharField(max_length=64)

    def __str__(self) -> str:
        return self.holder
