"""Which of several admin sites, hosts and languages an export belongs to."""

import sys
from types import ModuleType

import pytest
from django.conf.urls.i18n import i18n_patterns
from django.contrib import admin
from django.core import checks
from django.urls import path, set_script_prefix
from django.utils import translation

from django_reports.admin import ReportAdminMixin, ReportJobAdmin
from django_reports.definitions.registry import registry
from django_reports.models import ReportJob
from tests.entry_points.helpers import browse, chosen, lines_of, put, run, sign, text_of, ticked
from tests.shop.models import Customer, Order

pytestmark = pytest.mark.django_db


@pytest.fixture
def make_urls(monkeypatch):
    """Make a URL conf that can be imported by its name."""

    def make(name, patterns):
        urls = ModuleType(name)
        urls.urlpatterns = patterns
        monkeypatch.setitem(sys.modules, name, urls)
        return urls

    return make


@pytest.fixture
def make_own(monkeypatch):
    """Make a site with a list of orders that has these attributes."""
    monkeypatch.setattr(registry, "_reports", list(registry))

    sites = []

    def make(name, list_display=("id", "number"), **attributes):
        attributes["list_display"] = list_display
        site = admin.AdminSite(name=name)
        sites.append(site)
        site.register(Order, type("OrderAdmin", (ReportAdminMixin, admin.ModelAdmin), attributes))
        site.register(ReportJob, ReportJobAdmin)
        return site

    yield make
    for site in sites:  # or the checks of later tests would look at them
        admin.sites.all_sites.discard(site)


def of_region(region):
    return lambda self, request: admin.ModelAdmin.get_queryset(self, request).filter(region=region)


def closed(self, request, obj=None):
    return False


@pytest.fixture
def twins(make_own, make_urls, settings):
    """Two sites with one name, whose lists show other rows and other columns."""
    north = make_own("office", list_display=["number"], get_queryset=of_region("n"))
    all_orders = make_own("office", list_display=["region"])
    settings.ROOT_URLCONF = make_urls(
        "urls_of_twins",
        [
            path("admin/", admin.site.urls),
            path("north/", north.urls),
            path("all/", all_orders.urls),
        ],
    ).__name__


@pytest.mark.parametrize(
    ("site", "column", "rows"), [("north", "number", 10), ("all", "region", 20)]
)
@pytest.mark.parametrize("limit", [0, 100])
def test_sites_with_one_name_export_their_own_rows(
    alice, orders, twins, configure, site, column, rows, limit
):
    configure(STREAM_MAX_ROWS=limit)
    client = browse(alice)
    base = f"/{site}/shop/order/"
    assert f'href="{base}export-report/"' in text_of(client.get(base))
    page = text_of(client.get(f"{base}export-report/"))
    assert f'action="{base}export-report/"' in page
    if limit:
        assert f"{rows} rows" in page
    response = client.post(f"{base}export-report/", chosen(columns=[column]))
    if limit:
        assert len(lines_of(response)) == 1 + rows
    else:
        assert run(ReportJob.objects.get()).rows_done == rows
    other = {"number": "region", "region": "number"}[column]
    refused = client.post(f"{base}export-report/", chosen(columns=[other]))
    assert refused.status_code == 400


def test_list_that_is_closed_is_not_exported_through_its_namesake(
    alice, orders, make_own, make_urls, settings
):
    opened = make_own("office")
    shut = make_own("office", has_view_permission=closed, has_change_permission=closed)
    for sites in ([opened, shut], [shut, opened]):
        first, second = (site.urls for site in sites)
        name = f"urls_{sites.index(opened)}"
        urls = make_urls(name, [path("admin/", admin.site.urls), path("0/", first),
                                path("1/", second)])  # fmt: skip
        settings.ROOT_URLCONF = urls.__name__
        client = browse(alice)
        good, bad = f"/{sites.index(opened)}/", f"/{sites.index(shut)}/"
        assert client.post(f"{good}shop/order/export-report/", chosen()).status_code == 200
        assert client.get(f"{bad}shop/order/").status_code == 403
        assert client.post(f"{bad}shop/order/export-report/", chosen()).status_code == 403
        assert client.post(f"{bad}shop/order/", ticked(orders[:1])).status_code == 403


def test_list_that_was_closed_meanwhile_is_not_exported(alice, orders, twins, configure):
    configure(STREAM_MAX_ROWS=0)
    client = browse(alice)
    client.post("/north/shop/order/export-report/", chosen(columns=["number"]))
    (north,) = [site for site in admin.sites.all_sites if site.name == "office"
                and site._registry[Order].list_display == ["number"]]  # fmt: skip
    type(north._registry[Order]).has_view_permission = closed
    assert run(ReportJob.objects.get()).status == "failed"


def test_w058_two_sites_with_one_name(twins):
    (message,) = [m for m in checks.run_checks(tags=["admin"]) if m.id == "django_reports.W058"]
    assert "2 admin sites with exports are called 'office'" in message.msg


def by_host(get_response):
    def middleware(request):
        if request.get_host().startswith("shop."):
            request.urlconf = "urls_of_shop"
        return get_response(request)

    return middleware


@pytest.fixture
def hosts(settings, make_urls):
    settings.MIDDLEWARE = [f"{__name__}.by_host", *settings.MIDDLEWARE]
    settings.ROOT_URLCONF = make_urls("urls_of_root", [path("admin/", admin.site.urls)]).__name__


def test_list_of_a_host_with_a_url_conf_of_its_own(
    alice, orders, hosts, make_own, make_urls, configure
):
    configure(STREAM_MAX_ROWS=0)
    site = make_own("shop", list_display=["number"], get_queryset=of_region("n"))
    make_urls("urls_of_shop", [path("admin/", site.urls)])
    client = browse(alice)
    client.defaults["HTTP_HOST"] = "shop.example.com"
    response = client.post("/admin/shop/order/export-report/", chosen(columns=["number"]))
    assert response.status_code == 302, text_of(response)
    job = ReportJob.objects.get()
    assert job.spec["selection"]["urlconf"] == "urls_of_shop"
    registry._reports = [r for r in registry if not r.get_identifier().startswith("shop.shop")]
    assert run(job).rows_done == 10  # in a worker that never saw this host
    download = f"/admin/django_reports/reportjob/{job.pk}/download/"
    assert len(lines_of(client.get(download))) == 11


@pytest.mark.parametrize("prefix_default_language", [True, False])
@pytest.mark.parametrize("language", ["en", "de"])
def test_list_below_a_language_is_found_in_any(
    alice, orders, make_own, make_urls, settings, configure, prefix_default_language, language
):
    configure(STREAM_MAX_ROWS=0)
    settings.LANGUAGE_CODE = "en"
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE[:1], "django.middleware.locale.LocaleMiddleware",
        *settings.MIDDLEWARE[1:],
    ]  # fmt: skip
    site = make_own("office", get_queryset=of_region("n"))
    settings.ROOT_URLCONF = make_urls(
        f"urls_{prefix_default_language}",
        i18n_patterns(
            path("admin/", admin.site.urls),
            path("own/", site.urls),
            prefix_default_language=prefix_default_language,
        ),
    ).__name__
    prefix = f"/{language}" if prefix_default_language or language == "de" else ""
    client = browse(alice)
    response = client.post(f"{prefix}/own/shop/order/export-report/", chosen())
    assert response.status_code == 302, text_of(response)
    for worker in ("en", "de", "ja"):
        with translation.override(worker):
            job = ReportJob.objects.get()
            assert run(job).rows_done == 10
            sign(put(job, status="queued"))


def test_list_below_a_script_name(alice, orders, make_own, make_urls, settings, configure):
    configure(STREAM_MAX_ROWS=0)
    site = make_own("office", get_queryset=of_region("n"))
    patterns = [path("admin/", admin.site.urls), path("büro/", site.urls)]
    settings.ROOT_URLCONF = make_urls("urls_below", patterns).__name__
    client = browse(alice)
    set_script_prefix("/app/")
    page = text_of(client.get("/büro/shop/order/", SCRIPT_NAME="/app"))
    assert 'href="/app/b%C3%BCro/shop/order/export-report/"' in page
    response = client.post("/büro/shop/order/export-report/", chosen(), SCRIPT_NAME="/app")
    assert response.status_code == 302, text_of(response)
    set_script_prefix("/")  # as a worker has it
    job = ReportJob.objects.get()
    assert job.spec["selection"]["path"] == "/büro/shop/order/"
    assert run(job).rows_done == 10


def test_another_page_with_the_list_offers_no_button(alice, orders, make_site):
    """Its rows may be others than those that the list's own address shows."""

    class ArchiveAdmin(admin.ModelAdmin):
        def get_urls(self):
            view = self.admin_site.admin_view(self.archive_view)
            return [path("archive/", view), *super().get_urls()]

        def archive_view(self, request):
            request.is_archive = True
            return self.changelist_view(request)

        def get_queryset(self, request):
            rows = super().get_queryset(request)
            return rows.filter(region="n" if hasattr(request, "is_archive") else "s")

    make_site(
        {Order: {"list_display": ["id", "number"]}, Customer: {}},
        bases=(ReportAdminMixin, ArchiveAdmin),
    )
    client = browse(alice)
    page = client.get("/own/shop/order/archive/")
    assert page.status_code == 200
    assert "export-report" not in text_of(page)
    north = Order.objects.filter(region="n")[:2]
    assert client.post("/own/shop/order/archive/", ticked(north)).status_code == 400
