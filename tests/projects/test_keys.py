"""Keys that are no numbers: UUIDs, any text, two fields together."""

import csv
import html
import re

import pytest

pytestmark = pytest.mark.integration

PARCELS = [f"00000000-0000-0000-0000-00000000000{n},{n // 4}" for n in range(10)]
# The admin's lists settle ties by the key too, but downwards.
LISTED = [PARCELS[n] for n in (3, 2, 1, 0, 7, 6, 5, 4, 9, 8)]
TICKED = ["a/b", 'q"uote', "q'uote", "ä-ö", "日本", "100%", "<b>&amp;"]
# By price, then by row, then by number as a number.
SEATS = [
    *("A,1,0", "B,1,0", "C,1,0"),
    *("A,9,1", "A,10,1", "B,9,1", "B,10,1", "C,9,1", "C,10,1"),
]


def tick(person, model, keys):
    """Tick rows of a list, choose the action, and press the button of the page that follows."""
    page = f"/admin/keys/{model}/"
    fields = {"action": "export_selected", "index": "0", "select_across": "0",
              "_selected_action": keys, "csrfmiddlewaretoken": person.token(page)}  # fmt: skip
    between = person.open(page, fields)
    assert between.status == 200, between.text
    carried = re.findall(r'name="_selected_action" value="([^"]*)"', between.text)
    carried = [html.unescape(value) for value in carried]
    assert carried == keys
    return person.by_admin(f"keys/{model}", _selected_action=carried, _across="",
                           columns=COLUMNS[model])  # fmt: skip


COLUMNS = {"parcel": ["id", "weight"], "article": ["code", "shelf"], "seat": ["row", "number"]}


@pytest.fixture(scope="module")
def site(start_once):
    return start_once("keys")


def test_uuids(site):
    alice = site.person("alice")
    assert alice.by_admin("keys/parcel", columns=COLUMNS["parcel"])[1:] == LISTED
    assert alice.by_admin("keys/parcel", "?weight=1", columns=COLUMNS["parcel"])[1:] == LISTED[4:8]
    keys = [line.partition(",")[0] for line in LISTED]
    assert tick(alice, "parcel", keys[3:1:-1])[1:] == LISTED[2:4]
    assert tick(alice, "parcel", keys[1:])[1:] == LISTED[1:]  # in the background
    assert alice.by_page("keys.parcels", columns=COLUMNS["parcel"])[1:] == PARCELS
    assert alice.by_json("keys.parcels")[1:] == PARCELS


def test_texts(site):
    alice = site.person("alice")

    def known(order):
        """By the database's own idea of the order of texts."""
        found = site.rows(f"SELECT code, shelf FROM keys_article ORDER BY {order}")
        return [(code, str(shelf)) for code, shelf in found]

    def read(lines):
        return [tuple(row) for row in csv.reader(lines[1:])]

    listed, articles = known("shelf DESC, code DESC"), known("shelf DESC, code")
    assert read(alice.by_admin("keys/article", columns=COLUMNS["article"])) == listed
    assert read(alice.by_admin("keys/article", "?q=100%25", columns=["code"])) == [("100%",)]
    some = [row for row in listed if row[0] in TICKED]
    assert read(tick(alice, "article", TICKED)) == some  # in the background
    assert read(tick(alice, "article", TICKED[:5])) == [r for r in some if r[0] in TICKED[:5]]
    assert read(alice.by_page("keys.articles", columns=COLUMNS["article"])) == articles
    assert read(alice.by_json("keys.articles")) == articles


def test_composite_keys(site):
    command = ("export_report", "keys.seats", "--output", "-")
    assert site.manage(*command).splitlines() == ["row,number,price", *SEATS]
    found = site.manage(*command, "--user", "alice", "--param", "row=B").splitlines()
    assert found == ["row,number,price", "B,1,0", "B,9,1", "B,10,1"]
    site.manage("export_report", "keys.seats", "--queue", "--user", "alice")
    site.manage("reports_worker", "--burst")
    made = site.rows("SELECT status, rows_done FROM django_reports_reportjob ORDER BY created_at")
    assert made[-1] == ("succeeded", 9)

    alice = site.person("alice")
    columns = ["row", "number", "price"]
    assert alice.by_page("keys.seats", columns=columns)[1:] == SEATS
    fields = {"columns": columns, "parameter-row": "B"}
    assert alice.by_page("keys.seats", **fields)[1:] == ["B,1,0", "B,9,1", "B,10,1"]
    assert alice.by_json("keys.seats")[1:] == SEATS
    assert alice.by_json("keys.seats", parameters={"row": "B"})[1:] == ["B,1,0", "B,9,1", "B,10,1"]
