"""The staff pages: `path("reports/", include("django_reports.urls"))`."""

from django.urls import path

from django_reports.views import staff

app_name = "django_reports"

urlpatterns = [
    path("", staff.catalogue, name="catalogue"),
    path("openapi.json", staff.openapi, name="openapi"),
    path("jobs/", staff.own_jobs, name="jobs"),
    path("jobs/<uuid:key>/", staff.job, name="job"),
    path("jobs/<uuid:key>/status/", staff.job_status, name="job-status"),
    path("jobs/<uuid:key>/download/", staff.job_download, name="job-download"),
    path("jobs/<uuid:key>/cancel/", staff.job_cancel, name="job-cancel"),
    path("jobs/<uuid:key>/rerun/", staff.job_rerun, name="job-rerun"),
    path("<str:identifier>/", staff.report, name="report"),
]
