"""django-import-export on the same list: neither takes the other's place."""

import re
from importlib.util import find_spec

import pytest

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not find_spec("import_export"), reason="no django-import-export"),
]

ODD = ["title,year", *(f"T{n},2001" for n in (7, 5, 3, 1))]
CHOICE = {"columns": ["title", "year"]}


@pytest.fixture(scope="module")
def root(start_once):
    return start_once("with_import_export").person("root")


def their_export(person, model, query="", **fields):
    """What the other app's export of a list holds."""
    path = f"/admin/with_import_export/{model}/export/{query}"
    fields = {"format": "0", "resource": "0", f"{model}resource_title": "on",
              f"{model}resource_year": "on", "csrfmiddlewaretoken": person.token(path),
              **fields}  # fmt: skip
    answer = person.open(path, fields)
    assert "attachment" in answer.headers["Content-Disposition"], answer.text
    return answer.text.splitlines()


def actions_of(text):
    select = re.search(r'<select name="action".*?</select>', text, re.DOTALL)[0]
    return set(re.findall(r'<option value="(\w+)"', select))


@pytest.mark.parametrize(
    ("model", "theirs"),
    [("book", "export"), ("film", "export"), ("song", "import"), ("play", "export")],
)
def test_buttons_of_both_whatever_the_order_of_the_bases(root, model, theirs):
    text = root.text(f"/admin/with_import_export/{model}/?year=2001")
    assert text.count(f'/{model}/export-report/?year=2001"') == 1
    assert len(re.findall(rf"""href=["'][^"']*/{theirs}/(\?year=2001)?["']""", text)) == 1
    assert f"/admin/with_import_export/{model}/add/" in text
    found = root.by_admin(f"with_import_export/{model}", "?year=2001", **CHOICE)
    assert found == ODD
    assert len(root.by_admin(f"with_import_export/{model}", **CHOICE)) == 9
    assert sorted(their_export(root, model, "?year=2001")) == sorted(ODD)


@pytest.mark.parametrize("model", ["song", "play"])
def test_actions_of_both_whatever_the_order_of_the_bases(root, model):
    page = f"/admin/with_import_export/{model}/?year=2001"
    text = root.text(page)
    names = {"export_selected", "export_admin_action", "delete_selected"}
    assert names <= actions_of(text)
    keys = re.findall(r'name="_selected_action" value="(\d+)"', text)[:2]
    ticked = {"index": "0", "select_across": "0", "_selected_action": keys,
              "csrfmiddlewaretoken": root.token(page)}  # fmt: skip
    ours = root.open(page, {"action": "export_selected", **ticked})
    assert "2 selected" in ours.text
    choice = {**CHOICE, "_across": "", "_selected_action": keys}
    assert root.by_admin(f"with_import_export/{model}", "?year=2001", **choice) == ODD[:3]
    theirs = root.open(page, {"action": "export_admin_action", **ticked})
    assert theirs.status == 200
    assert re.findall(r'name="export_items" value="(\d+)"', theirs.text) == keys
    found = their_export(root, model, export_items=keys)
    assert sorted(found) == sorted(ODD[:3])
