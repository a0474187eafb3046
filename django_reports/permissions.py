"""The one place that decides who may do what. Unset means denied."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol, cast

from django.contrib.auth import get_permission_codename, get_user_model
from django.core.signals import setting_changed
from django.db.models import Q, QuerySet
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from django_reports import audit
from django_reports.audit import Origin
from django_reports.columns import BoundColumn
from django_reports.conf import get_settings
from django_reports.exceptions import InvalidSpec, ReportDenied, ReportError
from django_reports.models import ALL_REPORTS, GroupReportPermission, ReportJob
from django_reports.registry import UnknownReport, registry
from django_reports.reports import Report, User
from django_reports.selections import Selection, selection_kind
from django_reports.statuses import AuditAction, AuthorityKind, Others


@dataclass(frozen=True)
class Authority:
    """In whose name an export is made: a person's, or the system's, which may do everything."""

    kind: AuthorityKind
    user: User | None = None

    @classmethod
    def of(cls, user: User) -> "Authority":
        return cls(AuthorityKind.USER, user)

    @classmethod
    def system(cls) -> "Authority":
        return cls(AuthorityKind.SYSTEM)

    @property
    def is_system(self) -> bool:
        return self.kind == AuthorityKind.SYSTEM


@dataclass(frozen=True)
class Grant:
    """What a person may do with one report, all their groups taken together.

    `max_rows` None is unlimited.
    """

    can_generate: bool = False
    max_rows: int | None = None


NOTHING = Grant()
EVERYTHING = Grant(can_generate=True)


class Policy(Protocol):
    """What the POLICY setting names: where grants come from. It is asked for active people only."""

    def grant(self, user: User, identifiers: Sequence[str]) -> Grant:
        """The person's grant for the report known under these identifiers."""

    def jobs(self, user: User) -> "QuerySet[ReportJob]":
        """The jobs that the person may see: their own, and what their grants cover."""

    def has_any(self, user: User) -> bool:
        """Whether the person has anything to do with reports at all."""

    def may_enter(self, user: User) -> bool:
        """Whether the person may use the staff pages; what they find there, grants decide."""


class GroupPolicy:
    """Grants from GroupReportPermission. Superusers may do everything."""

    def grant(self, user: User, identifiers: Sequence[str]) -> Grant:
        if _is_superuser(user):
            return EVERYTHING
        limits = [
            row.max_rows
            for row in _rows_of(user)
            if row.can_generate and row.report in (ALL_REPORTS, *identifiers)
        ]
        if not limits:
            return NOTHING
        known = [limit for limit in limits if limit is not None]
        return Grant(can_generate=True, max_rows=max(known) if len(known) == len(limits) else None)

    def jobs(self, user: User) -> "QuerySet[ReportJob]":
        jobs = cast("QuerySet[ReportJob]", ReportJob.objects.all())
        if _is_superuser(user):
            return jobs
        seen = Q(requested_by=user.pk)
        for row in _rows_of(user):
            if row.others == Others.NONE:
                continue
            covered = Q() if row.report == ALL_REPORTS else Q(report__in=_names(row.report))
            if row.others == Others.GROUP:
                # A subquery, not a join: a job must not come back once per shared group.
                members = _user_model_rows(row.group_id)
                covered &= Q(requested_by__in=members)
            seen |= covered or Q(pk__isnull=False)
        return jobs.filter(seen)

    def has_any(self, user: User) -> bool:
        return (
            _is_superuser(user)
            or any(row.can_generate or row.others != Others.NONE for row in _rows_of(user))
            or ReportJob.objects.filter(requested_by=user.pk).exists()
        )

    def may_enter(self, user: User) -> bool:
        return bool(getattr(user, "is_staff", False))


def _is_superuser(user: User) -> bool:
    return bool(getattr(user, "is_superuser", False))


def _rows_of(user: User) -> Iterable[GroupReportPermission]:
    if user.pk is None or not hasattr(user, "groups"):
        return ()
    return GroupReportPermission.objects.filter(group__in=user.groups.all())


def _user_model_rows(group_key: int) -> Any:
    return get_user_model()._default_manager.filter(groups=group_key).values("pk")


def _names(identifier: str) -> list[str]:
    report = registry.find(identifier)
    return registry.names_of(report) if report else [identifier]


@lru_cache(maxsize=1)
def get_policy() -> Policy:
    return cast(Policy, import_string(get_settings().POLICY)())


def _forget_policy(*, setting: str, **kwargs: Any) -> None:
    if setting == "DJANGO_REPORTS":
        get_policy.cache_clear()


setting_changed.connect(_forget_policy, dispatch_uid="django_reports.policy")


def grant_of(user: User, report: Report) -> Grant:
    """The person's grant for a report; nothing for someone who is not active."""
    if not user.is_active:
        return NOTHING
    return get_policy().grant(user, registry.names_of(report))


def may_generate(user: User, report: Report, selection: Selection | None = None) -> bool:
    """Whether the person may export the report: Django's permissions *and* a grant.

    Whether they may view a report's model is for the selection's door to say where it has its own
    word on that (a ModelAdmin's has_view_permission), otherwise for Django's view permission.
    """
    return _may_read(user, report, selection or Selection()) and grant_of(user, report).can_generate


def _may_read(user: User, report: Report, selection: Selection) -> bool:
    if not user.is_active:
        return False
    if report.permission and not user.has_perm(report.permission):
        return False
    if report.sections:
        return all(_may_read(user, part, Selection()) for part in report.get_sections().values())
    if report.model is None:
        return bool(report.permission)
    door = selection_kind(selection).may_view
    if door is not None:
        return door(selection, user)
    options = report.model._meta
    return user.has_perm(f"{options.app_label}.{get_permission_codename('view', options)}")


def _has_perms(user: User, names: Iterable[str]) -> bool:
    return all(user.has_perm(name) for name in names)


def authorise(authority: Authority, report: Report, selection: Selection, origin: Origin) -> Grant:
    """The grant with which an export may be made now.

    Raises ReportDenied, after the attempt has been recorded.
    """
    if authority.is_system:
        return EVERYTHING
    assert authority.user is not None
    if not may_generate(authority.user, report, selection):
        identifier = report.get_identifier()
        audit.record(AuditAction.DENIED, origin=origin, report=identifier, what="generate")
        raise UnknownReport(identifier)
    return grant_of(authority.user, report)


def seen_columns(authority: Authority, report: Report) -> list[BoundColumn]:
    """The columns that this authority gets, as declared, masked where they must be."""
    seen = (_as_seen(authority, column) for column in report.get_columns())
    return [column for column in seen if column is not None]


def columns_for(
    authority: Authority, report: Report, wanted: Sequence[str] | None
) -> list[BoundColumn]:
    """The columns that this authority gets, in the wanted order, masked where they must be.

    Raises InvalidSpec for a wanted column that is not among them, whether it exists or not.
    """
    allowed = {column.key: column for column in seen_columns(authority, report)}
    for name in wanted or ():
        if name not in allowed:
            raise InvalidSpec(
                _("%(report)s has no column %(name)s that you may export.")
                % {"report": report.get_label(), "name": repr(name)},
                field="columns",
                legal=allowed,
            )
    if not allowed:
        raise ReportDenied(
            _("%(report)s has no column that you may export.") % {"report": report.get_label()}
        )
    return [allowed[name] for name in wanted or allowed]


def _as_seen(authority: Authority, column: BoundColumn) -> BoundColumn | None:
    if column.permission is None or authority.is_system:
        return column
    if authority.user is not None and authority.user.has_perm(column.permission):
        return column
    return None if column.mask == "omit" else column.as_masked()


def hidden_columns(authority: Authority, report: Report) -> list[BoundColumn]:
    """The columns that this authority does not get at all."""
    return [c for c in report.get_columns() if _as_seen(authority, c) is None]


def visible_jobs(user: User) -> "QuerySet[ReportJob]":
    """The jobs that a person may see. Everything that takes a job's key starts from here."""
    if not user.is_active or user.pk is None:
        return cast("QuerySet[ReportJob]", ReportJob.objects.none())
    return get_policy().jobs(user)


def may_enter(user: User) -> bool:
    """Whether a person may use the staff pages."""
    return bool(user.is_active) and user.pk is not None and get_policy().may_enter(user)


def sees_reports(user: User) -> bool:
    """Whether a person has any export to see or to make."""
    return bool(user.is_active) and user.pk is not None and get_policy().has_any(user)


def may_download(user: User, job: ReportJob) -> bool:
    """Whether a person who may see a job may have its file now.

    They must still be allowed to read the report and every column that the file holds unmasked.
    Whoever asked for it needs the grant to generate as well; for others their grant for others'
    exports, which made the job visible to them, is the word.
    """
    report = registry.find(job.report)
    try:
        if report is None or not _may_read(
            user, report, Selection.from_json(job.spec["selection"])
        ):
            return False
    except (ReportError, KeyError):  # its list, or its sort of selection, is gone
        return False
    if job.requested_by_id == user.pk and not grant_of(user, report).can_generate:
        return False
    return _has_perms(
        user, [c["permission"] for c in job.columns if c["permission"] and not c["masked"]]
    )


def downloadable(user: User, jobs: Iterable[ReportJob]) -> set[Any]:
    """The keys of those of `jobs` whose file a person may have now.

    Asked once for jobs that are alike in all that `may_download` looks at: lists are long.
    """
    known: dict[str, bool] = {}
    found = set()
    for job in jobs:
        if not job.has_file:
            continue
        needed = [c["permission"] for c in job.columns if c["permission"] and not c["masked"]]
        facts = [job.report, job.spec.get("selection"), needed, job.requested_by_id == user.pk]
        sort = json.dumps(facts, sort_keys=True)
        if sort not in known:
            known[sort] = may_download(user, job)
        if known[sort]:
            found.add(job.pk)
    return found


def may_cancel(user: User, job: ReportJob) -> bool:
    return job.is_active and (job.requested_by_id == user.pk or _is_superuser(user))
