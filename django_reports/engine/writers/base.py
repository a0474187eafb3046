"""What a format is to the pipeline."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from django_reports.core.choices import Header
from django_reports.definitions.columns import BoundColumn, Row
from django_reports.definitions.kinds import Rendering, unescaped
from django_reports.definitions.specs import Layout, Options
from django_reports.engine.writers.lines import Finish, LineFormat
from django_reports.exceptions import FormatLimitExceeded

Facts = Sequence[tuple[str, str]]  # (what, value) in words


class Writer(ABC):
    """Turns rows into the bytes of one file: `begin`, then `write` per chunk, then `end`.

    Made while the rendering's language is active. `losses` counts what the format could not hold
    as it was, by reason; it is kept with the job and shown. `about` is what the file may say of
    itself.

    `purpose` says in one line what the format is good for.
    `supports_streaming`: bytes come while rows are written, not only at the end.
    `supports_types`: a number is read back as a number.
    `supports_sections`: `next_section` begins another table in the same file.
    `is_text`: also offered compressed.
    `option_names`: which options it heeds.
    """

    format: ClassVar[str]
    label: ClassVar[str | Promise]
    purpose: ClassVar[str | Promise] = ""
    extension: ClassVar[str]
    content_type: ClassVar[str]
    supports_streaming: ClassVar[bool] = True
    supports_types: ClassVar[bool] = False
    supports_sections: ClassVar[bool] = False
    is_text: ClassVar[bool] = False
    option_names: ClassVar[Sequence[str]] = ("profile", "header")

    def __init__(
        self,
        columns: Sequence[BoundColumn],
        rendering: Rendering,
        title: str = "",
        *,
        layout: Layout | None = None,
        about: Facts = (),
    ) -> None:
        self.columns = columns
        self.rendering = rendering
        self.title = title
        default = Options(profile=rendering.profile).settled(rendering.language)
        self.layout = layout or default
        self.about = about
        self.losses: Counter[str] = Counter()
        self.set_up()

    def set_up(self) -> None:  # noqa: B027 - a simple format needs nothing more
        """Make what the format needs, once all of the above is known."""

    @classmethod  # noqa: B027 - most formats can hold any table
    def check(cls, columns: Sequence[BoundColumn], options: Options) -> None:
        """Whether a table of these columns can be written at all; asked before anything is made.

        Raises InvalidSpec or FormatLimitExceeded.
        """

    @classmethod
    def cautions(cls, rows: int | None, largest_key: int | None) -> list[str]:
        """What to know before about so many rows, with keys up to such a number, are written."""
        return []

    @classmethod
    def content_type_with(cls, options: Options) -> str:
        """What a file written with these options is sent as."""
        return cls.content_type

    @property
    def header(self) -> list[str] | None:
        """The names of the columns in the file; None for a file without them.

        Labels say in which zone moments are shown, for want of an offset. What a column was
        renamed to stands there as it was typed.
        """
        if self.layout.header is Header.NONE:
            return None
        if self.layout.header is Header.NAMES:
            return [column.renamed or column.name for column in self.columns]
        return [column.renamed or self._label_of(column) for column in self.columns]

    def _label_of(self, column: BoundColumn) -> str:
        if self.rendering.is_spreadsheet and column.kind.has_zone:
            return f"{column.label} ({self.rendering.time_zone.key})"
        return str(column.label)

    def shown(self, row: Row) -> list[str]:
        """How the values of a row look in the file, for people who want to see them beforehand."""
        return [
            "" if value is None else column.kind.to_text(self.rendering, unescaped)(value)
            for column, value in zip(self.columns, row, strict=True)
        ]

    @abstractmethod
    def begin(self) -> bytes:
        """What stands before the first row."""

    @abstractmethod
    def write(self, rows: Sequence[Row]) -> bytes:
        """The next rows; empty where a format keeps its bytes until the end."""

    @abstractmethod
    def end(self) -> Iterable[bytes]:
        """The rest of the file."""

    @property
    def line_format(self) -> LineFormat | None:
        """How a database may write this file's lines for `write_lines`; None if it cannot."""
        return None

    def write_lines(self, lines: Sequence[bytes], finish: Finish) -> bytes:
        """The next rows, as lines of a database in the `line_format` (`writers.lines`)."""
        raise NotImplementedError

    def write_texts(self, columns: Sequence[Sequence[str]]) -> bytes:
        """The next rows, as the texts of each column; only where it has a `line_format`."""
        raise NotImplementedError

    def next_section(self, columns: Sequence[BoundColumn], title: str) -> bytes:
        """Begin another table, where the format supports sections."""
        raise FormatLimitExceeded(
            _("A file of the format %(format)s holds one table.") % {"format": self.format}
        )

    def close(self) -> None:  # noqa: B027 - most formats hold nothing
        """Give back what the writer holds (temporary files), also after an error."""
