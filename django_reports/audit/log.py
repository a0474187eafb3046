"""The only writer of AuditEntry.

An entry is written in the transaction of the act it tells of: if it cannot be written, the act
does not happen.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django_reports.audit import signing
from django_reports.core.choices import AuditAction
from django_reports.core.users import User
from django_reports.models import AuditEntry, ReportJob

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Origin:
    """Who acts, from where, in which language. `user` is None where the system does."""

    user: User | None = None
    address: str | None = None
    user_agent: str = ""
    request_id: str = ""
    language: str = ""  # in which they read

    @property
    def actor_key(self) -> str:
        key = getattr(self.user, "pk", None)
        return "" if key is None else str(key)

    @property
    def actor_label(self) -> str:
        if self.user is None:
            return "system"
        return self.user.get_username() or "anonymous"


SYSTEM = Origin()
_acting: ContextVar[Origin] = ContextVar("django_reports_acting", default=SYSTEM)


@contextmanager
def acting(origin: Origin) -> Iterator[None]:
    """Say who is behind the changes made in this block, for entries written from model signals."""
    token = _acting.set(origin)
    try:
        yield
    finally:
        _acting.reset(token)


def current_origin() -> Origin:
    return _acting.get()


def record(
    action: AuditAction,
    *,
    origin: Origin,
    report: str = "",
    job: ReportJob | None = None,
    holder: str = "",
    **data: Any,
) -> AuditEntry:
    """Write one entry. `data` must be JSON; what is None is left out."""
    entry = AuditEntry(
        action=action,
        actor_key=_short(origin.actor_key, 255),
        report=_short(job.report if job else report, 200),
        job_key=str(job.pk) if job else "",
        holder=holder,
        request_id=_short(origin.request_id, 200),
        data=signing.storable({name: item for name, item in data.items() if item is not None}),
        actor_label=_short(origin.actor_label, 255),
        address=origin.address,
        user_agent=_short(origin.user_agent, 500),
    )
    signing.sign_entry(entry)
    entry.save()
    logger.info(
        "action=%s entry=%s actor=%r report=%r job=%s request=%r", entry.action, entry.key,
        entry.actor_label, entry.report, entry.job_key or "-", entry.request_id or "-",
    )  # fmt: skip
    return entry


def _short(text: str, length: int) -> str:
    return str(signing.storable(text))[:length]
