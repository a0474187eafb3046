"""Every list of every project here is exported as it is shown: the same rows in the same order."""

from importlib.util import find_spec

import pytest

from tests.projects.conftest import Project

pytestmark = pytest.mark.integration

PROJECTS = {
    "atomic": {},
    "backoffice": {},
    "caching": {},
    "foreign_querysets": {"needs": "modeltranslation parler polymorphic safedelete djmoney"},
    "inheritance": {},
    "keys": {},
    "leavers": {},
    "members": {},
    "naive_times": {},
    "two_databases": {"second_database": "shop"},
    "with_import_export": {"needs": "import_export"},
}


@pytest.mark.parametrize("name", PROJECTS)
def test_every_list_is_exported_as_it_is_shown(name, tmp_path):
    options = dict(PROJECTS[name])
    missing = [package for package in options.pop("needs", "").split() if not find_spec(package)]
    if missing:
        pytest.skip(f"no {', '.join(missing)}")
    project = Project(name, tmp_path, **options)
    try:
        project.create_databases()
        project.run("tests.projects.prepare")
        lists = project.run("tests.projects.every_list").splitlines()
    finally:
        project.end()
        project.drop_databases()
    assert lists
    assert any(int(line.split()[-1]) > 1 for line in lists)
