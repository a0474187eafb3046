"""HangingProcess: a process of the site whose thread hangs in a job that nothing can end."""

import datetime as dt
from typing import Any, ClassVar

from django.db import models

from django_reports.core.clock import DatabaseNow
from django_reports.models.records import Record, RecordQuerySet

SEEN_WITHIN = dt.timedelta(minutes=1)  # from its last sign, after which it is gone


class HangingProcessQuerySet(RecordQuerySet["HangingProcess"]):
    def alive(self) -> "HangingProcessQuerySet":
        return self.filter(seen_at__gt=DatabaseNow(-SEEN_WITHIN))

    def gone(self) -> "HangingProcessQuerySet":
        return self.filter(seen_at__lte=DatabaseNow(-SEEN_WITHIN))


class HangingProcess(Record):
    process = models.CharField(max_length=255)
    job_key = models.UUIDField()
    report = models.CharField(max_length=200)
    since = models.DateTimeField()
    seen_at = models.DateTimeField()

    objects: ClassVar[Any] = HangingProcessQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        ordering = ("since", "id")

    def __str__(self) -> str:
        return self.process
