"""The mixin behind ModelAdmin would do nothing at all, so the project must be told."""

import pytest

from tests.projects.conftest import Project

pytestmark = pytest.mark.integration


def test_mixin_behind_model_admin_is_an_error(tmp_path):
    done = Project("wrong_order", tmp_path).attempt("django", "check")
    assert done.returncode != 0
    assert "ReportAdminMixin" in done.stderr
