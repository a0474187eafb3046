"""QuotaLock: whoever counts a person's exports holds theirs meanwhile."""

import datetime as dt

from django.db import models
from django.utils import timezone

from django_reports.models.records import Record

QUOTA_DAY = dt.timedelta(hours=24)  # for so long quotas count a job, also one that has ended


class QuotaLock(Record):
    """A row for each person with a quota. Its lock is what matters, not what it says."""

    person_key = models.CharField(max_length=255, primary_key=True)
    asked_at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.person_key
