"""Rows that come from no queryset, and the spool."""

import pytest

from django_reports.definitions.columns import Column, bind
from django_reports.engine import cursors
from django_reports.engine.cursors import SPOOL_MEMORY, Spool
from django_reports.engine.rows import FETCH, IterableSource, MissingColumn, QuerySetSource
from tests.shop.models import Order


def source(rows, *columns):
    columns = [Column(column) if isinstance(column, str) else column for column in columns]
    return IterableSource(lambda: rows, [bind(column, None) for column in columns])


def test_rows_are_read_by_name():
    made = source([{"b": 2, "a": 1, "c": 3}], "a", "b")
    assert list(made.read()) == [(1, 2)]


def test_one_column():
    assert list(source([{"a": 1}], "a").read()) == [(1,)]


def test_values_are_computed():
    column = Column("sum", value=lambda row: row["a"] + row["b"], fields=["a", "b"])
    assert list(source([{"a": 1, "b": 2}], "a", column).read()) == [(1, 3)]


@pytest.mark.parametrize(("limit", "count"), [(None, 5), (0, 0), (3, 3), (9, 5)])
def test_limit(limit, count):
    assert len(list(source([{"a": n} for n in range(5)], "a").read(limit))) == count


@pytest.mark.parametrize("columns", [("month", "amount"), ("amount",)])
def test_missing_column_is_named(columns):
    with pytest.raises(MissingColumn) as caught:
        list(source([{"month": 1, "total": 2}], *columns).read())
    assert str(caught.value) == "A row of this report has no 'amount'; it has month, total."


def test_field_that_a_value_reads_is_missed_too():
    column = Column("sum", value=lambda row: row["a"], fields=["a"])
    with pytest.raises(MissingColumn, match="has no 'a'; it has b"):
        list(source([{"b": 1}], column).read())


def test_error_of_the_report_itself_is_left_as_it_is():
    def rows():
        yield {"a": 1}
        raise KeyError("the report's own")

    reader = source(rows(), "a").read()
    assert next(reader) == (1,)
    with pytest.raises(KeyError, match="the report's own"):
        next(reader)


def test_error_of_a_value_is_no_missing_column():
    column = Column("b", value=lambda row: {}[row["a"]], fields=["a"])
    with pytest.raises(KeyError) as caught:
        list(source([{"a": "own"}], column).read())
    assert not isinstance(caught.value, MissingColumn)


def test_rows_are_pulled_one_by_one():
    pulled = []

    def rows():
        for n in range(5):
            pulled.append(n)
            yield {"a": n}

    reader = source(rows(), "a").read()
    next(reader)
    next(reader)
    assert pulled == [0, 1]
    reader.close()


@pytest.mark.parametrize("limit", [None, 2])
@pytest.mark.parametrize("taken", [1, 2])
def test_generator_is_closed_when_the_reader_stops(limit, taken):
    closed = []

    def rows():
        try:
            for n in range(5):
                yield {"a": n}
        finally:
            closed.append(True)

    generator = rows()
    reader = source(generator, "a").read(limit)
    for _ in range(taken):
        next(reader)
    assert closed == []
    reader.close()
    assert closed == [True]
    assert generator.gi_frame is None


def test_generator_is_closed_at_the_limit():
    closed = []

    def rows():
        try:
            while True:
                yield {"a": 1}
        finally:
            closed.append(True)

    generator = rows()
    assert len(list(source(generator, "a").read(3))) == 3
    assert closed == [True]


def test_it_cannot_be_counted():
    made = source([], "a")
    assert made.is_countable is False
    with pytest.raises(TypeError, match="cannot be counted"):
        made.count(5)


def test_rows_are_read_inside_a_snapshot_too():
    made = source([{"a": 1}], "a")
    with made.snapshot():
        assert list(made.read()) == [(1,)]


@pytest.mark.parametrize("count", [0, 1, 2000, 2001, 5000])
def test_spool_gives_back_what_it_got(count):
    with Spool((n, None, f"é{n}") for n in range(count)) as spool:
        assert spool.count == count
        assert list(spool) == [(n, None, f"é{n}") for n in range(count)]


def test_spool_beyond_its_memory_lies_on_disk():
    assert (FETCH, SPOOL_MEMORY) == (2000, 1_048_576)
    with Spool((n, f"{n:04}" * 250) for n in range(3000)) as spool:
        assert spool._file._rolled is True
        assert sum(len(text) for _, text in spool) == 3_000_000


def test_spool_closes_its_file():
    with Spool([(1,)]) as spool:
        file = spool._file
    assert file.closed


def test_spool_closes_its_file_when_the_rows_fail(monkeypatch):
    files = []

    def rows():
        yield (1,)
        raise OSError("the database is away")

    real = cursors.tempfile.SpooledTemporaryFile

    def remember(*args, **kwargs):
        files.append(real(*args, **kwargs))
        return files[-1]

    monkeypatch.setattr(cursors.tempfile, "SpooledTemporaryFile", remember)
    with pytest.raises(OSError, match="the database is away"):
        Spool(rows())
    assert [file.closed for file in files] == [True]


@pytest.mark.django_db
def test_rows_are_closed_when_a_value_fails(orders):
    """And not when the error that holds them is forgotten, after their connection."""

    def broken(row):
        raise ValueError(row["number"])

    class Noted(QuerySetSource):
        is_closed = False

        def _fetched(self, rows):
            try:
                yield from super()._fetched(rows)
            finally:
                self.is_closed = True

    column = Column("broken", value=broken, fields=["number"])
    read = Noted(Order.objects.order_by("pk"), [bind(column, Order)])
    with pytest.raises(ValueError, match="A00001") as caught:
        next(read.read())
    assert read.is_closed, caught.value
