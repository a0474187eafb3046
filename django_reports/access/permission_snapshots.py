"""What every user and group had when it was last compared, as far as the audit log bears it out.

A snapshot is signed and names the entry that told of it. It counts only as long as that is the
newest entry about its holder: who changes it by SQL, removes it or puts an older one back hides
nothing by that.
"""

import datetime as dt
from collections.abc import Collection
from typing import Any, NamedTuple

from django.db import router
from django.db.models import Max

from django_reports.audit import signing
from django_reports.core.clock import database_now
from django_reports.models import AuditCheckpoint, AuditEntry, PermissionSnapshot

# The holder that the entry of the first comparison is about; its row says when the last one was.
EVERYBODY = "*"
COMPARED_FOR = dt.timedelta(hours=1)
FLAGS = ("is_active", "is_staff", "is_superuser")

Facts = dict[str, Any]  # of a user or a group, as JSON
NOTHING: Facts = {
    "name": "",
    "groups": {},
    "permissions": [],
    "reports": {},
    **dict.fromkeys(FLAGS, False),
}


class Known(NamedTuple):
    """The last known facts of holders, and the holders of which the log knows more than we do."""

    facts: dict[str, Facts]
    lost: set[str]


def has_any(facts: Facts) -> bool:
    return any(
        facts[name] for name in ("is_staff", "is_superuser", "groups", "permissions", "reports")
    )


def known(keys: Collection[str]) -> Known:
    told = newest_entries(keys)
    first = told.get(EVERYBODY)
    facts = {
        row.holder: row.facts
        for row in PermissionSnapshot.objects.filter(holder__in=keys)
        if row.entry == told.get(row.holder, first)
        and signing.is_signed(signing.snapshot_text(row), row.signature)
        and (row.entry is not None or not _was_cut())
    }
    return Known(facts, told.keys() - facts.keys() - {EVERYBODY})


def newest_entries(keys: Collection[str]) -> dict[str, int]:
    """By holder, the newest entry that tells of it; and of everybody."""
    entries = AuditEntry.objects.filter(holder__in=[*keys, EVERYBODY]).order_by()
    return dict(entries.values_list("holder").annotate(Max("id")))


def newest_entry(key: str) -> int | None:
    """The entry that a snapshot of a holder has to name now."""
    told = newest_entries([key])
    return told.get(key, told.get(EVERYBODY))


def is_first() -> bool:
    """Whether everybody has never been compared yet, so that what they have is no change."""
    return not AuditEntry.objects.filter(holder=EVERYBODY).exists() and not _was_cut()


def _was_cut() -> bool:
    """Whether the log has ended once for entries, which may have told of anybody."""
    return bool(AuditCheckpoint.objects.exclude(cut_at=None).exists())


def note_comparison() -> None:
    """Keep, for every process, that everybody was compared just now."""
    keep(EVERYBODY, {"compared_at": _now().isoformat()}, None)


def is_comparison_due() -> bool:
    """Whether nobody has compared everybody within the hour, as far as a signed row says."""
    row = PermissionSnapshot.objects.filter(holder=EVERYBODY).first()
    if row is None or not signing.is_signed(signing.snapshot_text(row), row.signature):
        return True
    age = _now() - dt.datetime.fromisoformat(row.facts["compared_at"])
    return not dt.timedelta(0) <= age < COMPARED_FOR


def _now() -> dt.datetime:
    return database_now(router.db_for_write(PermissionSnapshot))


def keep(key: str, facts: Facts, entry: int | None) -> None:
    """Keep what an entry has told of a holder; None before everybody is compared."""
    row = PermissionSnapshot(holder=key, facts=signing.storable(facts), entry=entry)
    row.signature = signing.sign(signing.snapshot_text(row))
    PermissionSnapshot.objects.update_or_create(
        holder=key, defaults={"facts": row.facts, "entry": entry, "signature": row.signature}
    )


def forget(keys: Collection[str]) -> None:
    """Forget holders that have nothing, once the log does not tell of them any more."""
    gone = set(keys) - newest_entries(keys).keys()
    PermissionSnapshot.objects.filter(holder__in=gone).delete()
