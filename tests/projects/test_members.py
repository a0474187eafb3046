"""A user model of the project's own: UUID keys, e-mail addresses for names."""

import json
import re

import pytest

from tests.projects.conftest import Person

pytestmark = pytest.mark.integration

ALL = ["number,total", *(f"A{n:05},{n}.50" for n in range(8, 0, -1))]
COLUMNS = ["number", "total"]
JOBS = "/admin/django_reports/reportjob/"


@pytest.fixture(scope="module")
def site(start_once):
    return start_once("members")


def test_people_with_uuids_and_addresses(site):
    keys = dict(site.rows("SELECT email, id FROM members_member"))
    key = str(keys["alice@example.com"])
    alice, bob, gina = (site.person(f"{name}@example.com") for name in ("alice", "bob", "gina"))

    assert alice.by_admin("shop/order", "?q=A00001", columns=COLUMNS) == [ALL[0], ALL[-1]]
    answer = alice.export("/admin/shop/order/export-report/", format="csv", profile="machine",
                          columns=COLUMNS)  # fmt: skip
    job = answer.headers["Location"]
    assert alice.file_of(answer).text.splitlines() == ALL
    assert alice.by_page("shop.orders", columns=COLUMNS) == [ALL[0], *ALL[:0:-1]]
    assert alice.by_json("shop.orders", columns=COLUMNS) == [ALL[0], *ALL[:0:-1]]
    assert "alice@example.com" in alice.text(job)

    # The audit log knows her by address and key, without SQLite's or PostgreSQL's own spelling.
    told = site.audit("requested", "downloaded", fields="actor_label, actor_key")
    by_alice = [text for label, text in told if label == "alice@example.com"]
    assert len(by_alice) == 7
    assert {plain(text) for text in by_alice} == {plain(key)}
    assert "-" in by_alice[0]
    root = site.person("root@example.com")
    assert "alice@example.com" in root.text("/admin/django_reports/auditentry/?q=alice")
    assert "alice@example.com" in root.text(JOBS)

    # Hers are seen by her, and by a colleague whose report permission says so.
    assert job in alice.text(JOBS)
    assert job in gina.text(JOBS)
    assert job not in bob.text(JOBS)
    download = f"{job.removesuffix('change/')}download/"
    assert gina.open(download).text.splitlines() == ALL
    assert bob.open(download).status == 404
    assert site.audit("denied", fields="actor_label, action") == [("bob@example.com", "denied")]

    mine = [entry["id"] for entry in json.loads(alice.ask("/reports/jobs/").content)["jobs"]]
    assert len(mine) == 4
    assert json.loads(gina.ask("/reports/jobs/").content)["jobs"] == []
    theirs = json.loads(gina.ask("/reports/jobs/?others=1").content)["jobs"]
    assert [entry["id"] for entry in theirs] == mine
    assert json.loads(bob.ask("/reports/jobs/?others=1").content)["jobs"] == []
    assert bob.ask(f"/reports/jobs/{mine[0]}/status/").status == 404

    # The command takes the name with which people log in.
    options = ("--user", "bob@example.com", "--columns", "number,total", "--output", "-")
    printed = site.manage("export_report", "shop.orders", *options)
    assert printed.splitlines() == [ALL[0], *ALL[:0:-1]]


def test_people_are_exported_themselves(site):
    """By their groups, which is a way to many rows, and without what looks like a secret."""
    root = site.person("root@example.com")
    columns = ["email", "is_staff"]
    everybody = [f"{name}@example.com,true" for name in ("alice", "bob", "gina", "root")]
    assert root.by_admin("members/member", columns=columns)[1:] == everybody
    ((group,),) = site.rows("SELECT id FROM auth_group WHERE name = 'analysts'")
    found = root.by_admin("members/member", f"?groups__id__exact={group}", columns=columns)
    assert found[1:] == [everybody[0], everybody[2]]
    keys = [str(key) for (key,) in site.rows("SELECT id FROM members_member WHERE is_superuser")]
    ticked = {"_selected_action": keys, "_across": ""}
    assert root.by_admin("members/member", columns=columns, **ticked)[1:] == everybody[3:]
    page = root.text("/admin/members/member/export-report/")
    assert "<dt>Not in the file</dt><dd>Password</dd>" in page
    assert 'value="password"' not in page


def test_who_has_not_logged_in_is_told_in_their_own_words(site):
    """LoginRequiredMiddleware asks before the views do."""
    stranger = Person(site.base)
    page = stranger.open("/reports/shop.orders/")
    assert page.status == 302
    assert page.headers["Location"] == "/admin/login/?next=/reports/shop.orders/"
    told = stranger.ask("/reports/shop.orders/")
    assert told.status == 401
    assert told.headers["Content-Type"] == "application/problem+json"


def test_people_whose_groups_have_another_name_for_them(site):
    root = site.person("root@example.com")
    assert "alice@example.com" in root.text("/reports/rights/")
    by_group = root.text("/reports/rights/?by=group")
    assert by_group.index("analysts") < by_group.index("sales")
    assert re.findall(r"<td>(\d+)</td>", by_group) == ["2", "1"]
    site.manage("shell", "-c", GUESTS)
    entries = site.audit("permission_changed", fields="CAST(data AS TEXT)")
    removed = json.loads(*entries[-1])
    assert removed["name"] == "bob@example.com"
    assert removed["changes"] == {"groups": {"added": [], "removed": ["guests"]}}


GUESTS = """
from django.contrib.auth.models import Group
from tests.projects.members.models import Member
guests = Group.objects.create(name="guests")
guests.members.add(Member.objects.get(email="bob@example.com"))
guests.members.clear()
"""


def plain(key):
    return key.replace("-", "")
