"""Places: where this app's pages stand, in an admin site or on their own."""

from typing import Any, Protocol

import django
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.urls import (
    NoReverseMatch,
    Resolver404,
    ResolverMatch,
    get_script_prefix,
    resolve,
    reverse,
)
from django.utils.html import format_html
from django.utils.translation import gettext as _

from django_reports.access.permissions import may_enter
from django_reports.core.choices import JobStatus
from django_reports.definitions.registry import registry
from django_reports.jobs import notifications
from django_reports.models import ReportJob

APP_NAME = "django_reports"

Trail = list[tuple[str, str]]  # (address, label) of what lies above a page

# From 6.1 on the admin's breadcrumbs are a list.
BREADCRUMBS_ARE_A_LIST = django.VERSION >= (6, 1)


class PageContext(Protocol):
    """How the pages at one place are linked, and what surrounds them."""

    def jobs_url(self) -> str:
        """The list of exports."""

    def job_url(self, job: ReportJob, page: str = "job", *more: str) -> str:
        """A job's page ("job"), or its "status", "download", "cancel" and so on."""

    def report_url(self, identifier: str) -> str | None:
        """The page of a report in the catalog; None where there is no catalog."""

    def has_access(self, request: HttpRequest) -> bool:
        """Whether whoever asks may use this place at all."""

    def context(self, request: HttpRequest, trail: Trail, **context: Any) -> dict[str, Any]:
        """What a template needs to look like the rest of the place."""


class StaffPageContext:
    """The pages of `django_reports.urls`, in the look of the admin if there is one."""

    def __init__(self, request: HttpRequest) -> None:
        match = request.resolver_match
        is_here = match is not None and match.app_names[-1:] == [APP_NAME]
        # Whatever the project has called it, and whatever it has put it into.
        self._namespace = match.namespace if match and is_here else APP_NAME

    def url(self, name: str, *args: Any) -> str:
        return reverse(f"{self._namespace}:{name}", args=args)

    def jobs_url(self) -> str:
        return self.url("jobs")

    def job_url(self, job: ReportJob, page: str = "job", *more: str) -> str:
        return self.url("job" if page == "job" else f"job-{page}", job.pk, *more)

    def report_url(self, identifier: str) -> str | None:
        return self.url("report", identifier)

    def has_access(self, request: HttpRequest) -> bool:
        return may_enter(request.user)

    def context(self, request: HttpRequest, trail: Trail, **context: Any) -> dict[str, Any]:
        show_notifications(request, self)
        site = mounted_site()
        surroundings = site.each_context(request) if site else {"has_permission": False}
        return {
            **surroundings,
            **_breadcrumbs(reverse("admin:index") if site else None, trail),
            "site_index_url": None if site else self.url("catalog"),
            **context,
        }


class AdminPageContext:
    """The pages of this app in an admin site."""

    def __init__(self, site: AdminSite) -> None:
        self._site = site

    def _url(self, name: str, *args: Any) -> str:
        return reverse(f"admin:{name}", args=args, current_app=self._site.name)

    def jobs_url(self) -> str:
        return self._url("django_reports_reportjob_changelist")

    def job_url(self, job: ReportJob, page: str = "job", *more: str) -> str:
        page = "change" if page == "job" else page
        return self._url(f"django_reports_reportjob_{page}", job.pk, *more)

    def report_url(self, identifier: str) -> str | None:
        try:
            return reverse("django_reports:report", args=[identifier])
        except NoReverseMatch:  # the staff pages are not in the project's URLs
            return None

    def has_access(self, request: HttpRequest) -> bool:
        return self._site.has_permission(request)

    def context(self, request: HttpRequest, trail: Trail, **context: Any) -> dict[str, Any]:
        show_notifications(request, self)
        request.current_app = self._site.name
        return {
            **self._site.each_context(request),
            **_breadcrumbs(self._url("index"), trail),
            **context,
        }


class BarePlace:
    """A place as it is shown to who has not logged in: nothing in it says who they are."""

    def __init__(self, place: PageContext) -> None:
        self._place = place
        self.jobs_url = place.jobs_url
        self.job_url = place.job_url
        self.report_url = place.report_url
        self.has_access = place.has_access

    def context(self, request: HttpRequest, trail: Trail, **context: Any) -> dict[str, Any]:
        return {"has_permission": False, **_breadcrumbs(None, []), **context}


def page_context_of(request: HttpRequest) -> PageContext | None:
    """The place that is nearest to a page of any app: that of its admin site, the staff pages, or
    else the admin. None if a project has neither."""
    match = request.resolver_match
    if match is not None and APP_NAME not in match.app_names:
        owner = getattr(match.func, "model_admin", match.func)
        site = getattr(owner, "admin_site", None)
        if site is not None and site.is_registered(ReportJob):
            return AdminPageContext(site)
    staff = StaffPageContext(request)
    try:
        staff.jobs_url()
    except NoReverseMatch:
        site = mounted_site()
        return AdminPageContext(site) if site and site.is_registered(ReportJob) else None
    return staff


def show_notifications(request: HttpRequest, place: PageContext) -> None:
    """Tell a person of those of their exports that have ended since they were last told."""
    if request.method != "GET" or not request.user.is_authenticated:
        return
    for job in notifications.take_notifications(request.user):
        level, words = _describe_end(job)
        messages.add_message(
            request,
            level,
            format_html(
                '{} <a href="{}">{}</a>',
                words % {"report": registry.label_of(job.report)},
                place.job_url(job),
                _("Show this export"),
            ),
            fail_silently=True,
        )


def _describe_end(job: ReportJob) -> tuple[int, str]:
    """How an export ended, with the level of a message that says so."""
    if job.status == JobStatus.CANCELED:
        return messages.WARNING, _("The export “%(report)s” was canceled.")
    if job.status == JobStatus.FAILED:
        return messages.ERROR, _("The export “%(report)s” failed.")
    return messages.SUCCESS, _("The export “%(report)s” is ready.")


def mounted_site() -> AdminSite | None:
    """The admin site that `admin:` names in this project's URLs, if there is one."""
    try:
        match = page_at(reverse("admin:index"))
    except NoReverseMatch:
        return None
    return getattr(match.func, "admin_site", None) if match else None


def page_at(address: str) -> ResolverMatch | None:
    """What is at an address of this project, which may itself stand below an address."""
    prefix = get_script_prefix()
    if not address.startswith(prefix):
        return None
    try:
        return resolve("/" + address.removeprefix(prefix).partition("?")[0])
    except Resolver404:
        return None


def _breadcrumbs(home: str | None, trail: Trail) -> dict[str, Any]:
    return {
        "breadcrumbs": [*([(home, _("Home"))] if home else []), *trail],
        "breadcrumbs_are_a_list": BREADCRUMBS_ARE_A_LIST,
    }
