"""Who may export what, and why: for the page of the auditor and the report of the same."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.exceptions import FieldDoesNotExist
from django.db.models import (
    Count,
    Expression,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    prefetch_related_objects,
)
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from django_reports.access.permissions import lacks_permission
from django_reports.access.policies import (
    NOTHING,
    EffectivePermissions,
    GroupPolicy,
    get_policy,
    may_all,
    sum_of,
)
from django_reports.core.conf import get_settings
from django_reports.core.users import User
from django_reports.definitions.base import Report
from django_reports.definitions.registry import registry
from django_reports.models import ALL_REPORTS, GroupReportPermission


@dataclass(frozen=True)
class Right:
    """What a person may do with a report. `reasons` name the report permissions that say so.

    `has_permission` says whether Django's permissions let them: without, the report permission
    alone does not.
    """

    person: str
    report: Report
    effective: EffectivePermissions
    reasons: list[str]
    has_permission: bool

    @property
    def may_export(self) -> bool:
        return self.effective.can_export and self.has_permission


def people() -> "QuerySet[Any]":
    """Everybody who may have a right to any export, by name: constant in its queries."""
    model = get_user_model()
    users = _active(model).order_by(model.USERNAME_FIELD, "pk")
    if type(get_policy()) is not GroupPolicy:
        return users
    having = Q(pk__in=[])
    if _has_field(model, "groups"):
        granted = GroupReportPermission.objects.values("group")
        having |= Q(pk__in=model._default_manager.filter(groups__in=granted).values("pk"))
    if _has_field(model, "is_superuser") and get_settings().SUPERUSERS_BYPASS_REPORT_PERMISSIONS:
        having |= Q(is_superuser=True)
    return users.filter(having)


def report_permissions() -> "QuerySet[GroupReportPermission]":
    """Every report permission, by group, with `members`: how many active people have it."""
    found = GroupReportPermission.objects.select_related("group").annotate(members=_members())
    return cast("QuerySet[GroupReportPermission]", found.order_by("group__name", "report"))


def _members() -> Expression:
    """Counted from the side of the people: only they have a name for it that is certain."""
    model = get_user_model()
    if not _has_field(model, "groups"):
        return Value(0)
    people = _active(model).filter(groups=OuterRef("group")).order_by()
    number = people.values("groups").annotate(number=Count("pk", distinct=True)).values("number")
    return Coalesce(Subquery(number), 0)


def _active(model: Any) -> "QuerySet[Any]":
    people: QuerySet[Any] = model._default_manager.all()
    return people.filter(is_active=True) if _has_field(model, "is_active") else people


def rights_of(users: Collection[Any]) -> Iterator[Right]:
    """The rights of some people, in as many queries as for one of them.

    Where POLICY is another than GroupPolicy, or a backend asks the database for each permission,
    there are more.
    """
    registry.load()
    reports = list(registry)
    rows = _grants_of(users)
    _fetch_permissions(users)
    for user in users:
        for report in reports:
            effective, reasons = _grant(user, report, rows[user.pk])
            if effective != NOTHING:
                has_permission = not lacks_permission(user, report)
                yield Right(user.get_username(), report, effective, reasons, has_permission)


def _grant(
    user: User, report: Report, rows: Iterable[GroupReportPermission]
) -> tuple[EffectivePermissions, list[str]]:
    policy = get_policy()
    names = registry.names_of(report)
    if type(policy) is not GroupPolicy:
        return policy.effective_permissions(user, names), [type(policy).__name__]
    if may_all(user):
        return policy.effective_permissions(user, names), [_("superuser")]
    counting = [row for row in rows if row.report in (ALL_REPORTS, *names)]
    return sum_of(counting), [str(row) for row in counting]


def _grants_of(users: Collection[Any]) -> dict[Any, list[GroupReportPermission]]:
    """The report permissions of each person's groups, by the person's key."""
    found: dict[Any, list[GroupReportPermission]] = defaultdict(list)
    if not users or not _has_field(get_user_model(), "groups"):
        return found
    prefetch_related_objects(list(users), "groups")
    by_group = defaultdict(list)
    for row in GroupReportPermission.objects.select_related("group").order_by("report"):
        by_group[row.group_id].append(row)
    for user in users:
        for group in sorted(user.groups.all(), key=lambda group: group.name):
            found[user.pk] += by_group[group.pk]
    return found


def _fetch_permissions(users: Collection[Any]) -> None:
    """Fill what Django's ModelBackend remembers of each person, for all of them at once."""
    model = get_user_model()
    if not users or not _has_field(model, "groups") or not _has_field(model, "user_permissions"):
        return
    prefetch_related_objects(
        list(users), "groups__permissions__content_type", "user_permissions__content_type"
    )
    for user in users:
        if not getattr(user, "is_superuser", False):
            user._user_perm_cache = _names(user.user_permissions.all())
            user._group_perm_cache = {
                name for group in user.groups.all() for name in _names(group.permissions.all())
            }


def _names(permissions: Iterable[Permission]) -> set[str]:
    return {f"{one.content_type.app_label}.{one.codename}" for one in permissions}


def _has_field(model: Any, name: str) -> bool:
    try:
        model._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return True
