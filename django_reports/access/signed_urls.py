"""Signed links to a job's file: for one person, one job and a short time.

A link is no right of its own: whatever its person needs for the file, they need when it is used.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import signing
from django.core.exceptions import ImproperlyConfigured
from django.db import router
from django.http import HttpRequest
from django.urls import NoReverseMatch, get_script_prefix, reverse, set_script_prefix
from django.utils.translation import gettext as _

from django_reports.access.permissions import may_download, visible_job
from django_reports.audit import log
from django_reports.audit.log import SYSTEM, Origin
from django_reports.core.choices import AuditAction
from django_reports.core.clock import database_now
from django_reports.core.conf import NAME, get_settings
from django_reports.core.users import User
from django_reports.exceptions import ReportDenied
from django_reports.models import ReportJob

SALT = "django_reports.signed_urls"
# Where a link leads: to the staff pages, or if a project has not mounted them, to its admin.
_VIEWS = ("django_reports:job-signed", "admin:django_reports_reportjob_signed")
_PAGES = ("django_reports:job", "admin:django_reports_reportjob_change")


@dataclass(frozen=True)
class Ticket:
    """What a link was signed for."""

    job_key: str
    person_key: str
    is_expired: bool

    def person(self) -> User | None:
        found: Any = get_user_model()._default_manager.filter(pk=self.person_key).first()
        return found  # type: ignore[no-any-return]


def make(job: ReportJob, user: User, origin: Origin = SYSTEM) -> tuple[str, dt.datetime]:
    """The signed part of a link to a job's file for a person, and until when it works.

    Raises ReportDenied if they may not have the file now.
    """
    seen: Any = visible_job(user, job.pk)
    if seen is None or not seen.has_file or not may_download(user, seen):
        raise ReportDenied(
            _("%(user)s may not download this export.") % {"user": user.get_username()}
        )
    expires_at = seen.read_at + get_settings().SIGNED_URL_MAX_AGE
    log.record(
        AuditAction.LINKED,
        origin=origin,
        job=job,
        person=user.get_username(),
        person_key=str(user.pk),
        expires_at=expires_at.isoformat(),
    )
    ticket = [str(job.pk), str(user.pk), seen.read_at.timestamp(), expires_at.timestamp()]
    return signing.dumps(ticket, salt=SALT), expires_at


def url_for(job: ReportJob, user: User, origin: Origin = SYSTEM) -> str:
    """A link with its host, for a mail say.

    Raises ReportDenied, and ImproperlyConfigured without BASE_URL.
    """
    base = _base()
    token, _until = make(job, user, origin)
    return base + _address_of(_VIEWS, job.pk, token)


def page_url(job: ReportJob) -> str:
    """The address of a job's page with its host. It is no link to the file: whoever follows it has
    to log in. Raises ImproperlyConfigured without BASE_URL.
    """
    return _base() + _address_of(_PAGES, job.pk)


def with_host(path: str, request: HttpRequest) -> str:
    """An address of this site with its host: that of BASE_URL, if there is one. The request's may
    be whatever its sender, or a proxy, has made of it."""
    if get_settings().BASE_URL is None:
        return request.build_absolute_uri(path)
    return _base() + path


def _base() -> str:
    base = get_settings().BASE_URL
    if base is None:
        raise ImproperlyConfigured(
            f'Links need {NAME}["BASE_URL"]: where the site is, such as "https://shop.example.com".'
        )
    return base.rstrip("/")


def _address_of(views: Sequence[str], *args: Any) -> str:
    with _below_script_name():
        for view in views:
            try:
                return reverse(view, args=args)
            except NoReverseMatch:
                continue
    raise ImproperlyConfigured("Links need django_reports.urls or the admin in the project's URLs.")


@contextmanager
def _below_script_name() -> Iterator[None]:
    """Django tells the prefix of addresses to each thread for itself: of requests, and the one that
    set it up. In all others, which send mails as well, there is none."""
    before = get_script_prefix()
    if settings.FORCE_SCRIPT_NAME and before == "/":
        set_script_prefix(settings.FORCE_SCRIPT_NAME)
    try:
        yield
    finally:
        set_script_prefix(before)


def read(token: str) -> Ticket | None:
    """What a link was signed for; None if it was not, or not by this site.

    It expires when it was said to, or sooner if SIGNED_URL_MAX_AGE is shorter by now.
    """
    try:
        job_key, person_key, made_at, expires_at = signing.loads(token, salt=SALT)
    except (signing.BadSignature, TypeError, ValueError):
        return None
    now = database_now(router.db_for_write(ReportJob))
    ends = min(expires_at, made_at + get_settings().SIGNED_URL_MAX_AGE.total_seconds())
    return Ticket(job_key, person_key, is_expired=now.timestamp() >= ends)
