"""The states and words that records, services and screens share."""

from collections.abc import Mapping

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class JobStatus(TextChoices):
    QUEUED = "queued", _("Waiting")
    RUNNING = "running", _("Running")
    SUCCEEDED = "succeeded", _("Finished")
    FAILED = "failed", _("Failed")
    CANCELED = "canceled", _("Canceled")
    EXPIRED = "expired", _("Expired")


# The whole state machine. RUNNING → QUEUED is a job handed back, or one whose lease was lost.
TRANSITIONS: Mapping[JobStatus, frozenset[JobStatus]] = {
    JobStatus.QUEUED: frozenset({JobStatus.RUNNING, JobStatus.CANCELED}),
    JobStatus.RUNNING: frozenset(
        {JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELED, JobStatus.QUEUED}
    ),
    JobStatus.SUCCEEDED: frozenset({JobStatus.EXPIRED}),
    JobStatus.FAILED: frozenset(),
    JobStatus.CANCELED: frozenset(),
    JobStatus.EXPIRED: frozenset(),
}
ACTIVE = frozenset({JobStatus.QUEUED, JobStatus.RUNNING})


class Delivery(TextChoices):
    IMMEDIATE = "immediate", _("Downloaded at once")
    BACKGROUND = "background", _("Made in the background")


class AuthorityKind(TextChoices):
    USER = "user", _("A person")
    SYSTEM = "system", _("The system")


class Profile(TextChoices):
    MACHINE = "machine", _("For programs (names, ISO dates, raw values)")
    SPREADSHEET = "spreadsheet", _("For spreadsheets (labels, local time)")


class Others(TextChoices):
    """Whose jobs a grant lets a person see besides their own."""

    NONE = "none", _("Nobody else's")
    GROUP = "group", _("Those of the same group")
    ALL = "all", _("Everybody's")


class AuditAction(TextChoices):
    REQUESTED = "requested", _("Requested")
    STARTED = "started", _("Started")
    FINISHED = "finished", _("Finished")
    FAILED = "failed", _("Failed")
    CANCEL_REQUESTED = "cancel_requested", _("Cancel requested")
    CANCELED = "canceled", _("Canceled")
    DOWNLOADED = "downloaded", _("Downloaded")
    DENIED = "denied", _("Denied")
    EXPIRED = "expired", _("Expired")
    GRANT_CHANGED = "grant_changed", _("Grant changed")
