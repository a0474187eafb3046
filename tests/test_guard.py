import random
import re

import pytest

from django_reports.writers.guard import escape, unescape, unguarded

SEED = 20_260_501
COUNT = 20_000
# Triggers, what spreadsheets skip, and what stands next to them in real texts.
NASTY = (
    "=+-@\uff1d\uff0b\uff0d\uff20\u2212'''\"\t\r\n\x00\x0b\x1f \x7f\x85\xa0\xad"
    "\u1680\u180e\u2003\u200b\u200d\u200e\u202e\u2028\u2060\u2066\u3000\ufeff"
    "159.,e;|aZ\u20ac\U0001f600"
)
# Written out again here, so that a hole in the guard's own lists is seen.
SKIPPED = (
    "\x00-\x20\x7f-\xa0\xad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u2069\u3000\ufeff"
)
LIVE = re.compile(f"[\t\r\n]|[{SKIPPED}]*[-=+@\uff1d\uff0b\uff0d\uff20\u2212]")
NUMBER = re.compile(r"-\d+(\.\d+)?", re.ASCII)


def is_live(text):
    return LIVE.match(text) is not None and NUMBER.fullmatch(text) is None


def nasty_texts():
    chance = random.Random(SEED)
    return ["".join(chance.choices(NASTY, k=chance.randint(0, 8))) for _ in range(COUNT)]


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


def test_unguarded_leaves_everything():
    assert unguarded("=1") == "=1"


def test_the_measure_of_these_tests_knows_live_texts():
    assert is_live("=1")
    assert is_live("\u200b\uff0b1")
    assert not is_live("-5")
    assert not is_live("'=1")


def test_no_random_text_is_live_after_escape():
    texts = nasty_texts()
    assert sum(is_live(text) for text in texts) > COUNT // 10
    assert [text for text in texts if is_live(escape(text))] == []


def test_every_random_text_comes_back():
    assert [text for text in nasty_texts() if unescape(escape(text)) != text] == []


def test_two_texts_never_become_one():
    texts = set(nasty_texts())
    assert len({escape(text) for text in texts}) == len(texts)
