"""Every page of this app in every state that it has, for what looks at all of them.

A state has a name and an address, which is made of a world (a SimpleNamespace with the jobs that
`make_world` left in the database), and maybe steps to take on the page. To have more looked at, add
to STATES.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

from django.utils import timezone

from django_reports.models import Favorite, GroupReportPermission, ReportJob
from tests.conftest import VIEW, make_orders
from tests.entry_points.helpers import enqueue, make, put, sign


@dataclass(frozen=True)
class State:
    name: str
    address: Callable[[SimpleNamespace], str]
    steps: Callable[[object], None] = lambda page: None
    is_new_person: bool = False  # shown to somebody who has nothing yet


def at(address, name=""):
    return State(name or address.strip("/").replace("/", "-"), lambda world: address)


def wrong(page):
    page.get_by_role("button", name="None", exact=True).click()
    page.locator("summary", has_text="Options").click()
    page.get_by_label("Excel (XLSX)").check()
    page.get_by_label("Compression:").select_option("gz")
    page.get_by_role("button", name="Export", exact=True).click()
    page.get_by_text("Choose at least one column.").wait_for()


def previewed(page):
    page.get_by_role("button", name="Preview").click()
    page.locator("#reports-preview").wait_for()


def saved(page):
    page.locator("summary", has_text="Save as a preset").click()
    page.get_by_label("Name", exact=True).fill("Monthly")
    page.get_by_role("button", name="Save the preset").click()
    page.locator("summary", has_text="Rename or delete").click()


def of_job(name):
    return State(f"job-{name}", lambda world: f"/reports/jobs/{world.jobs[name].pk}/")


JOBS = [
    "waiting", "running", "endless", "mailed", "finished", "lossy", "failed", "canceled", "expired",
    "immediate",
]  # fmt: skip
STATES = [
    at("/reports/", "catalog"),
    at("/reports/?q=slow", "catalog-found"),
    at("/reports/?q=zebra", "catalog-nothing-found"),
    State("catalog-empty", lambda world: "/reports/", is_new_person=True),
    at("/reports/shop.orders/", "export"),
    at("/reports/shop.wide/", "export-wide"),
    State("export-error", lambda world: "/reports/shop.wide/", wrong),
    State("export-preview", lambda world: "/reports/shop.orders/", previewed),
    State("export-preset", lambda world: "/reports/shop.orders/", saved),
    State("export-identical",
          lambda world: f"/reports/shop.orders/?from={world.jobs['finished'].pk}",
          lambda page: page.get_by_role("link", name="Use it").wait_for()),
    *map(of_job, JOBS),
    at("/reports/jobs/", "jobs"),
    at("/reports/jobs/?others=1&status=failed", "jobs-filtered"),
    at("/reports/jobs/?since=yesterday", "jobs-wrong-filter"),
    at("/reports/jobs/?q=zebra", "jobs-nothing-found"),
    State("jobs-empty", lambda world: "/reports/jobs/", is_new_person=True),
    State("link", lambda world: f"/reports/jobs/{world.jobs['finished'].pk}/",
          lambda page: page.get_by_role("button", name="Make a link").click()),
    State("refused", lambda world: f"/reports/jobs/{world.jobs['failed'].pk}/download/"),
    at("/reports/rights/", "rights"),
    at("/reports/rights/?by=group", "rights-by-group"),
    at("/reports/dashboard/", "dashboard"),
    at("/admin/", "admin-index"),
    State("admin-job",
          lambda world: f"/admin/django_reports/reportjob/{world.jobs['running'].pk}/"),
]  # fmt: skip


def make_world(user):
    """Jobs of a person in all states, report permissions, a favorite, and a month of exports."""
    make_orders(20)
    now = timezone.now()
    ago = lambda **time: now - dt.timedelta(**time)  # noqa: E731
    jobs = {
        "finished": sign(
            put(make(user), started_at=ago(minutes=4), finished_at=ago(minutes=3))
        ),
        "lossy": sign(put(make(user), losses={"replaced_characters": 3, "shortened_texts": 1})),
        "expired": put(make(user), status="expired", file_key="", created_at=ago(days=9)),
        "failed": make(user, "shop.numbers", parameters={"fail_at": ["3"]}),
        "canceled": put(enqueue(user, "shop.numbers"), status="canceled",
                        error="Canceled while running.", finished_at=now),
        "immediate": put(make(user), execution="immediate", file_key=""),
        "running": running(user, rows_done=12_000, rows_expected=48_000),
        "endless": running(user, rows_done=12_345),
        "mailed": running(user, rows_done=1, rows_expected=3, wants_email=True),
        "waiting": enqueue(user),
    }  # fmt: skip
    ReportJob.objects.update(is_unread=False)
    a_month_of(jobs["finished"], jobs["failed"])
    Favorite.objects.create(user=user, report="shop.orders")
    GroupReportPermission.objects.filter(group__user=user).update(max_rows=50_000_000)
    return SimpleNamespace(jobs=jobs)


def running(user, **facts):
    now = timezone.now()
    return put(enqueue(user, "shop.slow_numbers"), status="running", attempt=1,
               started_at=now - dt.timedelta(seconds=10), enqueued_at=now,
               lease_until=now + dt.timedelta(seconds=30), **facts)  # fmt: skip


def a_month_of(finished, failed):
    """Copies of two jobs over thirty days, those of some other people."""
    copies = []
    for n in range(120):
        job = failed if n % 11 == 0 else finished
        values = {f.attname: getattr(job, f.attname) for f in ReportJob._meta.concrete_fields}
        asked = timezone.now() - dt.timedelta(days=n % 29 + 1, hours=1)
        values |= {
            "id": ReportJob._meta.pk.get_default(), "created_at": asked, "started_at": asked,
            "finished_at": asked + dt.timedelta(seconds=n * 2), "requested_by_id": None,
            "rows_done": (n * 7919) % 50_000, "requested_by_text": f"person{n % 7}",
            "file_key": "", "rerun_of_id": finished.pk if n % 5 == 0 else None, "is_unread": False,
        }  # fmt: skip
        copies.append(ReportJob(**values))
    ReportJob.objects.bulk_create(copies)


PERMISSIONS = (*VIEW, "django_reports.view_dashboard", "django_reports.view_auditentry")
