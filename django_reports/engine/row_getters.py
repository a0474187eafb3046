"""From what is read to the columns' values, of which some are made by code of the project."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from django_reports.definitions.columns import BoundColumn, Row
from django_reports.definitions.kinds import Escape, Rendering, ToText

Places = Mapping[Any, int | slice]  # of a column's source among the values of a raw row


def picker(
    columns: Sequence[BoundColumn],
    positions: Places | None = None,
    readers: Mapping[Any, Callable[[Any], Any]] | None = None,
) -> Callable[[Any], Row]:
    """A function from a raw row to an output row.

    A raw row is a tuple by `positions`, an instance that `readers` read, or else a mapping.
    """

    def key(source: Any) -> Any:
        return source if positions is None else positions[source]

    def reads(source: Any) -> Callable[[Any], Any]:
        return itemgetter(key(source)) if readers is None else readers[source]

    def getter(column: BoundColumn) -> Callable[[Any], Any]:
        compute, show = column.compute, column.show
        get: Callable[[Any], Any]
        if column.from_instance is not None:
            get = column.from_instance
        elif compute is None:
            get = reads(column.sources[0])
        else:
            read_by_name = [(str(source), reads(source)) for source in column.sources]

            def get(row: Any) -> Any:
                return compute({name: read(row) for name, read in read_by_name})

        if not column.masked:
            return get
        if show is None:
            return lambda row: None

        def get_masked(row: Any) -> Any:
            value = get(row)
            return None if value is None else show(value)

        return get_masked

    if not columns:
        return lambda row: ()
    is_plain = all(column.compute is None and not column.masked for column in columns)
    if is_plain and readers is None:
        keys = [key(column.sources[0]) for column in columns]
        if len(keys) == 1:
            only = keys[0]
            return lambda row: (row[only],)
        return itemgetter(*keys)
    getters = [getter(column) for column in columns]
    return lambda row: tuple([get(row) for get in getters])


@dataclass(frozen=True)
class Computed:
    """The texts of columns whose values Python makes, of the raw values numbered `given`."""

    given: Sequence[int]
    _load: Sequence[Callable[[Any], Any]]  # for each given value
    _pick: Callable[[Any], Row]
    _to_text: Sequence[ToText]

    @classmethod
    def of(
        cls,
        columns: Sequence[BoundColumn],
        rendering: Rendering,
        escape: Callable[[BoundColumn], Escape],
        places: Places,
        loader: Callable[[int], Callable[[Any], Any]],
    ) -> "Computed":
        """`loader` gives for a raw value's number what makes the value of it that Django reads."""
        given: list[int] = []
        among: dict[Any, int | slice] = {}
        for source in dict.fromkeys(source for column in columns for source in column.sources):
            place, begin = places[source], len(given)
            given += [place] if isinstance(place, int) else range(place.start, place.stop)
            among[source] = begin if isinstance(place, int) else slice(begin, len(given))
        return cls(
            given,
            [loader(at) for at in given],
            picker(columns, among),
            [column.kind.to_text(rendering, escape(column)) for column in columns],
        )

    def texts(self, values: Sequence[Iterable[Any]], count: int) -> list[list[str]]:
        """For each column the texts of `count` rows, whose given values come one by one."""
        # None of it by map(), which takes a StopIteration of the project's for the end.
        loaded = [
            [load(value) for value in given] for load, given in zip(self._load, values, strict=True)
        ]
        rows: Iterable[Any] = zip(*loaded, strict=True) if loaded else [()] * count
        pick = self._pick
        picked = zip(*[pick(row) for row in rows], strict=True)
        return [
            ["" if value is None else to_text(value) for value in made]
            for to_text, made in zip(self._to_text, picked, strict=False)
        ]
