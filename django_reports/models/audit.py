"""AuditEntry: one append-only fact."""

from typing import Any, ClassVar, NoReturn

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from django_reports.statuses import AuditAction


class AppendOnly(TypeError):
    """Somebody tried to change or remove an audit entry."""


def _refuse(*args: Any, **kwargs: Any) -> NoReturn:
    raise AppendOnly("Audit entries are only ever added, never changed or removed.")


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    update = delete = bulk_update = update_or_create = _refuse
    aupdate = adelete = abulk_update = aupdate_or_create = _refuse
    bulk_create = abulk_create = _refuse  # it can be told to overwrite
    # Deletions of related objects reach the rows past the methods above; nothing relates to them.
    _raw_delete = _update = _refuse


class AuditEntry(models.Model):
    """No foreign keys: what happened stays true when a person, a job or a report is gone."""

    action = models.CharField(_("action"), max_length=20, choices=AuditAction)
    actor_label = models.CharField(_("who"), max_length=255, blank=True)
    actor_key = models.CharField(_("who (key)"), max_length=255, blank=True)
    report = models.CharField(_("report"), max_length=200, blank=True)
    job_key = models.CharField(_("export"), max_length=36, blank=True)
    created_at = models.DateTimeField(_("when"), default=timezone.now, editable=False)
    address = models.GenericIPAddressField(_("address"), null=True, blank=True)
    data = models.JSONField(_("details"), default=dict)

    objects: ClassVar[Any] = AuditEntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit log")
        base_manager_name = "objects"
        ordering = ("-id",)
        indexes: ClassVar = [
            models.Index(fields=["job_key"], name="reports_audit_job"),
            models.Index(fields=["actor_key", "-id"], name="reports_audit_actor"),
            models.Index(fields=["report", "-id"], name="reports_audit_report"),
            models.Index(fields=["created_at"], name="reports_audit_when"),
        ]

    def __str__(self) -> str:
        return f"{self.created_at:%Y-%m-%d %H:%M:%S} {self.actor_label} {self.action}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            _refuse()
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        _refuse()
