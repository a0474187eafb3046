"""CSV and TSV."""

import codecs
import csv
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_reports.core.choices import Delimiter, Encoding, Header, LineEnd, Quoting
from django_reports.definitions.columns import Row
from django_reports.definitions.specs import CHOICES, Options
from django_reports.engine.writers.base import Writer
from django_reports.engine.writers.encoding import Encoder
from django_reports.engine.writers.guard import escape, guard_of
from django_reports.engine.writers.lines import Finish, LineFormat, LineReader

# What RFC 4180 says, and the only line end with which Python's csv quotes a lone carriage return
# before 3.13. Another one is put in its place line by line.
CRLF = "\r\n"
DIGITS_OF_EXCEL = 10**15  # from here on it rounds integers
UNICODE = (Encoding.UTF_8, Encoding.UTF_8_SIG)  # what databases write, too
QUOTING: Mapping[Quoting, Literal[0, 1]] = {
    Quoting.MINIMAL: csv.QUOTE_MINIMAL,
    Quoting.ALL: csv.QUOTE_ALL,
}


class CsvWriter(Writer):
    format = "csv"
    label = gettext_lazy("CSV")
    purpose = gettext_lazy("For almost every program, and for any number of rows.")
    extension = "csv"
    content_type = "text/csv"
    is_text = True
    option_names = tuple(CHOICES)

    def set_up(self) -> None:
        is_quoted = self.layout.quoting is Quoting.ALL
        self._format = LineFormat(self.delimiter.character, quotes_all=is_quoted)
        self._line_end = "\n" if self.layout.line_end is LineEnd.LF else "\r\n"
        self._encoder = Encoder(self.layout.encoding)
        self._line_reader = LineReader(self._format)
        self._texts = [
            column.kind.to_text(self.rendering, guard_of(column)) for column in self.columns
        ]

    @classmethod
    def cautions(cls, rows: int | None, largest_key: int | None) -> list[str]:
        if largest_key is None or largest_key < DIGITS_OF_EXCEL:
            return []
        return [
            _("Keys here have more than 15 digits, which Excel rounds when it opens this format.")
        ]

    @classmethod
    def content_type_with(cls, options: Options) -> str:
        encoding = options.encoding or Encoding.UTF_8
        charset = "utf-8" if encoding is Encoding.UTF_8_SIG else encoding.value
        header = "; header=absent" if options.header is Header.NONE else ""
        return f"{cls.content_type}; charset={charset}{header}"

    @property
    def delimiter(self) -> Delimiter:
        return self.layout.delimiter

    def begin(self) -> bytes:
        mark = codecs.BOM_UTF8 if self.layout.encoding is Encoding.UTF_8_SIG else b""
        header = self.header
        return mark + self.write_texts([[escape(name)] for name in header or ()])

    def write(self, rows: Sequence[Row]) -> bytes:
        if not rows:
            return b""
        if type(self).shown is not CsvWriter.shown:
            return self.write_texts([*zip(*[self.shown(row) for row in rows], strict=True)])
        return self.write_texts(
            [
                ["" if value is None else text(value) for value in values]
                for text, values in zip(self._texts, zip(*rows, strict=True), strict=True)
            ]
        )

    @property
    def line_format(self) -> LineFormat | None:
        kind = type(self)
        if kind.write is not CsvWriter.write or kind.shown is not CsvWriter.shown:
            return None  # a project's writer that writes rows in a way of its own
        return self._format

    def write_lines(self, lines: Sequence[bytes], finish: Finish) -> bytes:
        made = self._line_reader.read(lines, finish)
        data = self._line_end.encode().join([*made, b""])
        return data if self.layout.encoding in UNICODE else self._encode(data.decode())

    def write_texts(self, columns: Sequence[Sequence[str]]) -> bytes:
        return self._encode(self._line_end.join([*self._format.lines(columns), ""]))

    def shown(self, row: Row) -> list[str]:
        return [
            "" if value is None else text(value)
            for text, value in zip(self._texts, row, strict=True)
        ]

    def end(self) -> Iterable[bytes]:
        return ()

    def _encode(self, text: str) -> bytes:
        data = self._encoder.encode(text)
        if self._encoder.replaced:
            self.losses["replaced_characters"] = self._encoder.replaced
        return data


class TsvWriter(CsvWriter):
    format = "tsv"
    label = gettext_lazy("TSV (separated by tabs)")
    purpose = gettext_lazy("For pasting into tables, and for texts that are full of commas.")
    extension = "tsv"
    content_type = "text/tab-separated-values"
    option_names = tuple(name for name in CHOICES if name != "delimiter")

    @property
    def delimiter(self) -> Delimiter:
        return Delimiter.TAB
