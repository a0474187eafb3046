"""The staff pages: `path("reports/", include("django_reports.urls"))`."""

from django.urls import path

from django_reports.web.pages import staff

app_name = "django_reports"

urlpatterns = [
    path("", staff.catalog, name="catalog"),
    path("openapi.json", staff.openapi, name="openapi"),
    path("rights/", staff.rights, name="rights"),
    path("dashboard/", staff.dashboard, name="dashboard"),
    path("jobs/", staff.own_jobs, name="jobs"),
    path("jobs/<str:key>/", staff.job, name="job"),
    path("jobs/<str:key>/status/", staff.job_status, name="job-status"),
    path("jobs/<str:key>/download/", staff.job_download, name="job-download"),
    path("jobs/<str:key>/manifest/", staff.job_manifest, name="job-manifest"),
    path("jobs/<str:key>/link/", staff.job_link, name="job-link"),
    path("jobs/<str:key>/signed/<str:token>/", staff.job_signed, name="job-signed"),
    path("jobs/<str:key>/cancel/", staff.job_cancel, name="job-cancel"),
    path("jobs/<str:key>/email/", staff.job_email, name="job-email"),
    path("jobs/<str:key>/discard/", staff.job_discard, name="job-discard"),
    path("jobs/<str:key>/rerun/", staff.job_rerun, name="job-rerun"),
    path("<str:identifier>/", staff.report, name="report"),
    path("<str:identifier>/favorite/", staff.favorite, name="favorite"),
]
