"""Whether the audit log is what was written: the first thing wrong, and why.

Entries are read once, in sealing order, beside the checkpoints that close their batches.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from django_reports.audit import chain, signing
from django_reports.audit.anchors import Anchor, all_anchors, facts_of
from django_reports.audit.chain import (
    REMOVALS,
    Obstructed,
    describe_overdue,
    describe_unexplained_cut,
    is_explained,
    is_overdue,
    last_checkpoint,
    put_back_in_words,
    removal_of,
    require_ours,
)
from django_reports.models import AuditCheckpoint, AuditEntry, Removal

CHUNK = 5000  # entries fetched at once


class Wrong(Exception):
    """Something is not what was written. The message names it, and says why."""


@dataclass
class Verified:
    """How much was found right, up to the first thing that is wrong."""

    entries: int = 0
    unsealed: int = 0
    checkpoints: int = 0
    anchors: int = 0
    files: int = 0
    wrong: str = ""
    notes: list[str] = field(default_factory=list)  # what could not be checked


def verify_log(
    verified: Verified,
    also: Iterable[Anchor] = (),
    *,
    follow: Callable[[Any], object] = lambda entry: None,
) -> None:
    """Verify the log, against its anchors and others that were kept.

    Counts in `verified`, and notes there what could not be checked. `follow` is called with each
    entry that is right, in their order. Raises Wrong.
    """
    # A database's cursor that is left to the garbage collector may take its connection along.
    with ExitStack() as cursors:
        # First what was told outside: what is sealed meanwhile comes on top of it.
        told = [_Told.of(anchor) for anchor in [*all_anchors(), *also] if anchor.can_be_read]
        for entry in _Log(verified, cursors).verify():
            follow(entry)
        for each in told:
            each.verify()
            verified.anchors += 1
            verified.notes += each.limits()
    if not told:
        verified.notes.append(
            _(
                "No anchor can be read: who has the database and the keys could have written the "
                "whole log anew."
            )
        )
    if verified.unsealed:
        verified.notes.append(
            _("Entries that were deleted before they were sealed cannot be missed.")
        )
    if is_overdue():
        verified.notes.append(describe_overdue())


@dataclass
class _Removed:
    """What entries of the log itself tell of what was removed from it."""

    # Positions up to which entries were, and from before when.
    through: list[tuple[int, dt.datetime]] = field(default_factory=list)
    personal_before: dt.datetime | None = None  # what entries older than this say of people


class _Log:
    def __init__(self, verified: Verified, cursors: ExitStack) -> None:
        self._verified = verified
        self._cursors = cursors
        # What is sealed from now on is not looked for.
        with _as_wrong():
            self._last = last_checkpoint()
        self._checkpoints = self._remaining_checkpoints()
        self._removed = self._read_removals()
        self._position = 0
        self._seal = signing.FIRST_SEAL
        self._next: AuditCheckpoint | None = None

    def verify(self) -> Iterator[AuditEntry]:
        self._begin()
        for entry in self._sealed():
            self._verify_entry(entry)
            self._verify_place(entry)
            self._verified.entries += 1
            yield entry
        if self._next is not None:
            raise Wrong(
                _("The entries %(first)s–%(last)s are missing: the log was cut after them.")  # noqa: RUF001
                % {"first": self._position + 1, "last": self._bound}
            )
        with _as_wrong():
            put_back = {entry.pk for entry in chain.put_back()}
        for entry in self._unsealed():
            self._verify_entry(entry)
            if entry.position is not None and entry.position > self._sealed_by_now():
                raise Wrong(
                    _("%(entry)s was sealed, and its checkpoint is missing.")
                    % {"entry": _name(entry)}
                )
            if entry.id in put_back:
                raise Wrong(put_back_in_words(entry))
            self._verified.unsealed += 1
            yield entry

    @property
    def _bound(self) -> int:
        return self._last.last_position if self._last else 0

    def _sealed_by_now(self) -> int:
        last = last_checkpoint()
        return last.last_position if last else 0

    def _entries(self) -> Any:
        """Rows with the attributes of entries: making those would take as long as the rest."""
        names = [field.attname for field in AuditEntry._meta.concrete_fields]
        return AuditEntry.objects.values_list(*names, named=True)

    def _sealed(self) -> Iterator[AuditEntry]:
        rows = self._entries().filter(position__lte=self._bound).order_by("position")
        return read_rows(rows, self._cursors)

    def _unsealed(self) -> Iterator[AuditEntry]:
        rows = self._entries().filter(Q(position=None) | Q(position__gt=self._bound))
        return read_rows(rows.order_by("id"), self._cursors)

    def _remaining_checkpoints(self) -> Iterator[AuditCheckpoint]:
        number = self._last.number if self._last else 0
        rows = AuditCheckpoint.objects.filter(number__lte=number)
        return read_rows(rows.order_by("number"), self._cursors)

    def _read_removals(self) -> _Removed:
        removed = _Removed()
        for entry in self._entries().filter(action__in=REMOVALS).order_by("id"):
            self._verify_digest(entry)
            if told := removal_of(entry):
                removed.through.append(told)
            if entry.data.get("what") == Removal.PERSONAL_DATA:
                before = _before(entry)
                removed.personal_before = max(removed.personal_before or before, before)
        return removed

    def _begin(self) -> None:
        """Go to the first checkpoint that entries belong to: where the log begins, or was cut."""
        first = self._advance()
        if first is None:
            return
        if first.number == 1 and not self._is_cut(first):
            self._verify_mark(first)
            return
        if not any(through >= first.last_position for through, _before in self._removed.through):
            raise Wrong(
                _("The entries up to %(last)s are missing, and no entry tells of their removal.")
                % {"last": first.last_position}
            )
        if not is_explained(first, self._removed.through):
            raise Wrong(
                _("The entries up to %(last)s were removed before their time.")
                % {"last": first.last_position}
            )
        self._position, self._seal = first.last_position, first.seal
        self._advance()

    def _is_cut(self, first: AuditCheckpoint) -> bool:
        """Whether the entries below the first checkpoint are gone, and may be."""
        return first.cut_at is not None and not AuditEntry.objects.filter(position=1).exists()

    def _verify_mark(self, checkpoint: AuditCheckpoint) -> None:
        if checkpoint.cut_at is not None and not is_explained(checkpoint, self._removed.through):
            raise Wrong(describe_unexplained_cut(checkpoint))

    def _advance(self) -> AuditCheckpoint | None:
        previous, self._next = self._next, next(self._checkpoints, None)
        if (checkpoint := self._next) is None:
            return None
        if previous is not None and checkpoint.number != previous.number + 1:
            raise Wrong(_("Checkpoint %(number)s is missing.") % {"number": previous.number + 1})
        with _as_wrong():
            require_ours(checkpoint)
        if previous is not None:
            self._verify_mark(checkpoint)
        self._verified.checkpoints += 1
        return checkpoint

    def _verify_place(self, entry: AuditEntry) -> None:
        """That an entry stands where it was sealed, and nothing between it and the one before."""
        position = self._position + 1
        if entry.position != position:
            raise Wrong(
                _("Entry %(position)s is missing: entry %(found)s (id %(id)s) comes next.")
                % {"position": position, "found": entry.position, "id": entry.id}
            )
        text = signing.seal_text(self._seal, position, entry.id, entry.digest)
        if not signing.is_signed(text, entry.seal):
            raise Wrong(
                _("%(entry)s does not follow the one before it: an entry was put in, or moved.")
                % {"entry": _name(entry)}
            )
        self._position, self._seal = position, entry.seal
        if self._next is None:  # entries above the last checkpoint are not among those read
            raise AssertionError("a sealed entry without a checkpoint")
        if position == self._next.last_position:
            if self._seal != self._next.seal:
                raise Wrong(
                    _("%(entry)s is not the one that checkpoint %(number)s was made of.")
                    % {"entry": _name(entry), "number": self._next.number}
                )
            self._advance()

    def _verify_entry(self, entry: AuditEntry) -> None:
        self._verify_digest(entry)
        if signing.is_signed(signing.personal_text(entry), entry.personal_digest):
            return
        before = self._removed.personal_before
        is_empty = not (entry.actor_label or entry.address or entry.user_agent)
        if not is_empty or before is None or entry.created_at >= before:
            raise Wrong(
                _("%(entry)s was changed: its who, address or browser.") % {"entry": _name(entry)}
            )

    def _verify_digest(self, entry: AuditEntry) -> None:
        if not signing.is_entry(entry):
            raise Wrong(
                _("%(entry)s was changed, or was not written by this application.")
                % {"entry": _name(entry)}
            )


@contextmanager
def _as_wrong() -> Iterator[None]:
    """Turn what keeps a log from being sealed into Wrong."""
    try:
        with chain.readable():
            yield
    except Obstructed as error:
        raise Wrong(str(error)) from error


def _before(entry: AuditEntry) -> dt.datetime:
    """From before which moment something was removed, as an entry tells."""
    return dt.datetime.fromisoformat(entry.data["before"])


def read_rows(rows: Any, cursors: ExitStack) -> Iterator[Any]:
    """Rows by a cursor that `cursors` closes. Raises Wrong for what a row's columns cannot hold."""
    iterator: Iterator[Any] = cursors.enter_context(closing(rows.iterator(chunk_size=CHUNK)))
    last: Any = None
    while True:
        try:
            row = next(iterator, None)
        except (TypeError, ValueError, OverflowError) as error:
            raise Wrong(
                _("A row of %(table)s cannot be read (%(error)s); among those after %(last)s.")
                % {"table": rows.model._meta.db_table, "error": error, "last": last}
            ) from error
        if row is None:
            return
        last = getattr(row, "id", None) or row.pk
        yield row


def _name(entry: AuditEntry) -> str:
    if entry.position is None:
        return _("Entry id %(id)s (not sealed yet)") % {"id": entry.id}
    return _("Entry %(position)s (id %(id)s)") % {"position": entry.position, "id": entry.id}


# Anchors


@dataclass(frozen=True)
class _Told:
    """An anchor, and the number of the last checkpoint that it was told of."""

    anchor: Anchor
    newest: int

    @classmethod
    def of(cls, anchor: Anchor) -> "_Told":
        with _readable(anchor):
            return cls(anchor, _newest(anchor))

    def verify(self) -> None:
        """That the log has the checkpoints that were told, the same.

        A seal is made of all before it: if the newest is the same, all before are. If it is not,
        the first other one is found by halving.
        """
        points = AuditCheckpoint.objects.all()
        last, first = points.order_by("number").last(), points.order_by("number").first()
        if self.newest > (last.number if last else 0):
            raise Wrong(
                _(
                    "%(anchor)s was told of checkpoint %(newest)s, and the log ends with "
                    "checkpoint %(number)s, entry %(last)s: it was cut."
                )
                % {
                    "anchor": self.anchor,
                    "newest": self.newest,
                    "number": last.number if last else 0,
                    "last": last.last_position if last else 0,
                }
            )
        if first is None or first.number > self.newest or self._is_same(self.newest):
            return
        good, bad = first.number - 1, self.newest
        while bad - good > 1:
            middle = (good + bad) // 2
            good, bad = (middle, bad) if self._is_same(middle) else (good, middle)
        found = points.get(number=bad)
        raise Wrong(
            _(
                "Among the entries %(first)s–%(last)s something was written anew: %(anchor)s was "  # noqa: RUF001
                "told of another checkpoint %(number)s."
            )
            % {
                "first": found.first_position,
                "last": found.last_position,
                "anchor": self.anchor,
                "number": bad,
            }
        )

    def limits(self) -> Iterator[str]:
        """What the anchor cannot say, in sentences."""
        last = last_checkpoint()
        words: dict[str, Any] = {"anchor": self.anchor, "newest": self.newest}
        if last is not None and self.newest < last.number:
            words["number"] = last.number
            if str(self.anchor) in last.anchors:
                yield (
                    _(
                        "%(anchor)s no longer has checkpoint %(number)s, which it was told of; the "
                        "newest one it has is %(newest)s. Is its storage shared by all servers?"
                    )
                    % words
                )
            else:
                yield (
                    _(
                        "%(anchor)s was not told of the checkpoints after %(newest)s; the log ends "
                        "with %(number)s."
                    )
                    % words
                )
        with _readable(self.anchor):
            accepted = self.anchor.accepted
        if accepted is not None:
            yield _(
                "%(anchor)s was told at %(when)s to go on from checkpoint %(number)s: %(reason)s. "
                "What it was told before is not compared."
            ) % {
                "anchor": self.anchor,
                "when": accepted["accepted_at"],
                "number": accepted["number"],
                "reason": accepted["reason"],
            }

    def _is_same(self, number: int) -> bool:
        point = AuditCheckpoint.objects.get(number=number)
        with _readable(self.anchor):
            told = self.anchor.read(number)
        return told is None or told == facts_of(point)


def _newest(anchor: Anchor) -> int:
    accepted = anchor.accepted
    try:
        return max(anchor.newest() or 0, accepted["number"] if accepted else 0)
    except NotImplementedError:  # it cannot be listed: what it has behind the log is probed for
        last = last_checkpoint()
        number = last.number if last else 0
        while anchor.read(number + 1) is not None:
            number += 1
        while number and anchor.read(number) is None:
            number -= 1
        return number


@contextmanager
def _readable(anchor: Anchor) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # whatever a storage raises, or what its files hold
        raise Wrong(
            _("%(anchor)s cannot be read (%(name)s: %(error)s).")
            % {"anchor": anchor, "name": type(error).__name__, "error": error}
        ) from error
