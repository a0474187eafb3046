"""CSV, in both profiles."""

import codecs
import csv
import io
from collections.abc import Callable, Iterable, Sequence

from django.utils.translation import gettext_lazy as _

from django_reports.columns import BoundColumn, Row
from django_reports.kinds import Rendering
from django_reports.statuses import Profile
from django_reports.writers.base import Writer
from django_reports.writers.guard import escape, unguarded


class CsvWriter(Writer):
    format = "csv"
    label = _("CSV")
    extension = "csv"
    content_type = "text/csv; charset=utf-8"
    supports_streaming = True

    def __init__(self, columns: Sequence[BoundColumn], rendering: Rendering, title: str) -> None:
        super().__init__(columns, rendering, title)
        # CRLF is what RFC 4180 says, and the only line end with which Python's csv quotes a lone
        # carriage return before 3.13.
        self._buffer = io.StringIO(newline="")
        self._csv = csv.writer(self._buffer, lineterminator="\r\n")
        self._texts = [
            column.kind.to_text(rendering, escape if column.escape_formulas else unguarded)
            for column in columns
        ]

    def begin(self) -> bytes:
        if self.rendering.profile is Profile.SPREADSHEET:
            header = [escape(str(column.label)) for column in self.columns]
            return codecs.BOM_UTF8 + self._lines([header])
        return self._lines([[escape(column.name) for column in self.columns]])

    def write(self, rows: Sequence[Row]) -> bytes:
        texts: list[Callable[[object], str]] = self._texts
        return self._lines(
            ["" if value is None else text(value) for text, value in zip(texts, row, strict=True)]
            for row in rows
        )

    def end(self) -> Iterable[bytes]:
        return ()

    def _lines(self, rows: Iterable[list[str]]) -> bytes:
        self._csv.writerows(rows)
        text = self._buffer.getvalue()
        self._buffer.seek(0)
        self._buffer.truncate()
        try:
            return text.encode()
        except UnicodeEncodeError:  # a lone surrogate has no UTF-8
            self.losses["replaced_characters"] += sum("\ud800" <= c <= "\udfff" for c in text)
            return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text).encode()
