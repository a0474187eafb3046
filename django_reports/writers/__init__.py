"""Writers: formats. They know columns and values, neither models nor HTTP."""

from django.utils.translation import gettext as _

from django_reports.exceptions import InvalidSpec
from django_reports.writers.base import Writer
from django_reports.writers.csv import CsvWriter
from django_reports.writers.xlsx import XlsxWriter

_writers: dict[str, type[Writer]] = {}


def register_writer(writer: type[Writer]) -> type[Writer]:
    _writers[writer.format] = writer
    return writer


def writer_for(name: str) -> type[Writer]:
    """The writer of a format. Raises InvalidSpec that names the legal formats."""
    if name not in _writers:
        raise InvalidSpec(
            _("There is no format %(format)s.") % {"format": repr(name)},
            field="format",
            legal=_writers,
        )
    return _writers[name]


def all_writers() -> list[type[Writer]]:
    return list(_writers.values())


register_writer(CsvWriter)
register_writer(XlsxWriter)

__all__ = ["Writer", "all_writers", "register_writer", "writer_for"]
