"""Names of files and sheets that every system and every spreadsheet program accepts."""

import re
import unicodedata
from collections.abc import Iterable

from django.core.exceptions import SuspiciousFileOperation
from django.utils.text import get_valid_filename, slugify

MAX_FILE_CHARACTERS = 100
MAX_FILE_BYTES = 200  # in UTF-8: file systems take 255, and an extension or a date follows
RESERVED_BY_WINDOWS = frozenset(  # whatever their extension
    ["con", "prn", "aux", "nul"] + [f"{port}{n}" for port in ("com", "lpt") for n in range(10)]
)
MAX_SHEET_CHARACTERS = 31
MAX_STEM = 25  # of them for the title: all sheets of one title have the same stem
RESERVED_BY_EXCEL = "history"

_EDGES = re.compile(r"^[\s']+|[\s']+$")
_NOT_IN_SHEETS = re.compile("[\\[\\]:*?/\\\\\x00-\x1f\ud800-\udfff\ufffe\uffff]")


def file_stem(*titles: str) -> str:
    """Return what a file is called by the first of these titles that has letters or digits."""
    slugs = (slugify(title, allow_unicode=True) for title in titles)
    slug = unicodedata.normalize("NFC", next(filter(None, slugs), "export"))
    stem = slug[:MAX_FILE_CHARACTERS].encode()[:MAX_FILE_BYTES].decode(errors="ignore").rstrip("-_")
    return f"{stem}_" if stem in RESERVED_BY_WINDOWS else stem


def safe_filename(name: str) -> str:
    """Return a name without path, control and bidirectional characters; "export" if nothing is
    left of it. What is safe already stays as it is."""
    try:
        return get_valid_filename(name).lstrip(".") or "export"
    except SuspiciousFileOperation:
        return "export"


def sheet_name(title: str, taken: Iterable[str]) -> str:
    """Return a name that Excel accepts for a sheet beside those `taken`, whatever their case."""
    clean = _NOT_IN_SHEETS.sub(" ", title)
    used = {name.casefold() for name in taken}
    number, name = 1, _fit_sheet(clean)
    if name.casefold() == RESERVED_BY_EXCEL:
        clean = name = f"{name}_"
    while name.casefold() in used:
        number += 1
        name = _fit_sheet(clean, f" ({number})")
    return name


def utf16_cut(text: str, limit: int) -> str:
    """Cut to `limit` characters as Excel counts them: in UTF-16, where an emoji is two."""
    return text.encode("utf-16-le")[: 2 * limit].decode("utf-16-le", errors="ignore")


def _fit_sheet(title: str, suffix: str = "") -> str:
    # Cut first: no name may begin or end with an apostrophe.
    stem = utf16_cut(title, min(MAX_STEM, MAX_SHEET_CHARACTERS - len(suffix)))
    return (_EDGES.sub("", stem) or "Sheet") + suffix
