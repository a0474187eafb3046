"""What stands where there is no value."""

import json

import pytest

from django_reports import Column, ModelReport
from tests.entry_points.helpers import deliver
from tests.shop.models import Parcel

pytestmark = pytest.mark.django_db


@pytest.fixture
def parcels(declare):
    @declare
    class Parcels(ModelReport):
        identifier = "shop.parcels"
        model = Parcel
        columns = ["size", "note", Column("hidden", path="size", permission="x.y", mask="partial")]

    Parcel.objects.create(size=1, note="a")
    Parcel.objects.create()


def content(user, **wanted):
    return b"".join(deliver(user, "shop.parcels", columns=["size", "note"], **wanted)).decode()


@pytest.mark.parametrize(("profile", "lines"), [
    ("spreadsheet", ["Small,a", "(not measured),"]),
    ("machine", ["1,a", ","]),
])  # fmt: skip
def test_the_label_of_no_choice_stands_in_spreadsheets(root, parcels, profile, lines):
    assert content(root, profile=profile).splitlines()[1:] == lines


@pytest.mark.parametrize(
    ("profile", "value"), [("spreadsheet", "(not measured)"), ("machine", None)]
)
def test_the_label_of_no_choice_in_json(root, parcels, profile, value):
    last = json.loads(content(root, profile=profile, format="jsonl").splitlines()[-1])
    assert next(iter(last.values())) == value


def test_a_mask_shows_nothing_for_no_choice(alice, make_person, parcels):
    mia = make_person("mia", "shop.view_parcel", report="*")
    rows = deliver(mia, "shop.parcels", columns=["hidden", "note"], profile="spreadsheet")
    assert b"".join(rows).decode().splitlines()[1:] == ["•••,a", ","]
