"""People are deleted: what they asked for is not made, what was made stays under lock and key."""

import json

import pytest

from tests.projects.conftest import Person

pytestmark = pytest.mark.integration

PAGE = "/admin/shop/order/export-report/"
CHOICE = {"format": "csv", "profile": "machine", "columns": ["number"]}
FILE = ["number", "A00003", "A00002", "A00001"]
GONE = "No longer permitted: The person who asked for this export no longer exists."
COME_BACK = """
from tests.projects.leavers.seed import VIEW
from tests.projects.seeding import make_person
make_person("lea", *VIEW, group="exporters")
"""


def delete(root, site, name):
    """As an admin does it, on the admin's own page."""
    ((key,),) = site.rows(f"SELECT id FROM auth_user WHERE username = '{name}'")
    page = f"/admin/auth/user/{key}/delete/"
    answer = root.open(page, {"post": "yes", "csrfmiddlewaretoken": root.token(page)})
    assert answer.status == 302
    assert site.rows(f"SELECT id FROM auth_user WHERE username = '{name}'") == []


def test_people_who_leave(start):
    site = start("leavers")
    names = ("root", "leo", "lea", "mate", "boss", "carol")
    root, leo, lea, mate, boss, carol = (site.person(name) for name in names)

    # One export is made, one waits; then both people are deleted.
    made = lea.export(PAGE, **CHOICE).headers["Location"].removesuffix("change/")
    site.manage("reports_worker", "--burst")
    assert lea.open(f"{made}download/").text.splitlines() == FILE
    waiting = leo.export(PAGE, **CHOICE).headers["Location"].removesuffix("change/")
    delete(root, site, "leo")
    delete(root, site, "lea")
    site.manage("reports_worker", "--burst")

    # What waited has failed, and says why to whoever still may look: on its page and in the log.
    assert root.end_of(waiting)["error"] == GONE
    text = root.text(f"{waiting}change/")
    assert GONE in text
    assert "<dd>leo</dd>" in text
    assert root.open(f"{waiting}download/").status == 404
    ((data,),) = site.audit("failed", fields="data")
    data = json.loads(data) if isinstance(data, str) else data
    assert (data["reason"], data["attempt"]) == (GONE, 1)
    assert ("leo",) in site.audit("requested", fields="actor_label")

    # What was made is still there, for those whose right covers everybody's exports.
    for person in (root, boss):
        listed = person.text("/admin/django_reports/reportjob/")
        assert f"{made}change/" in listed
        assert f"{waiting}change/" in listed
        assert "<dd>lea</dd>" in person.text(f"{made}change/")
        assert person.open(f"{made}download/").text.splitlines() == FILE

    # For nobody else: a colleague of a group that she is not in any more, somebody without a
    # report permission, her own open browser, nobody at all, and somebody new by her name.
    site.manage("shell", "--verbosity", "0", "-c", COME_BACK)
    namesake = site.person("lea")
    for person in (mate, carol, namesake):
        assert made not in person.text("/admin/django_reports/reportjob/")
        assert person.open(f"{made}download/").status == 404
        assert person.open(f"{made}change/").status == 404
    for person in (lea, Person(site.base)):
        answer = person.open(f"{made}download/")
        assert (answer.status, answer.content) == (302, b"")
    assert len(site.audit("downloaded")) == 3
    denied = [name for _action, name, _report in site.audit("denied")]
    assert denied == ["root", "mate", "mate", "carol", "carol", "lea", "lea"]

    # The staff pages know the same people.
    key = made.split("/")[-2]
    job = f"/reports/jobs/{key}/"
    for person in (root, boss):
        assert person.open(f"{job}download/").text.splitlines() == FILE
        everybodys = json.loads(person.ask("/reports/jobs/?others=1").content)["jobs"]
        assert len(everybodys) == 2
        assert json.loads(person.ask("/reports/jobs/").content)["jobs"] == []
    for person in (mate, namesake):
        assert person.open(f"{job}download/").status == 404
        assert person.ask(f"{job}status/").status == 404
        assert json.loads(person.ask("/reports/jobs/?others=1").content)["jobs"] == []
    assert lea.ask(f"{job}download/").status == 401
    failed = json.loads(root.ask(f"/reports/jobs/{waiting.split('/')[-2]}/").content)
    assert (failed["status"], failed["error"]) == ("failed", GONE)
    assert "download" not in failed["links"]

    # Somebody who may can have it made after all, in their own name.
    again = root.ask(f"/reports/jobs/{failed['id']}/rerun/", {})
    assert again.status == 202
    site.manage("reports_worker", "--burst")
    assert root.file_of(again).text.splitlines() == FILE
    assert site.audit("requested")[-1][1] == "root"
