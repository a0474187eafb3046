"""What tests of the admin's entry points share: admin sites of their own."""

from itertools import count
from types import ModuleType

import pytest
from django.contrib import admin
from django.urls import path

from django_reports.admin import ReportAdminMixin, ReportJobAdmin
from django_reports.definitions.registry import registry
from django_reports.models import ReportJob
from tests.shop.models import Order
from tests.shop.reports import Orders

_numbers = count(1)


@pytest.fixture
def make_site(settings, monkeypatch):
    """Make an admin site below /own/, of ModelAdmins by model and their attributes."""
    monkeypatch.setattr(registry, "_reports", list(registry))

    def make(admins, bases=(ReportAdminMixin, admin.ModelAdmin)):
        site = admin.AdminSite(name=f"site{next(_numbers)}")
        for model, attributes in admins.items():
            site.register(model, type(f"{model.__name__}Admin", bases, attributes))
        site.register(ReportJob, ReportJobAdmin)
        urls = ModuleType(f"urls_of_{site.name}")
        urls.urlpatterns = [path("admin/", admin.site.urls), path("own/", site.urls)]
        settings.ROOT_URLCONF = urls
        made.append(site)
        return site

    made = []
    yield make
    for site in made:  # known to Django as long as it lives
        site._registry.clear()


@pytest.fixture
def own_orders(make_site):
    """Make a site with one ModelAdmin of orders that has these attributes."""
    return lambda **attributes: make_site({Order: {"reports": [Orders], **attributes}})


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to be in."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder
