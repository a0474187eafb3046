"""How an immediate export is handed on: to threads, to an event loop, to readers who leave."""

import asyncio
import contextlib
import gc
import itertools
import time

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections
from django.test import AsyncClient

from django_reports import Column, ModelReport, Report
from django_reports.jobs import dispatch
from django_reports.jobs.immediate import SOCKET_BUFFER, ImmediateExport
from django_reports.models import ReportJob
from django_reports.web.responses.streaming import AsyncExport, AsyncFile, FileBlocks
from tests.conftest import make_orders
from tests.entry_points.helpers import asking, deliver, spec_of
from tests.shop.models import Order
from tests.shop.reports import Numbers


@pytest.fixture
def threaded(alice):
    """Ask as a threaded server does."""

    def ask(report="shop.numbers", **wanted):
        spec, (authority, origin) = spec_of(report, **wanted), asking(alice)
        return dispatch.deliver(spec, authority, origin, holds_thread=True)

    return ask


# Connections


def is_connected():
    return connection.connection is not None


@pytest.fixture
def many_orders(transactional_db):
    make_orders(3000)
    if connection.vendor == "sqlite" and connection.is_in_memory_db():
        pytest.fail("a database in memory never lets go of its connection")


def test_a_querysets_connection_is_back_before_the_first_byte_is_sent(many_orders, alice):
    export = deliver(alice)
    assert is_connected()
    assert next(export)
    assert not is_connected()
    assert b"".join(export)


def test_rows_that_ask_a_database_are_made_before_more_is_sent_than_a_socket_takes(
    many_orders, alice, declare
):
    asked = []

    @declare
    class Copies(Report):
        identifier = "shop.copies"
        permission = "shop.view_order"
        columns = ["number", "text"]

        def rows(self, context):
            for order in Order.objects.order_by("pk").iterator(chunk_size=100):
                asked.append(order.pk)
                yield {"number": order.number, "text": "x" * 100}

    export = deliver(alice, "shop.copies")
    first = next(export)
    assert len(first) <= SOCKET_BUFFER
    assert is_connected()
    assert len(asked) < 3000
    second = next(export)
    assert second
    assert len(asked) == 3000
    assert not is_connected()
    content = first + second + b"".join(export)
    assert content.count(b"\r\n") == 3001


def test_rows_that_ask_no_database_are_pulled_as_they_are_taken(many_orders, alice, declare):
    made = itertools.count()

    @declare
    class Endless(Report):
        identifier = "shop.endless"
        permission = "shop.view_order"
        columns = ["n"]

        def rows(self, context):
            return ({"n": "x" * 1000 + str(n)} for n in made)

    export = deliver(alice, "shop.endless")
    for _ in range(5):
        assert next(export)
        assert not is_connected()
    export.close()
    assert next(made) < 5000
    assert ReportJob.objects.get().status == "canceled"


def test_a_column_that_asks_a_database_does_so_before_the_first_byte(many_orders, alice, declare):
    @declare
    class Counted(ModelReport):
        identifier = "shop.counted"
        model = Order
        columns = [
            "number",
            Column("orders", fields=["id"], value=lambda row: str(Order.objects.count()) * 20),
        ]

    export = deliver(alice, "shop.counted")
    assert next(export)
    assert not is_connected()
    assert b"".join(export)


# The cap of streams that hold a thread


@pytest.mark.django_db
def test_beyond_the_cap_there_is_a_job(threaded, configure):
    configure(STREAMS_PER_PROCESS=2)
    streams = [threaded(), threaded()]
    assert all(isinstance(stream, ImmediateExport) for stream in streams)
    beyond = threaded()
    assert isinstance(beyond, ReportJob)
    assert beyond.execution == "background"
    streams[0].close()
    assert isinstance(threaded(), ImmediateExport)


@pytest.mark.django_db
@pytest.mark.parametrize("end", ["read", "close", "break", "forget"])
def test_a_place_is_free_when_its_stream_is_over(threaded, configure, end):
    configure(STREAMS_PER_PROCESS=1)
    broken = {"rows": ["20000"], "fail_at": ["10000"]}
    stream = threaded(parameters=broken if end == "break" else {})
    assert isinstance(threaded(), ReportJob)
    if end == "read":
        b"".join(stream)
    elif end == "close":
        stream.close()
    elif end == "break":
        with pytest.raises(ValueError, match="row 10000 is broken"):
            list(stream)
    del stream
    gc.collect()
    assert isinstance(threaded(), ImmediateExport)


@pytest.mark.django_db
def test_an_error_before_the_first_row_leaves_no_place_taken(threaded, configure):
    from django_reports.exceptions import ReportFailed

    configure(STREAMS_PER_PROCESS=1)
    with pytest.raises(ReportFailed):
        threaded(parameters={"fail_at": ["1"]})
    gc.collect()
    assert isinstance(threaded(), ImmediateExport)


@pytest.mark.django_db
def test_with_no_place_at_all_everything_is_a_job(threaded, configure, orders):
    configure(STREAMS_PER_PROCESS=0)
    assert isinstance(threaded("shop.orders"), ReportJob)


@pytest.mark.django_db
def test_an_asynchronous_server_has_no_cap(alice, configure):
    configure(STREAMS_PER_PROCESS=0)
    assert isinstance(deliver(alice, "shop.numbers"), ImmediateExport)


# The event loop


def run(coroutine):
    """Run it on an event loop of its own, and leave no connection behind in its thread."""

    async def whole():
        try:
            return await coroutine
        finally:
            await sync_to_async(connections.close_all)()

    return asyncio.run(whole())


class Heart:
    """Beats on the event loop, and counts its beats."""

    def __init__(self):
        self.beats = 0

    async def __aenter__(self):
        self.task = asyncio.create_task(self._beat())
        return self

    async def __aexit__(self, *exception):
        self.task.cancel()

    async def _beat(self):
        while True:
            await asyncio.sleep(0.005)
            self.beats += 1


@pytest.fixture
def numbers(transactional_db, alice):
    return lambda **values: deliver(
        alice, "shop.numbers", parameters={name: [str(v)] for name, v in values.items()}
    )


def test_the_loop_beats_while_rows_are_waited_for(numbers, monkeypatch):
    """A row that comes only after fifty beats: a loop that waits for it waits for ever."""
    heart, rows = Heart(), Numbers.rows

    def waiting(self, context):
        for row in rows(self, context):
            until = heart.beats + 50
            while row["n"] == 9_000 and heart.beats < until:
                time.sleep(0.01)
            yield row

    monkeypatch.setattr(Numbers, "rows", waiting)
    export = numbers(rows=10_000)

    async def read():
        async with heart:
            return [block async for block in AsyncExport(export)]

    blocks = run(read())
    assert len(blocks) > 2
    assert b"".join(blocks).count(b"\r\n") == 10_001
    assert ReportJob.objects.get().status == "succeeded"


def test_a_slow_reader_does_not_slow_the_making(numbers):
    """While the reader sleeps over its first block, the export is made to its end."""
    export = numbers(rows=50_000)

    async def read():
        body = AsyncExport(export)
        first = await anext(body)
        while not body._maker.done():
            await asyncio.sleep(0.01)
        return first + b"".join([block async for block in body])

    content = run(read())
    assert content.count(b"\r\n") == 50_001
    assert export.meter.size == len(content)


def test_an_error_in_the_middle_is_raised_and_recorded(numbers):
    export = numbers(rows=20_000, fail_at=10_000)

    async def read():
        return [block async for block in AsyncExport(export)]

    with pytest.raises(ValueError, match="row 10000 is broken"):
        run(read())
    assert ReportJob.objects.get().status == "failed"


def test_whoever_leaves_stops_the_making(numbers):
    export = numbers(rows=10_000_000)

    async def read():
        body = AsyncExport(export)
        await anext(body)
        await sync_to_async(body.close)()
        while not body._maker.done():
            await asyncio.sleep(0.01)

    run(read())
    job = ReportJob.objects.get()
    assert job.status == "canceled"
    assert job.rows_done < 10_000_000
    assert job.bytes > 0


def test_a_file_is_read_beside_the_loop(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 200_000)

    async def read(body):
        return [block async for block in body]

    broken = []
    body = AsyncFile(FileBlocks(path.open("rb"), 200_000, broken.append))
    blocks = run(read(body))
    body.close()
    assert [len(block) for block in blocks] == [65536, 65536, 65536, 3392]
    with contextlib.closing(FileBlocks(path.open("rb"), 200_000, broken.append)) as same:
        assert b"".join(same) == b"".join(blocks)
    assert broken == []


def test_through_djangos_own_asynchronous_handler(transactional_db, alice):
    make_orders(20)
    client = AsyncClient()
    client.force_login(alice)
    fields = {"_export": "1", "format": "csv", "profile": "machine", "columns": ["number"]}

    async def ask():
        response = await client.post("/reports/shop.orders/", fields)
        assert response.is_async
        return b"".join([block async for block in response.streaming_content])

    assert run(ask()).decode().split() == ["number", *[f"A{n:05}" for n in range(1, 21)]]
