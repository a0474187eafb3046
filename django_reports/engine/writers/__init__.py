"""Writers: formats. They know columns and values, neither models nor HTTP."""

from importlib.util import find_spec

from django.utils.translation import gettext as _

from django_reports.engine.writers.base import Facts, Writer
from django_reports.engine.writers.compressed import compressed
from django_reports.engine.writers.csv import CsvWriter, TsvWriter
from django_reports.engine.writers.guard import escape, unescape
from django_reports.engine.writers.jsonl import JsonLinesWriter
from django_reports.engine.writers.xlsx import XlsxWriter
from django_reports.exceptions import InvalidSpec

COMPRESSIONS = ("gz", "zip")

_writers: dict[str, type[Writer]] = {}


def register_writer(writer: type[Writer]) -> type[Writer]:
    """Offer a format at every entry point; a text format also compressed."""
    _writers[writer.format] = writer
    if writer.is_text:
        for ending in COMPRESSIONS:
            register_writer(compressed(writer, ending))
    return writer


def writer_for(name: str) -> type[Writer]:
    """The writer of a format. Raises InvalidSpec that names the legal formats."""
    if name not in _writers:
        message = _("There is no format %(format)s.") % {"format": repr(name)}
        if name == "parquet":
            message += " " + _("It comes with: pip install “django-reports[parquet]”.")
        raise InvalidSpec(message, field="format", legal=_writers)
    return _writers[name]


def plain_format(name: str) -> str:
    """A format without its compression: csv of csv.gz."""
    plain, _dot, ending = name.rpartition(".")
    return plain if ending in COMPRESSIONS else name


def all_writers() -> list[type[Writer]]:
    return list(_writers.values())


register_writer(CsvWriter)
register_writer(XlsxWriter)
register_writer(TsvWriter)
register_writer(JsonLinesWriter)
if find_spec("pyarrow"):
    from django_reports.engine.writers.parquet import ParquetWriter

    register_writer(ParquetWriter)

__all__ = [
    "COMPRESSIONS",
    "Facts",
    "Writer",
    "all_writers",
    "escape",
    "plain_format",
    "register_writer",
    "unescape",
    "writer_for",
]
