import dataclasses
import json
from zoneinfo import ZoneInfo

import pytest

from django_reports.core.choices import Profile
from django_reports.definitions.selections import Selection, selection_kind
from django_reports.definitions.specs import ExportSpec, Options
from django_reports.engine.writers import writer_for
from django_reports.exceptions import InvalidSpec
from tests.entry_points.staff import FORMATS

FULL = {
    "report": "shop.orders",
    "format": "xlsx",
    "columns": ["number", "id"],
    "options": {"profile": "machine"},
    "parameters": {"region": ["n", "s"]},
    "selection": {"kind": "keys", "keys": ["1", "2"]},
    "time_zone": "Asia/Tokyo",
    "language": "de",
    "labels": {"id": "Key"},
    "filter_time_zone": "America/New_York",
    "filter_language": "fr",
}


def test_defaults():
    assert ExportSpec("shop.orders").to_json() == {
        "report": "shop.orders",
        "format": "csv",
        "columns": None,
        "options": {"profile": "spreadsheet"},
        "parameters": {},
        "selection": {"kind": "all"},
        "time_zone": "Europe/Berlin",
        "language": "en-us",
        "labels": {},
        "filter_time_zone": "Europe/Berlin",
        "filter_language": "en-us",
    }


def test_defaults_follow_the_settings(settings):
    settings.TIME_ZONE, settings.LANGUAGE_CODE = "Asia/Tokyo", "de"
    spec = ExportSpec("shop.orders")
    assert (spec.time_zone, spec.language) == ("Asia/Tokyo", "de")
    assert (spec.filter_time_zone, spec.filter_language) == ("Asia/Tokyo", "de")


def test_round_trip():
    spec = ExportSpec(
        "shop.orders",
        "xlsx",
        ("number", "id"),
        Options(Profile.MACHINE),
        {"region": ["n", "s"]},
        Selection("keys", {"keys": ["1", "2"]}),
        "Asia/Tokyo",
        "de",
        {"id": "Key"},
        "America/New_York",
        "fr",
    )
    assert json.loads(json.dumps(spec.to_json())) == FULL
    assert ExportSpec.from_json(json.loads(json.dumps(FULL))) == spec


def test_round_trip_of_the_defaults():
    spec = ExportSpec("shop.orders")
    assert ExportSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_spec_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ExportSpec("shop.orders").report = "shop.numbers"


def test_list_of_columns_becomes_a_tuple():
    assert ExportSpec("shop.orders", columns=["a", "b"]).columns == ("a", "b")


def test_rendering():
    rendering = ExportSpec.from_json(FULL).rendering
    assert rendering.profile is Profile.MACHINE
    assert rendering.is_spreadsheet is False
    assert rendering.time_zone == ZoneInfo("Asia/Tokyo")
    assert rendering.language == "de"


@pytest.mark.parametrize("profile", ["excel", "", None, "MACHINE"])
def test_unknown_profile(profile):
    with pytest.raises(InvalidSpec) as caught:
        Options(profile=profile)
    assert str(caught.value) == (
        f"There is no profile {profile!r}. Choose from: machine, spreadsheet."
    )
    assert caught.value.field == "profile"


def test_profile_may_be_a_text():
    assert Options(profile="machine").profile is Profile.MACHINE


@pytest.mark.parametrize(
    "zone",
    ["Mars/Base", "", "Europe", "/etc/localtime", "../etc/passwd", "a\x00b", "europe berlin"],
)
def test_unknown_time_zone(zone):
    with pytest.raises(InvalidSpec) as caught:
        ExportSpec("shop.orders", time_zone=zone)
    assert str(caught.value) == (
        f"There is no time zone {zone!r}; give an IANA name such as Europe/Berlin."
    )
    assert caught.value.field == "time_zone"


def test_unknown_time_zone_of_the_filters():
    with pytest.raises(InvalidSpec, match="There is no time zone 'Mars/Base'") as caught:
        ExportSpec("shop.orders", filter_time_zone="Mars/Base")
    assert caught.value.field == "filter_time_zone"


@pytest.mark.parametrize("field", ["language", "filter_language"])
@pytest.mark.parametrize(
    ("spelled", "kept"),
    [
        ("en-US", "en-us"), ("en_US", "en-us"), ("pt-BR", "pt-br"), ("de-AT", "de-at"),
        ("zh-Hans", "zh-hans"), ("zh-CN", "zh-hans"), ("DE", "de"),
    ],
)  # fmt: skip
def test_language_in_any_spelling(field, spelled, kept):
    spec = ExportSpec("shop.orders", **{field: spelled})
    assert spec == ExportSpec.from_json({**spec.to_json(), field: kept})
    assert spec.to_json()[field] == kept


@pytest.mark.parametrize("field", ["time_zone", "filter_time_zone"])
def test_time_zone_in_any_spelling(field):
    spec = ExportSpec("shop.orders", **{field: "europe/BERLIN"})
    assert spec.to_json()[field] == "Europe/Berlin"


@pytest.mark.parametrize("field", ["language", "filter_language"])
@pytest.mark.parametrize("language", ["xx", "", None, 5, "tlh"])
def test_unknown_language(field, language):
    with pytest.raises(InvalidSpec, match="There is no language") as caught:
        ExportSpec("shop.orders", **{field: language})
    assert caught.value.field == field


def test_doubled_column():
    with pytest.raises(InvalidSpec, match="Column b is asked for twice") as caught:
        ExportSpec("shop.orders", columns=("a", "b", "c", "b"))
    assert caught.value.field == "columns"


def test_no_columns():
    with pytest.raises(InvalidSpec, match="Choose at least one column") as caught:
        ExportSpec("shop.orders", columns=())
    assert caught.value.field == "columns"


def test_unknown_format():
    with pytest.raises(InvalidSpec) as caught:
        writer_for("docx")
    assert str(caught.value) == f"There is no format 'docx'. Choose from: {', '.join(FORMATS)}."
    assert caught.value.field == "format"


def test_unknown_selection():
    with pytest.raises(InvalidSpec) as caught:
        selection_kind(Selection("some"))
    assert str(caught.value) == (
        "There is no selection 'some'. Choose from: all, changelist, keys."
    )


@pytest.mark.parametrize("name", list(FULL))
def test_json_without_one_of_its_keys(name):
    value = {key: item for key, item in FULL.items() if key != name}
    with pytest.raises(InvalidSpec, match=f"no description of an export: {name} is missing."):
        ExportSpec.from_json(value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("options", {"profil": "machine"}),
        ("options", None),
        ("options", {"profile": "excel"}),
        ("selection", {}),
        ("selection", None),
        ("selection", "all"),
        ("columns", 5),
        ("columns", []),
        ("columns", "number"),
        ("parameters", ["region"]),
        ("time_zone", "Mars/Base"),
        ("time_zone", None),
        ("time_zone", 5),
    ],
)
def test_json_of_another_shape(name, value):
    with pytest.raises(InvalidSpec):
        ExportSpec.from_json({**FULL, name: value})


@pytest.mark.parametrize("value", [None, [], "shop.orders", 5])
def test_json_that_is_no_object(value):
    with pytest.raises(InvalidSpec):
        ExportSpec.from_json(value)
