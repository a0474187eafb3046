"""Signed links: made by who may have a job's file, and followed without a session."""

from typing import Any, cast
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from django_reports.access import signed_urls
from django_reports.models import ReportJob
from django_reports.web.page_context import BarePlace, PageContext
from django_reports.web.responses.base import answer_json, origin_of, wants_json
from django_reports.web.responses.downloads import hand_out, refusal_of
from django_reports.web.responses.errors import find, job_action, missing, refuse, trail

TEMPLATE = "django_reports/link.html"
PRIVATE = {"Cache-Control": "private, no-store"}


@job_action
def make(request: HttpRequest, job: ReportJob, place: PageContext) -> HttpResponseBase:
    """A link to a job's file for whoever asks, as a page or as JSON."""
    if why_not := refusal_of(request, job):
        return refuse(request, job, place, **why_not)
    token, expires_at = signed_urls.make(job, request.user, origin_of(request))
    url = signed_urls.with_host(place.job_url(job, "signed", token), request)
    if wants_json(request):
        value = {"url": url, "expires_at": expires_at.isoformat()}
        return answer_json(value, 201, headers={**PRIVATE, "Location": url})
    above = [*trail(place), (place.job_url(job), str(job))]
    context = {"title": _("Link to the file"), "url": url, "expires_at": expires_at,
               "back": place.job_url(job)}  # fmt: skip
    return TemplateResponse(
        request, TEMPLATE, place.context(request, above, **context), headers=PRIVATE
    )


def follow(request: HttpRequest, key: UUID, token: str, place: PageContext) -> HttpResponseBase:
    """The file, to the person for whom a link was signed: to nobody who is there as another."""
    ticket = signed_urls.read(token)
    if ticket is None or ticket.job_key != str(key):
        return _not_good(request, key, _("The link was not signed for this file."))
    if request.user.is_authenticated and str(request.user.pk) != ticket.person_key:
        return _not_good(request, key, _("The link is another person's."))
    person = ticket.person()
    if person is None:
        return _not_good(request, key, _("The link's person is gone."))
    request.user = cast(Any, person)
    job = find(request, key) if place.has_access(request) else None
    if job is None:
        return missing(request, key, by="link")
    bare = BarePlace(place)
    if ticket.is_expired:
        reason = _("This link has expired. Ask for another one.")
        return refuse(request, job, bare, reason, 410, by="link")
    return hand_out(request, job, bare, by="link")


def _not_good(request: HttpRequest, key: UUID, reason: str) -> HttpResponseBase:
    return missing(request, key, by="link", lacking=None, reason=reason)
