"""System checks of who has which report permissions: they look into the database where it is asked
for.
"""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Group
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import OperationalError, connections, router
from django.db.models import Q

from django_reports.core.choices import Visibility
from django_reports.core.conf import NAME, get_settings, settings_problems
from django_reports.models import GroupReportPermission

TAG = "django_reports"

# Each of these is enough to give oneself, or one's group, every report permission.
POWERS = {
    "django_reports": ("add_groupreportpermission", "change_groupreportpermission"),
    "auth": ("change_group", "add_user", "change_user"),
}


@register(Tags.database)
def check_tenants(databases: Iterable[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Report permissions for the same tenant, where nobody has one. Asked for by `check
    --database`.
    """
    if settings_problems() or get_settings().TENANT is not None:
        return []
    if _database(databases) is None:
        return []
    found = GroupReportPermission.objects.filter(visibility=Visibility.TENANT)
    return [
        Error(
            f"The report permission of {group!r} for {report!r} shows exports of the same "
            "tenant, and nobody "
            "has a tenant: it shows none.",
            hint=f"Set {NAME}['TENANT'], or give the report permission another choice.",
            id="django_reports.E022",
        )
        for group, report in found.order_by("pk").values_list("group__name", "report")
    ]


@register(TAG, deploy=True)
def check_powers(databases: Iterable[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Who can give themselves everything: by name with `--database`, else that there are some."""
    names = [f"{app}.{codename}" for app, codenames in POWERS.items() for codename in codenames]
    who = "Whoever has one of these permissions"
    alias = _database(databases)
    if alias is not None:
        mighty = Q()
        for app, codenames in POWERS.items():
            mighty |= Q(
                permissions__content_type__app_label=app, permissions__codename__in=codenames
            )
        groups = Group.objects.using(alias).filter(mighty).order_by("name")
        found = list(dict.fromkeys(groups.values_list("name", flat=True)))
        if not found:
            return []
        who = f"The members of {', '.join(map(repr, found))}, who have one of these permissions,"
    return [
        Warning(
            f"{who} can grant themselves every export: {', '.join(names)}.",
            hint="Give them to few people. What they change is in the audit log. If that is as it "
            "should be, silence this check.",
            id="django_reports.W005",
        )
    ]


def _database(databases: Iterable[str] | None) -> str | None:
    """The database of the report permissions, if the checks may ask it and it has been migrated."""
    alias = router.db_for_write(GroupReportPermission)
    if alias not in (databases or ()):
        return None
    try:
        tables = connections[alias].introspection.table_names()
    except OperationalError:  # where a site is built, there need not be a database
        return None
    return alias if GroupReportPermission._meta.db_table in tables else None
