"""Favorite: a report that a person wants to find first."""

from django.conf import settings
from django.db import models

from django_reports.models.records import Record


class Favorite(Record):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    report = models.CharField(max_length=200)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["user", "report"], name="reports_favorite_once")
        ]

    def __str__(self) -> str:
        return self.report
