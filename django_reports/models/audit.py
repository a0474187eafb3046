"""AuditEntry: one append-only fact. AuditCheckpoint: a signed word on all entries up to one."""

import uuid
from enum import StrEnum
from typing import Any, ClassVar, NoReturn

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from django_reports.core.choices import AuditAction
from django_reports.models.records import Record, RecordQuerySet


class Removal(StrEnum):
    """What an entry says was removed, for good, because it was old enough."""

    ENTRIES = "entries"
    PERSONAL_DATA = "personal data"
    JOBS = "jobs"


class AppendOnly(TypeError):
    """Somebody tried to change or remove an audit entry."""


def _refuse(*args: Any, **kwargs: Any) -> NoReturn:
    raise AppendOnly("Audit entries are only ever added, never changed or removed.")


class AuditEntryQuerySet(RecordQuerySet["AuditEntry"]):
    update = delete = bulk_update = update_or_create = _refuse
    aupdate = adelete = abulk_update = aupdate_or_create = _refuse
    bulk_create = abulk_create = _refuse  # it can be told to overwrite
    # Deletions of related objects reach the rows past the methods above; nothing relates to them.
    _raw_delete = _update = _refuse


class AuditEntry(Record):
    """No foreign keys: what happened stays true when a person, a job or a report is gone.

    What an entry tells is written once. Two things come later: its seal, once, and the end of what
    it says of a person, when PERSONAL_DATA_RETENTION is over.
    """

    key = models.UUIDField(_("key"), default=uuid.uuid4, unique=True, editable=False)
    action = models.CharField(_("action"), max_length=40, choices=AuditAction)
    actor_key = models.CharField(_("who (key)"), max_length=255, blank=True)
    report = models.CharField(_("report"), max_length=200, blank=True)
    job_key = models.CharField(_("export"), max_length=36, blank=True)
    # Of whose rights it tells: "user:5", "group:3"; "*" of everybody's, at first.
    holder = models.CharField(_("user or group"), max_length=300, blank=True)
    created_at = models.DateTimeField(_("when"), default=timezone.now, editable=False)
    request_id = models.CharField(_("request"), max_length=200, blank=True)
    data = models.JSONField(_("details"), default=dict)

    # Personal data: a digest of it is among the facts, so that it can go and they still stand.
    actor_label = models.CharField(_("who"), max_length=255, blank=True)
    address = models.GenericIPAddressField(_("address"), null=True, blank=True)
    user_agent = models.CharField(_("browser or program"), max_length=500, blank=True)
    personal_digest = models.CharField(max_length=64, editable=False)

    digest = models.CharField(max_length=64, editable=False)  # an HMAC of the facts
    # Its place in the sealed log, without gaps, and an HMAC of all up to it; see checkpoints.
    position = models.PositiveBigIntegerField(
        _("position"), null=True, blank=True, unique=True, editable=False
    )
    seal = models.CharField(max_length=64, blank=True, editable=False)

    objects: ClassVar[Any] = AuditEntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit log")
        base_manager_name = "objects"
        ordering = ("-id",)
        indexes: ClassVar = [
            models.Index(fields=["job_key"], name="reports_audit_job"),
            models.Index(fields=["holder", "id"], name="reports_audit_holder"),
            models.Index(fields=["actor_key", "-id"], name="reports_audit_actor"),
            models.Index(fields=["report", "-id"], name="reports_audit_report"),
            models.Index(fields=["action", "-id"], name="reports_audit_action"),
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


class AuditCheckpoint(Record):
    """The seal of the last entry of a batch, signed. Each tells of all entries before it, too."""

    number = models.PositiveBigIntegerField(_("number"), primary_key=True)
    created_at = models.DateTimeField(_("when"))
    first_position = models.PositiveBigIntegerField(_("first position"))
    last_position = models.PositiveBigIntegerField(_("last position"))
    seal = models.CharField(max_length=64)
    signature = models.CharField(max_length=64)
    # Who outside was told of it, by name, and when.
    anchors = models.JSONField(_("anchored in"), default=dict)
    is_anchored = models.BooleanField(_("anchored everywhere"), default=False, db_index=True)
    # All entries up to this one were removed at the end of their time.
    cut_at = models.DateTimeField(_("entries removed at"), null=True, blank=True, db_index=True)

    class Meta:
        verbose_name = _("checkpoint")
        verbose_name_plural = _("checkpoints")
        ordering = ("number",)

    def __str__(self) -> str:
        return f"{self.number}: {self.first_position}–{self.last_position}"  # noqa: RUF001
