"""Digests that only those can make who hold a key of AUDIT_KEYS: the proof of what was written.

The first key signs, all of them verify. A key is derived from each text, so that SECRET_KEY, which
stands in where there are none, never signs by itself.
"""

import datetime as dt
import hmac
import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.utils import timezone

from django_reports.core.conf import NAME, cached_by_settings, get_settings
from django_reports.models import (
    AuditCheckpoint,
    AuditEntry,
    Leftover,
    PermissionSnapshot,
    ReportJob,
)

FORM = 1  # of the texts that are signed; entries of an older one would still be verified by it
FIRST_SEAL = ""  # what comes before the first entry


@cached_by_settings(NAME, "SECRET_KEY", "SECRET_KEY_FALLBACKS")
def _keys() -> tuple[bytes, ...]:
    texts: Sequence[Any] = get_settings().AUDIT_KEYS or (
        settings.SECRET_KEY,
        *settings.SECRET_KEY_FALLBACKS,
    )
    return tuple(sha256(f"django_reports.audit:{text}".encode()).digest() for text in texts)


def sign(text: str) -> str:
    return hmac.digest(_keys()[0], text.encode(), "sha256").hex()


def is_signed(text: str, digest: str) -> bool:
    """Whether a digest was made of a text, with any of the keys."""
    message, given = text.encode(), digest.encode("utf-8", "replace")
    return any(
        hmac.compare_digest(hmac.digest(key, message, "sha256").hex().encode(), given)
        for key in _keys()
    )


_dumps = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def storable(value: Any) -> Any:
    """A value of JSON as every database gives it back: texts without NUL, 1.0 as 1, keys as texts.

    PostgreSQL cannot store the first and does not keep the second.
    """
    match value:
        case str():
            return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {storable(str(name)): storable(item) for name, item in value.items()}
        case list() | tuple():
            return [storable(item) for item in value]
    return value


def moment(value: dt.datetime) -> str:
    return (value.astimezone(dt.UTC) if timezone.is_aware(value) else value).isoformat()


def _joined(*texts: str) -> str:
    """Texts as one, from which only they could have been joined."""
    return "".join([f"{len(text)}:{text}," for text in texts])


def personal_text(entry: AuditEntry) -> str:
    """What an entry says of a person. With its key: the same address twice gives two digests."""
    return _joined(
        f"personal {FORM}", entry.key.hex, entry.actor_label, entry.address or "", entry.user_agent
    )


def entry_text(entry: AuditEntry) -> str:
    """All the facts of an entry, personal data by its digest."""
    return _joined(
        f"entry {FORM}",
        entry.key.hex,
        entry.action,
        entry.actor_key,
        entry.report,
        entry.job_key,
        entry.holder,
        moment(entry.created_at),
        entry.request_id,
        _dumps(entry.data),
        entry.personal_digest,
    )


def is_entry(entry: Any) -> bool:
    """Whether an entry says what it said when it was written, besides of people."""
    try:
        return is_signed(entry_text(entry), entry.digest)
    except (AttributeError, TypeError):  # a column holds what Django does not take for a value
        return False


def seal_text(previous: str, position: int, entry_id: int, digest: str) -> str:
    """Of an entry in its place behind the one whose seal is `previous`."""
    return f"seal {FORM}:{previous}:{position}:{entry_id}:{digest}"


def checkpoint_text(checkpoint: AuditCheckpoint) -> str:
    return _joined(
        f"checkpoint {FORM}",
        str(checkpoint.number),
        moment(checkpoint.created_at),
        str(checkpoint.first_position),
        str(checkpoint.last_position),
        checkpoint.seal,
    )


def request_text(job: ReportJob) -> str:
    """Who asked for what."""
    return _joined(
        f"request {FORM}",
        job.pk.hex,
        job.authority,
        job.requester_key,
        job.requested_by_text,
        job.tenant_key,
        job.report,
        job.format,
        job.execution,
        job.filename,
        _dumps(storable(job.spec)),
    )


def file_text(job: ReportJob) -> str:
    """What decides who may have a job's file, until when, and which file that is; and what its page
    and its manifest say of it."""
    moments = (job.created_at, job.snapshot_at, job.finished_at, job.expires_at)
    return _joined(
        f"file {FORM}",
        request_text(job),
        _dumps(storable(job.columns)),
        _dumps(storable(job.losses)),
        job.storage,
        job.file_key,
        job.filename,
        job.project_version,
        str(job.rows_done),
        str(job.bytes),
        job.sha256,
        *(moment(at) if at else "" for at in moments),
    )


def is_request_of(job: ReportJob) -> bool:
    """Whether the row of a job that has no file yet still says what was asked for."""
    return _is_theirs(job) and is_signed(request_text(job), job.signature)


def is_file_of(job: ReportJob) -> bool:
    """Whether a job's row still says of its file what it said when the file was made."""
    return _is_theirs(job) and is_signed(file_text(job), job.signature)


def _is_theirs(job: ReportJob) -> bool:
    return job.requested_by_id is None or str(job.requested_by_id) == job.requester_key


def file_stamp_text(job: ReportJob, look: str, verified_at: dt.datetime) -> str:
    """That a job's file was right when it looked like this from outside."""
    return _joined(f"look {FORM}", job.pk.hex, job.sha256, look, moment(verified_at))


def names_text(job: ReportJob) -> str:
    """Under which names a storage keeps a job's file and its manifest."""
    names = (job.storage, job.file_key, job.manifest_key)
    return _joined(f"names {FORM}", job.pk.hex, *names)


def are_names_of(job: ReportJob) -> bool:
    return is_signed(names_text(job), job.names_signature)


def leftover_text(leftover: Leftover) -> str:
    return _joined(f"leftover {FORM}", leftover.storage, leftover.file_key)


def snapshot_text(snapshot: PermissionSnapshot) -> str:
    facts = _dumps(storable(snapshot.facts))
    return _joined(f"snapshot {FORM}", snapshot.holder, str(snapshot.entry), facts)


def sign_entry(entry: AuditEntry) -> None:
    entry.personal_digest = sign(personal_text(entry))
    entry.digest = sign(entry_text(entry))
