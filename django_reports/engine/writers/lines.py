"""Lines of CSV that a database has written, and what is left to do to them.

A line is a mark, then the values that Python makes texts of, in quotes, then the columns' texts;
where a text of Python's belongs, there is a hole.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple, Protocol

HOLE = "\x1f"


class Mark(StrEnum):
    PLAIN = "1"  # the texts can be taken as they stand
    DOUBTFUL = ""  # they have to be looked at


class LineFormat(NamedTuple):
    """What a line of CSV looks like: just as Python's csv writes it, but column by column."""

    delimiter: str
    quotes_all: bool

    def lines(self, columns: Sequence[Sequence[str]]) -> Iterable[str]:
        """The lines, without an end, of the texts of each column."""
        fields = [self.fields(texts) for texts in columns]
        if len(fields) == 1:  # an empty line would be no row
            fields = [[field or '""' for field in fields[0]]]
        return map(self.delimiter.join, zip(*fields, strict=True))

    def fields(self, texts: Sequence[str]) -> Sequence[str]:
        """Texts in quotes, where the format wants them."""
        if self.quotes_all:
            return [_quoted(text) for text in texts]
        whole = "".join(texts)
        if not any(character in whole for character in (self.delimiter, '"', "\r", "\n")):
            return texts
        search = _special(self.delimiter).search
        return [_quoted(text) if search(text) else text for text in texts]


class Finish(Protocol):
    """Makes the texts that the database could not make."""

    @property
    def given(self) -> int:
        """How many values a line has for it; those that are NULL have no quotes."""

    @property
    def holes(self) -> Sequence[int]:
        """The places of the columns that it makes."""

    def computed_texts(self, given: Sequence[Sequence[str | None]]) -> Sequence[Sequence[str]]:
        """The texts of each hole, of these lines, by the values given with each line."""

    def examined(self, texts: Sequence[str]) -> list[str]:
        """The texts of a doubtful line as they are to be; a plain line's do not change."""


class LineReader:
    """Makes lines whole that a database wrote in one format."""

    def __init__(self, line_format: LineFormat) -> None:
        self._format, self._delimiter = line_format, line_format.delimiter
        mark = re.escape(self._delimiter)
        self._value = re.compile(f'{mark}(?:"((?:[^"]+|"")*)"|([^"{mark}]*))')

    def read(self, lines: Sequence[bytes], finish: Finish) -> Iterable[bytes]:
        """The lines without mark and line feed, in their order."""
        if finish.holes:
            return map(str.encode, self._filled(lines, finish))
        plain = ord(Mark.PLAIN)
        rows = self._parsed([str(line[1:-1], "utf-8") for line in lines if line[0] != plain])
        examined = (self._joined(finish.examined(row)).encode() for row in rows)
        return (line[2:-1] if line[0] == plain else next(examined) for line in lines)

    def _filled(self, lines: Sequence[bytes], finish: Finish) -> Iterable[str]:
        """Lines as the pieces between their holes, with texts made for the holes."""
        usual = _usual(self._delimiter, finish.given, len(finish.holes)).fullmatch
        texts = [str(line, "utf-8") for line in lines]
        found = [usual(text) for text in texts]
        others = [text for text, match in zip(texts, found, strict=True) if not match]
        cut = iter(self._cut(others, finish))
        parts = [match.groups() if match else next(cut) for match in found]
        given = [part[: finish.given] for part in parts]
        pieces = list(zip(*parts, strict=True))[finish.given :]
        columns: list[Iterable[str]] = [pieces[0]]
        for made, piece in zip(finish.computed_texts(given), pieces[1:], strict=True):
            columns += [self._format.fields(made), piece]
        return map("".join, zip(*columns, strict=True))

    def _cut(self, texts: Sequence[str], finish: Finish) -> Iterator[tuple[str | None, ...]]:
        """Given values and pieces, as `_usual` finds them, of lines that it does not match."""
        begin = _begin(self._delimiter, finish.given).match
        begins = [match for match in map(begin, texts) if match]
        rows = self._parsed([match.string[match.end() : -1] for match in begins])
        ends = [*finish.holes, None]
        starts = [None, *(at + 1 for at in finish.holes)]
        for match, row in zip(begins, rows, strict=True):
            fields = self._format.fields(finish.examined(row))
            pieces = [
                self._delimiter.join(["", *fields[start:end], ""])
                for start, end in zip(starts, ends, strict=True)
            ]
            pieces[0] = pieces[0].removeprefix(self._delimiter)
            pieces[-1] = pieces[-1].removesuffix(self._delimiter)
            yield (*match.groups(), *pieces)

    def _parsed(self, texts: Sequence[str]) -> Iterator[list[str]]:
        """The columns' texts of lines without a mark."""
        if max(map(len, texts), default=0) < csv.field_size_limit():
            return csv.reader(texts, delimiter=self._delimiter)
        return map(self._values, texts)

    def _values(self, text: str) -> list[str]:
        """The same of a line that may have longer texts than csv.reader takes."""
        found = self._value.findall(self._delimiter + text)
        return [quoted.replace('""', '"') or plain for quoted, plain in found]

    def _joined(self, texts: Sequence[str]) -> str:
        return self._delimiter.join(self._format.fields(texts))


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


@lru_cache
def _special(delimiter: str) -> re.Pattern[str]:
    return re.compile(f'[{re.escape(delimiter)}"\r\n]')


@lru_cache
def _begin(delimiter: str, given: int) -> re.Pattern[str]:
    """Mark and given values of any line."""
    return re.compile(f"{Mark.PLAIN}?{_values_given(delimiter, given)}")


@lru_cache
def _usual(delimiter: str, given: int, holes: int) -> re.Pattern[str]:
    """A plain line that has no HOLE in its texts."""
    pieces = HOLE.join([f"([^{HOLE}]*)"] * (holes + 1))
    return re.compile(f"{Mark.PLAIN}{_values_given(delimiter, given)}{pieces}\n")


def _values_given(delimiter: str, count: int) -> str:
    mark = re.escape(delimiter)
    return f'{mark}(?:"([^"]*(?:""[^"]*)*)")?' * count + mark
