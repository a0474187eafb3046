"""What report permissions give, one by one and taken together; who hears of a changed one."""

import re

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError

from django_reports.access import permissions, policies
from django_reports.checks.report_permissions import check_powers, check_tenants
from django_reports.definitions.registry import registry
from django_reports.exceptions import InvalidSpec
from django_reports.models import AuditEntry, GroupReportPermission, ReportJob
from tests.conftest import VIEW, give, permission
from tests.entry_points.helpers import EXPORT, browse, chosen, enqueue, make, run, text_of
from tests.entry_points.staff import ORDERS, Program, page_of, pressed
from tests.shop.reports import Orders

pytestmark = pytest.mark.django_db


def the_grant(user):
    return permissions.effective_permissions(user, registry.instance(Orders))


# Taken together


def test_grants_add_up_field_by_field(make_person):
    mia = make_person("mia", report="*", max_rows=10, formats=["csv"], can_view=False)
    for fields in (
        {"can_download": False, "max_rows_per_day": 5, "max_rows": 3, "formats": ["xlsx"]},
        {"can_export": False, "can_cancel_others": True, "can_download": False},
    ):
        group = Group.objects.create(name=str(fields))
        mia.groups.add(group)
        GroupReportPermission.objects.create(group=group, report="shop.orders", **fields)
    found = the_grant(mia)
    assert (found.can_view, found.can_export, found.can_download) == (True, True, True)
    assert (found.max_rows, found.max_rows_per_day, found.max_concurrent_jobs) == (10, None, None)
    assert (found.formats, found.can_cancel_others) == ({"csv", "xlsx"}, True)


def test_one_grant_for_every_format_beats_those_for_some(make_person):
    mia = make_person("mia", report="*", formats=["csv"])
    grant_of_all = Group.objects.create(name="all formats")
    mia.groups.add(grant_of_all)
    GroupReportPermission.objects.create(group=grant_of_all, report="*")
    assert the_grant(mia).formats is None


def test_superusers_may_all_unless_a_setting_says_otherwise(root, configure, orders):
    assert the_grant(root) == policies.EVERYTHING
    job = enqueue(root)
    configure(SUPERUSERS_BYPASS_REPORT_PERMISSIONS=False)
    assert the_grant(root) == policies.NOTHING
    assert list(permissions.visible_jobs(root)) == [job]  # their own, as everybody
    permission(root, "*", max_rows=7)
    assert the_grant(root).max_rows == 7


# What each gives


def test_who_may_only_look_finds_the_report_and_gets_nothing(make_person, orders):
    mia = make_person("mia", *VIEW, report="shop.orders", can_export=False)
    page = text_of(browse(mia).get("/reports/"))
    assert "Orders (not yours to export)" in page
    assert f'href="{ORDERS}"' not in page
    assert Program(mia).get(ORDERS).json()["may_export"] is False
    assert browse(mia).get(ORDERS).status_code == 403
    assert Program(mia).post(ORDERS).status_code == 403


def test_who_may_not_look_may_still_export_what_they_know(make_person, orders):
    mia = make_person("mia", *VIEW, report="shop.orders", can_view=False)
    assert ORDERS not in text_of(browse(mia).get("/reports/"))
    assert Program(mia).post(ORDERS).status_code == 202


@pytest.mark.parametrize("execution", ["auto", "immediate", "background"])
def test_who_may_not_download_gets_no_file_in_any_way(make_person, orders, monkeypatch, execution):
    monkeypatch.setattr(Orders, "execution", execution)
    mia = make_person("mia", *VIEW, report="shop.orders", can_download=False)
    page = browse(mia).get(ORDERS)
    assert page.context["plan"].execution == "background"
    sent = [
        pressed(mia),
        browse(mia).post(EXPORT, chosen()),
        Program(mia).post(ORDERS),
    ]
    assert [(answer.status_code, answer.streaming) for answer in sent] == [
        (302, False), (302, False), (202, False)
    ]  # fmt: skip
    assert set(ReportJob.objects.values_list("execution", flat=True)) == {"background"}
    for job in ReportJob.objects.all():
        assert run(job).status == "succeeded"
        assert browse(mia).get(page_of(job, "download")).status_code == 403
        assert browse(mia).post(page_of(job, "link")).status_code == 403
    with pytest.raises(CommandError, match="not download its files"):
        call_command("export_report", "shop.orders", user="mia", output="-")
    assert AuditEntry.objects.first().action == "denied"
    boss = make_person("boss", *VIEW, report="*", visibility="all")
    assert browse(boss).get(page_of(job, "download")).getvalue().startswith(b"id,")


def test_unknown_and_ungranted_reports_cannot_be_told_apart(make_person, orders):
    mia = make_person("mia", *VIEW, report="shop.numbers")
    answers = []
    for name in ("shop.orders", "shop.never"):
        address = f"/reports/{name}/"
        told = []
        for client in (Program(mia), browse(mia)):
            for ask in (client.get, client.post):
                answer = ask(address)
                text = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", text_of(answer))
                told.append((answer.status_code, text.replace(name, "NAME")))
        told.append(Program(mia).post(f"{address}favorite/").status_code)
        answers.append(told)
    assert answers[0] == answers[1]
    assert {status for status, _text in answers[0][:-1]} == {404}


def test_formats_at_every_door(make_person, orders):
    mia = make_person("mia", *VIEW, report="*", formats=["tsv", "xlsx"])
    with pytest.raises(InvalidSpec, match="You may not export in the format csv"):
        enqueue(mia, format="csv.gz")
    assert AuditEntry.objects.get(action="denied").data["reason"].startswith("You may not export")
    offered = [made["name"] for made in Program(mia).get(ORDERS).json()["formats"]]
    assert offered == ["xlsx", "tsv", "tsv.gz", "tsv.zip"]
    page = browse(mia).get(ORDERS)
    assert page.context["plan"].export.spec.format == "xlsx"
    assert 'value="csv"' not in text_of(page)
    enqueue(mia, format="tsv.gz")


def test_a_format_that_is_taken_away_locks_old_files(make_person, orders):
    mia = make_person("mia", *VIEW, report="*")
    job = make(mia)
    GroupReportPermission.objects.update(formats=["xlsx"])
    assert permissions.download_denial_reason(mia, job) == "grant"


def test_canceling_the_exports_of_others(alice, make_person, orders):
    job = enqueue(alice)
    mia = make_person("mia", *VIEW, report="*", visibility="all")
    assert not permissions.may_cancel(mia, job)
    GroupReportPermission.objects.filter(visibility="all").update(can_cancel_others=True)
    assert permissions.may_cancel(mia, job)


def tenant_of(user):
    """The test's tenant: what stands in the last name."""
    return user.last_name or None


def test_exports_of_the_same_tenant(make_person, configure, orders):
    configure(TENANT=f"{__name__}.tenant_of")
    people = {name: make_person(name, *VIEW, report="*", visibility="tenant")
              for name in ("ann", "ben", "cid", "dora")}  # fmt: skip
    for name, tenant in (("ann", "north"), ("ben", "north"), ("cid", "south")):
        User.objects.filter(username=name).update(last_name=tenant)
        people[name].refresh_from_db()
    jobs = {name: enqueue(user) for name, user in people.items()}

    def seen(name):
        visible = permissions.visible_jobs(people[name])
        return {whose for whose, job in jobs.items() if job in visible}

    assert [seen(name) for name in people] == [{"ann", "ben"}, {"ann", "ben"}, {"cid"}, {"dora"}]
    configure(TENANT=None)
    assert seen("ann") == {"ann"}


# Who hears of it


def changes():
    return [entry.data for entry in AuditEntry.objects.filter(action="report_permission_changed")]


@pytest.fixture
def team(db):
    group = Group.objects.create(name="team")
    GroupReportPermission.objects.bulk_create(
        GroupReportPermission(group=group, report=name) for name in ("a", "b")
    )
    return group


def test_grants_made_in_bulk_are_told(team):
    assert [data["after"]["report"] for data in changes()] == ["b", "a"]
    assert all("before" not in data for data in changes())


def test_grants_changed_in_bulk_are_told(team):
    GroupReportPermission.objects.filter(report="a").update(max_rows=5)
    told = changes()[0]
    assert (told["before"]["max_rows"], told["after"]["max_rows"]) == (None, 5)
    first, second = GroupReportPermission.objects.order_by("report")
    first.visibility = second.visibility = "all"
    GroupReportPermission.objects.bulk_update([first, second], ["visibility"])
    assert {
        (data["before"]["visibility"], data["after"]["visibility"]) for data in changes()[:2]
    } == {("none", "all")}


def test_grants_are_not_written_over_in_bulk(team):
    made = GroupReportPermission(group=team, report="a")
    with pytest.raises(ValueError, match="update_or_create"):
        GroupReportPermission.objects.bulk_create([made], ignore_conflicts=True)


@pytest.mark.parametrize("remove", [
    lambda team: GroupReportPermission.objects.all().delete(),
    lambda team: team.delete(),
])  # fmt: skip
def test_grants_removed_in_bulk_are_told(team, remove):
    remove(team)
    assert {data["before"]["report"] for data in changes()[:2]} == {"a", "b"}
    assert all("after" not in data for data in changes()[:2])


def test_without_an_entry_no_grant_is_changed(team, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError("the audit log is away")

    monkeypatch.setattr("django_reports.audit.log.record", fail)
    for change in (
        lambda: GroupReportPermission.objects.update(max_rows=5),
        lambda: GroupReportPermission.objects.create(group=team, report="c", max_rows=5),
    ):
        with pytest.raises(OSError, match="away"):
            change()
    assert GroupReportPermission.objects.filter(max_rows=None).count() == 2


@pytest.mark.parametrize(("change", "told"), [
    (lambda team, mia: mia.groups.add(team), "added"),
    (lambda team, mia: team.user_set.add(mia), "added"),
    (lambda team, mia: (team.user_set.add(mia), mia.groups.remove(team)), "removed"),
    (lambda team, mia: (team.user_set.add(mia), mia.groups.clear()), "removed"),
    (lambda team, mia: (team.user_set.add(mia), team.user_set.clear()), "removed"),
    (lambda team, mia: (team.user_set.add(mia), mia.groups.set([])), "removed"),
])  # fmt: skip
def test_who_is_in_which_group_is_told(team, make_person, change, told):
    mia = make_person("mia")
    change(team, mia)
    entry = AuditEntry.objects.filter(action="permission_changed").first()
    groups = {"added": [], "removed": [], told: ["team"]}
    assert entry.holder == f"user:{mia.pk}"
    assert entry.data == {"name": "mia", "changes": {"groups": groups}}


def test_who_is_behind_a_request_is_named(team, root, make_person, settings):
    mia = make_person("mia")
    url = f"/admin/auth/user/{mia.pk}/change/"
    page = browse(root).get(url)
    shown = page.context["adminform"].form
    fields = {field.name: field.value() for field in shown if field.value()}
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django_reports.middleware.AuditContextMiddleware"]
    moments = {"date_joined_0": "2026-01-01", "date_joined_1": "12:00"}
    browse(root).post(url, {**fields, **moments, "groups": [team.pk]}, REMOTE_ADDR="10.0.0.7")
    entry = AuditEntry.objects.filter(action="permission_changed").first()
    assert (entry.actor_label, entry.address) == ("root", "10.0.0.7")
    assert entry.data["changes"]["groups"]["added"] == ["team"]


# Checks


def test_a_tenant_that_nobody_has_is_an_error(team, configure):
    GroupReportPermission.objects.filter(report="a").update(visibility="tenant")
    (error,) = check_tenants(databases=["default"])
    assert error.id == "django_reports.E022"
    assert error.msg.startswith(
        "The report permission of 'team' for 'a' shows exports of the same tenant, and"
    )
    assert check_tenants(databases=None) == []
    configure(TENANT=f"{__name__}.tenant_of")
    assert check_tenants(databases=["default"]) == []


def test_the_form_refuses_a_tenant_that_nobody_has(root, team):
    url = "/admin/django_reports/groupreportpermission/add/"
    page = browse(root).post(
        url, {"group": team.pk, "report": "shop.orders", "visibility": "tenant"}
    )
    assert "Nobody has a tenant" in text_of(page)
    assert not GroupReportPermission.objects.filter(report="shop.orders").exists()


def test_who_can_grant_themselves_everything_is_named(team, make_person):
    assert check_powers(databases=["default"]) == []
    mia = give(make_person("mia"), "auth.change_group")
    team.permissions.add(*mia.user_permissions.all())
    (warning,) = check_powers(databases=["default"])
    assert warning.id == "django_reports.W005"
    assert warning.msg.startswith("The members of 'team', who have one of these permissions, can")
    (warning,) = check_powers(databases=None)
    assert warning.msg.startswith("Whoever has one of these permissions can grant themselves")


def test_the_checks_of_grants_come_with_the_databases(team):
    GroupReportPermission.objects.update(visibility="tenant")
    with pytest.raises(SystemCheckError, match="E022"):
        call_command("check", databases=["default"])
