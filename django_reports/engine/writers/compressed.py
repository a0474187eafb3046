"""Text formats, compressed: `.gz`, and `.zip`, which may hold a file for each section."""

import zipfile
import zlib
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from django.utils.text import format_lazy

from django_reports.definitions.columns import BoundColumn, Row
from django_reports.definitions.specs import Options
from django_reports.engine.writers.base import Writer
from django_reports.engine.writers.lines import Finish, LineFormat
from django_reports.engine.writers.names import file_stem
from django_reports.engine.writers.sink import Sink

GZIP = 16 + zlib.MAX_WBITS  # zlib's word for: with gzip's header, without a time in it
FIRST_TIME = (1980, 1, 1, 0, 0, 0)  # that ZIP knows: the same rows give the same bytes
LEVEL = 6


class CompressedWriter(Writer):
    """Another writer's file, compressed on the way."""

    inner_class: ClassVar[type[Writer]]

    def set_up(self) -> None:
        self.inner = self._begin_inner(self.columns, self.title)

    @classmethod
    def check(cls, columns: Sequence[BoundColumn], options: Options) -> None:
        cls.inner_class.check(columns, options)

    def _begin_inner(self, columns: Sequence[BoundColumn], title: str) -> Writer:
        inner = self.inner_class(columns, self.rendering, title, layout=self.layout)
        inner.losses = self.losses  # all are counted together
        return inner

    def shown(self, row: Row) -> list[str]:
        return self.inner.shown(row)

    @property
    def line_format(self) -> LineFormat | None:
        return self.inner.line_format

    def write(self, rows: Sequence[Row]) -> bytes:
        return self._put(self.inner.write(rows))

    def write_lines(self, lines: Sequence[bytes], finish: Finish) -> bytes:
        return self._put(self.inner.write_lines(lines, finish))

    def write_texts(self, columns: Sequence[Sequence[str]]) -> bytes:
        return self._put(self.inner.write_texts(columns))

    @abstractmethod
    def _put(self, data: bytes) -> bytes:
        """Compress a part of the file."""

    def close(self) -> None:
        self.inner.close()


class GzipWriter(CompressedWriter):
    def begin(self) -> bytes:
        self._gzip = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP)
        return self._put(self.inner.begin())

    def _put(self, data: bytes) -> bytes:
        return self._gzip.compress(data)

    def end(self) -> Iterable[bytes]:
        for block in self.inner.end():
            yield self._put(block)
        yield self._gzip.flush()


class ZipWriter(CompressedWriter):
    """A file for each section, named by its title."""

    supports_sections = True
    _member: Any = None

    def begin(self) -> bytes:
        self._sink = Sink()
        sink: Any = self._sink
        self._zip = zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL)
        return self._begin_member()

    def _put(self, data: bytes) -> bytes:
        self._member.write(data)
        return self._sink.take()

    def next_section(self, columns: Sequence[BoundColumn], title: str) -> bytes:
        self._end_member()
        self.inner.close()
        self.inner = self._begin_inner(columns, title)
        return self._begin_member()

    def end(self) -> Iterable[bytes]:
        self._end_member()
        self._zip.close()
        self._member = None
        yield self._sink.take()

    def close(self) -> None:
        super().close()
        if self._member is not None:  # half written: its own end, later, would complain of it
            self._member.close()
            self._zip.close()

    def _begin_member(self) -> bytes:
        stem = file_stem(self.inner.title)
        name = f"{stem}.{self.inner.extension}"
        number = 1
        while name in self._zip.namelist():
            number += 1
            name = f"{stem}-{number}.{self.inner.extension}"
        info = zipfile.ZipInfo(name, FIRST_TIME)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o600 << 16
        self._member = self._zip.open(info, "w", force_zip64=True)
        self._member.write(self.inner.begin())
        return self._sink.take()

    def _end_member(self) -> None:
        for block in self.inner.end():
            self._member.write(block)
        self._member.close()


def compressed(inner: type[Writer], ending: str) -> type[Writer]:
    """The writer of `inner`'s format, compressed: "gz" or "zip"."""
    base, content_type = {
        "gz": (GzipWriter, "application/gzip"),
        "zip": (ZipWriter, "application/zip"),
    }[ending]
    facts = {
        "inner_class": inner,
        "format": f"{inner.format}.{ending}",
        "label": format_lazy("{}, .{}", inner.label, ending),
        "extension": f"{inner.extension}.{ending}",
        "content_type": content_type,
        "supports_types": inner.supports_types,
        "option_names": inner.option_names,
        "__doc__": f"{inner.format}, compressed as {ending}.",
    }
    return type(f"{inner.__name__}{ending.title()}", (base,), facts)
