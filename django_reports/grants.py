"""Every change of a grant, and of who is in which group, is recorded, wherever it is made."""

from typing import Any

from django.contrib.auth import get_user_model
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_save
from django.dispatch import receiver

from django_reports import audit
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


def record_membership(
    *,
    instance: Any,
    action: str,
    reverse: bool,
    model: Any,
    pk_set: set[Any] | None,
    using: str,
    **kwargs: Any,
) -> None:
    """Who is in which group decides as much as a grant does.

    Whatever is cleared is told before it happens: afterwards nobody knows what it was. Who it is
    about is read where it is written: a replica may not know them yet.
    """
    changes = {"post_add": "added", "post_remove": "removed", "pre_clear": "removed"}
    if action not in changes:
        return
    if action == "pre_clear":
        others = model._base_manager.filter(groups=instance) if reverse else instance.groups.all()
    else:
        others = model._base_manager.filter(pk__in=pk_set or ())
    others = list(others.using(using).order_by("pk"))
    people, groups = (others, [instance]) if reverse else ([instance], others)
    if people and groups:
        audit.record(
            AuditAction.MEMBERSHIP_CHANGED,
            origin=audit.current_origin(),
            change=changes[action],
            groups=[str(group) for group in groups],
            people=[{"key": str(one.pk), "name": one.get_username()} for one in people],
        )


def watch_memberships() -> None:
    """Called when the models are there; a project's users need not have groups."""
    groups = getattr(get_user_model(), "groups", None)
    if groups is not None and getattr(groups, "through", None) is not None:
        m2m_changed.connect(
            record_membership,
            sender=groups.through,
            dispatch_uid="django_reports.membership",
        )
