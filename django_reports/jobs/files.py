"""Where files are kept: published whole under an unguessable key, never under a public URL.

Storages raise whatever their libraries raise. From here it comes as StorageUnavailable, in words
for the person who reads it; the log has the rest.
"""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from typing import Any

from django.core.files import File
from django.core.files.storage import Storage
from django.db import router
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_reports.audit import signing
from django_reports.core.choices import JobStatus
from django_reports.core.logs import get_logger
from django_reports.core.storages import folder_of_database, storage_of
from django_reports.exceptions import ChecksumMismatch, FileUnavailable, StorageUnavailable
from django_reports.jobs import checksums
from django_reports.models import Leftover, ReportJob

logger = get_logger(__name__)

RECORD_CHANGED = gettext_lazy(
    "The record of this export was changed, so its file is not handed out."
)
# What `new_key` gives below the folder of its database.
NAME = re.compile(r"[\w-]{43}\.[a-z0-9.]+", re.ASCII)
MANIFEST = ".json"  # behind the key of a file: that of its manifest


def new_key(extension: str, day: date) -> str:
    """An unguessable key; the date is there for people who tidy up by hand."""
    return f"{_folder()}/{day:%Y/%m}/{secrets.token_urlsafe(32)}.{extension}"


def _folder() -> str:
    return folder_of_database(router.db_for_write(ReportJob))


def _is_ours(key: str) -> bool:
    """Whether a key has the form of those that are made here, in our own folder."""
    folder, _slash, name = key.rpartition("/")
    own = re.fullmatch(rf"{re.escape(_folder())}/\d{{4}}/\d{{2}}", folder, re.ASCII)
    return own is not None and NAME.fullmatch(name) is not None


def _may_be_removed(alias: str, key: str, *, signed: bool, by: ReportJob | None = None) -> bool:
    """Whether a row may have a file removed: nothing else keeps who can write to the database from
    having us remove whatever lies in a storage.

    That is only what we made: by the form of its key or, where a storage chose another one, by our
    signature. And no file that another job hands out.
    """
    # Whatever the storage: two aliases may be one place, and no key is ever made twice.
    others = ReportJob.objects.filter(
        status=JobStatus.SUCCEEDED, file_key__in=(key, key.removesuffix(MANIFEST))
    )
    if by is not None:
        others = others.exclude(pk=by.pk)
    reason = "" if signed or _is_ours(key) else "not_ours"
    if not reason and others.exists():
        reason = "of_another_export"
    if reason:
        logger.error("storage=%s key=%r event=not_removed reason=%s", alias, key, reason)
    return not reason


@contextmanager
def _translate_errors(alias: str, key: str, reason: str) -> Iterator[None]:
    """Turn what a storage raises into StorageUnavailable with a reason, and log it."""
    try:
        yield
    except (FileUnavailable, NotImplementedError):
        raise
    except Exception as error:
        logger.exception("storage=%s key=%s event=storage_failed", alias, key)
        raise StorageUnavailable(reason % {"name": type(error).__name__}) from error


def publish(alias: str, key: str, content: Any, size: int) -> str:
    """Save a finished file, open for reading. Returns the name under which the storage keeps it.

    Raises FileUnavailable if the storage fails, or holds another number of bytes than were given
    to it.
    """
    name = key
    reason = _("The file could not be stored (%(name)s). The server's log has the details.")
    with _translate_errors(alias, key, reason):
        storage = storage_of(alias)
        try:
            content.seek(0)
            name = storage.save(key, File(content, name=key))
            _measure(storage, name, size)
        except Exception:
            discard(alias, name)  # what did arrive is of no use
            raise
    return name


def _measure(storage: Storage, name: str, size: int) -> None:
    try:
        stored = storage.size(name)
    except NotImplementedError:  # a storage need not know; then save() is all the word there is
        return
    if stored != size:
        raise FileUnavailable(
            _("The file could not be stored: the storage kept %(stored)s of %(size)s bytes.")
            % {"stored": stored, "size": size}
        )


def open_file(job: ReportJob) -> Any:
    """A job's file, open for reading from its beginning, after its seal was checked.

    Raises ChecksumMismatch if it is missing or is not the one that was made, FileUnavailable if it
    cannot be read.
    """
    reason = _(
        "The file of this export cannot be read now (%(name)s). The server's log has the details."
    )
    if not signing.is_file_of(job):
        raise ChecksumMismatch(str(RECORD_CHANGED))
    with _translate_errors(job.storage, job.file_key, reason):
        try:
            file = storage_of(job.storage).open(job.file_key, "rb")
            try:
                return _checked(job, file)
            except BaseException:
                file.close()
                raise
        except FileNotFoundError as error:
            raise ChecksumMismatch(_("The file of this export is missing.")) from error


def _checked(job: ReportJob, file: Any) -> Any:
    """Check a file's seal; that of a large one that was just checked and looks the same holds."""
    is_large = job.bytes > checksums.AT_ONCE
    look = checksums.file_stamp_of(file) if is_large else ""
    if look and _was_just_checked(job, look):
        return file
    checked = checksums.check(file, job.bytes, job.sha256)
    if look or job.error:
        # As a database keeps it: one second is exact everywhere.
        now = timezone.now().replace(microsecond=0)
        signed = signing.sign(signing.file_stamp_text(job, look, now)) if look else ""
        ReportJob.objects.filter(pk=job.pk, sha256=job.sha256).update(
            verified_file_stamp=signed, verified_at=now, error=""
        )
    return checked


def _was_just_checked(job: ReportJob, look: str) -> bool:
    at = job.verified_at
    if at is None or at <= timezone.now() - checksums.VERIFIED_FOR:
        return False
    return signing.is_signed(signing.file_stamp_text(job, look, at), job.verified_file_stamp)


def delete(alias: str, key: str) -> None:
    """Remove a file; one that is already gone is no error. Raises FileUnavailable if it stays."""
    if key:
        reason = _("A file could not be removed (%(name)s). The server's log has the details.")
        with _translate_errors(alias, key, reason), suppress(FileNotFoundError):
            storage_of(alias).delete(key)


def list_keys(alias: str) -> Iterator[str]:
    """The keys of all files of our database in a storage; files of other names are not ours.

    Raises FileUnavailable if the storage fails, NotImplementedError if it cannot be listed.
    """
    with _translate_errors(alias, "", _("The storage cannot be listed (%(name)s).")):
        storage, own = storage_of(alias), _folder()
        try:
            for year in _folders(storage, own):
                for month in _folders(storage, f"{own}/{year}"):
                    folder = f"{own}/{year}/{month}"
                    for name in storage.listdir(folder)[1]:
                        if NAME.fullmatch(name):
                            yield f"{folder}/{name}"
        except FileNotFoundError:  # nothing has been kept yet
            return


def _folders(storage: Storage, path: str) -> list[str]:
    return [name for name in storage.listdir(path)[0] if name.isdecimal()]


def exists(alias: str, key: str) -> bool:
    """Whether a file is there. Raises FileUnavailable if the storage fails."""
    with _translate_errors(alias, key, _("The storage cannot be asked (%(name)s).")):
        return bool(storage_of(alias).exists(key))


def age_of(alias: str, key: str) -> timedelta | None:
    """How long ago a file was kept; None if the storage does not know, or it is gone."""
    try:
        return timezone.now() - storage_of(alias).get_modified_time(key)
    except (NotImplementedError, FileNotFoundError):
        return None


def remove_of(job: ReportJob) -> None:
    """Remove what a job's row names: its file and its manifest. Raises FileUnavailable."""
    for key in _removable_of(job):
        delete(job.storage, key)


def _removable_of(job: ReportJob) -> Iterator[str]:
    signed = signing.are_names_of(job)
    for key in filter(None, (job.manifest_key, job.file_key)):
        if _may_be_removed(job.storage, key, signed=signed, by=job):
            yield key


def remove_or_note(job: ReportJob) -> None:
    """Remove what a job is about to name no more. If it stays, a sweep tries again."""
    for key in _removable_of(job):
        try:
            delete(job.storage, key)
        except FileUnavailable:
            leftover = Leftover(storage=job.storage, file_key=key)
            leftover.signature = signing.sign(signing.leftover_text(leftover))
            leftover.save()


def remove_noted() -> Iterator[Leftover]:
    """Try again to remove what `remove_or_note` could not, one file at a time."""
    leftovers: Any = Leftover.objects
    for leftover in list(leftovers.order_by("pk")):
        signed = signing.is_signed(signing.leftover_text(leftover), leftover.signature)
        if not signed:
            logger.error("leftover=%s event=forged", leftover.pk)
        with suppress(FileUnavailable):  # it is in the log
            if signed and _may_be_removed(leftover.storage, leftover.file_key, signed=True):
                delete(leftover.storage, leftover.file_key)
            leftover.delete()
        yield leftover


def discard(alias: str, key: str) -> None:
    """Remove a file that nobody waits for. If it stays, that is in the log."""
    with suppress(FileUnavailable):
        delete(alias, key)
