"""Every change of a grant is recorded, wherever it is made."""

from typing import Any

from django.db.models.signals import post_delete, post_save, pre_save
from django.dispatch import receiver

from django_reports import audit, permission_changes
from django_reports.models import GroupReportPermission
from django_reports.models.permissions import changed_in_bulk
from django_reports.statuses import AuditAction

_BEFORE = "_django_reports_before"


def _record(before: dict[str, Any] | None, after: dict[str, Any] | None) -> None:
    report = (after or before or {})["report"]
    audit.record(
        AuditAction.GRANT_CHANGED,
        origin=audit.current_origin(),
        report=report,
        before=before,
        after=after,
    )
    permission_changes.keep_groups(facts["group"] for facts in (before, after) if facts)


@receiver(pre_save, sender=GroupReportPermission, dispatch_uid="django_reports.grant_before")
def remember(instance: GroupReportPermission, using: str, **kwargs: Any) -> None:
    stored = (
        GroupReportPermission.objects.using(using)
        .select_related("group")
        .filter(pk=instance.pk)
        .first()
    )
    setattr(instance, _BEFORE, stored.facts() if stored else None)


@receiver(post_save, sender=GroupReportPermission, dispatch_uid="django_reports.grant_saved")
def record_saved(instance: GroupReportPermission, **kwargs: Any) -> None:
    _record(getattr(instance, _BEFORE, None), instance.facts())


@receiver(post_delete, sender=GroupReportPermission, dispatch_uid="django_reports.grant_deleted")
def record_deleted(instance: GroupReportPermission, **kwargs: Any) -> None:
    _record(instance.facts(), None)


@receiver(changed_in_bulk, sender=GroupReportPermission, dispatch_uid="django_reports.grants_bulk")
def record_bulk(before: Any, after: Any, **kwargs: Any) -> None:
    _record(before, after)
