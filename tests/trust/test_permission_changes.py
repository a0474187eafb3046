"""Every change of who may do what is an entry, by whichever way it is made."""

import datetime as dt

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.db import connection, models
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_reports.access import change_log, permission_changes, permission_snapshots
from django_reports.audit import retention, sealing
from django_reports.jobs.file_verification import verify
from django_reports.models import AuditEntry, GroupReportPermission, PermissionSnapshot
from tests.entry_points.helpers import sweep
from tests.trust.logs import sql

pytestmark = pytest.mark.django_db


@pytest.fixture
def mia():
    return User.objects.create_user("mia")


@pytest.fixture
def team():
    return Group.objects.create(name="team")


@pytest.fixture
def permission():
    return Permission.objects.get(codename="view_order", content_type__app_label="shop")


VIEW = "shop.view_order"


def changes(kind="", **facts):
    """What entries say, oldest first."""
    entries = AuditEntry.objects.filter(action="permission_changed", holder__startswith=kind)
    return [
        (entry.data["name"], entry.data["changes"])
        for entry in entries.order_by("id")
        if "changes" in entry.data and facts.items() <= entry.data.items()
    ]


def groups(added=(), removed=()):
    return {"groups": {"added": list(added), "removed": list(removed)}}


def permissions(added=(), removed=()):
    return {"permissions": {"added": list(added), "removed": list(removed)}}


# With a signal: at once, in the name of who did it


def test_an_ordinary_account_is_no_entry(mia):
    mia.first_name = "Mia"
    mia.save()
    assert changes() == []
    assert not PermissionSnapshot.objects.exists()


def test_becoming_staff_and_superuser(mia):
    mia.is_staff = True
    mia.save()
    mia.is_superuser = True
    mia.save(update_fields=["is_superuser"])
    mia.is_active = False
    mia.save()
    mia.is_superuser = mia.is_staff = False
    mia.save()
    assert changes() == [
        ("mia", {"is_staff": [False, True]}),
        ("mia", {"is_superuser": [False, True]}),
        ("mia", {"is_active": [True, False]}),
        ("mia", {"is_staff": [True, False], "is_superuser": [True, False]}),
    ]


def test_a_new_superuser(db):
    User.objects.create_superuser("eve")
    assert changes()[0][1]["is_superuser"] == [False, True]


def test_logging_in_asks_nothing(mia, client):
    User.objects.filter(pk=mia.pk).update(is_staff=True)
    mia.refresh_from_db()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        client.force_login(mia)
    assert not [query for query in queries if "permissionsnapshot" in query["sql"]]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda mia, team, p: mia.user_permissions.add(p), permissions([VIEW])),
        (lambda mia, team, p: p.user_set.add(mia), permissions([VIEW])),
        (lambda mia, team, p: mia.user_permissions.set([p]), permissions([VIEW])),
    ],
)
def test_permissions_of_users(mia, team, permission, change, expected):
    change(mia, team, permission)
    assert changes(kind="user") == [("mia", expected)]


@pytest.mark.parametrize(
    "change",
    [
        lambda mia, p: mia.user_permissions.remove(p),
        lambda mia, p: mia.user_permissions.clear(),
        lambda mia, p: p.user_set.remove(mia),
        lambda mia, p: p.user_set.clear(),
        lambda mia, p: mia.user_permissions.set([]),
    ],
)
def test_permissions_taken_from_users(mia, permission, change):
    mia.user_permissions.add(permission)
    change(mia, permission)
    assert changes()[-1] == ("mia", permissions((), [VIEW]))


@pytest.mark.parametrize(
    "change",
    [
        lambda team, p: team.permissions.remove(p),
        lambda team, p: team.permissions.clear(),
        lambda team, p: p.group_set.clear(),
        lambda team, p: team.delete(),
    ],
)
def test_permissions_of_groups(team, permission, change):
    team.permissions.add(permission)
    change(team, permission)
    assert changes(kind="group") == [
        ("team", permissions([VIEW])),
        ("team", permissions((), [VIEW])),
    ]


def test_a_deleted_group_is_lost_by_its_members(mia, team):
    zoe = User.objects.create_user("zoe")
    team.user_set.add(mia, zoe)
    team.delete()
    assert changes(kind="user")[2:] == [
        ("mia", groups((), ["team"])),
        ("zoe", groups((), ["team"])),
    ]


def test_groups_deleted_by_a_queryset(mia, team):
    team.user_set.add(mia)
    Group.objects.all().delete()
    assert changes()[-1] == ("mia", groups((), ["team"]))


@pytest.mark.parametrize("delete", [lambda u: u.delete(), lambda u: User.objects.all().delete()])
def test_a_deleted_user(mia, team, delete):
    team.user_set.add(mia)
    key = mia.pk
    delete(mia)
    name, change = changes(deleted=True)[0]
    assert (name, change["groups"]["removed"]) == ("mia", ["team"])
    snapshot = PermissionSnapshot.objects.get(holder=f"user:{key}")
    assert not permission_snapshots.has_any(snapshot.facts)


def test_what_was_there_before_the_first_comparison_is_no_change(mia, permission):
    """As on a site that installs the app today."""
    User.user_permissions.through.objects.create(user=mia, permission=permission)
    User.objects.filter(pk=mia.pk).update(is_staff=True)
    mia.refresh_from_db()
    mia.save()
    assert changes() == []
    mia.user_permissions.clear()
    assert changes() == [("mia", permissions((), [VIEW]))]


def test_a_new_name_of_a_group_is_no_change(mia, team):
    team.user_set.add(mia)
    Group.objects.update(name="squad")
    sweep(tidies=True)
    assert len(changes()) == 1


# Without a signal: by the sweep


@pytest.fixture
def known(mia, team):
    """Everybody is known: the first comparison was."""
    User.objects.create_superuser("root")
    list(permission_changes.compare_in_chunks())
    return mia


SILENT = {
    "update": (
        lambda mia, team, p: User.objects.filter(pk=mia.pk).update(is_superuser=True),
        {"is_superuser": [False, True]},
    ),
    "through model": (
        lambda mia, team, p: User.groups.through.objects.create(user=mia, group=team),
        {**groups(["team"])},
    ),
    "bulk create": (
        lambda mia, team, p: User.user_permissions.through.objects.bulk_create(
            [User.user_permissions.through(user=mia, permission=p)]
        ),
        {**permissions([VIEW])},
    ),
    "report permission by sql": (
        lambda mia, team, p: models.QuerySet(GroupReportPermission).bulk_create(
            [GroupReportPermission(group=team, report="*")]
        ),
        {"reports": ["*"]},
    ),
    "sql": (
        lambda mia, team, p: sql("UPDATE auth_user SET is_staff = %s WHERE id = %s", True, mia.pk),
        {"is_staff": [False, True]},
    ),
}


@pytest.mark.parametrize("way", SILENT)
def test_what_sends_no_signal_is_seen_by_the_sweep(known, team, permission, way):
    change, expected = SILENT[way]
    change(known, team, permission)
    name = "team" if "report" in way else "mia"
    assert changes(name=name) == []
    for _ in range(2):
        sweep(tidies=True)
        assert changes(name=name, seen_by="sweep") == [(name, expected)]


def test_a_report_permission_that_is_recorded_is_not_seen_again(known, team):
    permission = GroupReportPermission.objects.create(group=team, report="shop.orders")
    GroupReportPermission.objects.update(max_rows=5)
    permission.delete()
    sweep(tidies=True)
    assert changes() == [("root", changes()[0][1])]
    assert AuditEntry.objects.filter(action="report_permission_changed").count() == 3


def test_what_is_taken_without_a_signal_is_seen_by_the_sweep(known, team, permission):
    team.permissions.add(permission)
    team.user_set.add(known)
    Group.permissions.through.objects.all().delete()
    User.groups.through.objects.all().delete()
    sweep(tidies=True)
    seen = sorted(changes(seen_by="sweep"), key=lambda change: change[0])
    assert seen == [("mia", groups((), ["team"])), ("team", permissions((), [VIEW]))]


def test_users_who_are_gone_without_a_signal(known):
    sql("DELETE FROM auth_user WHERE username = 'root'")
    sweep(tidies=True)
    [(name, change)] = changes(seen_by="sweep")
    assert (name, change["is_superuser"]) == ("root", [True, False])


def test_a_snapshot_that_is_changed_along_with_the_table_does_not_hide_it(known):
    """By who has the database and no key."""
    sql("UPDATE auth_user SET is_superuser = %s WHERE username = 'mia'", True)
    facts = permission_changes.facts_of(User.objects.get(username="mia"))
    PermissionSnapshot.objects.create(holder=f"user:{known.pk}", facts=facts, signature="0" * 64)
    sweep(tidies=True)
    assert changes(name="mia")[0][1]["is_superuser"] == [False, True]


def test_an_older_snapshot_that_is_put_back_does_not_hide_it(known, team):
    """One that was signed once, and told of what is now done again by SQL."""
    key = f"user:{known.pk}"
    known.groups.add(team)
    [older] = PermissionSnapshot.objects.filter(holder=key).values()
    known.groups.remove(team)
    User.groups.through.objects.bulk_create([User.groups.through(user=known, group=team)])
    PermissionSnapshot.objects.filter(holder=key).update(**older)
    sweep(tidies=True)
    assert changes(name="mia")[2:] == [("mia", groups(["team"]))]
    assert changes(name="mia", snapshot="lost", seen_by="sweep") == [("mia", groups(["team"]))]


def test_snapshots_that_are_all_deleted_hide_nothing(known, team, permission):
    known.groups.add(team)
    team.permissions.add(permission)
    before = AuditEntry.objects.count()
    PermissionSnapshot.objects.all().delete()
    sql("UPDATE auth_user SET is_superuser = %s WHERE id = %s", True, known.pk)
    User.user_permissions.through.objects.create(user=known, permission=permission)
    sweep(tidies=True)
    assert sorted(changes(snapshot="lost"), key=str) == [
        ("mia", {"is_superuser": [False, True], **groups(["team"]), **permissions([VIEW])}),
        ("root", {"is_staff": [False, True], "is_superuser": [False, True]}),
        ("team", permissions([VIEW])),
    ]
    assert AuditEntry.objects.count() == before + 3
    sweep(tidies=True)
    assert AuditEntry.objects.count() == before + 3


def test_a_right_that_is_taken_along_with_its_snapshot_is_missed(known, team):
    known.groups.add(team)
    User.groups.through.objects.all().delete()
    PermissionSnapshot.objects.filter(holder=f"user:{known.pk}").delete()
    sweep(tidies=True)
    [entry] = AuditEntry.objects.filter(holder=f"user:{known.pk}", data__snapshot="lost")
    assert entry.data == {"name": "", "changes": {}, "snapshot": "lost", "seen_by": "sweep"}
    sweep(tidies=True)
    assert AuditEntry.objects.filter(data__has_key="snapshot").count() == 1


@pytest.mark.parametrize(
    "signal",
    [
        lambda mia, team: mia.save(),
        lambda mia, team: mia.groups.add(team),
        lambda mia, team: mia.delete(),
    ],
    ids=["saved", "grouped", "deleted"],
)
def test_a_change_that_is_told_does_not_hide_one_that_is_not(known, team, permission, signal):
    """By SQL first, with the snapshot removed, then in the admin."""
    known.is_staff = True
    known.save()
    User.user_permissions.through.objects.create(user=known, permission=permission)
    PermissionSnapshot.objects.filter(holder=f"user:{known.pk}").delete()
    holder = f"user:{known.pk}"
    signal(known, team)
    assert AuditEntry.objects.filter(holder=holder, data__snapshot="lost").count() == 1
    sweep(tidies=True)
    told = AuditEntry.objects.filter(holder=holder, data__has_key="changes").order_by("id")
    gained = [entry.data["changes"].get("permissions") for entry in told]
    assert gained.count({"added": [VIEW], "removed": []}) == (0 if known.pk is None else 1)


def test_a_grant_that_is_recorded_does_not_hide_one_that_is_not(known, team):
    GroupReportPermission.objects.create(group=team, report="shop.orders")
    models.QuerySet(GroupReportPermission).bulk_create(
        [GroupReportPermission(group=team, report="*", visibility="all")]
    )
    GroupReportPermission.objects.filter(report="shop.orders").update(max_rows=5)
    sweep(tidies=True)
    assert changes(name="team", seen_by="sweep") == [("team", {"reports": ["*"]})]


def test_a_grant_that_moves_to_another_group_is_told_of_both(known, team):
    other = Group.objects.create(name="other")
    permission = GroupReportPermission.objects.create(group=team, report="shop.orders")
    permission.group = other
    permission.save()
    told = AuditEntry.objects.filter(action="report_permission_changed").order_by("id")
    holders = [entry.holder for entry in told]
    assert holders == [f"group:{pk}" for pk in (team.pk, other.pk, team.pk)]
    sweep(tidies=True)
    assert changes(seen_by="sweep") == []


def test_what_the_log_no_longer_tells_is_told_again(known, team):
    """Once the entries are removed at the end of their time."""
    known.groups.add(team)
    sealing.seal()
    retention.purge_entries(timezone.now())
    sealing.seal()
    sweep(tidies=True)
    assert sorted(changes(), key=str) == [
        ("mia", groups(["team"])),
        ("root", {"is_staff": [False, True], "is_superuser": [False, True]}),
    ]
    assert verify().wrong == ""


def test_of_who_has_nothing_and_is_in_no_entry_nothing_is_kept(known, team):
    known.groups.add(team)
    known.delete()
    sealing.seal()
    retention.purge_entries(timezone.now())
    sweep(tidies=True)
    assert [row.holder for row in PermissionSnapshot.objects.exclude(holder="*")] == [
        f"user:{User.objects.get(username='root').pk}"
    ]


def test_what_came_with_signals_before_the_first_comparison_is_counted(mia, permission):
    """And what was changed without one meanwhile is a change."""
    User.user_permissions.through.objects.create(user=mia, permission=permission)
    mia.is_staff = True
    mia.save()
    sql("UPDATE auth_user SET is_superuser = %s WHERE id = %s", True, mia.pk)
    sweep(tidies=True)
    assert changes() == [("mia", {"is_staff": [False, True]}),
                         ("mia", {"is_superuser": [False, True]})]  # fmt: skip
    [entry] = AuditEntry.objects.filter(holder="*")
    assert (entry.data["first_seen"], entry.data["superusers"]) == (1, ["mia"])


# Proxies of the models


class Employee(User):
    class Meta:
        proxy = True
        app_label = "auth"


class Team(Group):
    class Meta:
        proxy = True
        app_label = "auth"


class Grant(GroupReportPermission):
    class Meta:
        proxy = True
        app_label = "auth"


@pytest.fixture
def watched():
    """As if the project had these models from its start."""
    permission_changes.watch()
    change_log.watch()


@pytest.mark.parametrize("end", [lambda person: person.delete(), lambda person: person.save()])
def test_a_proxy_of_the_user_model_is_told_at_once(known, watched, end):
    person = Employee.objects.get(pk=known.pk)
    person.is_superuser = True
    person.save()
    person.is_superuser = False
    end(person)
    assert [change for _name, change in changes(name="mia")] == [
        {"is_superuser": [False, True]}, {"is_superuser": [True, False]},
    ]  # fmt: skip


def test_a_proxy_of_a_group_and_of_a_grant_is_told_at_once(known, team, watched):
    team.user_set.add(known)
    permission = Grant.objects.create(group=team, report="shop.orders")
    Grant.objects.update(max_rows=5)
    permission.delete()
    assert AuditEntry.objects.filter(action="report_permission_changed").count() == 3
    Team.objects.get().delete()
    assert changes()[-1] == ("mia", groups((), ["team"]))


def given_by_sql(person):
    sql("UPDATE auth_user SET is_superuser = %s WHERE username = %s", True, person.username)


def test_a_worker_that_ends_soon_compares_within_the_hour(known, monkeypatch):
    """As cron runs it: it never tidies up."""
    mia = User.objects.create_user("mia2")
    call_command("reports_worker", burst=True, verbosity=0)
    given_by_sql(mia)
    call_command("reports_worker", burst=True, verbosity=0)
    assert changes(seen_by="sweep") == []  # it was compared a moment ago
    monkeypatch.setattr(permission_snapshots, "COMPARED_FOR", dt.timedelta(0))
    call_command("reports_worker", burst=True, verbosity=0)
    assert changes(seen_by="sweep") == [("mia2", {"is_superuser": [False, True]})]


def test_no_row_puts_the_comparison_off(known):
    """It is signed, and one that is of later than now counts as well as none."""
    sweep(tidies=True)
    row = PermissionSnapshot.objects.get(holder="*")
    assert not permission_snapshots.is_comparison_due()
    later = (timezone.now() + dt.timedelta(minutes=5)).isoformat()
    PermissionSnapshot.objects.filter(holder="*").update(facts={"compared_at": later})
    assert permission_snapshots.is_comparison_due()
    permission_snapshots.keep("*", {"compared_at": later}, None)
    assert permission_snapshots.is_comparison_due()
    PermissionSnapshot.objects.filter(holder="*").update(facts=row.facts, signature=row.signature)
    assert not permission_snapshots.is_comparison_due()
    PermissionSnapshot.objects.all().delete()
    assert permission_snapshots.is_comparison_due()


def test_comparing_takes_queries_by_the_thousand(known):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            list(permission_changes.compare_in_chunks())
        return len(captured)

    few = queries()
    User.objects.bulk_create(User(username=f"staff {n}", is_staff=True) for n in range(200))
    list(permission_changes.compare_in_chunks())
    assert queries() <= few
