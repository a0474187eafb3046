"""The storages of exported files: which one is in force, and the private folder that needs none."""

import hashlib
import os
from pathlib import Path, PurePath
from typing import Any, NoReturn

from django.conf import settings
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.db import connections
from django.utils.deconstruct import deconstructible
from django.utils.functional import cached_property
from django.utils.text import slugify
from django.utils.translation import gettext as _

from django_reports.core.conf import get_settings
from django_reports.core.logs import get_logger
from django_reports.exceptions import FileUnavailable

logger = get_logger(__name__)

PRIVATE = "private"  # what a job's `storage` says when the project has configured none
_FILE_MODE = 0o600
_FOLDER_MODE = 0o700


@deconstructible(path="django_reports.PrivateFileSystemStorage")
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
    """Return the folder that is used without STORAGES["reports"]: STORAGE_DIR, or var/reports."""
    folder = get_settings().STORAGE_DIR
    if folder is not None:
        return Path(folder)
    return Path(getattr(settings, "BASE_DIR", None) or Path.cwd()) / "var" / "reports"


def storage_alias() -> str:
    """The alias in force: the STORAGE setting if STORAGES has it, else the private folder."""
    alias = get_settings().STORAGE
    return alias if alias in settings.STORAGES else PRIVATE


def storage_of(alias: str) -> Storage:
    """The storage of an alias. Raises FileUnavailable if it is not configured, or wrongly."""
    if alias not in settings.STORAGES:
        if alias == PRIVATE:
            return PrivateFileSystemStorage()
        raise FileUnavailable(
            _("The storage %(alias)s of this file is no longer configured in STORAGES.")
            % {"alias": repr(alias)}
        )
    try:
        return storages[alias]
    except Exception as error:  # its class cannot be imported, or refuses its options
        logger.error("storage=%s event=storage_unusable error=%s", alias, error)
        raise FileUnavailable(
            _("The storage %(alias)s of this file is configured wrongly in STORAGES.")
            % {"alias": repr(alias)}
        ) from error


def folder_of_database(alias: str) -> str:
    """The folder of whatever one database names: development, test and production may share a
    storage.

    It is named after the database as the settings name it. What stands inside has no say in it.
    """
    known = connections[alias].settings_dict
    name = str(known["NAME"] or "")
    service = known["OPTIONS"].get("service", "")
    parts = [known["ENGINE"], known["HOST"], known["PORT"], name, service]
    digest = hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:12]
    return f"{slugify(PurePath(name).stem)[:40] or 'database'}-{digest}"
