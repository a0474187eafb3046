"""JSON Lines: one JSON object per row, for programs."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from json.encoder import encode_basestring
from typing import Any

from django.utils.translation import gettext_lazy

from django_reports.core.choices import Encoding
from django_reports.definitions.columns import Row
from django_reports.engine.writers.base import Writer
from django_reports.engine.writers.encoding import Encoder


def _any(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


# What json.dumps does, without its preparations for each value.
_TEXTS: Mapping[type, Callable[[Any], str]] = {str: encode_basestring, int: int.__repr__}


def _json(value: Any) -> str:
    return _TEXTS.get(type(value), _any)(value)


class JsonLinesWriter(Writer):
    """Objects with the columns' names as keys, whatever the profile: no label is a key, unless it
    was asked for as a new name."""

    format = "jsonl"
    label = gettext_lazy("JSON Lines (for programs)")
    purpose = gettext_lazy(
        "For programs that read row by row: names, numbers and lists as they are."
    )
    extension = "jsonl"
    content_type = "application/jsonl"
    is_text = True
    supports_types = True
    option_names = ("profile",)

    def set_up(self) -> None:
        inner = self.rendering.for_programs()
        self._values = [column.kind.to_json(inner) for column in self.columns]
        keys = [encode_basestring(column.renamed or column.name) for column in self.columns]
        self._line = "{" + ",".join([f"{key.replace('%', '%%')}:%s" for key in keys]) + "}\n"
        self._encoder = Encoder(Encoding.UTF_8)

    def begin(self) -> bytes:
        return b""

    def write(self, rows: Sequence[Row]) -> bytes:
        columns = [
            ["null" if value is None else _json(to_json(value)) for value in values]
            for to_json, values in zip(self._values, zip(*rows, strict=True), strict=True)
        ]
        line = self._line
        lines = [line % values for values in zip(*columns, strict=True)]
        data = self._encoder.encode("".join(lines))
        if self._encoder.replaced:
            self.losses["replaced_characters"] = self._encoder.replaced
        return data

    def end(self) -> Iterable[bytes]:
        return ()
