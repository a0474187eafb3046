"""The one place that decides who may do what. Unset means denied."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast
from zoneinfo import ZoneInfo

from django.contrib.auth import get_permission_codename
from django.contrib.auth.models import Group
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from django_reports.access.command_origins import command_facts
from django_reports.access.policies import (
    EVERYTHING,
    NOTHING,
    EffectivePermissions,
    GroupPolicy,
    Policy,
    get_policy,
    permissions_read_once,
    read_anew,
)
from django_reports.audit import log, signing
from django_reports.audit.log import Origin
from django_reports.core.choices import AuditAction, AuthorityKind, JobStatus
from django_reports.core.clock import DatabaseNow
from django_reports.core.localization import (
    Locale,
    active_locale,
    current_zone,
    normalize_filter_zone,
    normalize_language,
)
from django_reports.core.logs import get_logger
from django_reports.core.users import User
from django_reports.definitions.base import Report, ReportContext
from django_reports.definitions.columns import BoundColumn, ColumnError
from django_reports.definitions.querysets import canonical_path
from django_reports.definitions.registry import UnknownReport, registry
from django_reports.definitions.selections import Selection, find_report, selection_kind
from django_reports.definitions.specs import stored_spec
from django_reports.exceptions import InvalidSpec, ReportDenied, ReportError
from django_reports.models import Preset, ReportJob

# The first three for those who write a policy of their own.
__all__ = ["EffectivePermissions", "GroupPolicy", "Policy", "permissions_read_once"]


logger = get_logger(__name__)


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


def effective_permissions(user: User, report: Report) -> EffectivePermissions:
    """The person's report permission for a report; nothing for someone who is not active."""
    if not user.is_active:
        return NOTHING
    return get_policy().effective_permissions(user, registry.names_of(report))


def may_view(user: User, report: Report) -> bool:
    """Whether the person finds the report in the catalog."""
    return _may_read(user, report, Selection()) and effective_permissions(user, report).can_view


def may_export(user: User, report: Report, selection: Selection | None = None) -> bool:
    """Whether the person may export the report: Django's permissions *and* a report permission.

    Whether they may view a report's model is for the selection's entry point to say where it has
    its own word on that (a ModelAdmin's has_view_permission), otherwise for Django's view
    permission.
    """
    return not export_denial_reason(user, report, selection or Selection())


def export_denial_reason(user: User, report: Report, selection: Selection) -> str:
    """What the person lacks to export the report, in a word for the log; empty if nothing."""
    if not user.is_active:
        return "inactive"
    if not _may_read(user, report, selection):
        return "permission"
    return "" if effective_permissions(user, report).can_export else "grant"


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


def lacks_permission(user: User, report: Report) -> bool:
    """Whether Django's permissions keep a person from a report, whatever their report permissions
    say.
    """
    return not _may_read(user, report, Selection())


def may_see_rights(user: User) -> bool:
    """Whether a person may see who may export what: whoever sees the audit log, or the report
    permissions.
    """
    names = ("view_auditentry", "view_groupreportpermission")
    return any(user.has_perm(f"django_reports.{name}") for name in names)


def _has_perms(user: User, names: Iterable[str]) -> bool:
    return all(user.has_perm(name) for name in names)


def authorize(
    authority: Authority, report: Report, selection: Selection, origin: Origin
) -> EffectivePermissions:
    """The report permission with which an export may be made now.

    Raises ReportDenied, after the attempt has been recorded.
    """
    if authority.is_system:
        return EVERYTHING
    assert authority.user is not None
    read_anew(authority.user)
    if lacking := export_denial_reason(authority.user, report, selection):
        identifier = report.get_identifier()
        log.record(
            AuditAction.DENIED,
            origin=origin,
            report=identifier,
            what="generate",
            lacking=lacking,
            **command_facts(origin),
        )
        raise UnknownReport(identifier)
    return effective_permissions(authority.user, report)


def context_of(
    authority: Authority, selection: Selection | None = None, locale: Locale | None = None
) -> ReportContext:
    """The context in which columns are asked for where no export is made."""
    active = active_locale()
    return ReportContext(
        user=authority.user,
        parameters={},
        time_zone=ZoneInfo(current_zone()),
        language=active.language,
        now=timezone.now(),
        selection=selection or Selection(),
        filter_locale=locale or active,
    )


def seen_columns(
    authority: Authority, report: Report, context: ReportContext | None = None
) -> list[BoundColumn]:
    """The columns that this authority gets, as declared, masked where they must be."""
    columns = report.get_columns(context or context_of(authority))
    seen = (_as_seen(authority, column) for column in columns)
    return [column for column in seen if column is not None]


def hidden_lookups(authority: Authority, report: Report, context: ReportContext) -> list[str]:
    """The lookups that chose the rows, that nobody declared, and whose field this authority does
    not see: its values could be told from the rows."""
    lookups = selection_kind(context.selection).lookups
    if lookups is None or authority.is_system or report.model is None:
        return []
    if not (undeclared := lookups(context)):
        return []
    columns = seen_columns(authority, report, context)
    seen = {
        canonical_path(report.model, path)
        for path in (column.path for column in columns if not column.masked)
        if path
    }
    return [name for name, path in undeclared if path not in seen]


def columns_for(
    authority: Authority,
    report: Report,
    wanted: Sequence[str] | None,
    context: ReportContext | None = None,
) -> list[BoundColumn]:
    """The columns that this authority gets, in the wanted order, masked where they must be.

    Raises InvalidSpec for a wanted column that is not among them, whether it exists or not.
    """
    allowed = {column.key: column for column in seen_columns(authority, report, context)}
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


def hidden_columns(
    authority: Authority, report: Report, context: ReportContext | None = None
) -> list[BoundColumn]:
    """The columns that this authority does not get at all."""
    columns = report.get_columns(context or context_of(authority))
    return [column for column in columns if _as_seen(authority, column) is None]


def visible_jobs(user: User) -> "QuerySet[ReportJob]":
    """The jobs that a person may see. Everything that takes a job's key starts from here."""
    if not user.is_active or user.pk is None:
        return cast("QuerySet[ReportJob]", ReportJob.objects.none())
    return get_policy().jobs(user)


def visible_job(user: User, key: Any) -> ReportJob | None:
    """The job of a key, if a person may see it; `read_at` is the time by the database's clock."""
    return visible_jobs(user).filter(pk=key).annotate(read_at=DatabaseNow()).first()


def visible_presets(user: User, report: Report) -> "QuerySet[Preset]":
    """The presets for a report that are a person's own, or shared with a group they are in."""
    return Preset.objects.filter(
        Q(owner=user.pk) | Q(group__in=groups_of(user)), report__in=registry.names_of(report)
    ).select_related("owner", "group")


def may_change_preset(user: User, preset: Preset) -> bool:
    """Whether a person who sees a preset may rename, share and delete it."""
    return bool(preset.owner_id == user.pk)


def groups_of(user: User) -> "QuerySet[Group]":
    """The groups that a person is in, with which they may share."""
    if user.pk is None or not hasattr(user, "groups"):
        return Group.objects.none()
    groups: QuerySet[Group] = user.groups.all()
    return groups


def may_see_dashboard(user: User) -> bool:
    """Whether a person may see the figures of everybody's exports."""
    return bool(user.is_active) and user.has_perm("django_reports.view_dashboard")


def may_enter(user: User) -> bool:
    """Whether a person may use the staff pages."""
    return bool(user.is_active) and user.pk is not None and get_policy().may_enter(user)


def sees_reports(user: User) -> bool:
    """Whether a person has any export to see or to make."""
    return bool(user.is_active) and user.pk is not None and get_policy().has_any(user)


def may_download(user: User, job: ReportJob) -> bool:
    """Whether a person who may see a job may have its file now.

    They must still be allowed to read the report and every column that the file holds unmasked.
    Whoever asked for it needs the report permission to download as well, for its format; for others
    their report permission for others' exports, which made the job visible to them, is the word.
    """
    return not download_denial_reason(user, job)


def download_denial_reason(user: User, job: ReportJob) -> str:
    """What the person lacks to have a job's file, in a word for the log; empty if nothing."""
    if not user.is_active:
        return "inactive"
    selection = _selection_of(job)
    report = _report_of(job, selection)
    if report is None or selection is None or not _may_read_rows(user, report, selection, job):
        return "permission"
    if job.requested_by_id == user.pk:
        effective = effective_permissions(user, report)
        if not effective.can_download or not effective.allows_format(job.format):
            return "grant"
    return "" if _may_read_columns(user, report, selection, job) else "column"


def _selection_of(job: ReportJob) -> Selection | None:
    """The rows that a job selected; None if that cannot be understood."""
    try:
        return Selection.from_json(stored_spec(job.spec)["selection"])
    except ReportError:
        return None


def _report_of(job: ReportJob, selection: Selection | None) -> Report | None:
    try:
        return find_report(selection or Selection(), job.report)
    except ReportError:  # a sort of selection that is gone
        return None


def _filter_locale(job: ReportJob) -> Locale | None:
    """The language and time zone in which a job's rows were chosen, if they are known."""
    spec = stored_spec(job.spec)
    language = normalize_language(spec["filter_language"])
    zone = normalize_filter_zone(spec["filter_time_zone"])
    return Locale(language, zone) if language and zone else None


def _may_read_rows(user: User, report: Report, selection: Selection, job: ReportJob) -> bool:
    """Whether a person may read what a job selected; nobody may if that cannot be understood."""
    try:
        return _may_read(user, report, selection)
    except ReportError:  # its list, or its sort of selection, is gone
        return False
    except Exception:
        # A ModelAdmin met something that its list no longer gives it, in a record years old.
        logger.exception("job=%s event=selection_not_understood", job.pk)
        return False


def _may_read_columns(user: User, report: Report, selection: Selection, job: ReportJob) -> bool:
    """Whether a person may have the columns that a file holds unmasked.

    They need what the columns needed when the file was made, and what they need by now. Where
    columns vary, they must be among those that this person gets.
    """
    if job.column_facts is None:
        return False
    context = context_of(Authority.of(user), selection, _filter_locale(job))
    try:
        columns = report.get_columns(context)
    except (ColumnError, ReportError):  # a declaration, or a list, that can no longer be read
        columns = []
    except Exception:
        logger.exception("job=%s event=columns_not_understood", job.pk)
        return False
    current = {column.key: column.permission for column in columns}
    unmasked = [column for column in job.column_facts if not column["masked"]]
    if report.columns_vary and any(column["name"] not in current for column in unmasked):
        return False
    needed = {name for c in unmasked for name in (c["permission"], current.get(c["name"])) if name}
    return _has_perms(user, sorted(needed))


def readable(user: User, jobs: Iterable[ReportJob]) -> set[Any]:
    """Return the keys of those of `jobs` of whose content a person may know: rows, size, checksum.

    It is who may have the file, if there is one. Nobody is told what a row says of a file that was
    made without its signature. Asked once for jobs that are alike in all that `may_download` looks
    at: lists are long.
    """
    known: dict[str, bool] = {}
    found = set()
    for job in jobs:
        columns = job.column_facts or []
        unmasked = [[c["name"], c["permission"]] for c in columns if not c["masked"]]
        spec = stored_spec(job.spec)
        chosen = [spec["selection"], spec["filter_language"], spec["filter_time_zone"]]
        facts = [job.report, chosen, job.column_facts is None, unmasked,
                 job.format, job.requested_by_id == user.pk]  # fmt: skip
        sort = json.dumps(facts, sort_keys=True)
        if sort not in known:
            known[sort] = may_download(user, job)
        if known[sort] and not was_changed(job):
            found.add(job.pk)
    return found


def was_changed(job: ReportJob) -> bool:
    """Whether the row of a job claims that a file was made, and is not what was signed of it."""
    is_made = job.status in (JobStatus.SUCCEEDED, JobStatus.EXPIRED) or bool(job.sha256)
    return is_made and not signing.is_file_of(job)


def may_cancel(user: User, job: ReportJob) -> bool:
    """Whether a person who may see a job may cancel it."""
    if not job.is_active or not user.is_active:
        return False
    if job.requested_by_id == user.pk:
        return True
    report = registry.find(job.report)
    names = registry.names_of(report) if report else [job.report]
    return get_policy().effective_permissions(user, names).can_cancel_others
