"""JSON Lines: one JSON object per row, for programs."""

import json
from collections.abc import Iterable, Sequence

from django.utils.translation import gettext_lazy

from django_reports.columns import Row
from django_reports.statuses import Encoding
from django_reports.writers.base import Writer
from django_reports.writers.encoding import Encoder


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
        self._values = [
            (column.renamed or column.name, column.kind.to_json(inner)) for column in self.columns
        ]
        self._encoder = Encoder(Encoding.UTF_8)

    def begin(self) -> bytes:
        return b""

    def write(self, rows: Sequence[Row]) -> bytes:
        columns = self._values
        lines = [
            json.dumps(
                {
                    name: None if value is None else to_json(value)
                    for (name, to_json), value in zip(columns, row, strict=True)
                },
                ensure_ascii=False,
                separators=(",", ":"),
                allow_nan=False,
            )
            for row in rows
        ]
        data = self._encoder.encode("".join([f"{line}\n" for line in lines]))
        if self._encoder.replaced:
            self.losses["replaced_characters"] = self._encoder.replaced
        return data

    def end(self) -> Iterable[bytes]:
        return ()
