"""The admins of other packages: a list is as it was, and a file is what the list shows."""

import json

import pytest

from tests.projects.conftest import starting
from tests.services import missing_packages

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(bool(missing_packages()), reason="other packages are missing"),
]

THEMES = ("unfold", "jazzmin")
NAMES = [
    "importexport",
    "simplehistory",
    "reversion",
    "guardian",
    "nested",
    "parler",
    "polymorphic",
    "round",
    "square",
    "mptt",
    "draggedmptt",
    "treebeard",
    "rangefilter",
    "modeltranslation",
    "safedelete",
    "sortable",
    "money",
]


def problems_of(folder, *names, theme=None):
    """What is wrong of each model's list, by its name."""
    environment = {"PROJECT_THEME": theme} if theme else {}
    with starting(folder, is_served=False) as start:
        project = start("third_party", environment=environment)
        return json.loads(project.run("tests.projects.third_party.matrix", *names).splitlines()[-1])


@pytest.fixture(scope="module")
def problems(tmp_path_factory):
    return problems_of(tmp_path_factory.mktemp("project"))


@pytest.mark.parametrize("name", NAMES)
def test_an_export_is_what_the_list_shows(problems, name):
    assert problems[name] == []


@pytest.mark.parametrize("theme", THEMES)
def test_an_export_is_what_the_list_of_a_theme_shows(tmp_path, theme):
    assert problems_of(tmp_path, theme, theme=theme) == {theme: []}
