"""Where the admin's own pages of this app are, on whichever site a request came through."""

from typing import Any

import django
from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.urls import reverse

from django_reports.models import ReportJob

# From 6.1 on the admin's breadcrumbs are a list.
BREADCRUMBS_ARE_A_LIST = django.VERSION >= (6, 1)


def job_url(site: AdminSite, job: ReportJob, page: str = "change") -> str:
    """The address of a job's page ("change"), or of its "status", "download" or "cancel"."""
    return reverse(f"admin:django_reports_reportjob_{page}", args=[job.pk], current_app=site.name)


def jobs_url(site: AdminSite) -> str:
    return reverse("admin:django_reports_reportjob_changelist", current_app=site.name)


def page_context(
    site: AdminSite, request: HttpRequest, trail: list[tuple[str, str]], **context: Any
) -> dict[str, Any]:
    """What a page needs to look like the rest of an admin site.

    `trail` are the links of the breadcrumbs between the index and the page itself.
    """
    request.current_app = site.name
    return {
        **site.each_context(request),
        "breadcrumbs": trail,
        "breadcrumbs_are_a_list": BREADCRUMBS_ARE_A_LIST,
        **context,
    }
