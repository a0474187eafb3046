"""Where report permissions come from: the policy that POLICY names, or the built-in one."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol, cast

from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet
from django.utils.module_loading import import_string

from django_reports.core.choices import Visibility
from django_reports.core.conf import NAME, cached_by_settings, get_settings
from django_reports.core.users import User
from django_reports.definitions.registry import registry
from django_reports.engine.writers import plain_format
from django_reports.models import ALL_REPORTS, GroupReportPermission, ReportJob


@dataclass(frozen=True, kw_only=True)
class EffectivePermissions:
    """What a person may do with one report, all their groups taken together.

    A limit that is None is none, and so is `formats`; a format stands for its compressed ones, too.
    """

    can_view: bool = False
    can_export: bool = False
    can_download: bool = False
    can_cancel_others: bool = False
    max_rows: int | None = None
    max_rows_per_day: int | None = None
    max_concurrent_jobs: int | None = None
    formats: frozenset[str] | None = None

    def allows_format(self, name: str) -> bool:
        return self.formats is None or plain_format(name) in self.formats


NOTHING = EffectivePermissions()
EVERYTHING = EffectivePermissions(
    can_view=True, can_export=True, can_download=True, can_cancel_others=True
)


class Policy(Protocol):
    """What the POLICY setting names: where report permissions come from. It is asked for active
    people only.
    """

    def effective_permissions(self, user: User, identifiers: Sequence[str]) -> EffectivePermissions:
        """The person's report permission for the report known under these identifiers."""

    def jobs(self, user: User) -> "QuerySet[ReportJob]":
        """The jobs that the person may see: their own, and what their report permissions cover."""

    def has_any(self, user: User) -> bool:
        """Whether the person has anything to do with reports at all."""

    def may_enter(self, user: User) -> bool:
        """Whether the person may use the staff pages; what they find there, report permissions
        decide.
        """


class GroupPolicy:
    """Report permissions from GroupReportPermission, which add up. Superusers may do everything,
    unless SUPERUSERS_BYPASS_REPORT_PERMISSIONS says otherwise."""

    def effective_permissions(self, user: User, identifiers: Sequence[str]) -> EffectivePermissions:
        if may_all(user):
            return EVERYTHING
        names = (ALL_REPORTS, *identifiers)
        return sum_of(row for row in self._known_rows(user) if row.report in names)

    def jobs(self, user: User) -> "QuerySet[ReportJob]":
        jobs = cast("QuerySet[ReportJob]", ReportJob.objects.all())
        if may_all(user):
            return jobs
        seen = Q(requested_by=user.pk)
        for row in self._known_rows(user):
            people = _others_of(row, user)
            if people is not None:
                covered = Q() if row.report == ALL_REPORTS else Q(report__in=_names(row.report))
                seen |= (covered & people) or Q(pk__isnull=False)
        return jobs.filter(seen)

    def has_any(self, user: User) -> bool:
        return (
            may_all(user)
            or any(
                row.can_export or row.visibility != Visibility.NONE
                for row in self._known_rows(user)
            )
            or ReportJob.objects.filter(requested_by=user.pk).exists()
        )

    def may_enter(self, user: User) -> bool:
        return bool(getattr(user, "is_staff", False))

    def _known_rows(self, user: User) -> Iterable[GroupReportPermission]:
        known = _known.get()
        if known is None:
            return self.rows(user)
        if user.pk not in known:
            known[user.pk] = list(self.rows(user))
        return known[user.pk]

    def rows(self, user: User) -> Iterable[GroupReportPermission]:
        """The report permissions that count for a person. For a policy that keeps them in another
        way.
        """
        if user.pk is None or not hasattr(user, "groups"):
            return ()
        return GroupReportPermission.objects.filter(group__in=user.groups.all())


# The report permissions that were read, by user, while one request is answered; None elsewhere.
_known: ContextVar[dict[Any, list[GroupReportPermission]] | None] = ContextVar(
    "django_reports_permissions", default=None
)


@contextmanager
def permissions_read_once() -> Iterator[None]:
    """A context in which a user's report permissions are read once: for all that a request asks.

    Whoever then does something is asked about anew, by `read_anew`.
    """
    if _known.get() is not None:
        yield
        return
    token = _known.set({})
    try:
        yield
    finally:
        _known.reset(token)


def read_anew(user: User) -> None:
    """Have the user's report permissions read again: something is about to be done."""
    known = _known.get()
    if known is not None:
        known.pop(user.pk, None)


def sum_of(rows: Iterable[GroupReportPermission]) -> EffectivePermissions:
    """Report permissions taken together: for each field the most generous one.

    Limits are those of exporting: of a report permission that does not let one export, they do not
    count.
    """
    rows = list(rows)
    making = [row for row in rows if row.can_export]
    return EffectivePermissions(
        can_view=any(row.can_view for row in rows),
        can_export=bool(making),
        can_download=any(row.can_download for row in rows),
        can_cancel_others=any(row.can_cancel_others for row in rows),
        max_rows=_highest(row.max_rows for row in making),
        max_rows_per_day=_highest(row.max_rows_per_day for row in making),
        max_concurrent_jobs=_highest(row.max_concurrent_jobs for row in making),
        formats=_all_of(row.formats for row in making),
    )


def _highest(limits: Iterable[int | None]) -> int | None:
    """The highest limit; None, which is no limit, beats any."""
    limits = list(limits)
    known = [limit for limit in limits if limit is not None]
    return max(known, default=None) if len(known) == len(limits) else None


def _all_of(lists: Iterable[Collection[str]]) -> frozenset[str] | None:
    """What any of the lists has; an empty one has everything."""
    lists = list(lists)
    return frozenset().union(*lists) if lists and all(lists) else None


def _others_of(row: GroupReportPermission, user: User) -> Q | None:
    """Whose jobs a report permission shows besides the person's own: all if empty, None if
    nobody's.
    """
    match row.visibility:
        case Visibility.ALL:
            return Q()
        case Visibility.GROUP:
            # A subquery, not a join: a job must not come back once per shared group.
            members = get_user_model()._default_manager.filter(groups=row.group_id)
            return Q(requested_by__in=members.values("pk"))
        case Visibility.TENANT:
            key = tenant_key_of(user)
            return Q(tenant_key=key) if key else None
    return None


def may_all(user: User) -> bool:
    """Whether a person needs no report permissions."""
    return get_settings().SUPERUSERS_BYPASS_REPORT_PERMISSIONS and bool(
        getattr(user, "is_superuser", False)
    )


def tenant_key_of(user: User | None) -> str:
    """A digest of the tenant that TENANT gives for a person; empty where there is none."""
    name = get_settings().TENANT
    if name is None or user is None:
        return ""
    tenant = cast(Callable[[Any], Any], import_string(name))(user)
    if tenant is None:
        return ""
    text = str(getattr(tenant, "pk", tenant))
    return hashlib.sha256(text.encode()).hexdigest()


def _names(identifier: str) -> list[str]:
    report = registry.find(identifier)
    return registry.names_of(report) if report else [identifier]


@cached_by_settings(NAME)
def get_policy() -> Policy:
    return cast(Policy, import_string(get_settings().POLICY)())
