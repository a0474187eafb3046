"""Where files are kept: published whole under an unguessable key, never under a public URL."""

import os
import secrets
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, cast

from django.conf import settings
from django.core.files import File
from django.core.files.storage import FileSystemStorage, InvalidStorageError, Storage, storages
from django.utils.deconstruct import deconstructible
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from django_reports.conf import get_settings
from django_reports.exceptions import FileUnavailable
from django_reports.models import ReportJob

PRIVATE = "private"  # what a job's `storage` says when the project has configured none
_FILE_MODE = 0o600
_FOLDER_MODE = 0o700


@deconstructible(path="django_reports.storage.PrivateFileSystemStorage")
class PrivateFileSystemStorage(FileSystemStorage):
    """Files for their owner's eyes only, and without a URL."""

    def __init__(self, location: str | os.PathLike[str] | None = None, **options: Any) -> None:
        options.setdefault("file_permissions_mode", _FILE_MODE)
        options.setdefault("directory_permissions_mode", _FOLDER_MODE)
        super().__init__(location=location or private_folder(), **options)

    @cached_property
    def base_url(self) -> None:  # type: ignore[override]
        return None

    def url(self, name: str | None) -> NoReturn:
        raise ValueError("Report files have no URL; they are downloaded through their job.")


def private_folder() -> Path:
    """The folder used without STORAGES["reports"]: FOLDER, or var/reports beside the project."""
    folder = get_settings().FOLDER
    if folder is not None:
        return Path(folder)
    return Path(getattr(settings, "BASE_DIR", None) or Path.cwd()) / "var" / "reports"


def storage_alias() -> str:
    """The alias in force: the STORAGE setting if STORAGES has it, else the private folder."""
    alias = get_settings().STORAGE
    return alias if alias in settings.STORAGES else PRIVATE


def storage_of(alias: str) -> Storage:
    """The storage of an alias. Raises FileUnavailable for one that is no longer configured."""
    if alias == PRIVATE and alias not in settings.STORAGES:
        return PrivateFileSystemStorage()
    try:
        return storages[alias]
    except InvalidStorageError as error:
        raise FileUnavailable(
            _("The storage %(alias)s of this file is no longer configured in STORAGES.")
            % {"alias": repr(alias)}
        ) from error


def new_key(extension: str, day: date) -> str:
    """An unguessable key; the date is there for people who tidy up by hand."""
    return f"{day:%Y/%m}/{secrets.token_urlsafe(32)}.{extension}"


def publish(alias: str, key: str, path: str, size: int) -> str:
    """Save a finished local file. Returns the name under which the storage keeps it.

    Raises OSError if the storage holds another number of bytes than were given to it.
    """
    storage = storage_of(alias)
    try:
        with open(path, "rb") as file:
            name = storage.save(key, File(file, name=key))
    except Exception:
        with suppress(
            Exception
        ):  # what did arrive is of no use; the first error is the one to tell
            storage.delete(key)
        raise
    try:
        stored = storage.size(name)
    except NotImplementedError:  # a storage need not know; then save() is all the word there is
        return name
    if stored != size:
        storage.delete(name)
        raise OSError(f"the storage kept {stored} of {size} bytes")
    return name


def open_file(job: ReportJob) -> BinaryIO:
    """A job's file, open for reading.

    Raises FileUnavailable if it is missing or not as long as the one that was made.
    """
    storage = storage_of(job.storage)
    try:
        file = storage.open(job.file_key, "rb")
    except OSError as error:
        raise FileUnavailable(_("The file of this export is missing.")) from error
    if file.size != job.bytes:
        file.close()
        raise FileUnavailable(_("The file of this export is not the one that was made."))
    return cast("BinaryIO", file)


def delete(alias: str, key: str) -> None:
    """Remove a file; one that is already gone is no error."""
    if key:
        storage_of(alias).delete(key)
