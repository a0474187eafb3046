"""The staff pages of the benchmarks' project."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [path("admin/", admin.site.urls), path("reports/", include("django_reports.urls"))]
