"""`{% load django_reports %}`: what templates of this app and of projects show of exports."""

import datetime as dt
from typing import Any

from django import template
from django.template import Context
from django.utils import timezone
from django.utils.timesince import timesince, timeuntil
from django.utils.translation import gettext as _

from django_reports.access.permissions import readable
from django_reports.core.formatting import grouped
from django_reports.models import ReportJob
from django_reports.web.display import describe_pace, describe_progress, describe_report
from django_reports.web.page_context import page_context_of
from django_reports.web.progress import places_in_queue

register = template.Library()

SHOWN = 5  # exports at once
LOOKED_AT = 20  # of a person's newest exports
NEW = dt.timedelta(hours=1)  # for so long an export is shown after its end


@register.filter
def age(moment: dt.datetime) -> str:
    """How long ago a moment was."""
    if timezone.now() - moment < dt.timedelta(minutes=1):
        return _("just now")
    return _("%(time)s ago") % {"time": timesince(moment, depth=1)}


@register.filter
def rest(moment: dt.datetime) -> str:
    """For how much longer, until a moment."""
    return _("%(time)s more") % {"time": timeuntil(moment, depth=1)}


@register.filter
def number(value: int) -> str:
    return grouped(value)


@register.inclusion_tag("django_reports/running.html", takes_context=True)
def running_exports(context: Context) -> dict[str, Any]:
    """The person's exports that are waiting or running, or ended a short while ago."""
    request = context.get("request")
    user = getattr(request, "user", None)
    if request is None or user is None:
        return {"exports": []}
    place = page_context_of(request)
    if place is None or not place.has_access(request):
        return {"exports": []}
    newest = ReportJob.objects.background().filter(requested_by=user.pk).order_by("-created_at")
    since = timezone.now() - NEW
    shown = [
        job
        for job in newest[:LOOKED_AT]
        if job.is_active or (job.finished_at is not None and job.finished_at > since)
    ][:SHOWN]
    places = places_in_queue(shown)
    may_read = readable(user, shown)
    return {
        "exports": [
            {
                "job": job,
                "report_label": describe_report(job),
                "url": place.job_url(job),
                **_progress(job, places.get(job.pk), is_readable=job.pk in may_read),
            }
            for job in shown
        ],
        "jobs_url": place.jobs_url(),
    }


def _progress(job: ReportJob, place: int | None, *, is_readable: bool) -> dict[str, str]:
    if not job.is_active:
        return {"progress": "", "pace": ""}
    return {
        "progress": describe_progress(job, is_readable=is_readable),
        "pace": describe_pace(job, place, is_readable=is_readable),
    }
