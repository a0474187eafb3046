"""Every page asks as much of the database of many things as of few."""

import pytest
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from django_reports import Column, ModelReport, register
from django_reports.definitions.registry import registry
from django_reports.exports.saved_options import choices_of
from django_reports.models import Favorite, GroupReportPermission, Preset, ReportJob
from tests.conftest import VIEW, make_orders
from tests.entry_points.helpers import browse, enqueue, make, put, spec_of, unbounded_counts
from tests.entry_points.test_staff_jobs import copies_of
from tests.shop.models import Order

pytestmark = pytest.mark.django_db

PAGES = [
    "/reports/",
    "/reports/?q=order",
    "/reports/shop.orders/",
    "/reports/shop.orders/?from={finished}",
    "/reports/openapi.json",
    "/reports/rights/",
    "/reports/rights/?by=group",
    "/reports/jobs/",
    "/reports/jobs/?status=succeeded&q=orders",
    "/reports/jobs/?others=1",
    "/reports/jobs/?others=1&status=failed",
    "/reports/jobs/?others=1&report=shop.numbers&q=n&since=2020-01-01",
    "/reports/jobs/{waiting}/",
    "/reports/jobs/{running}/",
    "/reports/jobs/{finished}/",
    "/reports/jobs/{failed}/",
    "/reports/jobs/{waiting}/status/",
    "/reports/jobs/{finished}/manifest/",
    "/reports/dashboard/",
    "/admin/",
    "/admin/django_reports/reportjob/",
    "/admin/django_reports/reportjob/?status__exact=failed",
    "/admin/django_reports/reportjob/?q=orders",
    "/admin/django_reports/reportjob/?o=-5",
    "/admin/django_reports/auditentry/",
    "/admin/django_reports/auditentry/?q=mia",
    "/admin/django_reports/auditentry/?q={finished}",
    "/admin/django_reports/groupreportpermission/",
    "/admin/django_reports/reportjob/{waiting}/change/",
    "/admin/shop/order/export-report/",
]


PREVIEW = {"_preview": "1", "format": "csv", "profile": "machine", "columns": ["id", "number"]}
TICKED = {"action": "export_selected", "index": "0", "select_across": "0", "_selected_action": "1"}
POSTED = [
    ("/reports/shop.orders/", PREVIEW),
    ("/admin/shop/order/", TICKED),
    ("/admin/shop/order/", {**TICKED, "select_across": "1"}),
]
MAY = (
    *VIEW,
    "shop.change_order",
    "django_reports.view_dashboard",
    "django_reports.view_auditentry",
    "django_reports.view_groupreportpermission",
)


def asked(client, address, posted=None):
    """The queries of a page that was opened before."""

    def opened():
        cache.clear()
        return client.get(address) if posted is None else client.post(address, posted)

    opened()
    with CaptureQueriesContext(connection) as queries:
        assert opened().status_code == 200, address
    return queries


def add(person, numbers):
    """Presets, favorites, groups with report permissions and a shared preset, and people, one for
    each.
    """
    colleague = User.objects.get(username="nora")
    choices = choices_of(spec_of())
    for n in numbers:
        group = Group.objects.create(name=f"group {n}")
        member = User.objects.create_user(f"person {n}", is_staff=True)
        group.user_set.add(person, colleague, member)
        GroupReportPermission.objects.create(group=group, report="shop.orders", visibility="group")
        mine = {"owner": person, "report": "shop.orders", "choices": choices}
        Preset.objects.create(**mine, name=f"mine {n}")
        Preset.objects.create(**{**mine, "owner": colleague}, name=f"shared {n}", group=group)
        Favorite.objects.create(user=person, report=f"shop.report{n}")


@pytest.fixture
def person(make_person):
    make_orders(20)
    return make_person("mia", *MAY, report="*", visibility="all")


def counted(client, jobs):
    """The queries of each page."""
    pages = [(page.format(**{name: job.pk for name, job in jobs.items()}), None) for page in PAGES]
    return {
        (address, str(posted)): asked(client, address, posted)
        for address, posted in [*pages, *POSTED]
    }


def test_pages_ask_no_more_of_many_things(make_person, person):
    colleague = make_person("nora", *VIEW, report="*")
    jobs = {
        "finished": make(person),
        "foreign": make(colleague),
        "failed": make(person, "shop.numbers", parameters={"fail_at": ["3"]}),
        "running": put(enqueue(person), status="running", rows_done=5, rows_expected=9),
        "waiting": enqueue(person),
    }
    ReportJob.objects.update(is_unread=False)
    client = browse(person)
    add(person, range(3))
    few = counted(client, jobs)
    for job in jobs.values():
        copies_of(job, 60)
    add(person, range(3, 30))
    make_orders(300)
    for page, queries in counted(client, jobs).items():
        assert len(queries) == len(few[page]), page
        if "dashboard" not in page[0]:
            assert unbounded_counts(queries) == [], page


@pytest.mark.parametrize("posted", [None, {**PREVIEW, "columns": ["total0", "total1"]}])
def test_pages_ask_no_more_of_many_columns(person, monkeypatch, posted):
    monkeypatch.setattr(registry, "_reports", list(registry))
    client = browse(person)
    counts = []
    for count in (3, 30):
        columns = [Column(f"total{n}", expression=F("total") + n) for n in range(count)]
        facts = {"identifier": f"shop.wide{count}", "model": Order, "columns": columns}
        register(type("Wide", (ModelReport,), facts))
        counts.append(len(asked(client, f"/reports/shop.wide{count}/", posted)))
    assert counts[0] == counts[1]
