"""One export sees one state of the database, whatever others commit meanwhile."""

import pytest
from django.db import connection, transaction
from django.db.utils import Error

from django_reports.definitions.columns import Column, bind
from django_reports.engine.rows import QuerySetSource
from tests.conftest import elsewhere, make_orders
from tests.shop.models import Order

pytestmark = pytest.mark.django_db(transaction=True)

has_snapshots = pytest.mark.skipif(
    "connection.vendor == 'sqlite'", reason="a SELECT is SQLite's snapshot"
)


@pytest.fixture
def source(transactional_db):
    make_orders(10)
    return QuerySetSource(Order.objects.all(), [bind(Column("number"), Order)])


def delete_all():
    Order.objects.all().delete()


def add_five():
    make_orders(5)


@has_snapshots
@pytest.mark.parametrize(("work", "left"), [(delete_all, 0), (add_five, 15)])
def test_two_reads_see_one_state(source, work, left):
    with source.snapshot():
        first = list(source.read())
        elsewhere(work)
        assert list(source.read()) == first
        assert source.count() == 10
    assert source.count() == left


@has_snapshots
def test_count_before_fixes_the_state(source):
    with source.snapshot():
        assert source.count() == 10
        elsewhere(delete_all)
        assert len(list(source.read())) == 10


@has_snapshots
def test_snapshot_is_read_only(source):
    with pytest.raises(Error), source.snapshot():
        Order.objects.update(note="x")
    assert Order.objects.filter(note="x").count() == 0


def test_after_a_snapshot_the_connection_is_as_before(source):
    with source.snapshot():
        list(source.read())
    assert connection.get_autocommit() is True
    Order.objects.update(note="x")
    elsewhere(delete_all)
    assert source.count() == 0


def test_after_a_snapshot_transactions_are_as_before(source):
    with source.snapshot():
        list(source.read())
    with transaction.atomic():
        Order.objects.update(note="x")
    assert Order.objects.filter(note="x").count() == 10


def read_and_fail(source):
    with source.snapshot():
        next(source.read())
        raise ValueError("stop")


def test_snapshot_that_fails_leaves_the_connection_usable(source):
    with pytest.raises(ValueError, match="stop"):
        read_and_fail(source)
    assert connection.get_autocommit() is True
    assert source.count() == 10


def test_inside_somebodys_transaction_it_is_that_one(source):
    with transaction.atomic():
        Order.objects.filter(number="A00001").delete()
        with source.snapshot():
            assert len(list(source.read())) == 9
        Order.objects.filter(number="A00002").delete()
    assert source.count() == 8


def test_others_may_write_while_rows_are_read(source):
    with source.snapshot():
        reader = source.read()
        next(reader)
        elsewhere(add_five)
        assert len(list(reader)) == 9


def test_reader_that_stops_early_in_a_snapshot(source):
    with source.snapshot():
        reader = source.read()
        next(reader)
        reader.close()
        assert source.count() == 10
