"""Sealing: entries get their place in one unbroken chain, and signed checkpoints its state.

Writers never wait for it, nor for each other: an entry is written with a digest of itself alone.
Afterwards the sweep puts those that are there in line, in whichever order they were committed.
"""

import logging
from typing import Any

from django.db import IntegrityError, connections, router, transaction
from django.utils import timezone

from django_reports import digests
from django_reports.models import AuditCheckpoint, AuditEntry

logger = logging.getLogger("django_reports.audit")

BATCH = 5000  # entries below one checkpoint


def database() -> str:
    """The alias of the database that keeps the log."""
    return router.db_for_write(AuditEntry)


def last_checkpoint() -> AuditCheckpoint | None:
    return AuditCheckpoint.objects.order_by("number").last()


def waiting_entries() -> list[tuple[int, str]]:
    """The id and digest of the entries that the next checkpoint seals, at most BATCH."""
    waiting = AuditEntry.objects.filter(position=None).order_by("id")
    return list(waiting.values_list("id", "digest")[:BATCH])


def seal_batch(last: AuditCheckpoint | None, entries: list[tuple[int, str]]) -> int:
    """Seal entries under a new checkpoint behind the `last` one. Returns how many.

    All is read before the transaction, whose first statement is the checkpoint: of two processes
    that seal at once, one gets the number, and the other seals nothing.
    """
    position = last.last_position if last else 0
    seal = last.seal if last else digests.FIRST_SEAL
    checkpoint = AuditCheckpoint(
        number=last.number + 1 if last else 1,
        created_at=timezone.now(),
        first_position=position + 1,
    )
    sealed = []
    for entry_id, digest in entries:
        position += 1
        seal = digests.sign(digests.seal_text(seal, position, entry_id, digest))
        sealed.append((position, seal, entry_id))
    checkpoint.last_position, checkpoint.seal = position, seal
    checkpoint.signature = digests.sign(digests.checkpoint_text(checkpoint))
    try:
        with transaction.atomic(using=database()):
            checkpoint.save(force_insert=True)
            _write(sealed)
    except IntegrityError:
        logger.info("checkpoint=%s event=sealed_by_another", checkpoint.number)
        return 0
    return len(sealed)


def _write(sealed: list[tuple[Any, ...]]) -> None:
    """Past the model and its queryset, which let nobody change an entry."""
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
