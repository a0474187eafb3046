"""The admin's pages of report permissions and of the audit log."""

import pytest
from django.contrib.auth.models import Group, User

from django_reports.models import AuditEntry, GroupReportPermission
from django_reports.web.pages import filters
from tests.entry_points.helpers import browse, make, text_of

pytestmark = pytest.mark.django_db

GRANTS = "/admin/django_reports/groupreportpermission/"
AUDIT = "/admin/django_reports/auditentry/"


@pytest.fixture
def team(db):
    return Group.objects.create(name="team")


def form(team, **fields):
    return {"group": team.pk, "report": "shop.orders", "can_export": "on", "visibility": "none",
            "max_rows": "", **fields}  # fmt: skip


def last_change():
    return AuditEntry.objects.filter(action="report_permission_changed").first()


AS_ADDED = {"group": "team", "report": "shop.orders", "can_view": False, "can_export": True,
            "can_download": False, "visibility": "none", "can_cancel_others": False,
    "max_rows": None,
            "max_rows_per_day": None, "max_concurrent_jobs": None, "formats": []}  # fmt: skip


# Report permissions


def test_adding_a_grant_is_recorded(root, team):
    client = browse(root)
    response = client.post(f"{GRANTS}add/", form(team), REMOTE_ADDR="10.0.0.7")
    assert response.status_code == 302
    entry = last_change()
    assert (entry.actor_label, entry.actor_key, entry.address) == ("root", str(root.pk), "10.0.0.7")
    assert (entry.report, entry.data) == ("shop.orders", {"after": AS_ADDED})


def test_changing_a_grant_is_recorded(root, team):
    permission = GroupReportPermission.objects.create(group=team, report="shop.orders")
    browse(root).post(
        f"{GRANTS}{permission.pk}/change/", form(team, visibility="all", max_rows="5")
    )
    entry = last_change()
    assert entry.actor_label == "root"
    assert entry.data == {
        "before": {**AS_ADDED, "can_view": True, "can_download": True},
        "after": {**AS_ADDED, "visibility": "all", "max_rows": 5},
    }


def test_deleting_a_grant_is_recorded(root, team):
    permission = GroupReportPermission.objects.create(group=team, report="shop.orders")
    browse(root).post(f"{GRANTS}{permission.pk}/delete/", {"post": "yes"})
    entry = last_change()
    assert (entry.actor_label, entry.report) == ("root", "shop.orders")
    assert entry.data == {"before": {**AS_ADDED, "can_view": True, "can_download": True}}


def test_deleting_grants_by_the_action_is_recorded(root, team):
    report_permissions = [
        GroupReportPermission.objects.create(group=team, report=name) for name in ("*", "x")
    ]
    keys = [permission.pk for permission in report_permissions]
    browse(root).post(
        GRANTS, {"action": "delete_selected", "_selected_action": keys, "post": "yes"}
    )
    assert not GroupReportPermission.objects.exists()
    changes = AuditEntry.objects.filter(action="report_permission_changed", actor_label="root")
    assert sorted(changes.values_list("report", flat=True)) == ["*", "x"]


def test_deleting_a_group_is_recorded_for_each_of_its_grants(root, team):
    GroupReportPermission.objects.create(group=team, report="shop.orders")
    browse(root).post(f"/admin/auth/group/{team.pk}/delete/", {"post": "yes"})
    assert not Group.objects.filter(name="team").exists()
    entry = last_change()
    assert (entry.report, entry.data["before"]["group"]) == ("shop.orders", "team")


def test_a_change_elsewhere_is_the_systems(team):
    GroupReportPermission.objects.create(group=team, report="shop.orders")
    assert last_change().actor_label == "system"


def test_whoever_acted_before_is_forgotten(root, team):
    browse(root).post(f"{GRANTS}add/", form(team))
    GroupReportPermission.objects.update_or_create(group=team, report="*")
    assert last_change().actor_label == "system"


def test_a_grant_is_for_a_declared_report_or_for_all(root, team):
    text = text_of(browse(root).get(f"{GRANTS}add/"))
    for choice in ("*", "shop.orders", "shop.numbers", "admin.shop.customer"):
        assert f'<option value="{choice}"' in text
    assert "Orders (shop.orders)" in text


def test_a_grant_for_another_report_is_refused(root, team):
    response = browse(root).post(f"{GRANTS}add/", form(team, report="shop.bogus"))
    assert "shop.bogus is not one of the available choices" in text_of(response)
    assert not GroupReportPermission.objects.exists()


def test_a_grant_for_a_report_that_is_gone_can_be_changed(root, team):
    permission = GroupReportPermission.objects.create(group=team, report="shop.gone")
    url = f"{GRANTS}{permission.pk}/change/"
    assert "shop.gone (not declared any more)" in text_of(browse(root).get(url))
    browse(root).post(url, form(team, report="shop.gone", max_rows="7"))
    assert GroupReportPermission.objects.get().max_rows == 7


def test_a_second_grant_for_the_same_is_refused(root, team):
    GroupReportPermission.objects.create(group=team, report="shop.orders")
    response = browse(root).post(f"{GRANTS}add/", form(team))
    assert "with this Group and Report already exists" in text_of(response)


def test_whoever_may_only_look_at_grants_sees_them(make_person, team):
    permission = GroupReportPermission.objects.create(group=team, report="shop.orders")
    client = browse(make_person("mia", "django_reports.view_groupreportpermission"))
    assert client.get(GRANTS).status_code == 200
    assert "shop.orders" in text_of(client.get(f"{GRANTS}{permission.pk}/change/"))
    assert client.post(f"{GRANTS}add/", form(team, report="*")).status_code == 403


# The audit log


@pytest.fixture
def auditor(make_person):
    return make_person("otto", "django_reports.view_auditentry")


def test_the_log_is_for_whoever_may_view_it(auditor, alice, orders):
    job = make(alice)
    text = text_of(browse(auditor).get(AUDIT))
    assert text.count(str(job.pk)) >= 3
    assert browse(alice).get(AUDIT).status_code == 403


def test_an_entry_is_shown_whole_and_cannot_be_changed(auditor, alice, orders):
    job = make(alice)
    entry = AuditEntry.objects.get(job_key=str(job.pk), action="finished")
    url = f"{AUDIT}{entry.pk}/change/"
    text = text_of(browse(auditor).get(url))
    assert job.sha256 in text
    assert "_save" not in text
    assert browse(auditor).post(url, {"report": "x"}).status_code == 403


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("?action__exact=finished", 1),
        ("?report=shop.orders", 3),
        ("?report=shop.old_orders", 3),
        ("?report=shop.bogus", 0),
        ("?q=alice", 1),
        ("?q=shop.orders", 3),
        ("?q=10.0.0.7", 0),
        ("?q={job}", 3),
    ],
)
def test_the_log_is_filtered_and_searched(root, alice, orders, query, count):
    job = make(alice)
    changelist = browse(root).get(AUDIT + query.format(job=job.pk)).context["cl"]
    assert len(changelist.result_list) == count


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ("?q={job}", True),
        ("?q={actor}", True),
        ("?action__exact=finished", True),
        ("?q=alice", False),
        ("?o=3", False),
    ],
)
def test_what_no_index_finds_is_sought_among_the_newest_entries(
    root, alice, orders, monkeypatch, query, is_found
):
    monkeypatch.setattr(filters, "WINDOW", 2)
    old = make(alice)
    make(root)
    query = query.format(job=old.pk, actor=alice.pk)
    entries = browse(root).get(f"{AUDIT}{query}").context["cl"].result_list
    assert (str(old.pk) in {entry.job_key for entry in entries}) == is_found


# Nothing that comes from outside is live on a page

MARKUP = "<script>alert(1)</script>"


@pytest.mark.parametrize("page", ["reportjob", "auditentry", "groupreportpermission"])
@pytest.mark.parametrize("name", ["q", "report", "report__contains"])
def test_a_character_that_no_database_keeps_is_a_wrong_filter(root, page, name):
    address = f"/admin/django_reports/{page}/"
    answer = browse(root).get(address, {name: "a\0"})
    assert (answer.status_code, answer["Location"]) == (302, f"{address}?e=1")


def test_names_and_browsers_are_inert_on_the_pages(root, orders):
    User.objects.filter(pk=root.pk).update(username=f"{MARKUP}\r\nroot")
    root.refresh_from_db()
    client = browse(root)
    client.get("/admin/shop/order/export-report/", headers={"user-agent": MARKUP})
    job = make(root)
    AuditEntry.objects.create(
        action="denied", actor_label=root.username, report=MARKUP, user_agent=MARKUP
    )
    entry = AuditEntry.objects.first()
    for page in (AUDIT, f"{AUDIT}{entry.pk}/change/", "/admin/django_reports/reportjob/",
                 f"/admin/django_reports/reportjob/{job.pk}/change/"):  # fmt: skip
        text = text_of(client.get(page))
        assert MARKUP not in text
        assert "&lt;script&gt;alert(1)" in text


def test_line_breaks_in_a_browsers_name_stay_data(root, carol, orders):
    """A header cannot carry them through a real server; a log line must not either."""
    agent = "curl\r\n2026-01-01 action=finished actor='root'"
    browse(carol).get("/admin/shop/order/export-report/", headers={"user-agent": agent})
    assert AuditEntry.objects.get(action="denied").user_agent == agent


def test_line_breaks_in_a_name_do_not_make_a_log_line(carol, orders, caplog):
    User.objects.filter(pk=carol.pk).update(username="carol\r\naction=finished")
    carol.refresh_from_db()
    with caplog.at_level("INFO", "django_reports.audit"):
        browse(carol).get("/admin/shop/order/export-report/")
    (record,) = [r for r in caplog.records if r.name == "django_reports.audit.log"]
    assert "\n" not in record.getMessage()
    assert "actor='carol\\r\\naction=finished'" in record.getMessage()
