"""The auditor's page and the reports of this app about itself."""

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_reports import reports, testing
from django_reports.access.review import people, rights_of
from django_reports.exceptions import ReportDenied
from django_reports.models import AuditEntry, GroupReportPermission
from tests.conftest import VIEW, give, permission
from tests.entry_points.helpers import browse, text_of
from tests.entry_points.staff import Program
from tests.test_permissions import OpenHouse

pytestmark = pytest.mark.django_db
RIGHTS = "/reports/rights/"
AUDITOR = ("django_reports.view_auditentry", "django_reports.view_groupreportpermission")


def told():
    """What is told of each person's right to the orders."""
    return {
        right.person: (right.may_export, right.effective.max_rows, right.reasons)
        for right in rights_of(list(people()))
        if right.report.get_identifier() == "shop.orders"
    }


def test_who_may_export_what_and_why(alice, bob, carol, dave, root):
    team = Group.objects.create(name="Team")
    bob.groups.add(team)
    GroupReportPermission.objects.create(group=team, report="shop.old_orders", max_rows=20)
    gone = permission(alice, "shop.gone").group  # says nothing of the orders
    assert told() == {
        "alice": (True, None, [f"{gone}: *"]),
        "bob": (True, 20, ["Team: shop.old_orders", "bob's group: *"]),
        "dave": (False, None, ["dave's group: *"]),  # lacks Django's permission
        "root": (True, None, ["superuser"]),
    }
    User.objects.filter(username="alice").update(is_active=False)
    assert "alice" not in told()


def test_a_superuser_without_privileges_is_told_as_everybody(root, alice, configure):
    configure(SUPERUSERS_BYPASS_REPORT_PERMISSIONS=False)
    assert set(told()) == {"alice"}


def test_a_policy_of_ones_own_is_asked(carol, configure):
    configure(POLICY=f"{OpenHouse.__module__}.OpenHouse")
    assert told() == {"carol": (True, 5, ["OpenHouse"])}


def queries(client, address):
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


@pytest.mark.parametrize("address", [RIGHTS, f"{RIGHTS}?by=group"])
def test_the_page_takes_as_many_queries_for_many_as_for_one(make_person, address):
    auditor = browse(give(make_person("ann", *VIEW, report="*"), *AUDITOR))
    queries(auditor, address)  # what Django remembers from then on
    before = queries(auditor, address)
    for number in range(12):
        make_person(f"person{number}", "shop.view_order", report="shop.orders", max_rows=number)
    assert queries(auditor, address) == before
    assert "person11&#x27;s group" in text_of(auditor.get(address))


def test_the_page_is_paged(make_person):
    auditor = give(make_person("ann"), *AUDITOR)
    group = Group.objects.create(name="Many")
    GroupReportPermission.objects.create(group=group, report="shop.orders", max_rows_per_day=9)
    group.user_set.add(*(User.objects.create(username=f"p{number:02}") for number in range(51)))
    first = text_of(browse(auditor).get(RIGHTS))
    assert "p49" in first
    assert "p50" not in first
    assert "9 rows a day" in first
    assert "Page 1 of 2" in first
    page = Program(auditor).get(RIGHTS).json()
    second = Program(auditor).get(page["next"]).json()
    assert [right["person"] for right in second["rights"]] == ["p50"]
    assert second["next"] is None


def test_whoever_may_not_see_it_is_refused_and_recorded(alice):
    assert "rights/" not in text_of(browse(alice).get("/reports/"))
    assert browse(alice).get(RIGHTS).status_code == 403
    assert AuditEntry.objects.get(action="denied").data["what"] == "rights"
    auditor = give(alice, AUDITOR[0])
    assert RIGHTS in text_of(browse(auditor).get("/reports/"))
    assert browse(auditor).get(RIGHTS).status_code == 200


# As reports


@pytest.mark.parametrize(("report", "permission"), [
    ("django_reports.audit", "django_reports.view_auditentry"),
    ("django_reports.rights", "django_reports.view_groupreportpermission"),
])  # fmt: skip
def test_reports_about_this_app_need_a_grant_and_a_permission(make_person, report, permission):
    ann = make_person("ann", report=report)
    with pytest.raises(ReportDenied):
        testing.export(report, ann)
    with pytest.raises(ReportDenied):
        testing.export(report, give(make_person("ben"), permission))
    assert len(testing.export(report, give(ann, permission)))


def test_rights_as_a_report(alice, make_person):
    auditor = give(make_person("ann", report="django_reports.rights"), *AUDITOR)
    rows = {
        (row["person"], row["report"]): row
        for row in testing.export("django_reports.rights", auditor, format="jsonl").dicts
    }
    row = rows["alice", "shop.orders"]
    assert (row["may_export"], row["why"]) == (True, "alice's group: *")
    assert rows["alice", "django_reports.audit"]["may_export"] is False


def test_whoever_comes_or_goes_meanwhile_keeps_nobody_out(make_person, monkeypatch):
    monkeypatch.setattr(reports, "CHUNK", 2)
    for name in "cdefg":
        make_person(name, report="shop.numbers")
    rows = reports.Rights().rows(None)
    told = [next(rows)["person"]]
    User.objects.filter(username="c").update(is_active=False)
    User.objects.filter(username="g").update(username="a")
    make_person("b", report="shop.numbers")
    told += [row["person"] for row in rows]
    assert told == ["c", "d", "e", "f", "a", "b"]


def test_each_right_is_told_by_itself(make_person, alice, dave):
    auditor = give(make_person("ann", report="django_reports.rights"), *AUDITOR)
    report_permissions = GroupReportPermission.objects.filter(group__user=alice)

    def told(person):
        for row in testing.export("django_reports.rights", auditor, format="jsonl").dicts:
            if (row["person"], row["report"]) == (person, "shop.orders"):
                return row["may_view"], row["may_export"], row["may_download"]
        return None

    assert told("alice") == (True, True, True)
    assert told("dave") == (False, False, False)  # lacks Django's permission
    report_permissions.update(can_view=False, can_export=False)
    assert told("alice") == (False, False, True)
    report_permissions.update(can_download=False)
    assert told("alice") is None
    report_permissions.update(can_view=True)
    assert told("alice") == (True, False, False)


def test_the_audit_log_as_a_report_whose_exports_are_in_it(make_person):
    auditor = give(make_person("ann", report="django_reports.audit"), *AUDITOR)
    first = testing.export("django_reports.audit", auditor)
    last = testing.export("django_reports.audit", auditor, parameters={"who": "ann"})
    assert "report_permission_changed" in {row["action"] for row in first.dicts}
    told = [(row["action"], row["report"]) for row in last.dicts]
    assert told == [
        (action, "django_reports.audit") for action in ("requested", "finished", "requested")
    ]
