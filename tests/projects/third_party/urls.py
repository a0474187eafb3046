from django.contrib import admin
from django.urls import include, path

from tests.projects.third_party.admin import plain_site

urlpatterns = [
    path("admin/", admin.site.urls),
    path("plain/", plain_site.urls),
    path("reports/", include("django_reports.urls")),
]
