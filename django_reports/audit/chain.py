"""Sealing: entries get their place in one unbroken chain, and signed checkpoints its state.

Writers never wait for it, nor for each other: an entry is written with a digest of itself alone.
Afterwards the sweep puts those that are there in line, in whichever order they were committed.
"""

import datetime as dt
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError, connections, router, transaction
from django.db.models import Max, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from django_reports.audit import signing
from django_reports.core.choices import AuditAction
from django_reports.core.database_errors import is_conflict, is_lost_connection, is_timeout
from django_reports.models import AuditCheckpoint, AuditEntry

logger = logging.getLogger(__name__)

BATCH = 5000  # entries below one checkpoint
LATE = dt.timedelta(minutes=15)  # where a worker runs, an entry waits for seconds
OLD = dt.timedelta(days=1)  # that no transaction takes, from writing an entry to its end
# What tells that entries may be missing.
REMOVALS = (AuditAction.PURGED, AuditAction.LOG_ACCEPTED)


def database() -> str:
    """The alias of the database that keeps the log."""
    return router.db_for_write(AuditEntry)


class Obstructed(Exception):
    """The next checkpoint cannot be made, and no other sealing is why."""


# What a row raises that holds what its columns cannot.
UNREADABLE = (AttributeError, KeyError, TypeError, ValueError, OverflowError)


@contextmanager
def readable() -> Iterator[None]:
    """Turn what unreadable rows raise into Obstructed."""
    try:
        yield
    except UNREADABLE as error:
        logger.exception("event=unreadable")
        raise Obstructed(
            _("A row of the audit log or of its checkpoints cannot be read (%(error)s).")
            % {"error": f"{type(error).__name__}: {error}"}
        ) from error


def last_checkpoint() -> AuditCheckpoint | None:
    return AuditCheckpoint.objects.order_by("number").last()


def number_of(checkpoint: AuditCheckpoint | None) -> int:
    return checkpoint.number if checkpoint else 0


def last_number() -> int:
    """As the number of the last checkpoint, whatever else its row holds."""
    return AuditCheckpoint.objects.aggregate(Max("number"))["number__max"] or 0


def is_ours(checkpoint: AuditCheckpoint) -> bool:
    """Whether a checkpoint says what it said when it was made."""
    try:
        return signing.is_signed(signing.checkpoint_text(checkpoint), checkpoint.signature)
    except (AttributeError, TypeError):  # a column holds what Django does not take for a value
        return False


def require_ours(checkpoint: AuditCheckpoint | None) -> None:
    """Raises Obstructed if a checkpoint was changed: nothing is sealed upon that, nobody told."""
    if checkpoint is None:
        return
    if not is_ours(checkpoint):
        raise Obstructed(
            _("Checkpoint %(number)s was changed: its signature is not ours.")
            % {"number": checkpoint.number}
        )
    if not isinstance(checkpoint.anchors, dict):
        raise Obstructed(
            _("Checkpoint %(number)s was changed: what it says of anchors cannot be read.")
            % {"number": checkpoint.number}
        )


# What was removed


def removal_of(entry: Any) -> tuple[int, dt.datetime] | None:
    """Up to which position an entry tells that entries were removed, and from before when."""
    through = entry.data.get("through")
    if through is None:
        return None
    before = entry.data.get("before")
    return through, dt.datetime.fromisoformat(before) if before else entry.created_at


def is_explained(checkpoint: AuditCheckpoint, removals: Iterable[tuple[int, dt.datetime]]) -> bool:
    """Whether the entries up to a checkpoint may be missing, by what entries of ours tell."""
    return any(
        through >= checkpoint.last_position and checkpoint.created_at < before
        for through, before in removals
    )


def describe_unexplained_cut(checkpoint: AuditCheckpoint) -> str:
    return _(
        "Checkpoint %(number)s is marked as if the entries up to %(last)s had been removed at the "
        "end of their time, and no entry tells of that."
    ) % {"number": checkpoint.number, "last": checkpoint.last_position}


def _cuts() -> "QuerySet[AuditCheckpoint]":
    return AuditCheckpoint.objects.exclude(cut_at=None).order_by("-number")


def _is_explained_by(actions: Iterable[str], checkpoint: AuditCheckpoint) -> bool:
    told = AuditEntry.objects.filter(
        action__in=actions, data__through__gte=checkpoint.last_position
    )
    removals = filter(None, (removal_of(entry) for entry in told if signing.is_entry(entry)))
    return is_ours(checkpoint) and is_explained(checkpoint, removals)


def unexplained_cut() -> AuditCheckpoint | None:
    """The last checkpoint that is marked to have lost entries by somebody else."""
    return next((point for point in _cuts() if not _is_explained_by(REMOVALS, point)), None)


def _end_of_time() -> AuditCheckpoint | None:
    """The checkpoint up to which all entries were removed, at the end of their time."""
    cut = _cuts().first()
    return cut if cut is not None and _is_explained_by([AuditAction.PURGED], cut) else None


def require_explained_cuts() -> None:
    """Raises Obstructed if a checkpoint is marked to have lost entries, and no entry says so."""
    if (checkpoint := unexplained_cut()) is not None:
        raise Obstructed(describe_unexplained_cut(checkpoint))


# What waits


def waiting_entries(last: AuditCheckpoint | None) -> list[tuple[int, str]]:
    """The id and digest of the entries that the next checkpoint seals, at most BATCH.

    That is also what only says that it is sealed: else one row that somebody put where the next one
    belongs would keep all others from it.
    """
    waiting = AuditEntry.objects.filter(_waiting(last)).order_by("id")
    return list(waiting.values_list("id", "digest")[:BATCH])


def _misplaced(last: AuditCheckpoint | None) -> Q:
    """Of entries whose position is one that nothing sealed has: above the last checkpoint, or among
    those that were removed."""
    cut = _end_of_time()
    return Q(position__gt=last.last_position if last else 0) | Q(
        position__lte=cut.last_position if cut else 0
    )


def _waiting(last: AuditCheckpoint | None) -> Q:
    return Q(position=None) | _misplaced(last)


def put_back() -> list[AuditEntry]:
    """The entries that wait, though they are as old as what was removed, or older by a day than
    what was sealed last: somebody has kept them and put them in again.

    Of those that nobody has accepted.
    """
    last, cut = last_checkpoint(), _end_of_time()
    moments = [last.created_at - OLD] if last else []
    moments += [cut.created_at] if cut else []
    if not moments:
        return []
    newest = max(moments)
    waiting = AuditEntry.objects.filter(_waiting(last), created_at__lte=newest)
    found = list(waiting.order_by("id"))
    if not found:
        return []
    accepting = AuditEntry.objects.filter(action=AuditAction.LOG_ACCEPTED, created_at__gt=newest)
    accepted = {key for e in accepting if signing.is_entry(e) for key in e.data.get("entries", ())}
    return [entry for entry in found if str(entry.key) not in accepted]


def require_none_put_back() -> None:
    """Raises Obstructed if an entry that was there before was put in again, to be sealed anew."""
    for entry in put_back():
        raise Obstructed(put_back_in_words(entry))


def put_back_in_words(entry: Any) -> str:
    return _(
        "Entry id %(id)s waits to be sealed, and is of %(when)s: older than what was sealed or "
        "removed before. It was put in again, or its transaction took very long."
    ) % {"id": entry.id, "when": entry.created_at.isoformat(timespec="seconds")}


def is_overdue() -> bool:
    """Whether an entry waits to be sealed for much longer than it should."""
    late = AuditEntry.objects.filter(created_at__lt=timezone.now() - LATE)
    try:
        with readable():
            return bool(late.filter(_waiting(last_checkpoint())).exists())
    except Obstructed:  # nothing is sealed now
        return bool(late.filter(position=None).exists())


def describe_overdue() -> str:
    return _(
        "Entries of the audit log have waited for more than %(minutes)s minutes to be sealed. "
        "Until then they could be removed unnoticed. Is a reports_worker running, or sweep_reports?"
    ) % {"minutes": LATE // dt.timedelta(minutes=1)}


def seal_batch(last: AuditCheckpoint | None, entries: list[tuple[int, str]]) -> int:
    """Seal entries under a new checkpoint behind the `last` one. Returns how many.

    All is read before the transaction, whose first statement is the checkpoint: of two processes
    that seal at once, one gets the number, and the other seals nothing. Raises Obstructed if the
    database refuses it for another reason.
    """
    position = last.last_position if last else 0
    seal = last.seal if last else signing.FIRST_SEAL
    checkpoint = AuditCheckpoint(
        number=number_of(last) + 1,
        created_at=timezone.now(),
        first_position=position + 1,
    )
    sealed = []
    for entry_id, digest in entries:
        position += 1
        seal = signing.sign(signing.seal_text(seal, position, entry_id, digest))
        sealed.append((position, seal, entry_id))
    checkpoint.last_position, checkpoint.seal = position, seal
    checkpoint.signature = signing.sign(signing.checkpoint_text(checkpoint))
    misplaced = _misplaced(last)
    try:
        with transaction.atomic(using=database()):
            checkpoint.save(force_insert=True)
            # Past the model and its queryset, which let nobody change an entry.
            QuerySet(AuditEntry, using=database()).filter(misplaced).update(position=None)
            _write(sealed)
    except DatabaseError as error:
        if is_lost_connection(error) or is_conflict(error) or is_timeout(error):
            raise
        if number_of(last_checkpoint()) == number_of(last):
            raise Obstructed(str(error)) from error
        logger.info("checkpoint=%s event=sealed_by_another", checkpoint.number)
        return 0
    return len(sealed)


def _write(sealed: list[tuple[Any, ...]]) -> None:
    meta = AuditEntry._meta
    connection = connections[database()]
    quote = connection.ops.quote_name
    table, position, seal, id_ = map(quote, (meta.db_table, "position", "seal", "id"))
    with connection.cursor() as cursor:
        cursor.executemany(
            f"UPDATE {table} SET {position} = %s, {seal} = %s "  # noqa: S608 - names of our own
            f"WHERE {id_} = %s AND {position} IS NULL",
            sealed,
        )
