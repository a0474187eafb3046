"""The one place that decides who may do what."""

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User

from django_reports import Report
from django_reports.access import permissions
from django_reports.access.permissions import Authority, EffectivePermissions, GroupPolicy
from django_reports.access.policies import EVERYTHING
from django_reports.definitions.registry import UnknownReport, registry
from django_reports.definitions.selections import Selection
from django_reports.exceptions import InvalidSpec, ReportDenied
from django_reports.jobs import files
from django_reports.models import AuditEntry, GroupReportPermission, ReportJob
from tests.conftest import VIEW, give, make_orders, permission
from tests.entry_points.helpers import actions, enqueue, files_in, plan, put, run, sign
from tests.shop.reports import Numbers, Orders

pytestmark = pytest.mark.django_db


def report(report_class=Orders):
    return registry.instance(report_class)


def fresh(user):
    """The person as the next request loads them."""
    return User.objects.get(pk=user.pk)


# Who may generate


@pytest.mark.parametrize("is_active", [True, False])
@pytest.mark.parametrize("is_superuser", [True, False])
@pytest.mark.parametrize("has_grant", [True, False])
@pytest.mark.parametrize("has_view", [True, False])
def test_generating_needs_to_be_active_and_the_view_permission_and_a_grant(
    make_person, has_view, has_grant, is_superuser, is_active
):
    user = make_person("mia", *(VIEW if has_view else ()))
    if has_grant:
        permission(user, "shop.orders")
    user.is_superuser, user.is_active = is_superuser, is_active
    expected = is_active and (is_superuser or (has_view and has_grant))
    assert permissions.may_export(user, report()) is expected


def test_an_anonymous_person_may_nothing():
    nobody = AnonymousUser()
    assert not permissions.may_export(nobody, report())
    assert not permissions.sees_reports(nobody)
    assert not permissions.visible_jobs(nobody).exists()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"report": "shop.orders"}, True),
        ({"report": "shop.old_orders"}, True),
        ({"report": "*"}, True),
        ({"report": "shop.numbers"}, False),
        ({"report": "shop.order"}, False),
        ({"report": "shop.orders", "can_export": False}, False),
        ({"report": "shop.orders", "can_export": False, "visibility": "all"}, False),
    ],
)
def test_which_grants_cover_a_report(make_person, options, expected):
    user = make_person("mia", *VIEW, **options)
    assert permissions.may_export(user, report()) is expected


def test_a_grant_of_a_group_that_one_is_not_in_is_none(make_person):
    other = Group.objects.create(name="others")
    GroupReportPermission.objects.create(group=other, report="*")
    assert not permissions.may_export(make_person("mia", *VIEW), report())


def test_a_report_without_a_model_needs_its_own_permission(make_person):
    with_it = make_person("mia", "shop.view_order", report="*")
    without = make_person("noa", report="*")
    assert permissions.may_export(with_it, report(Numbers))
    assert not permissions.may_export(without, report(Numbers))


def test_a_report_that_names_no_permission_is_for_nobody(root):
    unset = type("Unset", (Report,), {"identifier": "shop.unset", "columns": ["n"]})()
    assert not permissions.may_export(root, unset)


def test_a_model_report_may_ask_for_more(make_person, monkeypatch):
    monkeypatch.setattr(Orders, "permission", "shop.export_orders", raising=False)
    user = make_person("mia", *VIEW, report="*")
    assert not permissions.may_export(user, report())
    assert permissions.may_export(give(user, "shop.export_orders"), report())


# What a report permission allows


@pytest.mark.parametrize(
    ("limits", "together"),
    [([10], 10), ([10, 500], 500), ([10, None], None), ([None], None), ([0], 0)],
)
def test_grants_add_up(make_person, limits, together):
    user = make_person("mia", *VIEW)
    for number, limit in enumerate(limits):
        group = Group.objects.create(name=f"group {number}")
        user.groups.add(group)
        GroupReportPermission.objects.create(group=group, report="shop.orders", max_rows=limit)
    assert permissions.effective_permissions(user, report()).max_rows == together


def test_a_limit_of_a_grant_that_does_not_generate_does_not_count(make_person):
    user = make_person("mia", *VIEW, report="shop.orders", max_rows=10)
    group = Group.objects.create(name="lookers")
    user.groups.add(group)
    GroupReportPermission.objects.create(group=group, report="*", can_export=False)
    assert permissions.effective_permissions(user, report()).max_rows == 10


def test_a_superuser_has_no_limit(root):
    permission(root, "*", max_rows=10)
    assert permissions.effective_permissions(root, report()) == EVERYTHING


class OpenHouse(GroupPolicy):
    """Everybody may export five rows."""

    def effective_permissions(self, user, identifiers):
        is_open = "shop.orders" in identifiers
        return EffectivePermissions(can_export=is_open, can_download=is_open, max_rows=5)

    def jobs(self, user):
        return ReportJob.objects.all()

    def has_any(self, user):
        return True


def test_policy_can_be_replaced(carol, alice, orders, configure):
    job = enqueue(alice)
    configure(POLICY=f"{__name__}.OpenHouse")
    assert permissions.may_export(carol, report())
    assert not permissions.may_export(carol, report(Numbers))
    assert permissions.effective_permissions(carol, report()).max_rows == 5
    assert list(permissions.visible_jobs(carol)) == [job]
    assert permissions.sees_reports(carol)


class OpenBackend:
    """Permits everything to everybody, gone or not."""

    def authenticate(self, request, **credentials):
        return None

    def has_perm(self, user, permission, obj=None):
        return True


def test_nothing_lets_the_inactive_in(carol, configure, settings):
    """Neither a policy nor a backend that would: each question is answered by itself."""
    configure(POLICY=f"{__name__}.OpenHouse")
    settings.AUTHENTICATION_BACKENDS = [f"{__name__}.OpenBackend"]
    make_orders(3)
    done, waiting = run(enqueue(carol, columns=["id"])), enqueue(carol, columns=["number"])

    def answers():
        return {
            "grant": permissions.effective_permissions(carol, report()) != permissions.NOTHING,
            "view": not permissions.lacks_permission(carol, report()),
            "generate": permissions.export_denial_reason(carol, report(), Selection()),
            "jobs": permissions.visible_jobs(carol).count(),
            "enter": permissions.may_enter(carol),
            "any": permissions.sees_reports(carol),
            "download": permissions.download_denial_reason(carol, done),
            "cancel": permissions.may_cancel(carol, waiting),
        }

    assert answers() == {
        "grant": True, "view": True, "generate": "", "jobs": 2, "enter": True, "any": True,
        "download": "", "cancel": True,
    }  # fmt: skip
    carol.is_active = False
    assert answers() == {
        "grant": False, "view": False, "generate": "inactive", "jobs": 0, "enter": False,
        "any": False, "download": "inactive", "cancel": False,
    }  # fmt: skip


# Being refused


def test_unknown_and_ungranted_reports_read_alike(carol):
    messages = []
    for name in ("shop.orders", "shop.bogus"):
        with pytest.raises(UnknownReport) as refusal:
            plan(carol, name)
        messages.append(str(refusal.value).replace(name, "…"))
    assert messages[0] == messages[1] == "There is no report “…” that you may export."


def test_a_refusal_is_recorded(carol):
    with pytest.raises(ReportDenied):
        plan(carol)
    entry = AuditEntry.objects.get(action="denied")
    assert (entry.actor_label, entry.report, entry.data) == (
        "carol", "shop.orders", {"what": "generate", "lacking": "grant"},
    )  # fmt: skip


def test_the_system_may_everything():
    made = plan(None)
    assert made.export.effective == EVERYTHING
    assert not any(column.masked for column in made.export.columns)


# Columns


def columns(user, wanted=None):
    return permissions.columns_for(Authority.of(user), report(), wanted)


def test_columns_are_masked_or_left_out_without_their_permission(alice):
    shown = {column.name: column.masked for column in columns(alice)}
    assert shown["customer__email"] is True
    assert "cost" not in shown
    hidden = permissions.hidden_columns(Authority.of(alice), report())
    assert [column.name for column in hidden] == ["cost"]


def test_columns_are_whole_with_their_permission(alice):
    user = give(alice, "shop.view_cost", "shop.view_customer_email")
    shown = {column.name: column.masked for column in columns(user)}
    assert shown["customer__email"] is False
    assert shown["cost"] is False
    assert permissions.hidden_columns(Authority.of(user), report()) == []


def test_columns_come_in_the_wanted_order(alice):
    assert [c.name for c in columns(alice, ["total", "id"])] == ["total", "id"]


def test_unknown_and_hidden_columns_read_alike(alice):
    messages = []
    for name in ("cost", "bogus"):
        with pytest.raises(InvalidSpec) as refusal:
            columns(alice, ["id", name])
        messages.append(str(refusal.value).replace(name, "…"))
    assert messages[0] == messages[1]
    assert messages[0].startswith("Orders has no column '…' that you may export. Choose from: id,")
    assert "cost" not in messages[1]


def test_a_report_of_hidden_columns_only_is_denied(alice, monkeypatch):
    monkeypatch.setattr(Orders, "columns", [Orders.columns[-1]])
    with pytest.raises(ReportDenied, match="Orders has no column that you may export"):
        columns(alice)


# Asked again when a job runs


def assert_failed(job, reason, folder):
    """Run a job, which must fail with this reason and without a file."""
    run(job)
    assert (job.status, job.error) == ("failed", reason)
    assert files_in(folder) == []
    assert actions(job)[-1] == "failed"


DENIED = "No longer permitted: There is no report “shop.orders” that you may export."


def test_not_for_whoever_is_inactive_by_then(alice, orders, folder):
    job = enqueue(alice)
    alice.is_active = False
    alice.save()
    assert_failed(job, DENIED, folder)


def test_not_without_the_grant(alice, orders, folder):
    job = enqueue(alice)
    GroupReportPermission.objects.all().delete()
    assert_failed(job, DENIED, folder)


def test_not_without_the_view_permission(alice, orders, folder):
    job = enqueue(alice)
    alice.user_permissions.clear()
    assert_failed(job, DENIED, folder)


def test_not_with_a_column_that_is_hidden_by_then(alice, orders, folder):
    job = enqueue(give(alice, "shop.view_cost"), columns=["id", "cost"])
    alice.user_permissions.filter(codename="view_cost").delete()
    run(job)
    assert job.status == "failed"
    assert job.error.startswith("Orders has no column 'cost' that you may export.")


def test_masked_if_the_columns_permission_is_gone_by_then(alice, orders):
    job = enqueue(give(alice, "shop.view_customer_email"))
    assert job.masked_columns == []
    alice.user_permissions.filter(codename="view_customer_email").delete()
    assert run(job).masked_columns == ["Email"]
    with files.open_file(job) as file:
        assert b"ann@example.com" not in file.read()


def test_not_beyond_a_limit_that_came_later(alice, orders, folder):
    job = enqueue(alice)
    GroupReportPermission.objects.update(max_rows=10)
    reason = "This export has more than 10 rows, which is your limit. Narrow it down."
    assert_failed(job, reason, folder)


def test_not_for_whoever_is_deleted_by_then(alice, orders, folder):
    job = enqueue(alice)
    alice.delete()
    assert_failed(
        job, "No longer permitted: The person who asked for this export no longer exists.", folder
    )


def test_not_if_the_report_is_gone_by_then(alice, orders, folder, monkeypatch):
    job = enqueue(alice)
    monkeypatch.setattr(registry, "_reports", [r for r in registry if type(r) is not Orders])
    monkeypatch.setattr(registry, "_sources", [])  # nor does its admin bring it back
    assert_failed(job, "This report no longer exists.", folder)


def test_a_job_of_a_renamed_report_still_runs(alice, orders):
    job = put(enqueue(alice), report="shop.old_orders")
    sign(put(job, spec={**job.spec, "report": "shop.old_orders"}))
    assert run(job).status == "succeeded"


# Which jobs a person sees


@pytest.fixture
def people(make_person):
    """Mia looks; Tom is in her group, Ben is not; each has made a job, and so has the system."""
    mia = make_person("mia", *VIEW)
    team = Group.objects.create(name="team")
    mates = {name: make_person(name, *VIEW, report="*") for name in ("tom", "ben")}
    for person in (mia, mates["tom"]):
        person.groups.add(team)
    permission(mia, "*", can_export=True)
    jobs = {"own": enqueue(mia), "tom": enqueue(mates["tom"]), "ben": enqueue(mates["ben"])}
    jobs["system"] = enqueue(None)
    jobs["ben's numbers"] = enqueue(mates["ben"], "shop.numbers")
    return mia, team, jobs


@pytest.mark.parametrize(
    ("others", "name", "seen"),
    [
        ("none", "*", {"own"}),
        ("group", "*", {"own", "tom"}),
        ("group", "shop.numbers", {"own"}),
        ("all", "shop.orders", {"own", "tom", "ben", "system"}),
        ("all", "shop.old_orders", {"own", "tom", "ben", "system"}),
        ("all", "shop.numbers", {"own", "ben's numbers"}),
        ("all", "*", {"own", "tom", "ben", "system", "ben's numbers"}),
    ],
)
def test_jobs_of_others(people, others, name, seen):
    mia, team, jobs = people
    GroupReportPermission.objects.create(
        group=team, report=name, visibility=others, can_export=False
    )
    visible = set(permissions.visible_jobs(mia))
    assert {label for label, job in jobs.items() if job in visible} == seen


def test_jobs_under_an_old_identifier_are_seen_too(people):
    mia, team, jobs = people
    put(jobs["ben"], report="shop.old_orders")
    GroupReportPermission.objects.create(group=team, report="shop.orders", visibility="all")
    assert jobs["ben"] in permissions.visible_jobs(mia)


def test_a_job_is_seen_once_however_many_groups_are_shared(people):
    mia, _team, jobs = people
    tom = User.objects.get(username="tom")
    for number in range(3):
        group = Group.objects.create(name=f"also shared {number}")
        GroupReportPermission.objects.create(group=group, report="*", visibility="group")
        mia.groups.add(group)
        tom.groups.add(group)
    seen = [job.pk for job in permissions.visible_jobs(mia)]
    assert seen.count(jobs["tom"].pk) == 1


def test_a_superuser_sees_every_job_and_an_inactive_one_none(people, root):
    assert permissions.visible_jobs(root).count() == 5
    root.is_active = False
    assert not permissions.visible_jobs(root).exists()


@pytest.mark.parametrize(
    ("options", "sees"),
    [(None, False), ({"report": "*"}, True), ({"report": "*", "can_export": False}, False),
     ({"report": "*", "can_export": False, "visibility": "all"}, True)],
)  # fmt: skip
def test_who_has_anything_to_do_with_reports(make_person, options, sees):
    assert permissions.sees_reports(make_person("mia", **(options or {}))) is sees


def test_may_cancel_ones_own_and_superusers_anybodys(alice, bob, root, orders):
    job = enqueue(alice)
    assert [permissions.may_cancel(user, job) for user in (alice, bob, root)] == [True, False, True]
    put(job, status="succeeded")
    assert not permissions.may_cancel(alice, job)
