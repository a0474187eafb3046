"""Apache Parquet, with the extra "parquet" (pyarrow)."""

from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any

from django.utils.translation import gettext_lazy

from django_reports.core.choices import Encoding
from django_reports.definitions.columns import BoundColumn, Row
from django_reports.definitions.kinds.base import arrow
from django_reports.definitions.specs import Options
from django_reports.engine.writers.base import Writer
from django_reports.engine.writers.encoding import Encoder
from django_reports.engine.writers.sink import Sink
from django_reports.exceptions import FormatLimitExceeded

GROUP = 10_000  # rows that are compressed, and kept in memory, together


class ParquetWriter(Writer):
    """Columns by name with the types of their kinds; what its type cannot hold is refused."""

    format = "parquet"
    label = gettext_lazy("Parquet (for data tools)")
    purpose = gettext_lazy("For data tools: small files of typed columns, fast to read.")
    extension = "parquet"
    content_type = "application/vnd.apache.parquet"
    supports_streaming = False
    supports_types = True
    option_names = ("profile",)

    @classmethod
    def check(cls, columns: Sequence[BoundColumn], options: Options) -> None:
        for column in columns:
            try:
                column.kind.arrow_type()
            except ValueError as error:
                raise FormatLimitExceeded(
                    gettext_lazy(
                        "Parquet has no type for the column %(column)s: %(error)s. "
                        "Choose another format, or give the column another kind."
                    ),
                    {"column": column.name, "error": error},
                ) from error

    def set_up(self) -> None:
        inner = self.rendering.for_programs()
        self._to_arrow = [column.kind.to_arrow(inner) for column in self.columns]
        self._schema = arrow().schema(
            [(c.renamed or c.name, c.kind.arrow_type()) for c in self.columns]
        )
        self._sink = Sink()
        self._file: Any = import_module("pyarrow.parquet").ParquetWriter(self._sink, self._schema)
        self._batches: list[Any] = []
        self._encoder = Encoder(Encoding.UTF_8)

    def begin(self) -> bytes:
        return b""

    def write(self, rows: Sequence[Row]) -> bytes:
        arrays = [
            self._array(*parts)
            for parts in zip(
                self.columns, self._to_arrow, self._schema, zip(*rows, strict=True), strict=True
            )
        ]
        # Arrow's values take less memory than those of Python.
        self._batches.append(arrow().RecordBatch.from_arrays(arrays, schema=self._schema))
        if sum(map(len, self._batches)) < GROUP:
            return b""
        return self._write_group()

    def end(self) -> Iterable[bytes]:
        if self._batches:
            yield self._write_group()
        self._file.close()
        yield self._sink.take()

    def close(self) -> None:
        if self._file.is_open:
            self._file.close()

    def _write_group(self) -> bytes:
        self._file.write_table(arrow().Table.from_batches(self._batches))
        self._batches = []
        return self._sink.take()

    def _array(self, column: BoundColumn, convert: Any, field: Any, values: Sequence[Any]) -> Any:
        converted = [None if value is None else convert(value) for value in values]
        try:
            try:
                return arrow().array(converted, type=field.type)
            except UnicodeEncodeError:
                clean = self._encoder.clean
                texts = [clean(item) if isinstance(item, str) else item for item in converted]
                self.losses["replaced_characters"] = self._encoder.replaced
                return arrow().array(texts, type=field.type)
        except (arrow().ArrowException, OverflowError, UnicodeEncodeError) as error:
            raise FormatLimitExceeded(
                gettext_lazy(
                    "Parquet cannot hold a value of the column %(column)s as %(type)s: %(error)s. "
                    "Choose another format, or give the column another kind."
                ),
                {"column": column.name, "type": field.type, "error": error},
            ) from error
