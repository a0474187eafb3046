"""Every change of a grant is recorded, whoever makes it and wherever."""

from typing import Any

from django.db.models.signals import post_delete, post_save, pre_save
from django.dispatch import receiver

from django_reports import audit
from django_reports.models import GroupReportPermission
from django_reports.statuses import AuditAction

_BEFORE = "_django_reports_before"


def _facts(grant: GroupReportPermission) -> dict[str, Any]:
    return {
        "group": str(grant.group),
        "can_generate": grant.can_generate,
        "others": str(grant.others),
        "max_rows": grant.max_rows,
    }


def _record(report: str, before: dict[str, Any] | None, after: dict[str, Any] | None) -> None:
    audit.record(
        AuditAction.GRANT_CHANGED,
        origin=audit.current_origin(),
        report=report,
        before=before,
        after=after,
    )


@receiver(pre_save, sender=GroupReportPermission, dispatch_uid="django_reports.grant_before")
def remember(instance: GroupReportPermission, raw: bool, using: str, **kwargs: Any) -> None:
    stored = (
        GroupReportPermission.objects.using(using)
        .select_related("group")
        .filter(pk=instance.pk)
        .first()
    )
    before = None if stored is None else {**_facts(stored), "report": stored.report}
    setattr(instance, _BEFORE, before)


@receiver(post_save, sender=GroupReportPermission, dispatch_uid="django_reports.grant_saved")
def record_saved(instance: GroupReportPermission, **kwargs: Any) -> None:
    _record(instance.report, getattr(instance, _BEFORE, None), _facts(instance))


@receiver(post_delete, sender=GroupReportPermission, dispatch_uid="django_reports.grant_deleted")
def record_deleted(instance: GroupReportPermission, **kwargs: Any) -> None:
    _record(instance.report, _facts(instance), None)
