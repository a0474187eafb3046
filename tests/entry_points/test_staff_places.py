"""Where a project may put the staff pages: under a prefix, a language, a namespace, any admin."""

import re
from types import ModuleType
from uuid import uuid4

import pytest
from django.conf.urls.i18n import i18n_patterns
from django.contrib import admin
from django.http import HttpResponse
from django.test import Client
from django.urls import clear_script_prefix, include, path, set_script_prefix
from django.utils import translation

from django_reports.models import ReportJob
from tests.entry_points.helpers import browse, enqueue, make, put, text_of
from tests.entry_points.staff import JSON, Program, pressed

pytestmark = pytest.mark.django_db

REPORTS = path("reports/", include("django_reports.urls"))


@pytest.fixture
def urls(settings):
    """Serve these URLs."""

    def serve(*patterns):
        made = ModuleType(f"urls_{uuid4().hex}")
        made.urlpatterns = list(patterns)
        settings.ROOT_URLCONF = made

    return serve


def assert_everything_works(user, base, *, script=""):
    """Assert that the pages and a program's addresses at `base` lead to each other, nowhere else.

    `script` is what the server takes off of each address before it asks Django.
    """
    page, program = Browser(user, script), Browser(user, script, accept=JSON)
    catalog = page.get(base)
    report = f"{base}shop.orders/"
    assert f'<a href="{report}">Orders</a>' in text_of(catalog)
    assert f'<form method="post" action="{report}"' in text_of(page.get(report))
    assert text_of(page.post(report, {"_export": "1", "format": "csv", "profile": "machine",
                                      "columns": ["id"]})).startswith("id\r\n")  # fmt: skip
    asked = program.post(report, {}, content_type=JSON)
    job = ReportJob.objects.get(execution="background")
    own = f"{base}jobs/{job.pk}/"
    assert (asked.status_code, asked["Location"]) == (202, own)
    assert asked.json()["links"] == {
        "self": own, "status": f"{own}status/", "cancel": f"{own}cancel/"
    }  # fmt: skip
    assert f'<a href="{own}">' in text_of(page.get(f"{base}jobs/"))
    assert f'data-status-url="{own}status/"' in text_of(page.get(own))
    assert page.post(f"{own}cancel/")["Location"] == own
    again = page.post(f"{own}rerun/")["Location"]
    assert again.startswith(f"{base}jobs/")
    assert page.get(again).status_code == 200
    assert page.get(f"{own}download/").status_code == 404
    document = program.get(f"{base}openapi.json").json()
    assert document["servers"] == [{"url": base.rstrip("/") or "/"}]
    listed = program.get(base).json()["reports"]
    assert {one["identifier"]: one["url"] for one in listed}["shop.orders"] == report
    for address in (base, report, f"{base}jobs/", own):
        links = re.findall(r'(?:href|action)="(/[^"]*)"', text_of(page.get(address)))
        # Static files know the prefix from the start of a process, which in a test is over.
        assert [x for x in links if not f"{x}/".startswith((f"{script}/", "/static/"))] == []


class Browser:
    """Somebody's browser that follows addresses as a server with a script prefix gets them."""

    def __init__(self, user, script, accept="text/html"):
        self.client = browse(user)
        self.script = script
        self.accept = accept

    def get(self, address):
        return self._ask(self.client.get, address)

    def post(self, address, *args, **kwargs):
        return self._ask(self.client.post, address, *args, **kwargs)

    def _ask(self, method, address, *args, **kwargs):
        inner = address.removeprefix(self.script)
        return method(inner, *args, headers={"accept": self.accept}, SCRIPT_NAME=self.script,
                      **kwargs)  # fmt: skip


def test_under_any_path(urls, alice, orders):
    urls(path("a/b-c/", include("django_reports.urls")), path("admin/", admin.site.urls))
    assert_everything_works(alice, "/a/b-c/")


def test_at_the_root(urls, alice, orders):
    urls(path("admin/", admin.site.urls), path("", include("django_reports.urls")))
    assert_everything_works(alice, "/")


@pytest.fixture
def served_below():
    """What a server does that serves the whole project below an address."""
    set_script_prefix("/office/")
    yield "/office"
    clear_script_prefix()


def test_in_a_project_below_an_address(served_below, alice, orders):
    assert_everything_works(alice, "/office/reports/", script=served_below)
    nobody = Client().get("/reports/", SCRIPT_NAME=served_below)
    assert nobody["Location"] == "/office/admin/login/?next=/office/reports/"


def test_the_projects_login_below_an_address(served_below, urls, settings):
    settings.LOGIN_URL = "log-in"
    urls(path("welcome/", HttpResponse, name="log-in"), path("admin/", admin.site.urls), REPORTS)
    nobody = Client().get("/reports/", SCRIPT_NAME=served_below)
    assert nobody["Location"] == "/office/welcome/?next=/office/reports/"


def test_under_a_language(urls, settings, alice, orders):
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE[:1], "django.middleware.locale.LocaleMiddleware",
        *settings.MIDDLEWARE[1:],
    ]  # fmt: skip
    urls(*i18n_patterns(path("admin/", admin.site.urls), REPORTS))
    with translation.override("en"):
        assert_everything_works(alice, "/en/reports/")
    with translation.override("de"):
        text_of(pressed(alice, "/de/reports/shop.orders/"))
    assert ReportJob.objects.get(spec__language="de").execution == "immediate"


# Surroundings


def test_in_the_look_of_the_projects_admin(alice):
    text = text_of(browse(alice).get("/reports/"))
    assert '<div id="site-name"><a href="/admin/">Django administration</a></div>' in text
    assert '<a href="/admin/">Home</a>' in text
    assert '<form id="logout-form" method="post" action="/admin/logout/">' in text


def test_without_an_admin(urls, alice, orders):
    urls(REPORTS)
    assert_everything_works(alice, "/reports/")
    text = text_of(browse(alice).get("/reports/"))
    assert '<div id="site-name"><a href="/reports/">Reports</a></div>' in text
    assert "/admin/" not in text.replace("/static/admin/", "")


def test_without_an_admin_refusals_are_pages_too(urls, alice, orders):
    urls(REPORTS)
    client = browse(alice)
    job = make(alice)
    assert client.post(f"/reports/jobs/{enqueue(alice).pk}/rerun/").status_code == 409
    answer = client.get(f"/reports/jobs/{put(job, status='expired').pk}/download/")
    assert answer.status_code == 410
    assert "This export has expired." in text_of(answer)
    assert client.get("/reports/shop.bogus/").status_code == 404


@pytest.mark.parametrize("name", ["office", "admin"])
def test_in_the_look_of_a_site_of_ones_own(urls, alice, orders, name):
    """Also of one with the same name as Django's, which the project does not serve."""
    site = admin.AdminSite(name=name)
    site.site_header = "The office"
    urls(path("office/", site.urls), REPORTS)
    assert_everything_works(alice, "/reports/")
    text = text_of(browse(alice).get("/reports/"))
    assert '<a href="/office/">The office</a>' in text
    assert '<form id="logout-form" method="post" action="/office/logout/">' in text


def test_refusals_have_the_same_surroundings(alice, orders):
    answer = browse(alice).post(f"/reports/jobs/{enqueue(alice).pk}/rerun/")
    assert '<a href="/admin/">Home</a>' in text_of(answer)


# Namespaces


def test_under_another_name(urls, alice, orders):
    urls(
        path("admin/", admin.site.urls),
        path("numbers/", include("django_reports.urls", namespace="numbers")),
    )
    assert_everything_works(alice, "/numbers/")


def test_twice_side_by_side(urls, alice, orders):
    urls(
        path("admin/", admin.site.urls),
        path("one/", include("django_reports.urls")),
        path("two/", include("django_reports.urls", namespace="two")),
    )
    assert_everything_works(alice, "/one/")
    ReportJob.objects.all().delete()
    assert_everything_works(alice, "/two/")


def test_within_an_app_of_the_projects(urls, alice, orders):
    urls(path("admin/", admin.site.urls), path("intern/", include(([REPORTS], "intern"))))
    assert_everything_works(alice, "/intern/reports/")


def test_a_program_finds_its_way_wherever_it_starts(urls, alice, orders):
    urls(path("admin/", admin.site.urls), path("intern/", include(([REPORTS], "intern"))))
    program = Program(alice)
    (report,) = [
        one for one in program.get("/intern/reports/").json()["reports"]
        if one["identifier"] == "shop.orders"
    ]  # fmt: skip
    job = program.post(report["url"])["Location"]
    assert program.get(job).json()["links"]["self"] == job
