"""Who gets what at every entry point, as one table of literals.

Six people stand before each entry point; where there is a job behind it, it is one in a certain
state. A URL of this app that has no line here fails the last tests.
"""

from io import BytesIO, TextIOWrapper

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core import signing
from django.core.management import CommandError, call_command, get_commands, load_command_class
from django.test import Client
from django.urls import get_resolver, reverse
from django.utils import timezone

from django_reports.access.signed_urls import SALT
from django_reports.models import AuditEntry, GroupReportPermission
from tests.conftest import VIEW, make_orders
from tests.entry_points.helpers import (
    EXPORT,
    LIST,
    browse,
    chosen,
    enqueue,
    make,
    put,
    sign,
    text_of,
    ticked,
)
from tests.entry_points.staff import ORDERS, Program, pressed
from tests.shop.models import Order

pytestmark = pytest.mark.django_db

# nobody     is not logged in
# stranger   is staff and may view the model, without any report permission
# owner      asked for the job: may view the model, has a report permission for the report
# colleague  is in the same group, whose report permission shows them each other's exports
# auditor    is staff and may view the audit log, and has no report permission
# root       is a superuser
#
# A job is the owner's and "done", "waiting", "failed"; or somebody else's, "foreign"; its file has
# "expired"; or the right to view the model was "revoked" from everybody, or the "report
# permission"; or a
# "column" that the file holds unmasked may be seen by nobody any more.
TABLE = """
door                          job       nobody stranger owner colleague auditor root

staff catalog               -         302    200      200   200       200     200
staff openapi                 -         302    200      200   200       200     200
staff rights                  -         302    403      403   403       200     200
staff dashboard               -         302    403      403   403       403     200
staff jobs                    -         302    200      200   200       200     200
staff report                  -         302    404      200   200       404     200
staff report POST             -         302    404      200   200       404     200
staff report POST             grant     302    404      404   404       404     200
staff report POST             revoked   302    404      404   404       404     200
json report POST              -         401    404      202   202       404     202
json report POST              grant     401    404      404   404       404     202
json report POST              revoked   401    404      404   404       404     202

staff job                     done      302    404      200   200       404     200
staff job                     foreign   302    404      404   404       404     200
staff job                     expired   302    404      200   200       404     200
staff job                     revoked   302    404      200   200       404     200
staff job                     grant     302    404      200   404       404     200
staff job-manifest            done      302    404      200   200       404     200
staff job-manifest            foreign   302    404      404   404       404     200
staff job-manifest            expired   302    404      200   200       404     200
staff job-manifest            grant     302    404      403   404       404     200
staff job-manifest            revoked   302    404      403   403       404     200
staff job-manifest            column    302    404      403   403       404     200
staff job-manifest            waiting   302    404      404   404       404     404
staff job-status              done      302    404      200   200       404     200
staff job-status              foreign   302    404      404   404       404     200
staff job-download            done      302    404      200   200       404     200
staff job-download            foreign   302    404      404   404       404     200
staff job-download            expired   302    404      410   410       404     410
staff job-download            revoked   302    404      403   403       404     200
staff job-download            grant     302    404      403   404       404     200
staff job-download            column    302    404      403   403       404     200
staff job-download            failed    302    404      404   404       404     404
staff job-link POST            done      302    404      200   200       404     200
staff job-link POST            foreign   302    404      404   404       404     200
staff job-link POST            expired   302    404      410   410       404     410
staff job-link POST            revoked   302    404      403   403       404     200
staff job-link POST            grant     302    404      403   404       404     200
staff job-link POST            column    302    404      403   403       404     200
staff job-signed             done      200    404      200   404       404     404
staff job-signed             foreign   200    404      404   404       404     404
staff job-signed             expired   410    404      410   404       404     404
staff job-signed             revoked   403    404      403   404       404     404
staff job-signed             grant     403    404      403   404       404     404
staff job-signed             column    403    404      403   404       404     404
staff job-discard POST        done      302    404      302   403       404     403
staff job-discard POST        foreign   302    404      404   404       404     403
staff job-discard POST        expired   302    404      409   403       404     403
staff job-discard POST        revoked   302    404      302   403       404     403
staff job-cancel POST         waiting   302    404      302   403       404     302
staff job-cancel POST         foreign   302    404      404   404       404     302
staff job-email POST          waiting   302    404      403   403       404     403
staff job-email POST          foreign   302    404      404   404       404     302
staff favorite POST          -         302    404      302   302       404     302
staff favorite POST          revoked   302    404      404   404       404     302
staff job-rerun POST          done      302    404      302   302       404     302
staff job-rerun POST          foreign   302    404      404   404       404     302
staff job-rerun POST          revoked   302    404      403   403       404     302
staff job-rerun POST          grant     302    404      403   404       404     302

admin reportjob_changelist    -         302    403      200   200       403     200
admin reportjob_change        done      302    404      200   200       404     200
admin reportjob_change        foreign   302    404      404   404       404     200
admin reportjob_manifest      done      302    404      200   200       404     200
admin reportjob_manifest      foreign   302    404      404   404       404     200
admin reportjob_manifest      expired   302    404      200   200       404     200
admin reportjob_manifest      grant     302    404      403   404       404     200
admin reportjob_manifest      revoked   302    404      403   403       404     200
admin reportjob_manifest      column    302    404      403   403       404     200
admin reportjob_manifest      waiting   302    404      404   404       404     404
admin reportjob_status        done      302    404      200   200       404     200
admin reportjob_status        foreign   302    404      404   404       404     200
admin reportjob_download      done      302    404      200   200       404     200
admin reportjob_download      foreign   302    404      404   404       404     200
admin reportjob_download      expired   302    404      410   410       404     410
admin reportjob_download      revoked   302    404      403   403       404     200
admin reportjob_download      grant     302    404      403   404       404     200
admin reportjob_download      column    302    404      403   403       404     200
admin reportjob_link POST       done      302    404      200   200       404     200
admin reportjob_link POST       foreign   302    404      404   404       404     200
admin reportjob_link POST       expired   302    404      410   410       404     410
admin reportjob_link POST       revoked   302    404      403   403       404     200
admin reportjob_link POST       grant     302    404      403   404       404     200
admin reportjob_link POST       column    302    404      403   403       404     200
admin reportjob_signed        done      200    404      200   404       404     404
admin reportjob_signed        foreign   200    404      404   404       404     404
admin reportjob_signed        expired   410    404      410   404       404     404
admin reportjob_signed        revoked   403    404      403   404       404     404
admin reportjob_signed        grant     403    404      403   404       404     404
admin reportjob_signed        column    403    404      403   404       404     404
admin reportjob_discard POST  done      302    404      302   403       404     403
admin reportjob_discard POST  foreign   302    404      404   404       404     403
admin reportjob_discard POST  expired   302    404      409   403       404     403
admin reportjob_discard POST  revoked   302    404      302   403       404     403
admin reportjob_cancel POST   waiting   302    404      302   403       404     302
admin reportjob_cancel POST   foreign   302    404      404   404       404     302
admin reportjob_email POST    waiting   302    404      403   403       404     403
admin reportjob_email POST    foreign   302    404      404   404       404     302
admin reportjob_rerun POST    done      302    404      302   302       404     302
admin reportjob_rerun POST    foreign   302    404      404   404       404     302
admin reportjob_add           -         302    403      403   403       403     403
admin reportjob_delete        done      302    403      403   403       403     403
admin reportjob_history       done      302    302      200   200       302     200

admin auditentry_changelist   -         302    403      403   403       200     200
admin auditentry_change       entry     302    403      403   403       200     200
admin auditentry_history      entry     302    403      403   403       200     200
admin auditentry_add          -         302    403      403   403       403     403
admin auditentry_delete       entry     302    403      403   403       403     403
admin groupreportpermission_changelist - 302   403      403   403       403     200
admin groupreportpermission_change row  302    403      403   403       403     200
admin groupreportpermission_history row 302    403      403   403       403     200
admin groupreportpermission_add -       302    403      403   403       403     200
admin groupreportpermission_delete row  302    403      403   403       403     200

admin order_export_report     -         302    403      200   200       403     200
admin order_export_report POST -        302    403      200   200       403     200
admin order_export_report POST grant    302    403      403   403       403     200
admin order_export_report POST revoked  302    403      403   403       403     200
action export_selected        -         302    200      form  form      403     form
action export_selected        grant     302    200      200   200       403     form

command export_report         -         -      no       yes   yes       no      yes
command export_report         grant     -      no       no    no        no      yes
command export_report         revoked   -      no       no    no        no      yes
command export_report --queue -         -      no       yes   yes       no      yes
command export_report --queue revoked   -      no       no    no        no      yes
"""
_HEAD, *_LINES = [line.split() for line in TABLE.splitlines() if line.strip()]
PEOPLE = _HEAD[2:]
LINES = {
    (" ".join(line[: -len(PEOPLE) - 1]), line[-len(PEOPLE) - 1]): line[-len(PEOPLE) :]
    for line in _LINES
}


@pytest.fixture
def people(make_person):
    make_orders(3)
    team = Group.objects.create(name="Team")
    GroupReportPermission.objects.create(group=team, report="shop.orders", visibility="group")
    make_person("other", *VIEW, "shop.view_cost", report="shop.orders")
    made = {
        "nobody": None,
        "stranger": make_person("stranger", *VIEW),
        "owner": make_person("owner", "shop.view_order", "shop.view_cost"),
        "colleague": make_person("colleague", "shop.view_order", "shop.view_cost"),
        "auditor": make_person("auditor", "django_reports.view_auditentry"),
        "root": User.objects.create_superuser("root", "root@example.com", "secret"),
    }
    team.user_set.add(made["owner"], made["colleague"])
    return made


def made_in(state):
    """What stands behind the entry point, and its key in the address; nothing for most entry
    points.
    """
    owner = User.objects.get(username="owner")
    if state == "entry":
        return AuditEntry.objects.first() or entry_of(make(owner))
    if state == "row":
        return GroupReportPermission.objects.first()
    if state == "waiting":
        return enqueue(owner)
    job = make(User.objects.get(username="other") if state == "foreign" else owner, **COST)
    if state == "expired":
        sign(put(job, status="expired", expires_at=timezone.now()))
    if state == "failed":
        put(job, status="failed")
    return job


COST = {"columns": ("id", "cost")}


def entry_of(job):
    return AuditEntry.objects.filter(job_key=str(job.pk)).first()


def take_away(right):
    """What the states are called after that are a right less, from now on and for everybody."""
    codenames = {"revoked": "view_order", "column": "view_cost"}
    if right in codenames:
        Permission.objects.get(codename=codenames[right]).user_set.clear()
    if right == "grant":
        GroupReportPermission.objects.all().delete()


def knock(door, user, found):
    """What a person is told at an entry point: a status, or of a command whether it ran."""
    kind, name, *more = door.split()
    client = browse(user) if user else Client()
    key = [found.pk] if found is not None else []
    if name.endswith("signed"):  # a link that was made for who asked for the job
        ticket = [str(found.pk), str(found.requested_by_id), 2**40, 2**40]
        key.append(signing.dumps(ticket, salt=SALT))
    is_post = "POST" in more
    if kind == "command":
        return run_command(user, name, *more)
    if kind == "action":
        return client.post(LIST, ticked(Order.objects.all()))
    if kind == "json":
        return Program(user).post(reverse(f"django_reports:{name}", args=["shop.orders"]))
    if kind == "staff" and name == "report":
        return pressed(client) if is_post else client.get(ORDERS)
    if name == "favorite":
        key = ["shop.orders"]
    if kind == "staff":
        address = reverse(f"django_reports:{name}", args=key)
    elif name == "order_export_report":
        return client.post(EXPORT, chosen()) if is_post else client.get(EXPORT)
    else:
        address = reverse(f"admin:django_reports_{name}", args=key)
    return client.post(address) if is_post else client.get(address)


def run_command(user, name, *options):
    if user is None:  # a command without --user is the system's
        return "-"
    output = [] if "--queue" in options else ["--output", "-"]
    stdout = TextIOWrapper(BytesIO())
    try:
        call_command(name, "shop.orders", *options, *output, "--user", user.username, stdout=stdout)
    except CommandError:
        assert not stdout.buffer.getvalue()
        return "no"
    return "yes"


@pytest.mark.parametrize(("door", "state"), LINES)
def test_who_gets_what(people, door, state):
    needs_object = state != "-" and (state not in RIGHTS or "job" in door)
    # Whoever posts may change what stands there, so that the next one needs another.
    each = ("POST" in door and needs_object) or not needs_object
    one = None if each else made_in(state)
    found = {name: made_in(state) if each and needs_object else one for name in people}
    take_away(state)
    told = {}
    for name, user in people.items():
        answer = knock(door, user and User.objects.get(pk=user.pk), found[name])
        if isinstance(answer, str):
            told[name] = answer
            continue
        told[name] = str(answer.status_code)
        content = text_of(answer)
        if ("download" in door or "signed" in door) and answer.status_code != 200:
            assert "id,cost" not in content
        if door.startswith("action") and 'name="_export"' in content:
            told[name] = "form"
    assert told == dict(zip(PEOPLE, LINES[door, state], strict=True))


RIGHTS = ("revoked", "grant", "column")


# Every entry point has its lines


def names_of_this_app(patterns, namespace=""):
    """The names of the URLs that this app has made, in its own pages and in the admin."""
    for entry in patterns:
        if hasattr(entry, "url_patterns"):
            yield from names_of_this_app(entry.url_patterns, entry.namespace or namespace)
        elif namespace == "django_reports":
            yield f"staff {entry.name}"
        elif entry.name and entry.name.startswith("django_reports_"):
            yield f"admin {entry.name.removeprefix('django_reports_')}"
        elif entry.name and entry.name.endswith("_export_report"):
            yield "admin order_export_report"  # each list's is the same


def test_every_url_has_its_line():
    doors = {" ".join(door.split()[:2]) for door, state in LINES}
    addresses = set(names_of_this_app(get_resolver().url_patterns))
    assert {door for door in doors if door.split()[0] in ("staff", "admin")} == addresses


def test_every_command_that_gives_data_has_its_line():
    """The others take no person: they are the system's."""
    commands = get_commands()
    ours = {name for name, app in commands.items() if app == "django_reports"}
    with_person = {
        name
        for name in ours
        if "--user"
        in load_command_class("django_reports", name).create_parser("", name).format_help()
    }
    assert with_person == {door.split()[1] for door, state in LINES if door.startswith("command")}
