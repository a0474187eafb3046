"""Sealing with its proof: no checkpoint is added to a log that an anchor contradicts.

Whoever can write to the database can remove checkpoints and have what is left sealed again. So
before each new checkpoint the last one is compared with what the anchors were told of it.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from enum import Enum
from typing import Any, NamedTuple

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from django_reports.audit import chain, log, signing
from django_reports.audit.anchors import Anchor, all_anchors, facts_of
from django_reports.audit.chain import (
    Obstructed,
    describe_overdue,
    is_overdue,
    last_checkpoint,
    number_of,
)
from django_reports.audit.log import SYSTEM
from django_reports.core.choices import AuditAction
from django_reports.models import AuditCheckpoint, AuditEntry, PermissionSnapshot

logger = logging.getLogger(__name__)

CONTRADICTED = _(
    "The audit log is not what it was. New entries are not sealed. Ask an administrator to run "
    "verify_reports."
)
AT_ONCE = 1000  # checkpoints told to each anchor in one sweep


class Agreement(Enum):
    """What an anchor says about the last checkpoint of the log."""

    AGREES = "agrees"
    CONTRADICTS = "contradicts"
    ABSENT = "absent"  # it was told of nothing here
    PARTIAL = "partial"  # it was told, and no longer has it
    UNREACHABLE = "unreachable"


class Sealed(NamedTuple):
    entries: int = 0
    anchored: int = 0  # checkpoints that all anchors know now


def seal() -> Sealed:
    """Seal all waiting entries and tell the anchors of each new checkpoint."""
    batches = list(seal_in_batches())
    return Sealed(sum(batch.entries for batch in batches), sum(b.anchored for b in batches))


def seal_in_batches() -> Iterator[Sealed]:
    """As `seal`, a checkpoint at a time.

    Nothing is sealed while an anchor contradicts the log, its checkpoints or entries are not what
    was written as far as that is seen here, or the database refuses the next checkpoint: an entry
    and the log say so.
    """
    anchors = all_anchors()
    try:
        yield Sealed(anchored=publish())
        while (count := _seal_batch(anchors)) is not None:
            yield Sealed(count, publish())
            if count < chain.BATCH:
                return
    except Obstructed as error:
        _raise_alarm(number=chain.last_number(), reason=str(error))


def _seal_batch(anchors: list[Anchor]) -> int | None:
    """Seal what waits below one checkpoint. Returns how much that was; None if nothing may be."""
    with chain.readable():
        last = last_checkpoint()
        chain.require_ours(last)
        chain.require_explained_cuts()
        waiting = chain.waiting_entries(last)
        if not waiting:
            return None
        chain.require_none_put_back()
    return chain.seal_batch(last, waiting) if _may_seal(anchors, last) else None


def _may_seal(anchors: list[Anchor], last: AuditCheckpoint | None) -> bool:
    for anchor in anchors:
        agreement = agreement_of(anchor, last)
        if agreement is Agreement.CONTRADICTS:
            if chain.last_number() == number_of(last):  # else another worker was faster
                _raise_alarm(number=number_of(last), anchor=str(anchor))
            return False
        if agreement in (Agreement.UNREACHABLE, Agreement.PARTIAL):
            logger.warning("checkpoint=%s anchor=%r event=%s", number_of(last), str(anchor),
                           agreement.value)  # fmt: skip
    return True


def agreement_of(anchor: Anchor, last: AuditCheckpoint | None) -> Agreement:
    """Compare the last checkpoint with an anchor, by probing its number and the next one."""
    if not anchor.can_be_read:
        return Agreement.ABSENT
    number = number_of(last)
    try:
        accepted = anchor.accepted or {"number": 0, "seal": signing.FIRST_SEAL}
        if number < accepted["number"] or anchor.read(number + 1) is not None:
            return Agreement.CONTRADICTS
        if number == accepted["number"]:
            seal = last.seal if last else signing.FIRST_SEAL
            return Agreement.AGREES if seal == accepted["seal"] else Agreement.CONTRADICTS
        assert last is not None
        facts = anchor.read(number)
    except Exception:  # whatever a storage raises, or what its files hold
        logger.exception("checkpoint=%s anchor=%r event=unreachable", number, str(anchor))
        return Agreement.UNREACHABLE
    if facts is None:
        return Agreement.PARTIAL if str(anchor) in last.anchors else Agreement.ABSENT
    return Agreement.AGREES if facts == facts_of(last) else Agreement.CONTRADICTS


def _raise_alarm(**facts: Any) -> None:
    """Once for each contradiction, so that a sweep every few seconds does not fill the log."""
    known = alarm()
    if known is not None and known.data == facts:
        return
    log.record(AuditAction.LOG_CONTRADICTED, origin=SYSTEM, **facts)
    logger.error(
        "checkpoint=%s anchor=%r reason=%r event=contradicted: the audit log is not what it was, "
        "and is no longer sealed; run verify_reports",
        facts["number"],
        facts.get("anchor", ""),
        facts.get("reason", ""),
    )


def alarm() -> AuditEntry | None:
    """The entry of a contradiction that nobody has accepted since.

    By signed moments: an entry that somebody else wrote, or put in again, accepts nothing.
    """
    actions = (AuditAction.LOG_CONTRADICTED, AuditAction.LOG_ACCEPTED)
    rows = AuditEntry.objects.filter(action__in=actions).order_by("-created_at", "-id")
    for key in rows.values_list("pk", flat=True):
        with suppress(*chain.UNREADABLE, AuditEntry.DoesNotExist):
            entry: AuditEntry = AuditEntry.objects.get(pk=key)
            if signing.is_entry(entry):
                return entry if entry.action == AuditAction.LOG_CONTRADICTED else None
    return None


def contradicting() -> list[Anchor]:
    """The anchors that contradict the log now."""
    last = last_checkpoint()
    return [a for a in all_anchors() if agreement_of(a, last) is Agreement.CONTRADICTS]


def problems() -> list[str]:
    """Why nothing can be sealed now, in sentences."""
    try:
        with chain.readable():
            chain.require_ours(last_checkpoint())
            found = [f"The anchor {str(a)!r} was told of another one." for a in contradicting()]
            for checkpoint in _waiting().order_by("number")[:AT_ONCE]:
                chain.require_ours(checkpoint)
            chain.require_explained_cuts()
            chain.require_none_put_back()
    except Obstructed as error:
        return [str(error)]
    return found


def concerns() -> list[str]:
    """What who looks at the log should know of it, in sentences."""
    found = [str(CONTRADICTED)] if alarm() is not None else []
    return [*found, describe_overdue()] if is_overdue() else found


def accept(reason: str, *, files: Sequence[str] = ()) -> AuditEntry | None:
    """Go on with the log as it is, after a backup was restored say. Recorded, here and there.

    `files` are the keys of exports whose files are gone without a word. None if there are none, no
    anchor contradicts the log, and no alarm was raised. Raises Obstructed for a last checkpoint
    from which nothing can go on.

    What entries that were put in again tell of anybody's rights counts no more: it is compared.
    """
    with chain.readable():
        last = last_checkpoint()
        if last is not None and not isinstance(last.anchors, dict):
            chain.require_ours(last)
        anchors, cut, entries = contradicting(), chain.unexplained_cut(), chain.put_back()
    if not (anchors or files or cut or entries or alarm()):
        return None
    holders = {entry.holder for entry in entries}
    PermissionSnapshot.objects.filter(holder__in=holders).delete()
    number, seal = number_of(last), last.seal if last else signing.FIRST_SEAL
    at = signing.moment(timezone.now())
    for anchor in anchors:
        anchor.accept({"number": number, "seal": seal, "reason": reason, "accepted_at": at})
    return log.record(
        AuditAction.LOG_ACCEPTED,
        origin=SYSTEM,
        anchors=[str(anchor) for anchor in anchors],
        number=number,
        files=list(files) or None,
        entries=[str(entry.key) for entry in entries] or None,
        through=cut.last_position if cut else None,
        reason=reason,
    )


def publish() -> int:
    """Tell every anchor of the checkpoints that it does not know. Returns how many all know now.

    Each is told on its own, so that one that fails keeps none of the others waiting.
    """
    anchors = all_anchors()
    if not anchors:
        return 0
    for anchor in anchors:
        _tell(anchor)
    names = [str(anchor) for anchor in anchors]
    known: int = _waiting().filter(anchors__has_keys=names).update(is_anchored=True)
    return known


def _waiting() -> "QuerySet[AuditCheckpoint]":
    return AuditCheckpoint.objects.filter(is_anchored=False)


def _tell(anchor: Anchor) -> None:
    """In order, and up to the first that fails: the next sweep goes on there.

    Raises Obstructed for a checkpoint that is not ours: nobody is told of that.
    """
    name = str(anchor)
    unknown = _waiting().exclude(anchors__has_key=name).order_by("number")
    with chain.readable():
        checkpoints = list(unknown[:AT_ONCE])
    for checkpoint in checkpoints:
        chain.require_ours(checkpoint)
        try:
            anchor.publish(facts_of(checkpoint))
        except Exception:  # whatever a storage or a network raises
            logger.exception("checkpoint=%s anchor=%r event=failed", checkpoint.number, name)
            break
        checkpoint.anchors[name] = signing.moment(timezone.now())
        checkpoint.save(update_fields=["anchors"])
