"""Preset: a person's choices for the file of a report, under a name."""

from typing import ClassVar

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.utils.translation import gettext_lazy as _

from django_reports.models.records import Record

NAME_LENGTH = 100


class Preset(Record):
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("owner"),
    )
    report = models.CharField(_("report"), max_length=200)
    name = models.CharField(_("name"), max_length=NAME_LENGTH)
    choices = models.JSONField(_("choices"))
    group = models.ForeignKey(
        Group,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("shared with"),
    )

    class Meta:
        verbose_name = _("preset")
        verbose_name_plural = _("presets")
        ordering = ("name", "id")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["owner", "report", "name"], name="reports_one_preset_of_a_name"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["report", "name"], name="reports_preset_report")]

    def __str__(self) -> str:
        return self.name
