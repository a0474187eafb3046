"""How rows are read: in one snapshot, in chunks, in a total order, never one query per row."""

from collections.abc import Callable, Container, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from functools import cached_property
from itertools import chain, islice
from operator import attrgetter
from typing import Any, Protocol, TypeVar

from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import CharField, QuerySet
from django.db.models.expressions import BaseExpression
from django.db.models.functions import Cast
from django.db.models.sql.datastructures import Join
from django.utils.translation import gettext_lazy as _

from django_reports.core.localization import Locales, active_locale
from django_reports.definitions.columns import BoundColumn, Row
from django_reports.definitions.expressions import GroupedExpression
from django_reports.definitions.querysets import (
    check_computable,
    foreign_part,
    is_djangos,
    totally_ordered,
    value_path,
)
from django_reports.engine.cursors import (
    RAW_FETCH,
    Spool,
    chunked_cursors,
    cursors_on_the_server,
    one_state,
    reading_locks_others,
)
from django_reports.engine.grouped_values import with_grouped_values
from django_reports.engine.instances import Readers, that_query, with_instances
from django_reports.engine.localized_queries import compiled_in, localize
from django_reports.engine.query_estimates import planned_rows
from django_reports.engine.read_sessions import reading
from django_reports.engine.row_getters import Places, picker
from django_reports.engine.same_rows import (
    check_adds_no_rows,
    computable_over,
    deciding_names,
    wholly_joined,
    with_groups_ordered,
)
from django_reports.exceptions import ReportError

T = TypeVar("T")
FETCH = 2000  # rows per round trip of a server-side cursor, at most


class MissingColumn(ReportError):
    """A row of `rows()` lacks a declared column."""


class Source(Protocol):
    """Rows of one export, each as long as its columns."""

    is_countable: bool

    @property
    def alias(self) -> str | None:
        """The database that is read from; None if none is known."""

    def count(self, bound: int | None = None) -> int:
        """How many rows there are, counted no further than `bound`."""

    def estimate(self) -> int | None:
        """How many rows the database expects, without looking; None if it says nothing."""

    def read(self, limit: int | None = None) -> Iterator[Row]:
        """The rows in order, at most `limit`. To be closed by whoever stops early."""

    def snapshot(self, seconds: float | None = None) -> Any:
        """A context in which every query of this source sees one state of the database.

        The database lets it read for so many seconds; None leaves its limits as they are.
        """


class IterableSource:
    """The rows of `Report.rows()`: pulled one by one, never counted.

    Each is made in the language and time zone in which rows are chosen.
    """

    is_countable = False
    alias: str | None = None

    def __init__(
        self,
        rows: Callable[[], Iterable[Mapping[str, Any]]],
        columns: Sequence[BoundColumn],
        locales: Locales | None = None,
    ) -> None:
        self._rows = rows
        self._columns = columns
        self._locales = locales or _active_locales()

    def count(self, bound: int | None = None) -> int:
        raise TypeError("the rows of a report without a queryset cannot be counted")

    def estimate(self) -> int | None:
        return None

    def read(self, limit: int | None = None) -> Iterator[Row]:
        pick = picker(self._columns)
        wanted = [source for column in self._columns for source in column.sources]
        rows = self._localized_rows()
        try:
            for row in rows if limit is None else islice(rows, limit):
                try:
                    yield pick(row)
                except KeyError as error:
                    missing = [repr(name) for name in wanted if name not in row]
                    if not missing:  # a value= callable's own
                        raise
                    raise MissingColumn(
                        _("A row of this report has no %(name)s; it has %(names)s."),
                        {"name": ", ".join(missing), "names": ", ".join(map(str, row))},
                    ) from error
        finally:
            close = getattr(rows, "close", None)
            if close is not None:
                close()

    def _localized_rows(self) -> Iterator[Mapping[str, Any]]:
        if not self._locales.differ:
            return iter(self._rows())
        return self._locales.filter.iterate(self._rows())

    @contextmanager
    def snapshot(self, seconds: float | None = None) -> Iterator[None]:
        yield


def _active_locales() -> Locales:
    active = active_locale()
    return Locales(active, active)


class QuerySetSource:
    """The rows of a queryset, read with one query whatever the columns follow.

    Queries are compiled in the language and time zone in which rows are chosen: lookups such as
    `__date` take theirs from there. Values of columns are in those of the file.
    """

    is_countable = True

    def __init__(
        self,
        queryset: "QuerySet[Any]",
        columns: Sequence[BoundColumn],
        locales: Locales | None = None,
    ) -> None:
        self.locales = locales or _active_locales()
        self._queryset = compiled_in(queryset, self.locales.filter)
        self._columns = columns

    @property
    def queryset(self) -> "QuerySet[Any]":
        """Its rows, without its columns."""
        return self._queryset

    @property
    def alias(self) -> str:
        return self._queryset.db

    @property
    def model(self) -> Any:
        return self._queryset.model

    def count(self, bound: int | None = None) -> int:
        queryset = wholly_joined(self._queryset)
        queryset = queryset if queryset.query.is_sliced else queryset.order_by()
        if bound is not None:
            queryset = queryset[:bound]
        try:  # not by the queryset's own count(), which may be a guess
            return queryset.query.get_count(using=self.alias)
        except EmptyResultSet:
            return 0

    def estimate(self) -> int | None:
        queryset = self._queryset if self._queryset.query.is_sliced else self._queryset.order_by()
        return planned_rows(queryset.values_list(*self.key, *deciding_names(queryset)))

    def largest_key(self) -> int | None:
        """The highest primary key of the rows; None without rows, or where only reading tells."""
        query = self._queryset.query
        if query.is_sliced or query.combinator or query.distinct_fields:
            return None
        keys = self._queryset.order_by("-pk").values_list("pk", *deciding_names(self._queryset))
        first = keys.first()
        return first and first[0]

    @property
    def by_instances(self) -> BoundColumn | None:
        """The first column that makes rows be model instances, if there is one."""
        return next((column for column in self._columns if column.from_instance), None)

    def that_query(self) -> list[BoundColumn]:
        """The columns that ask the database for each row, as its first rows show."""
        queryset, _readers = self._instances()
        return that_query(list(queryset[:2]), self._columns, self.alias)

    def _instances(self) -> tuple["QuerySet[Any]", Readers]:
        queryset, readers = with_instances(self._ordered(), self._columns, self._annotated)
        _keep_every_row(queryset, joined_before=self._computable.query.alias_map)
        return queryset, readers

    def as_read(self) -> "QuerySet[Any]":
        """The queryset that is read for the columns."""
        return self._instances()[0] if self.by_instances else self.selection()[0]

    def read(self, limit: int | None = None) -> Iterator[Row]:
        if self.by_instances:
            queryset, readers = self._instances()
            pick = picker(self._columns, readers=readers)
            rows: Iterator[Any] = queryset[:limit].iterator(chunk_size=FETCH)
        else:
            queryset, places, names = self._selection()
            pick = picker(self._columns, places)
            rows = queryset[:limit].iterator(chunk_size=FETCH)
            if self.foreign_part:
                rows = (tuple([row[name] for name in names]) for row in rows)
        fetched = self._with_grouped_values(rows) if self.grouped else self._fetched(rows)
        with closing(fetched):  # a loop closes nothing
            for row in fetched:  # map() would take a StopIteration of the project's for the end
                yield pick(row)

    def read_raw(self, as_text: Container[Any] = (), limit: int | None = None) -> Iterator[Any]:
        """The rows as the driver gives them, with the values of a `selection`."""
        queryset, _places = self.selection(as_text)
        compiler = queryset[:limit].query.get_compiler(using=self.alias)

        def chunks() -> Iterator[Any]:
            yield from compiler.execute_sql(chunked_fetch=True, chunk_size=RAW_FETCH)

        yield from self._fetched(chain.from_iterable(chunks()))

    def _fetched(self, rows: Iterator[T]) -> Generator[T]:
        connection = connections[self.alias]
        runs_code = any(column.runs_code for column in self._columns)
        is_drained = reading_locks_others(connection, runs_code=runs_code)
        with chunked_cursors(connection, is_drained=is_drained):
            yield from rows

    def _with_grouped_values(self, rows: Iterator[T]) -> Generator[Any]:
        """The rows with the values of `grouped`, which are of the same state of the database."""
        connection = connections[self.alias]
        arguments = self.grouped, self.model, self.alias, self.locales.file
        if connection.vendor == "postgresql":  # whose cursors work beside each other
            yield from with_grouped_values(self._fetched(rows), *arguments)
            return
        with one_state(connection), Spool(self._fetched(rows)) as drained:
            whole = Spool(with_grouped_values(drained, *arguments))
        with whole:
            yield from whole

    @cached_property
    def grouped(self) -> list[GroupedExpression]:
        """The columns' expressions that are not selected, but computed for many rows at once."""
        if self.by_instances:
            return []
        sources = dict.fromkeys(source for column in self._columns for source in column.sources)
        grouped = [source for source in sources if isinstance(source, GroupedExpression)]
        return sorted(grouped, key=attrgetter("relation"))

    @cached_property
    def foreign_part(self) -> str:
        """The class that reads the rows in place of Django's own; empty if none does."""
        return foreign_part(self._queryset)

    @property
    def key(self) -> list[str]:
        """The fields that are always selected, before others."""
        return [field.attname for field in self._queryset.model._meta.pk_fields]

    @contextmanager
    def snapshot(self, seconds: float | None = None) -> Iterator[None]:
        """One read-only transaction; inside somebody's own, just that one.

        On SQLite each SELECT is a snapshot by itself, and a transaction might lock writers out.
        """
        connection = connections[self.alias]
        if connection.vendor == "sqlite" or connection.in_atomic_block:
            yield
            return
        with cursors_on_the_server(connection), reading(connection, seconds):
            yield

    def selection(self, as_text: Container[Any] = ()) -> tuple["QuerySet[Any]", Places]:
        """The queryset as raw tuples in a total order, and where each source stands in them.

        The key is always selected: under DISTINCT it keeps apart rows that look alike. Behind the
        columns so is what else decides which rows there are. Of the sources `as_text` the database
        gives the text. Where there is a `foreign_part`, rows are mappings: it may give columns in
        an order of its own, but not under other names.
        """
        return self._selection(as_text)[:2]

    def _selection(
        self, as_text: Container[Any] = ()
    ) -> tuple["QuerySet[Any]", Places, Sequence[str]]:
        # Its parts and not "pk": behind a composite one Django 6.1 orders by the wrong columns.
        selected = self.key
        names: dict[Any, int | slice] = {name: at for at, name in enumerate(selected)}
        names["pk"] = 0 if len(selected) == 1 else slice(0, len(selected))
        annotations: dict[str, Any] = {}
        for column in self._columns:
            for source in column.sources:
                if source in names or isinstance(source, GroupedExpression):
                    continue
                if isinstance(source, str) and source not in as_text:
                    path = value_path(self.model, source)
                    if path not in selected:
                        selected.append(path)
                    names[source] = selected.index(path)
                else:
                    names[source] = len(selected)
                    alias = f"report_column_{len(selected)}"
                    annotations[alias] = source
                    selected.append(alias)
        selected += [name for name in deciding_names(self._queryset) if name not in selected]
        names |= {source: at for at, source in enumerate(self.grouped, len(selected))}
        queryset = self._ordered()
        if annotations:
            check_computable(queryset, self._columns)
            queryset = self._annotated(queryset, annotations, as_text)
        with self.locales.file.active():
            values = queryset.values if self.foreign_part else queryset.values_list
            queryset = values(*selected)
        _keep_every_row(queryset, joined_before=self._computable.query.alias_map)
        return queryset, names, selected

    @cached_property
    def _computable(self) -> "QuerySet[Any]":
        return computable_over(self._queryset, self._columns)

    def _ordered(self) -> "QuerySet[Any]":
        with self.locales.filter.active():
            return with_groups_ordered(totally_ordered(self._computable), self._columns)

    def _annotated(
        self,
        queryset: "QuerySet[Any]",
        sources: Mapping[str, Any],
        as_text: Container[Any] = (),
    ) -> "QuerySet[Any]":
        """The queryset with columns' sources as annotations, in the file's language and time zone.

        Of those `as_text` the database gives the text.
        """
        made = {
            alias: Cast(source, CharField()) if source in as_text else source
            for alias, source in sources.items()
        }
        with self.locales.file.active():
            queryset = queryset.annotate(**made)
            localize(queryset.query, made, self.locales.file)
        columns = {
            alias: column.name
            for alias, source in sources.items()
            for column in self._columns
            if source in column.sources
        }
        check_adds_no_rows(queryset, columns)
        return queryset


def _keep_every_row(queryset: "QuerySet[Any]", joined_before: Container[str]) -> None:
    """Have the joins for columns and for the order neither drop rows nor be where one begins.

    A row whose foreign key leads nowhere is a row that was counted. And with an inner join MariaDB
    likes to begin at the smaller table and to sort everything before it gives the first row.
    """
    query = queryset.query
    if query.combinator:  # its parts have joined already
        return
    used = query.alias_refcount.copy()
    with suppress(EmptyResultSet):  # which is for whoever reads it
        query.get_compiler(using=queryset.db).pre_sql_setup()  # adds those that the order wants
    query.reset_refcounts(used)
    joins = query.alias_map
    for alias, join in joins.items():
        if alias not in joined_before and isinstance(join, Join):
            joins[alias] = join.promote()


def changes_values(expression: Any, connection: BaseDatabaseWrapper) -> bool:
    """Whether a project's field or expression makes other values of those that it reads.

    Django's own expressions only make sure of a number's type.
    """
    if not is_djangos(type(expression.output_field).select_format):  # what it reads is no column
        return True
    return any(
        type(expression).convert_value is not BaseExpression.convert_value
        or converter is not expression.convert_value
        for converter in expression.get_db_converters(connection)
    )
