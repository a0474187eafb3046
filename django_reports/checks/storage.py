"""System checks of the storage that keeps report files."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from inspect import signature
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.files.storage import InMemoryStorage, Storage

from django_reports.core.conf import NAME, get_settings, settings_problems
from django_reports.core.storages import storage_alias, storage_of
from django_reports.exceptions import FileUnavailable


@register("django_reports")
def check_storage(**kwargs: Any) -> list[CheckMessage]:
    if settings_problems():
        return []
    try:
        kept = storage_of(storage_alias())
    except FileUnavailable as error:
        return [
            Error(
                f"STORAGES[{get_settings().STORAGE!r}], which keeps report files, cannot be used: "
                f"{error.__cause__}",
                hint="Correct it, or leave it out: then report files are kept in a private folder.",
                id="django_reports.E014",
            )
        ]
    return [*_check_place(kept), *_check_publicity(kept), *_check_downloads(kept)]


def _check_place(kept: Storage) -> Iterator[CheckMessage]:
    try:
        location = Path(kept.path("")).resolve()
    except NotImplementedError:  # no folder of this machine
        return
    for name, root in _public_folders():
        if root and location.is_relative_to(Path(root).resolve()):
            yield Error(
                f"Report files are kept in {location}, which lies under {name}, where anyone may "
                "fetch them.",
                hint=f"Set STORAGES[{get_settings().STORAGE!r}] or {NAME}['STORAGE_DIR'] to a "
                "folder of its own.",
                id="django_reports.E004",
            )


def _public_folders() -> Iterator[tuple[str, Any]]:
    for name in ("MEDIA_ROOT", "STATIC_ROOT"):
        yield name, getattr(settings, name, None)
    for item in settings.STATICFILES_DIRS:
        yield "STATICFILES_DIRS", item[1] if isinstance(item, list | tuple) else item


@register("django_reports", Tags.security, deploy=True)
def check_folder(**kwargs: Any) -> list[CheckMessage]:
    """Whether other users of this machine get at the folder of report files, if it is there yet."""
    if settings_problems() or os.name != "posix":
        return []
    try:
        location = storage_of(storage_alias()).path("")
        mode = stat.S_IMODE(os.stat(location).st_mode)
    except (
        FileUnavailable,
        NotImplementedError,
        OSError,
    ):  # no folder of this machine, or none yet
        return []
    if not mode & (stat.S_IROTH | stat.S_IWOTH):
        return []
    return [
        Warning(
            f"Report files are kept in {location}, whose mode is {mode:o}: others may list it, or "
            "put files there.",
            hint=f"chmod 700 {location}, or 750 for a web server that hands files out.",
            id="django_reports.W074",
        )
    ]


def _check_publicity(kept: Storage) -> Iterator[CheckMessage]:
    """Whether anybody but this app could hand files out, or read them."""
    if isinstance(kept, InMemoryStorage):  # of this process alone, as in tests
        return
    address = ""
    with suppress(Exception):  # it has no addresses, or cannot sign them on this machine
        address = kept.url("database/2026/01/file.csv")
    if address and not urlsplit(address).query:
        yield Error(
            f"Report files have a public address, such as {address}.",
            hint="Use django_reports.PrivateFileSystemStorage, or a storage that signs its "
            "addresses (querystring_auth of S3Storage, without a custom_domain).",
            id="django_reports.E031",
        )
    mode = getattr(kept, "file_permissions_mode", 0)
    acl = str(getattr(kept, "default_acl", None) or "")
    if mode is None or mode & stat.S_IROTH or acl.startswith(("public", "authenticated")):
        shown = f"the ACL {acl}" if acl else "no mode" if mode is None else f"the mode {mode:o}"
        yield Error(
            f"Report files are kept with {shown}: others may be able to read them.",
            hint="Set the storage's file_permissions_mode to 0o600 or 0o640, or its default_acl "
            'to None or "private".',
            id="django_reports.E032",
        )


def _check_downloads(kept: Storage) -> Iterator[CheckMessage]:
    """Whether the storage can do what DOWNLOAD_METHOD wants."""
    way, lack = get_settings().DOWNLOAD_METHOD, ""
    if way in ("x-accel-redirect", "x-sendfile"):
        try:
            kept.path("")
        except NotImplementedError:
            lack = "needs a storage of files on this machine"
    wanted = {"parameters", "expire"}
    if way == "redirect" and not wanted <= set(signature(kept.url).parameters):
        lack = "needs a storage whose url() takes parameters and expire, as that of S3Storage"
    if lack:
        yield Error(
            f"{NAME}['DOWNLOAD_METHOD'] is {way!r}, which {lack}; this one is "
            f"{type(kept).__module__}.{type(kept).__qualname__}.",
            hint='Choose another storage, or "django".',
            id="django_reports.E033",
        )
