"""Values of every kind for hypothesis, and lists of them for whoever wants many at once."""

import datetime as dt
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.conf import settings as project
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir
from psycopg.types.range import Range

# The same examples in every run, and nothing written into the repository.
set_hypothesis_home_dir(project.WORK_DIR / "hypothesis")
REPEATABLE = settings(
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)

ZONES = st.sampled_from(
    [ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata")]
)
# What spreadsheets run or skip, what separates values, what XML and CSV have to escape.
TRICKY = [
    "=", "+", "-", "@", "\uff1d", "\u2212", "'", '"', ",", ";", "\t", "\r", "\n", "\r\n", " ",
    "\u200b", "\ufeff", "\u202e", "\x0b", "\ud800", "\ufffe", "_x0041_", "#N/A", "=1+1", "-5",
    "-5.25", "+15550100", "é", "日本", "€", "🛫", "<b>", "&amp;", "\\N", "¥", "‾", "NULL",
]  # fmt: skip
UNSTORABLE = dict.fromkeys([0, *range(0xD800, 0xE000)])
LETTERS = st.characters()
TEXTS = st.text(LETTERS, max_size=20) | st.lists(st.sampled_from(TRICKY), max_size=4).map("".join)

STORED_TEXTS = TEXTS.map(lambda text: text.translate(UNSTORABLE))

INT64 = st.integers(-(2**63), 2**63 - 1)
INTEGERS = st.integers(-1000, 1000) | INT64
FLOATS = st.floats()
STORED_FLOATS = st.floats(-1e300, 1e300).map(lambda value: float(f"{value:.15g}"))
PRICES = st.decimals(-(10**20), 10**20, places=2)
DECIMALS = (
    st.decimals(-(10**9), 10**9, places=5)
    | st.decimals(allow_nan=False, allow_infinity=False).filter(lambda d: abs(d.adjusted()) < 1000)
    | st.sampled_from([Decimal("NaN"), Decimal("Infinity"), Decimal("-Infinity")])
)
DATES = st.dates()
STORED_DATES = st.dates(dt.date(1000, 1, 1))  # what all databases keep
STORED_MOMENTS = st.datetimes(
    dt.datetime(1000, 1, 2), dt.datetime(9998, 1, 1), timezones=ZONES
) | st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2030, 1, 1), timezones=ZONES)
MOMENTS = (
    STORED_MOMENTS
    | st.datetimes(timezones=st.just(dt.UTC))
    | st.just(dt.datetime.max.replace(tzinfo=dt.UTC))
)
TIMES = st.times() | st.just(dt.time.max)
DURATIONS = st.timedeltas(dt.timedelta(days=-100_000), dt.timedelta(days=100_000)) | (
    st.timedeltas(dt.timedelta(days=-2), dt.timedelta(days=2))
)
JSON_TEXTS = st.text(st.characters(min_codepoint=0x20), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.sampled_from([0.5, -1e-05])
    | JSON_TEXTS,
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text("abc=-", max_size=3), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
STORED_JSON = st.recursive(
    st.booleans() | st.integers(-(10**9), 10**9) | STORED_TEXTS.filter(str.isprintable),
    lambda inner: (
        st.lists(st.none() | inner, max_size=3)
        | st.dictionaries(st.text("abc=-", max_size=3), st.none() | inner, max_size=3)
    ),
    max_leaves=6,
)
BOUNDS = st.sampled_from(["[)", "(]", "[]", "()"])
INTEGER_RANGES = st.builds(Range, st.none() | INTEGERS, st.none() | INTEGERS, BOUNDS) | (
    st.just(Range(empty=True))
)
PERIODS = st.builds(Range, st.none() | MOMENTS, st.none() | MOMENTS, BOUNDS)
ANYTHING = (
    TEXTS | INT64 | DECIMALS | FLOATS | st.booleans() | DATES | MOMENTS | TIMES | DURATIONS
    | st.uuids() | st.lists(st.integers(0, 9)) | st.dictionaries(st.text("ab"), st.integers(0, 9))
)  # fmt: skip


def drawn(strategy, count):
    """So many examples at once, for tests that write them all into a database."""
    found = []

    @settings(REPEATABLE, max_examples=count)
    @given(strategy)
    def collect(value):
        found.append(value)

    collect()
    return found
