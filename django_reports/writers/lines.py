"""Lines of CSV that a database has written, and what is left to do to them.

A line is a mark, then the values that Python makes texts of, then the columns' texts; where a text
of Python's belongs, there is a hole.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple, Protocol

GIVEN = "="  # begins a value for Python: an empty one is told from none
HOLE = "\x1f"


class Mark(StrEnum):
    PLAIN = "1"  # the texts can be taken as they stand
    DOUBTFUL = ""  # they have to be looked at


class LineFormat(NamedTuple):
    """What a line of CSV looks like."""

    delimiter: str
    quotes_all: bool


class Finish(Protocol):
    """Makes the texts that the database could not make."""

    @property
    def given(self) -> int:
        """How many values a line has for it."""

    @property
    def holes(self) -> Sequence[int]:
        """The places of the columns that it makes."""

    def made(self, given: Sequence[Sequence[str | None]]) -> Sequence[Sequence[str]]:
        """The texts of each hole, of these lines, by the values given with each line."""

    def examined(self, texts: Sequence[str]) -> list[str]:
        """The texts of a doubtful line as they are to be; a plain line's do not change."""


class LineReader:
    """Makes lines whole that a database wrote in one format."""

    def __init__(self, line_format: LineFormat) -> None:
        self._delimiter, self._quotes_all = line_format
        mark = re.escape(self._delimiter)
        self._special = re.compile(f'[{mark}"\r\n]')  # what Python's csv puts into quotes
        self._value = re.compile(f'{mark}(?:"((?:[^"]+|"")*)"|([^"{mark}]*))')

    def read(self, lines: Sequence[bytes], finish: Finish) -> Iterable[bytes]:
        """The lines without mark and line feed, in their order."""
        if finish.holes:
            return map(str.encode, self._filled(lines, finish))
        plain = ord(Mark.PLAIN)
        rows = self._parsed([str(line, "utf-8") for line in lines if line[0] != plain])
        examined = (self._joined(finish.examined(texts)).encode() for _mark, *texts in rows)
        return (line[2:-1] if line[0] == plain else next(examined) for line in lines)

    def _filled(self, lines: Sequence[bytes], finish: Finish) -> Iterable[str]:
        """Lines as the pieces between their holes, with texts made for the holes."""
        match = _usual(self._delimiter, finish.given, len(finish.holes)).fullmatch
        texts = [str(line, "utf-8") for line in lines]
        found = [match(text) for text in texts]
        unusual = [text for text, usual in zip(texts, found, strict=True) if not usual]
        cut = (self._cut(row, finish) for row in self._parsed(unusual))
        lines_cut = [usual.groups() if usual else next(cut) for usual in found]
        given = [line[: finish.given] for line in lines_cut]
        pieces = list(zip(*lines_cut, strict=True))[finish.given :]
        parts: list[Iterable[str]] = [pieces[0]]
        for made, piece in zip(finish.made(given), pieces[1:], strict=True):
            parts += [self._fields(made), piece]
        return map("".join, zip(*parts, strict=True))

    def _cut(self, row: list[str], finish: Finish) -> tuple[str | None, ...]:
        """A line's values and pieces, as the groups of `_usual` would be."""
        begin = 1 + finish.given
        given = [value[1:] if value else None for value in row[1:begin]]
        fields = self._fields(finish.examined(row[begin:]))
        ends = [*finish.holes, len(fields)]
        begins = [0, *(at + 1 for at in finish.holes)]
        pieces = [
            self._delimiter.join(["", *fields[begin:end], ""])
            for begin, end in zip(begins, ends, strict=True)
        ]
        pieces[0] = pieces[0].removeprefix(self._delimiter)
        pieces[-1] = pieces[-1].removesuffix(self._delimiter)
        return (*given, *pieces)

    def _parsed(self, texts: Sequence[str]) -> Iterator[list[str]]:
        """Mark and values of each line."""
        if max(map(len, texts), default=0) < csv.field_size_limit():
            return csv.reader(texts, delimiter=self._delimiter)
        return map(self._values, texts)

    def _values(self, text: str) -> list[str]:
        """Mark and values of a line with longer ones than csv.reader takes."""
        mark, rest = text[: (end := text.index(self._delimiter))], text[end:].removesuffix("\n")
        found = self._value.findall(rest)
        return [mark, *(quoted.replace('""', '"') or plain for quoted, plain in found)]

    def _joined(self, texts: Sequence[str]) -> str:
        return self._delimiter.join(self._fields(texts))

    def _fields(self, texts: Sequence[str]) -> Sequence[str]:
        """Texts in quotes, where the format wants them."""
        if self._quotes_all:
            return [_quoted(text) for text in texts]
        search = self._special.search
        if not search("".join(texts)):
            return texts
        return [_quoted(text) if search(text) else text for text in texts]


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


@lru_cache
def _usual(delimiter: str, given: int, holes: int) -> re.Pattern[str]:
    """A line without quotes in what is given, and without a HOLE in its texts."""
    mark = re.escape(delimiter)
    value = f'{mark}(?:{GIVEN}([^{mark}"\r\n]*))?'
    pieces = HOLE.join([f"([^{HOLE}]*)"] * (holes + 1))
    return re.compile(f"{Mark.PLAIN}{value * given}{mark}{pieces}\n")
