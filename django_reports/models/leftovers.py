"""Leftover: a file that no job names any more and that its storage did not remove."""

from django.db import models

from django_reports.models.records import Record


class Leftover(Record):
    storage = models.CharField(max_length=100)
    file_key = models.CharField(max_length=255)
    signature = models.CharField(max_length=64)  # an HMAC of both

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.file_key
