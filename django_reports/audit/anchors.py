"""Anchors: places outside of the database that keep each checkpoint of the audit log.

Whoever can write to the database can take back what it says. What it said before stays where they
cannot write: by default in the storage of the reports' files, and wherever AUDIT_ANCHORS says.
"""

import hashlib
import json
import logging
import urllib.request
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, ClassVar
from urllib.parse import urlsplit

from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage, InvalidStorageError, Storage, storages
from django.db import connections
from django.utils.functional import cached_property
from django.utils.module_loading import import_string

from django_reports.audit import signing
from django_reports.audit.chain import database
from django_reports.core.conf import get_settings
from django_reports.core.storages import folder_of_database, storage_alias, storage_of
from django_reports.exceptions import FileUnavailable
from django_reports.models import AuditCheckpoint

PATIENCE = 5.0  # seconds for a webhook's answer

Facts = dict[str, Any]  # of a checkpoint, as JSON


def facts_of(checkpoint: AuditCheckpoint) -> Facts:
    return {
        "number": checkpoint.number,
        "created_at": signing.moment(checkpoint.created_at),
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

    def accept(self, facts: Facts) -> None:
        """Go on from another log, a restored backup say: what was told before no longer counts.

        `facts` are `number` and `seal` of the checkpoint that it ends with (0 and empty if it has
        none), and `reason`. Nothing is removed.
        """
        raise NotImplementedError

    @property
    def accepted(self) -> Facts | None:
        """What `accept` was told last."""
        return None


class LogAnchor(Anchor):
    """A line of the log `django_reports.audit.checkpoints`, which the project keeps elsewhere."""

    _logger = logging.getLogger("django_reports.audit.checkpoints")

    def __str__(self) -> str:
        return "log"

    def publish(self, facts: Facts) -> None:
        self._logger.info("checkpoint=%s", json.dumps(facts))


class StorageAnchor(Anchor):
    """A file for each checkpoint in a storage of STORAGES. Nothing is ever overwritten.

    The files lie in `checkpoints/`. When another log is accepted, the next series begins, in
    `checkpoints-2/` and so on, with a file that says why.
    """

    can_be_read = True
    folder = ""

    def __init__(self, argument: str) -> None:
        """Raises InvalidStorageError for an alias that is not configured."""
        super().__init__(argument)
        self.storage: Storage = storages[argument]

    def __str__(self) -> str:
        return f"storage:{self.argument}"

    def publish(self, facts: Facts) -> None:
        name = self._name(facts["number"])
        if not self.storage.exists(name):
            self._save(name, facts)
        elif self._load(name) != facts:
            raise ValueError(f"{self} has another checkpoint {facts['number']} already.")

    def newest(self) -> int | None:
        """Raises NotImplementedError where the storage cannot be listed."""
        try:
            names = self.storage.listdir(self._series_folder(self._series))[1]
        except FileNotFoundError:
            return None
        return max((int(name[:12]) for name in names if name[:12].isdecimal()), default=None)

    def read(self, number: int) -> Facts | None:
        return self._load(self._name(number))

    def accept(self, facts: Facts) -> None:
        self._save(self._start(self._series + 1), facts)
        del self._series

    @property
    def accepted(self) -> Facts | None:
        return self._load(self._start(self._series)) if self._series > 1 else None

    @cached_property
    def _series(self) -> int:
        number = 1
        while self.storage.exists(self._start(number + 1)):
            number += 1
        return number

    def _series_folder(self, series: int) -> str:
        return self.folder + ("checkpoints" if series == 1 else f"checkpoints-{series}")

    def _start(self, series: int) -> str:
        return f"{self._series_folder(series)}/start.json"

    def _name(self, number: int) -> str:
        return f"{self._series_folder(self._series)}/{number:012}.json"

    def _save(self, name: str, facts: Facts) -> None:
        try:
            self.storage.save(name, ContentFile(json.dumps(facts).encode()))
        except Exception:
            with suppress(Exception):  # a part of it would stand in the way for good
                self.storage.delete(name)
            raise

    def _load(self, name: str) -> Facts | None:
        try:
            with self.storage.open(name) as file:
                facts: Facts = json.load(file)
                return facts
        except FileNotFoundError:
            return None


class ReportsAnchor(StorageAnchor):
    """The default: the storage of the reports' files, in a folder for each database.

    The folder is named after the database as the settings name it. What stands inside the database
    has no say in it, and development, test and production may share a storage.
    """

    def __init__(self, argument: str = "") -> None:
        Anchor.__init__(self, argument)

    def __str__(self) -> str:
        return "reports"

    @cached_property
    def storage(self) -> Storage:  # type: ignore[override]
        """Raises FileUnavailable if it is configured wrongly."""
        return storage_of(storage_alias())

    @cached_property
    def folder(self) -> str:  # type: ignore[override]
        return f"audit/{folder_of_database(database())}/"


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A receiver that moved has not taken the checkpoint."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


class WebhookAnchor(Anchor):
    """A POST of JSON to an address, which has to answer with 2xx. Redirects are not followed."""

    _opener = urllib.request.build_opener(_NoRedirects)

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
        with self._opener.open(request, timeout=PATIENCE) as answer:
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


_NAMES: dict[str, type[Anchor]] = {
    "log": LogAnchor,
    "reports": ReportsAnchor,
    "storage": StorageAnchor,
}


def anchor_for(text: str) -> Anchor:
    """The anchor that an item of AUDIT_ANCHORS names.

    Raises ImportError for an unknown one, InvalidStorageError for a storage that is not there.
    """
    if text.startswith(("https://", "http://")):
        return WebhookAnchor(text)
    name, _, argument = text.partition(":")
    anchor_class = _NAMES.get(name) or import_string(name)
    if not (isinstance(anchor_class, type) and issubclass(anchor_class, Anchor)):
        raise ImportError(f"{name} is no subclass of django_reports.Anchor")
    return anchor_class(argument)


def problems() -> list[str]:
    """What is wrong with AUDIT_ANCHORS, in sentences."""
    found = []
    names: Counter[str] = Counter()
    for text in get_settings().AUDIT_ANCHORS or ():
        try:
            names[str(anchor_for(text))] += 1
        except (ImportError, InvalidStorageError) as error:
            found.append(f"{text!r}, which cannot be used: {error}")
    return [*found, *(f"{name!r} more than once." for name, count in names.items() if count > 1)]


def anchors_in_force() -> Sequence[str]:
    """AUDIT_ANCHORS; unset, the reports' storage, unless it or the database is in memory only."""
    configured = get_settings().AUDIT_ANCHORS
    if configured is not None:
        return configured
    return () if _is_in_memory() else ("reports",)


def _is_in_memory() -> bool:
    connection: Any = connections[database()]
    if connection.vendor == "sqlite" and connection.is_in_memory_db():
        return True
    with suppress(FileUnavailable):
        return isinstance(storage_of(storage_alias()), InMemoryStorage)
    return False


def all_anchors() -> list[Anchor]:
    """Each anchor once, even if it is configured twice."""
    anchors = [anchor_for(text) for text in anchors_in_force()]
    return list({str(anchor): anchor for anchor in anchors}.values())
