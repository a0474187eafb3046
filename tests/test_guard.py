import random
import time
import unicodedata

import pytest

from django_reports.definitions.kinds import unescaped
from django_reports.engine.writers.guard import escape, unescape
from tests import figures

SEED = 20_260_501
COUNT = 1_000_000
PER_VALUE = 50_000  # nanoseconds of work: many times what it takes
# Triggers, what spreadsheets skip, and what stands next to them in real texts; the first ones
# come more often.
NASTY = (
    "=+-@" * 4
    + "\uff1d\uff0b\uff0d\uff20\u2212" * 2
    + "'" * 12
    + "\t\r\n \xa0\u200b\ufeff" * 2
    + '"\x00\x0b\x1f\x7f\x85\xad\u061c\u1680\u180e\u2003\u200d\u200e\u202e\u2028\u2060\u2066\u3000'
    + "0123456789" * 2
    + "..,e;|aZ\u20ac\U0001f600"
)


def is_skipped(character):
    return character.isspace() or unicodedata.category(character) in ("Cc", "Cf")


def looks_like_a_formula(text):
    """Said in other words than the guard's own, so that a hole in its lists is seen."""
    if text[:1] in ("\t", "\r", "\n"):
        return True
    first = next((character for character in text if not is_skipped(character)), "")
    return first in set("=+-@\u2212") | {chr(ord(sign) + 0xFEE0) for sign in "=+-@"}


def is_plain_negative_number(text):
    whole, point, decimals = text[1:].partition(".")
    digits = [whole, decimals] if point else [whole]
    return text[:1] == "-" and all(part.isascii() and part.isdigit() for part in digits)


def is_live(text):
    return looks_like_a_formula(text) and not is_plain_negative_number(text)


@pytest.fixture(scope="module")
def texts():
    """A million texts of no, one or up to eight characters."""
    chance = random.Random(SEED)
    stream = "".join(chance.choices(NASTY, k=8 * COUNT))
    lengths = chance.choices(range(9), k=COUNT)
    return [stream[8 * n : 8 * n + length] for n, length in enumerate(lengths)]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=1+1", "'=1+1"),
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("==1", "'==1"),
        ("+49 30 1234", "'+49 30 1234"),
        ("+15550100", "'+15550100"),
        ("-x", "'-x"),
        ("-", "'-"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\uff1d1", "'\uff1d1"),
        ("\uff0b1", "'\uff0b1"),
        ("\uff0d1", "'\uff0d1"),
        ("\uff201", "'\uff201"),
        ("\u22125", "'\u22125"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("\nx", "'\nx"),
        ("\t", "'\t"),
    ],
)
def test_trigger_gets_an_apostrophe(text, written):
    assert escape(text) == written


@pytest.mark.parametrize(
    "text",
    [
        " =1",
        "   =1",
        "\xa0=1",
        "\u2003=1",
        "\u3000=1",
        "\u2028=1",
        "\x00=1",
        "\x01=1",
        "\x0b=1",
        "\x1f=1",
        "\x7f=1",
        "\x85=1",
        "\ufeff=1",
        "\u200b=1",
        "\u200c=1",
        "\u200d=1",
        "\u2060=1",
        "\u180e=1",
        "\xad=1",
        "\u061c=1",
        "\u200e=1",
        "\u200f=1",
        "\u202a=1",
        "\u202e=1",
        "\u2066=1",
        "\u2069=1",
        " \x00\ufeff\u200b\u202e=1",
        " -5",
        "\u200b+1",
        "\ufeff@a",
        " \uff1d1",
        " \t=1",
    ],
)
def test_trigger_behind_what_spreadsheets_skip(text):
    assert escape(text) == "'" + text


@pytest.mark.parametrize("text", ["-5", "-5.25", "-0", "-0.0", "-007", "-123456789012345678901.5"])
def test_plain_negative_number_stays(text):
    assert escape(text) == text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("-5e3", "'-5e3"),
        ("-5.", "'-5."),
        ("-.5", "'-.5"),
        ("-5,25", "'-5,25"),
        ("-5 ", "'-5 "),
        ("-5\n", "'-5\n"),
        ("--5", "'--5"),
        ("-5-5", "'-5-5"),
        ("-5+cmd", "'-5+cmd"),
        ("-\u0665", "'-\u0665"),
    ],
)
def test_what_only_looks_like_a_negative_number(text, written):
    assert escape(text) == written


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a=1",
        "1-2",
        "5",
        "5.25",
        "'quoted'",
        "'",
        "''",
        "it's",
        " text",
        " \ttext",
        "#N/A",
        "\u20ac5",
        "a\n=1",
        "\u2013 dash",
        "\u00b15",
    ],
)
def test_harmless_text_stays(text):
    assert escape(text) == text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("'=1", "''=1"),
        ("''=1", "'''=1"),
        ("'-5", "''-5"),
        ("' =1", "'' =1"),
        ("'\t", "''\t"),
        ("'\uff1d1", "''\uff1d1"),
    ],
)
def test_apostrophe_of_the_text_itself_is_kept(text, written):
    assert escape(text) == written
    assert unescape(written) == text


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("'=1", "=1"),
        ("' =1", " =1"),
        ("'\t", "\t"),
        ("-5", "-5"),
        ("'quoted'", "'quoted'"),
        ("'", "'"),
        ("", ""),
        ("''=1", "'=1"),
    ],
)
def test_unescape(written, text):
    assert unescape(written) == text


def test_unescaped_leaves_everything():
    assert unescaped("=1") == "=1"


def test_the_measure_of_these_tests_knows_live_texts():
    assert is_live("=1")
    assert is_live("\u200b\uff0b1")
    assert not is_live("-5")
    assert not is_live("'=1")


@pytest.mark.thorough
def test_of_a_million_texts_none_is_live_after_escape(texts):
    assert len(texts) == COUNT
    assert sum(map(is_live, texts)) > COUNT // 4
    assert sum(map(is_plain_negative_number, texts)) > COUNT // 1000
    assert [text for text in texts if is_live(escape(text))] == []


@pytest.mark.thorough
def test_of_a_million_texts_every_one_comes_back(texts):
    assert [text for text in texts if unescape(escape(text)) != text] == []


@pytest.mark.thorough
def test_of_a_million_texts_only_those_that_need_it_are_changed(texts):
    """Those that are live, and those that would come back as others without it."""

    def expected(text):
        is_in_need = looks_like_a_formula(text.lstrip("'")) and not is_plain_negative_number(text)
        return f"'{text}" if is_in_need else text

    assert [text for text in texts if escape(text) != expected(text)] == []


@pytest.mark.parametrize(
    "invisible", ["\U0001bca0", "\U0001d173", "\U000e0001", "\U000e0020", "\U000e0100"]
)
def test_trigger_behind_an_invisible_character_beyond_the_first_plane(invisible):
    assert escape(f"{invisible}=1") == f"'{invisible}=1"


def test_cost_per_value(texts):
    """Measured on texts that need it, and on plain ones."""
    plain = [f"Order number {n} of the year" for n in range(100_000)]
    for name, values in (("nasty", texts[:100_000]), ("plain", plain)):
        rounds = []
        for _ in range(3):
            began = time.process_time_ns()
            for value in values:
                escape(value)
            rounds.append((time.process_time_ns() - began) / len(values))
        figures.note("nanoseconds of work to guard a text", name, min(rounds))
        assert min(rounds) < PER_VALUE
