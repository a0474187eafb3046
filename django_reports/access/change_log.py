"""Every change of a report permission is recorded, wherever it is made."""

from typing import Any

from django.db.models.signals import post_delete, post_save, pre_save

from django_reports.access import permission_changes
from django_reports.audit import log
from django_reports.core.choices import AuditAction
from django_reports.models import GroupReportPermission
from django_reports.models.permissions import changed_in_bulk

_BEFORE = "_django_reports_before"

Facts = dict[str, Any]  # of a report permission


def _record(before: Facts | None, after: Facts | None) -> None:
    """An entry for each group that it concerns: what is known of one is what its newest tells."""
    told = [facts for facts in (after, before) if facts]
    reports = {facts["report"] for facts in told}
    for group in dict.fromkeys(facts["group"] for facts in told):
        entry = log.record(
            AuditAction.REPORT_PERMISSION_CHANGED,
            origin=log.current_origin(),
            report=told[0]["report"],
            holder=permission_changes.key_of_group(group),
            before=before,
            after=after,
        )
        permission_changes.keep_reports(group, reports, entry)


def remember(instance: GroupReportPermission, using: str, **kwargs: Any) -> None:
    stored = (
        GroupReportPermission.objects.using(using)
        .select_related("group")
        .filter(pk=instance.pk)
        .first()
    )
    setattr(instance, _BEFORE, stored.facts() if stored else None)


def record_saved(instance: GroupReportPermission, **kwargs: Any) -> None:
    _record(getattr(instance, _BEFORE, None), instance.facts())


def record_deleted(instance: GroupReportPermission, **kwargs: Any) -> None:
    _record(instance.facts(), None)


def record_bulk(before: Any, after: Any, **kwargs: Any) -> None:
    _record(before, after)


def watch() -> None:
    """Called when the models are there."""
    receivers = (
        (pre_save, remember),
        (post_save, record_saved),
        (post_delete, record_deleted),
        (changed_in_bulk, record_bulk),
    )
    for model in permission_changes.kinds_of(GroupReportPermission):
        for signal, receiver in receivers:
            uid = f"django_reports.report_permissions.{receiver.__name__}"
            signal.connect(receiver, sender=model, dispatch_uid=uid)
