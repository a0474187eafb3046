"""What a format is to the pipeline."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import ClassVar

from django.utils.functional import Promise

from django_reports.columns import BoundColumn, Row
from django_reports.kinds import Rendering


class Writer(ABC):
    """Turns rows into the bytes of one file: `begin`, then `write` per chunk, then `end`.

    Made while the rendering's language is active. `losses` counts what the format could not hold
    as it was, by reason; it is kept with the job and shown.
    """

    format: ClassVar[str]
    label: ClassVar[str | Promise]
    extension: ClassVar[str]
    content_type: ClassVar[str]
    supports_streaming: ClassVar[bool]

    def __init__(self, columns: Sequence[BoundColumn], rendering: Rendering, title: str) -> None:
        self.columns = columns
        self.rendering = rendering
        self.title = title
        self.losses: Counter[str] = Counter()

    @abstractmethod
    def begin(self) -> bytes:
        """What stands before the first row."""

    @abstractmethod
    def write(self, rows: Sequence[Row]) -> bytes:
        """The next rows; empty where a format keeps its bytes until the end."""

    @abstractmethod
    def end(self) -> Iterable[bytes]:
        """The rest of the file."""

    def close(self) -> None:  # noqa: B027 - most formats hold nothing
        """Give back what the writer holds (temporary files), also after an error."""
