"""Notices: a person is told once that their export has ended, on their next page and by mail."""

import logging
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from django_reports.access import signed_urls
from django_reports.access.permissions import may_download, visible_jobs
from django_reports.core.choices import ACTIVE, JobStatus
from django_reports.core.conf import get_settings
from django_reports.core.users import User
from django_reports.definitions.registry import registry
from django_reports.jobs import lifecycle
from django_reports.models import ReportJob
from django_reports.signals import job_finished

logger = logging.getLogger(__name__)

NEWS_AT_ONCE = 5  # on one page; more are told on the next
TEMPLATE = "django_reports/email.txt"


def watch() -> None:
    """Have mails sent when jobs end."""
    job_finished.connect(_send, dispatch_uid="django_reports.notifications")


def take_notifications(user: User) -> list[ReportJob]:
    """The exports of whose end a person is to be told now. Nobody else is given them after that."""
    found = list(ReportJob.objects.news_for(user.pk)[:NEWS_AT_ONCE])
    if not found:
        return []
    seen = visible_jobs(user).filter(pk__in=[job.pk for job in found])
    keys = set(seen.values_list("pk", flat=True))
    return [job for job in found if note_seen(job) and job.pk in keys]


def note_seen(job: ReportJob) -> bool:
    """The person knows of the end. False if they were told already."""
    return bool(ReportJob.objects.filter(pk=job.pk, is_unread=True).update(is_unread=False))


def can_be_mailed(job: ReportJob, user: User) -> bool:
    """Whether a person can be told of a job's end by mail: their own, that has not ended."""
    is_own = job.is_for_somebody and job.requested_by_id == user.pk
    return (
        is_own and job.is_active and get_settings().EMAIL_NOTIFICATIONS and bool(address_of(user))
    )


def wish_email(job: ReportJob, *, wanted: bool) -> bool:
    """Note whether the person wants a mail. False if the job has ended already."""
    active = ReportJob.objects.filter(pk=job.pk, status__in=ACTIVE)
    return bool(active.update(wants_email=wanted))


def address_of(user: Any) -> str:
    """Where a person's mail goes; empty if that is not known."""
    return getattr(user, user.get_email_field_name(), "") or ""


def _send(*, job: ReportJob, **kwargs: Any) -> None:
    """Send the mail that was wished for. Whatever goes wrong, the job has ended and stays so."""
    is_own_doing = job.status == JobStatus.CANCELED and not job.was_canceled_by_others
    if not get_settings().EMAIL_NOTIFICATIONS or is_own_doing:
        return
    # Whoever takes the wish back sends it: of several who are told of the end, one.
    if not ReportJob.objects.filter(pk=job.pk, wants_email=True).update(wants_email=False):
        return
    user = job.requested_by
    if user is None or not user.is_active or not address_of(user):
        return
    try:
        with lifecycle.in_language_of(job):
            _message(job, address_of(user)).send()
    except Exception:
        logger.exception("job=%s event=not_mailed", job.pk)


def _message(job: ReportJob, address: str) -> EmailMessage:
    label = registry.label_of(job.report)
    subjects = {
        JobStatus.SUCCEEDED: _("Your export is ready: %(report)s"),
        JobStatus.FAILED: _("Your export failed: %(report)s"),
        JobStatus.CANCELED: _("Your export was canceled: %(report)s"),
    }
    subject = subjects[JobStatus(job.status)]
    try:
        url = signed_urls.page_url(job)
    except ImproperlyConfigured:
        logger.warning("job=%s event=mailed_without_address", job.pk)
        url = ""
    is_readable = job.requested_by is not None and may_download(job.requested_by, job)
    context = {"job": job, "is_readable": is_readable, "report_label": label, "url": url}
    return EmailMessage(
        subject=" ".join((subject % {"report": label}).split()),
        body=render_to_string(TEMPLATE, context),
        to=[address],
    )
