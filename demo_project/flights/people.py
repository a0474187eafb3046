"""The three people of the demo, who may do different things."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group, Permission, User
from django.db import transaction
from django.db.models import Q

from django_reports.core.choices import Visibility
from django_reports.models import ALL_REPORTS, GroupReportPermission

PASSWORD = "demo"  # noqa: S105

VIEW_FLIGHTS = Q(content_type__app_label="flights", codename__startswith="view_")
MANAGE_GRANTS = Q(content_type__app_label="django_reports") & (
    Q(codename__in=["view_auditentry", "view_dashboard"])
    | Q(codename__endswith="_groupreportpermission")
)


@dataclass(frozen=True)
class Person:
    """Somebody to log in as. Without `report_permission`, the facts of one, the group has none."""

    name: str
    group: str
    may: str
    permissions: Q = VIEW_FLIGHTS
    report_permission: dict[str, Any] | None = None


ALICE = Person(
    "alice",
    "Exporters",
    "exports everything, sees everybody's exports, the report permissions and the audit log",
    VIEW_FLIGHTS | MANAGE_GRANTS,
    {"visibility": Visibility.ALL},
)
BOB = Person(
    "bob", "Analysts", "exports up to 1,000 rows at a time", report_permission={"max_rows": 1_000}
)
CAROL = Person("carol", "Viewers", "looks at the data and exports nothing")
PEOPLE = (ALICE, BOB, CAROL)


@transaction.atomic
def create_people() -> None:
    """Create who is not there yet; what has been changed since stays so."""
    for person in PEOPLE:
        group, _ = Group.objects.get_or_create(name=person.group)
        group.permissions.add(*Permission.objects.filter(person.permissions))
        if person.report_permission is not None:
            GroupReportPermission.objects.get_or_create(
                group=group, report=ALL_REPORTS, defaults=person.report_permission
            )
        user, is_new = User.objects.get_or_create(username=person.name, defaults={"is_staff": True})
        if is_new:
            user.set_password(PASSWORD)
            user.save()
            user.groups.add(group)
