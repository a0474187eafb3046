"""Anchors: places outside of the database that are told of each checkpoint.

Who has the database and the keys can write the whole log anew. What they cannot do is to change
what was said about it elsewhere before.
"""

import hashlib
import json
import logging
import urllib.request
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from typing import Any, ClassVar
from urllib.parse import urlsplit

from django.core.files.base import ContentFile
from django.core.files.storage import InvalidStorageError, storages
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.module_loading import import_string

from django_reports import digests
from django_reports.conf import get_settings
from django_reports.models import AuditCheckpoint

logger = logging.getLogger("django_reports.anchors")

AT_ONCE = 1000  # checkpoints told to each anchor in one sweep
PATIENCE = 5.0  # seconds for a webhook's answer

Facts = dict[str, Any]  # of a checkpoint, as JSON


def facts_of(checkpoint: AuditCheckpoint) -> Facts:
    return {
        "number": checkpoint.number,
        "created_at": digests.moment(checkpoint.created_at),
        "first_position": checkpoint.first_position,
        "last_position": checkpoint.last_position,
        "seal": checkpoint.seal,
        "signature": checkpoint.signature,
    }


class Anchor(ABC):
    """Takes a checkpoint's facts. Told twice is told once; an error means: again, later."""

    can_be_read: ClassVar[bool] = False  # then it has the next two methods, for verification

    def __init__(self, argument: str) -> None:
        """`argument` is what stands behind the colon in AUDIT_ANCHORS."""
        self.argument = argument

    def __str__(self) -> str:
        """Its name: no other anchor's, without secrets. Checkpoints and the log call it so."""
        return f"{type(self).__module__}.{type(self).__qualname__}:{self.argument}"

    @abstractmethod
    def publish(self, facts: Facts) -> None: ...

    def newest(self) -> int | None:
        """The number of the last checkpoint that was told here."""
        raise NotImplementedError

    def read(self, number: int) -> Facts | None:
        """What was told of a checkpoint; None if nothing was."""
        raise NotImplementedError


class LogAnchor(Anchor):
    """A line of the log `django_reports.checkpoints`, which the project keeps elsewhere."""

    _logger = logging.getLogger("django_reports.checkpoints")

    def __str__(self) -> str:
        return "log"

    def publish(self, facts: Facts) -> None:
        self._logger.info("checkpoint=%s", json.dumps(facts))


class StorageAnchor(Anchor):
    """A file for each checkpoint in a storage of STORAGES. Nothing is ever overwritten."""

    can_be_read = True

    def __init__(self, argument: str) -> None:
        """Raises InvalidStorageError for an alias that is not configured."""
        super().__init__(argument)
        self._storage = storages[argument]

    def __str__(self) -> str:
        return f"storage:{self.argument}"

    def publish(self, facts: Facts) -> None:
        name = self._name(facts["number"])
        if not self._storage.exists(name):
            self._storage.save(name, ContentFile(json.dumps(facts).encode()))
        elif self.read(facts["number"]) != facts:
            raise ValueError(f"{self} has another checkpoint {facts['number']} already.")

    def newest(self) -> int | None:
        try:
            names = self._storage.listdir("checkpoints")[1]
        except FileNotFoundError:
            return None
        return max((int(name[:12]) for name in names if name[:12].isdecimal()), default=None)

    def read(self, number: int) -> Facts | None:
        try:
            with self._storage.open(self._name(number)) as file:
                found: Facts = json.load(file)
                return found
        except FileNotFoundError:
            return None

    def _name(self, number: int) -> str:
        return f"checkpoints/{number:012}.json"


class WebhookAnchor(Anchor):
    """A POST of JSON to an address, which has to answer with 2xx."""

    def __str__(self) -> str:
        parts = urlsplit(self.argument)  # what else it has may be a secret, and tells it apart
        digest = hashlib.sha256(self.argument.encode()).hexdigest()[:8]
        return f"{parts.scheme}://{parts.hostname}#{digest}"

    def publish(self, facts: Facts) -> None:
        request = urllib.request.Request(  # noqa: S310 - an address of the settings
            self.argument,
            data=json.dumps(facts).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
            answer.read()


class TextAnchor(Anchor):
    """Lines that a log or a webhook's receiver has kept, to be verified against."""

    can_be_read = True

    def __init__(self, argument: str, lines: Iterator[str]) -> None:
        """Each line may have something before its JSON. Raises ValueError if it is none."""
        super().__init__(argument)
        told = [json.loads(line[line.index("{") :]) for line in lines if "{" in line]
        self._told = {facts["number"]: facts for facts in told}

    def __str__(self) -> str:
        return self.argument

    def publish(self, facts: Facts) -> None:
        raise NotImplementedError

    def newest(self) -> int | None:
        return max(self._told, default=None)

    def read(self, number: int) -> Facts | None:
        return self._told.get(number)


_NAMES: dict[str, type[Anchor]] = {"log": LogAnchor, "storage": StorageAnchor}


def anchor_for(text: str) -> Anchor:
    """The anchor that an item of AUDIT_ANCHORS names.

    Raises ImportError for an unknown one, InvalidStorageError for a storage that is not there.
    """
    if text.startswith(("https://", "http://")):
        return WebhookAnchor(text)
    name, _, argument = text.partition(":")
    anchor_class = _NAMES.get(name) or import_string(name)
    if not (isinstance(anchor_class, type) and issubclass(anchor_class, Anchor)):
        raise ImportError(f"{name} is no subclass of django_reports.anchors.Anchor")
    return anchor_class(argument)


def problems() -> list[str]:
    """What is wrong with AUDIT_ANCHORS, in sentences."""
    found = []
    names: Counter[str] = Counter()
    for text in get_settings().AUDIT_ANCHORS:
        try:
            names[str(anchor_for(text))] += 1
        except (ImportError, InvalidStorageError) as error:
            found.append(f"{text!r}, which cannot be used: {error}")
    return [*found, *(f"{name!r} more than once." for name, count in names.items() if count > 1)]


def all_anchors() -> list[Anchor]:
    return [anchor_for(text) for text in get_settings().AUDIT_ANCHORS]


def publish() -> int:
    """Tell every anchor of the checkpoints that it does not know. Returns how many all know now.

    Each is told on its own, so that one that fails keeps none of the others waiting.
    """
    wanted = {str(anchor): anchor for anchor in all_anchors()}
    if not wanted:
        return 0
    for name, anchor in wanted.items():
        _tell(name, anchor)
    known: int = _waiting().filter(anchors__has_keys=list(wanted)).update(is_anchored=True)
    return known


def _waiting() -> "QuerySet[AuditCheckpoint]":
    return AuditCheckpoint.objects.filter(is_anchored=False)


def _tell(name: str, anchor: Anchor) -> None:
    """In order, and up to the first that fails: the next sweep goes on there."""
    unknown = _waiting().exclude(anchors__has_key=name).order_by("number")
    for checkpoint in unknown[:AT_ONCE]:
        try:
            anchor.publish(facts_of(checkpoint))
        except Exception:  # whatever a storage or a network raises
            logger.exception("checkpoint=%s anchor=%r event=failed", checkpoint.number, name)
            break
        checkpoint.anchors[name] = digests.moment(timezone.now())
        checkpoint.save(update_fields=["anchors"])
