"""ReportJob: the record of one export, however it was delivered."""

import datetime as dt
import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from django_reports.core.choices import (
    ACTIVE,
    TRANSITIONS,
    AuthorityKind,
    Execution,
    FailureCause,
    JobStatus,
)
from django_reports.core.clock import DatabaseNow
from django_reports.exceptions import IllegalTransition
from django_reports.models.records import Record, RecordQuerySet


class ReportJobQuerySet(RecordQuerySet["ReportJob"]):
    def background(self) -> "ReportJobQuerySet":
        return self.filter(execution=Execution.BACKGROUND)

    def queued(self) -> "ReportJobQuerySet":
        return self.background().filter(status=JobStatus.QUEUED)

    def waiting_since(self, age: dt.timedelta) -> "ReportJobQuerySet":
        """Queued, and handed over to the runner so long ago, or never; the oldest first."""
        handed = Q(enqueued_at=None) | Q(enqueued_at__lt=DatabaseNow(-age))
        return self.queued().filter(handed).order_by("created_at")

    def running(self) -> "ReportJobQuerySet":
        return self.filter(status=JobStatus.RUNNING)

    def abandoned(self) -> "ReportJobQuerySet":
        """Running, but whoever ran them has not been heard of for longer than the lease."""
        return self.running().filter(lease_until__lt=DatabaseNow())

    def news_for(self, user_key: Any) -> "ReportJobQuerySet":
        """What ended for a person who has not been told on a page yet, oldest first."""
        return self.filter(is_unread=True, requested_by=user_key).order_by("finished_at", "id")

    def to_expire(self) -> "ReportJobQuerySet":
        return self.filter(status=JobStatus.SUCCEEDED, expires_at__lt=DatabaseNow())

    def with_leftovers(self) -> "ReportJobQuerySet":
        """Ended without a file to hand out, but with one noted: of an attempt that died, say."""
        ended = (JobStatus.FAILED, JobStatus.CANCELED, JobStatus.EXPIRED)
        return self.filter(file_key__gt="", status__in=ended)

    def without_manifest(self) -> "ReportJobQuerySet":
        """With a file beside which no manifest lies yet."""
        return self.filter(status=JobStatus.SUCCEEDED, file_key__gt="", manifest_key="")

    def move(self, from_status: JobStatus, to_status: JobStatus, **changes: Any) -> bool:
        """Take the rows of this queryset from one state to another in one conditional UPDATE.

        True if there were any. This is the only statement that changes a status.
        Raises IllegalTransition for a step that the state machine does not have.
        """
        if to_status not in TRANSITIONS[from_status]:
            legal = ", ".join(sorted(TRANSITIONS[from_status])) or "none"
            raise IllegalTransition(
                f"A {from_status} job cannot become {to_status}; the legal steps are: {legal}."
            )
        if to_status not in ACTIVE:
            changes["active_key"] = None
        return bool(self.filter(status=from_status).update(status=to_status, **changes))


class ReportJob(Record):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    report = models.CharField(_("report"), max_length=200)
    spec = models.JSONField(_("specification"))
    format = models.CharField(_("format"), max_length=20)
    execution = models.CharField(_("execution"), max_length=10, choices=Execution)
    status = models.CharField(_("status"), max_length=10, choices=JobStatus)
    authority = models.CharField(_("authority"), max_length=6, choices=AuthorityKind)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("requested by"),
    )
    # The key of whoever asked, which stays when the person is deleted.
    requester_key = models.CharField(max_length=255, blank=True, editable=False)
    requested_by_text = models.CharField(_("requested by (name)"), max_length=255, blank=True)
    # A digest of the tenant of whoever asked, as it was then; empty without one.
    tenant_key = models.CharField(max_length=64, blank=True, editable=False)

    # In which whoever asked reads; the file may be in another one.
    language = models.CharField(max_length=20, blank=True, editable=False)

    rerun_of = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("run again from"),
    )
    # A hash of who asked for what, as long as the job is active: asked for again, it is the same.
    active_key = models.CharField(max_length=64, null=True, editable=False)  # noqa: DJ001
    # A hash of what a program called its request; None, and so never alike, where it did not.
    idempotency_key = models.CharField(max_length=64, null=True, editable=False)  # noqa: DJ001

    rows_expected = models.BigIntegerField(_("rows expected"), null=True, blank=True)
    # What it holds of its person's quota while it is active.
    rows_reserved = models.BigIntegerField(default=0, editable=False)
    rows_done = models.BigIntegerField(_("rows"), default=0)
    bytes = models.BigIntegerField(_("size in bytes"), default=0)
    sha256 = models.CharField(_("SHA-256"), max_length=64, blank=True)
    columns = models.JSONField(_("columns"), default=list)
    losses = models.JSONField(_("losses"), default=dict)

    storage = models.CharField(_("storage"), max_length=100, blank=True)
    file_key = models.CharField(_("file key"), max_length=255, blank=True)
    filename = models.CharField(_("file name"), max_length=255, blank=True)
    # An HMAC of what was asked for; once there is a file, of all that is said of it. See digests.
    signature = models.CharField(max_length=64, blank=True, editable=False)
    # Of its manifest, which lies beside it; empty until then.
    manifest_key = models.CharField(max_length=255, blank=True, editable=False)
    # An HMAC of storage, file key and manifest key, where the storage chose one of these names.
    names_signature = models.CharField(max_length=64, blank=True, editable=False)
    snapshot_at = models.DateTimeField(_("rows read at"), null=True, blank=True)
    project_version = models.CharField(_("version of the project"), max_length=100, blank=True)
    # When the file was last read as a whole and found to be the one that was made, and an HMAC of
    # what it looked like from outside then.
    verified_at = models.DateTimeField(null=True, editable=False)
    verified_file_stamp = models.CharField(max_length=64, blank=True, editable=False)

    attempt = models.PositiveSmallIntegerField(_("attempt"), default=0)
    # How many of the attempts ended without a word: killed, or out of memory.
    lost = models.PositiveSmallIntegerField(_("lost attempts"), default=0)
    lease_until = models.DateTimeField(_("lease until"), null=True, blank=True)
    created_at = models.DateTimeField(_("asked at"), default=timezone.now)
    enqueued_at = models.DateTimeField(_("handed over at"), null=True, blank=True)
    started_at = models.DateTimeField(_("started at"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    cancel_requested_at = models.DateTimeField(_("cancel asked at"), null=True, blank=True)
    cancel_requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("cancel asked by"),
    )
    error = models.TextField(_("error"), blank=True)
    cause = models.CharField(_("cause"), max_length=12, choices=FailureCause, blank=True)
    # It has ended, and its person has not been told on a page yet.
    is_unread = models.BooleanField(default=False, editable=False)
    # Its person wants a mail when it ends; taken back by whoever sends it.
    wants_email = models.BooleanField(_("tell by e-mail"), default=False)

    objects: ClassVar[Any] = ReportJobQuerySet.as_manager()

    class Meta:
        verbose_name = _("export")
        verbose_name_plural = _("exports")
        ordering = ("-created_at", "id")
        permissions = [("view_dashboard", _("Can see the figures of all exports"))]
        indexes: ClassVar = [
            # All that the figures of many exports are made of, so that no row is read for them.
            models.Index(
                fields=[
                    *("-created_at", "id", "status", "started_at", "finished_at", "rows_done"),
                    *("bytes", "rerun_of", "requested_by_text", "report"),
                ],
                name="reports_job_newest",
            ),
            models.Index(fields=["requested_by", "-created_at"], name="reports_job_owner"),
            models.Index(fields=["report", "-created_at"], name="reports_job_report"),
            models.Index(fields=["status", "created_at"], name="reports_job_state"),
            models.Index(fields=["status", "lease_until"], name="reports_job_lease"),
            models.Index(fields=["status", "expires_at"], name="reports_job_expiry"),
            models.Index(fields=["file_key", "status", "bytes"], name="reports_job_file"),
            models.Index(fields=["is_unread", "requested_by"], name="reports_job_news"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["requested_by", "idempotency_key"], name="reports_job_asked_once"
            ),
            models.UniqueConstraint(fields=["active_key"], name="reports_job_active_once"),
            # A person's job whose person was deleted stays a person's: it never turns into one of
            # the system's, which may do more.
            models.CheckConstraint(
                condition=Q(authority=AuthorityKind.USER) | Q(requested_by__isnull=True),
                name="reports_job_system_has_no_person",
            ),
        ]

    def __str__(self) -> str:
        return self.filename or f"{self.report} {self.pk}"

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE

    @property
    def is_for_somebody(self) -> bool:
        """Whether somebody waits for its end: made in the background, and a person asked."""
        return self.execution == Execution.BACKGROUND and self.requested_by_id is not None

    @property
    def was_canceled_by_others(self) -> bool:
        """Whether whoever waits for it need not know that it was canceled."""
        is_own = self.cancel_requested_by_id == self.requested_by_id
        return self.status == JobStatus.CANCELED and self.is_for_somebody and not is_own

    @property
    def has_expired(self) -> bool:
        """Whether its time is over, also where maintenance has not come yet to remove its file.

        `read_at` is the database's time, if it was read as well.
        """
        now = getattr(self, "read_at", None) or timezone.now()
        is_over = self.expires_at is not None and self.expires_at <= now
        return self.status == JobStatus.EXPIRED or (self.status == JobStatus.SUCCEEDED and is_over)

    @property
    def has_file(self) -> bool:
        """Whether there is a file to download: made in the background, and not yet expired."""
        is_made = self.status == JobStatus.SUCCEEDED and bool(self.file_key)
        return is_made and not self.has_expired

    @property
    def percent(self) -> int | None:
        """Progress from 0 to 100; None while it is not known how many rows there will be."""
        if self.status in (JobStatus.SUCCEEDED, JobStatus.EXPIRED):
            return 100
        if self.rows_expected is None:
            return None
        if not self.rows_expected:
            return 0
        # The end of the file is still to be written when the last row is in: that is not 100 %.
        return min(99, self.rows_done * 100 // self.rows_expected)

    @property
    def column_facts(self) -> list[dict[str, Any]] | None:
        """What is known of each column of the file; None if the record cannot be understood."""
        columns = self.columns
        is_known = isinstance(columns, list) and all(
            isinstance(column, dict)
            and isinstance(column.get("name"), str)
            and isinstance(column.get("label"), str)
            and isinstance(column.get("permission", ...), str | None)  # there, and maybe None
            and isinstance(column.get("masked"), bool)
            for column in columns
        )
        return columns if is_known else None

    @property
    def loss_counts(self) -> dict[str, int]:
        """How many values the format could not hold as they were, by reason."""
        losses = self.losses if isinstance(self.losses, dict) else {}
        return {name: count for name, count in losses.items() if isinstance(count, int)}

    @property
    def masked_columns(self) -> list[str]:
        return [column["label"] for column in self.column_facts or () if column["masked"]]
