"""Sealing: entries get their place in one unbroken chain, and signed checkpoints its state.

Writers never wait for it, nor for each other: an entry is written with a digest of itself alone.
Afterwards the sweep puts those that are there in line, in whichever order they were committed.
"""

import datetime as dt
import logging
from typing import Any

from django.db import DatabaseError, connections, router, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from django_reports.audit import signing
from django_reports.core.database_errors import is_conflict, is_lost_connection, is_timeout
from django_reports.models import AuditCheckpoint, AuditEntry

logger = logging.getLogger(__name__)

BATCH = 5000  # entries below one checkpoint
LATE = dt.timedelta(minutes=15)  # where a worker runs, an entry waits for seconds


def database() -> str:
    """The alias of the database that keeps the log."""
    return router.db_for_write(AuditEntry)


def last_checkpoint() -> AuditCheckpoint | None:
    return AuditCheckpoint.objects.order_by("number").last()


def number_of(checkpoint: AuditCheckpoint | None) -> int:
    return checkpoint.number if checkpoint else 0


def is_ours(checkpoint: AuditCheckpoint) -> bool:
    """Whether a checkpoint says what it said when it was made."""
    return signing.is_signed(signing.checkpoint_text(checkpoint), checkpoint.signature)


class Obstructed(Exception):
    """The next checkpoint cannot be made, and no other sealing is why."""


def require_ours(last: AuditCheckpoint | None) -> None:
    """Raises Obstructed if the `last` checkpoint was changed: nothing is sealed upon that."""
    if last is not None and not is_ours(last):
        raise Obstructed(
            _("Checkpoint %(number)s was changed: its signature is not ours.")
            % {"number": last.number}
        )


def waiting_entries(last: AuditCheckpoint | None) -> list[tuple[int, str]]:
    """The id and digest of the entries that the next checkpoint seals, at most BATCH.

    That is also what only says that it is sealed: else one row that somebody put where the next one
    belongs would keep all others from it.
    """
    waiting = AuditEntry.objects.filter(Q(position=None) | _above(last)).order_by("id")
    return list(waiting.values_list("id", "digest")[:BATCH])


def _above(last: AuditCheckpoint | None) -> Q:
    return Q(position__gt=last.last_position if last else 0)


def is_overdue() -> bool:
    """Whether an entry waits to be sealed for much longer than it should."""
    late = timezone.now() - LATE
    return bool(AuditEntry.objects.filter(position=None, created_at__lt=late).exists())


def overdue_in_words() -> str:
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
    try:
        with transaction.atomic(using=database()):
            checkpoint.save(force_insert=True)
            # Past the model and its queryset, which let nobody change an entry.
            QuerySet(AuditEntry, using=database()).filter(_above(last)).update(position=None)
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
