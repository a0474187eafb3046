import hashlib
from collections import Counter
from zoneinfo import ZoneInfo

import pytest

from django_reports.core import pace
from django_reports.core.choices import Profile
from django_reports.definitions.kinds import Rendering
from django_reports.engine import pipeline
from django_reports.engine.pipeline import BLOCK, CHUNK, FIRST_BLOCK, Meter, Table
from django_reports.engine.writers import Writer
from django_reports.exceptions import Canceled, RowLimitExceeded


class Lines(Writer):
    """Writes each row as so many bytes."""

    format, label, extension, content_type = "lines", "Lines", "txt", "text/plain"
    supports_streaming = True

    def __init__(self, width=10, tail=()):
        super().__init__((), Rendering(Profile.MACHINE, ZoneInfo("UTC"), "en"))
        self.width = width
        self.tail = tail
        self.calls = []

    def begin(self):
        self.calls.append("begin")
        return b"header\n"

    def write(self, rows):
        self.calls.append(len(rows))
        return b"".join(b"%d" % row[0] + b"." * (self.width - len(str(row[0]))) for row in rows)

    def end(self):
        self.calls.append("end")
        yield from self.tail

    def close(self):
        self.calls.append("close")


class Rows:
    """An iterator of rows that knows whether it was closed."""

    def __init__(self, count, fail_at=None):
        self.left = iter(range(1, count + 1))
        self.fail_at = fail_at
        self.is_closed = False

    def __iter__(self):
        return self

    def __next__(self):
        number = next(self.left)
        if number == self.fail_at:
            raise ValueError(f"row {number} is broken")
        return (number,)

    def close(self):
        self.is_closed = True


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """Stands still, but where a test has it go."""
    clock = Clock()
    monkeypatch.setattr(pipeline, "monotonic", clock)
    return clock


def blocks(rows, writer, meter, **options):
    """Those of a report with one section."""
    return pipeline.blocks([Table((), "", rows)], writer, meter, **options)


def test_sizes():
    assert (pace.FIRST, CHUNK) == (16, 500)
    assert (FIRST_BLOCK, BLOCK) == (16_384, 65_536)


def test_rows_go_to_the_writer_in_chunks_that_grow():
    writer = Lines()
    list(blocks(Rows(1100), writer, Meter()))
    assert writer.calls == ["begin", 16, 32, 64, 128, 256, 500, 104, "end", "close"]


def test_rows_that_are_written_slowly_go_in_small_chunks(clock):
    class Slow(Lines):
        def write(self, rows):
            clock.now += sum(0.1 if 600 < number <= 650 else 0 for (number,) in rows)
            return super().write(rows)

    writer = Slow()
    list(blocks(Rows(1200), writer, Meter()))
    # 50 rows among 500 took five seconds, ten times too long; those after them are not slow.
    assert writer.calls[1:] == [16, 32, 64, 128, 256, 500, 50, 100, 54, "end", "close"]


def test_each_table_has_a_pace_of_its_own():
    writer = Lines()
    writer.next_section = lambda columns, title: b""
    tables = [Table((), "", Rows(100)), Table((), "", Rows(20))]
    list(pipeline.blocks(tables, writer, Meter()))
    assert writer.calls == ["begin", 16, 32, 52, 16, 4, "end", "close"]


def test_first_block_is_small_and_the_others_are_not():
    # The first 996 rows of 20 bytes are six chunks, that make the first block; seven each other.
    found = [len(block) for block in blocks(Rows(10_000), Lines(width=20), Meter())]
    assert found == [19_927, 70_000, 70_000, 40_080]


def test_first_block_comes_before_the_later_rows_are_read():
    rows = Rows(10_000, fail_at=2000)
    made = blocks(rows, Lines(width=20), Meter())
    assert len(next(made)) == 19_927
    with pytest.raises(ValueError, match="row 2000 is broken"):
        list(made)


def test_small_file_is_one_block():
    assert list(blocks([(1,), (2,)], Lines(width=2), Meter())) == [b"header\n1.2."]


def test_no_rows():
    meter = Meter()
    assert list(blocks([], Lines(), meter)) == [b"header\n"]
    assert (meter.rows, meter.size) == (0, 7)


def test_file_without_any_bytes_has_no_block():
    class Silent(Lines):
        def begin(self):
            return b""

    meter = Meter()
    assert list(blocks([], Silent(), meter)) == []
    assert meter.sha256 == hashlib.sha256().hexdigest()


def test_what_comes_at_the_end_is_passed_on_in_blocks():
    tail = [b"a" * 10_000] * 4
    found = [len(block) for block in blocks([], Lines(tail=tail), Meter())]
    assert found == [20_007, 20_000]


def test_meter_measures_the_bytes_that_went_out():
    meter = Meter()
    whole = b"".join(blocks(Rows(12_345), Lines(tail=[b"end"]), meter))
    assert meter.rows == 12_345
    assert meter.size == len(whole) == 123_460
    assert meter.sha256 == hashlib.sha256(whole).hexdigest()


def test_meter_knows_of_no_byte_that_was_not_handed_on():
    meter = Meter()
    made = blocks(Rows(10_000), Lines(width=20), meter)
    first = next(made)
    made.close()
    assert (meter.size, meter.sha256) == (19_927, hashlib.sha256(first).hexdigest())


def test_check_is_called_between_chunks_and_at_the_end():
    calls = Counter()
    tail = [b"a", b"b"]
    list(blocks(Rows(1100), Lines(tail=tail), Meter(), check=lambda: calls.update(["check"])))
    assert calls["check"] == 7 + 1 + 2


def test_check_stops_the_work():
    writer, rows, meter = Lines(), Rows(5000), Meter()
    seen = []

    def check():
        seen.append(meter.rows)
        if meter.rows >= 1000:
            raise Canceled

    with pytest.raises(Canceled):
        list(blocks(rows, writer, meter, check=check))
    assert seen == [0, 16, 48, 112, 240, 496, 996, 1496]
    assert writer.calls == ["begin", 16, 32, 64, 128, 256, 500, 500, "close"]
    assert rows.is_closed


@pytest.mark.parametrize(
    ("count", "limit"), [(10, 10), (0, 0), (500, 500), (501, 501), (9, 10), (10, None)]
)
def test_up_to_the_limit_every_row_comes(count, limit):
    meter = Meter()
    list(blocks(Rows(count), Lines(), meter, max_rows=limit))
    assert meter.rows == count


@pytest.mark.parametrize(("count", "limit"), [(11, 10), (1, 0), (501, 500), (502, 501)])
def test_one_row_beyond_the_limit_is_refused(count, limit):
    writer, rows = Lines(), Rows(count)
    with pytest.raises(RowLimitExceeded, match=f"more than {limit} row") as caught:
        list(blocks(rows, writer, Meter(), max_rows=limit))
    assert caught.value.limit == limit
    assert "end" not in writer.calls
    assert writer.calls[-1] == "close"
    assert rows.is_closed


def test_of_a_small_file_beyond_the_limit_nothing_goes_out():
    with pytest.raises(RowLimitExceeded):
        next(blocks(Rows(11), Lines(), Meter(), max_rows=10))


def test_error_of_a_row_closes_everything():
    writer, rows = Lines(), Rows(10, fail_at=7)
    with pytest.raises(ValueError, match="row 7 is broken"):
        list(blocks(rows, writer, Meter()))
    assert writer.calls == ["begin", "close"]
    assert rows.is_closed


def test_error_of_the_writer_closes_everything():
    class Broken(Lines):
        def write(self, rows):
            raise OSError("disk full")

    writer, rows = Broken(), Rows(10)
    with pytest.raises(OSError, match="disk full"):
        list(blocks(rows, writer, Meter()))
    assert writer.calls == ["begin", "close"]
    assert rows.is_closed


def test_reader_who_leaves_closes_everything():
    writer, rows = Lines(width=100), Rows(5000)
    made = blocks(rows, writer, Meter())
    next(made)
    made.close()
    assert writer.calls == ["begin", 16, 32, 64, 128, "close"]
    assert rows.is_closed


def test_all_read_closes_everything_once():
    writer, rows = Lines(), Rows(3)
    list(blocks(rows, writer, Meter()))
    assert writer.calls.count("close") == 1
    assert rows.is_closed
