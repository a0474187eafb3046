"""Mistakes in models and lists are named by Django's checks, whose work ours must not disturb."""

import re

import pytest

from tests.projects.conftest import Project

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("options", [[], ["--deploy"]])
def test_django_names_the_mistakes(tmp_path, options):
    done = Project("broken_lists", tmp_path).attempt("django", "check", *options)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr, done.stderr
    errors = re.findall(r"\((\w+\.E\d+)\)", done.stderr)
    assert sorted(errors) == ["admin.E107", "admin.E108", "fields.E300", "fields.E307"]
