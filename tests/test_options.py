"""Options: what may be chosen, what follows from what was left open."""

import dataclasses
import json

import pytest

from django_reports.definitions.specs import CHOICES, ExportSpec, Layout, Options
from django_reports.exceptions import InvalidSpec

# Everything chosen otherwise than by default.
CHOSEN = {
    "profile": "machine",
    "delimiter": "tab",
    "encoding": "cp1252",
    "line_end": "lf",
    "header": "labels",
    "decimal": "comma",
    "quoting": "all",
}


def values_of(layout):
    return [getattr(layout, field.name).value for field in dataclasses.fields(Layout)]


def layout(language="en-us", **options):
    return dataclasses.asdict(Options.of(**options).settled(language))


# What there is


def test_every_option_has_a_place():
    assert list(CHOICES) == [field.name for field in dataclasses.fields(Options)]
    assert list(CHOICES) == [field.name for field in dataclasses.fields(Layout)]


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("profile", ["machine", "spreadsheet"]),
        ("delimiter", ["comma", "semicolon", "tab"]),
        ("encoding", ["utf-8", "utf-8-sig", "cp1252", "iso-8859-1", "iso-8859-15", "cp1250",
                      "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "shift_jis",
                      "cp932", "euc_jp", "gb18030", "big5", "cp949"]),
        ("line_end", ["crlf", "lf"]),
        ("header", ["names", "labels", "none"]),
        ("decimal", ["point", "comma"]),
        ("quoting", ["minimal", "all"]),
    ],
)  # fmt: skip
def test_values(option, values):
    assert CHOICES[option].values == values
    for value in values:
        assert getattr(Options.of(**{option: value}), option) == value


def test_characters():
    delimiters, marks = CHOICES["delimiter"], CHOICES["decimal"]
    assert [one.character for one in delimiters] == [",", ";", "\t"]
    assert [one.character for one in marks] == [".", ","]


# What follows


@pytest.mark.parametrize(
    ("profile", "language", "expected"),
    [
        ("machine", "en-us", "machine comma utf-8 crlf names point minimal"),
        ("machine", "de", "machine comma utf-8 crlf names point minimal"),
        ("spreadsheet", "en-us", "spreadsheet comma utf-8-sig crlf labels point minimal"),
        ("spreadsheet", "en-gb", "spreadsheet comma utf-8-sig crlf labels point minimal"),
        ("spreadsheet", "ja", "spreadsheet comma utf-8-sig crlf labels point minimal"),
        ("spreadsheet", "de", "spreadsheet semicolon utf-8-sig crlf labels comma minimal"),
        ("spreadsheet", "fr", "spreadsheet semicolon utf-8-sig crlf labels comma minimal"),
        ("spreadsheet", "pt-br", "spreadsheet semicolon utf-8-sig crlf labels comma minimal"),
        ("spreadsheet", "es", "spreadsheet semicolon utf-8-sig crlf labels comma minimal"),
        ("spreadsheet", "es-mx", "spreadsheet comma utf-8-sig crlf labels point minimal"),
    ],
)
def test_defaults_by_profile_and_language(profile, language, expected):
    assert values_of(Options.of(profile=profile).settled(language)) == expected.split()


def test_the_language_is_that_of_the_spec(settings):
    settings.LANGUAGE_CODE = "de"
    assert ExportSpec("shop.orders").layout.delimiter == "semicolon"
    assert ExportSpec("shop.orders").rendering.decimal_mark == ","
    assert ExportSpec("shop.orders", language="en").layout.delimiter == "comma"
    assert ExportSpec("shop.orders", language="en").rendering.decimal_mark == "."


@pytest.mark.parametrize("profile", ["machine", "spreadsheet"])
@pytest.mark.parametrize("language", ["en", "de"])
def test_what_is_chosen_is_what_holds(profile, language):
    chosen = {**CHOSEN, "profile": profile}
    assert layout(language, **chosen) == chosen


@pytest.mark.parametrize("option", [name for name in CHOSEN if name != "profile"])
def test_one_choice_changes_nothing_else(option):
    usual = layout("de", profile="spreadsheet")
    other = next(value for value in CHOICES[option].values if value != usual[option])
    assert layout("de", profile="spreadsheet", **{option: other}) == {**usual, option: other}


def test_a_german_spreadsheet_may_be_split_at_commas():
    made = layout("de", profile="spreadsheet", delimiter="comma")
    assert (made["delimiter"], made["decimal"]) == ("comma", "comma")


# Kept


@pytest.mark.parametrize("options", [{}, {"profile": "machine"}, CHOSEN, {"header": "none"}])
def test_round_trip(options):
    made = Options.of(**options)
    kept = json.loads(json.dumps(made.to_json()))
    assert kept == {"profile": "spreadsheet", **options}
    assert Options.of(**kept) == made


def test_what_is_left_open_stays_open():
    assert Options.of(delimiter=None, quoting=None) == Options()
    assert Options().to_json() == {"profile": "spreadsheet"}


def test_what_an_older_job_kept_is_still_read():
    kept = {**ExportSpec("shop.orders").to_json(), "options": {"profile": "machine"}}
    assert ExportSpec.from_json(kept).options == Options.of(profile="machine")


# Wrong


@pytest.mark.parametrize("option", list(CHOICES))
@pytest.mark.parametrize("value", ["", "nonsense", ",", 1, 1.5, True, [], {}, ["comma"], "\0"])
def test_a_wrong_value_names_the_legal_ones(option, value):
    with pytest.raises(InvalidSpec) as caught:
        Options.of(**{option: value})
    legal = ", ".join(CHOICES[option].values)
    assert str(caught.value) == f"There is no {option} {value!r}. Choose from: {legal}."
    assert caught.value.field == option


def test_only_the_profile_cannot_be_left_open():
    with pytest.raises(InvalidSpec, match="There is no profile None"):
        Options.of(profile=None)


@pytest.mark.parametrize("value", ["Comma", "COMMA", " comma", "UTF-8"])
def test_values_are_written_as_they_are(value):
    with pytest.raises(InvalidSpec):
        Options.of(delimiter=value)


@pytest.mark.parametrize("name", ["bogus", "Delimiter", "", "line-end", "time_zone", "self"])
def test_an_unknown_option_names_the_legal_ones(name):
    with pytest.raises(InvalidSpec) as caught:
        Options.of(**{name: "x"})
    assert str(caught.value) == (
        f"There is no option {name!r}. Choose from: profile, delimiter, encoding, line_end, "
        "header, decimal, quoting."
    )
    assert caught.value.field == "options"


def test_an_option_called_cls_is_unknown_like_any_other():
    with pytest.raises(InvalidSpec, match="There is no option 'cls'"):
        Options.of(cls="x")
