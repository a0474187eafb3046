"""Django's own tests of its admin pass with the mixin in every ModelAdmin, and each list that they
show replays equal, or is refused for a reason that is listed here."""

import faulthandler
import json
import os
import re
import subprocess
import sys

import pytest

from tests.django_admin.source import find_django_tests
from tests.services import ROOT

pytestmark = pytest.mark.integration

# What the mixin cannot help, each with its reason.
INHERENT = {
    # The app of our own reports is not installed in these tests, their permissions neither.
    "admin_checks.tests.SystemChecksTestCase.test_checks_are_performed",
    "admin_checks.tests.SystemChecksTestCase.test_custom_adminsite",
    # One more action is among those that a list offers.
    "admin_views.test_actions.AdminActionsTest.test_actions_ordering",
    # The warning names the caller of __init_subclass__(), which the mixin has as well.
    "modeladmin.tests.ModelAdminTests.test_list_select_related_true_deprecated",
}
# Lists that are shown, and are not exported.
REFUSED = {
    # A search that the form of the list refuses shows all rows.
    "refused: The list cannot be filtered like this: q=%00.",
    "refused: The list cannot be filtered like this: q=some%00thing.",
}
GROUPS = [
    ["admin_changelist", "admin_ordering", "admin_custom_urls", "admin_default_site",
     "admin_autodiscover", "admin_registration", "admin_checks", "admin_docs", "proxy_models"],
    ["admin_filters", "admin_utils", "modeladmin", "admin_widgets", "admin_inlines",
     "generic_inline_admin"],
    ["admin_views.tests"],
    ["admin_views.test_*"],
]  # fmt: skip


@pytest.fixture(autouse=True)
def any_time():
    """Hundreds of tests take as long as they take: none of them hangs, but the machine is busy."""
    faulthandler.cancel_dump_traceback_later()
    if find_django_tests() is None:
        pytest.skip("no sdist of Django")


def expanded(label):
    """A label of tests; with a star, those of the modules of an app."""
    app, _, pattern = label.partition(".")
    if "*" not in pattern:
        return [label]
    return [
        f"{app}.{path.stem}" for path in sorted((find_django_tests() / app).glob(f"{pattern}.py"))
    ]


def run(labels, told):
    """The tests that fail, and how many of the lists were compared with which result."""
    labels = [one for label in labels for one in expanded(label)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.django_admin", str(find_django_tests()), *labels],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "DJANGO_ADMIN_COMPARED": str(told)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert re.search(r"^Ran \d+ tests", done.stderr, re.MULTILINE), done.stderr[-5000:]
    failed = set(re.findall(r"^(?:FAIL|ERROR): \w+ \(([\w.]+)\)", done.stderr, re.MULTILINE))
    if failed - INHERENT:
        print(done.stderr)
    return failed, json.loads(told.read_text())


@pytest.mark.parametrize("labels", GROUPS, ids=lambda labels: labels[0])
def test_djangos_own_tests_pass_and_their_lists_replay_equal(labels, tmp_path):
    failed, compared = run(labels, tmp_path / "compared.json")
    assert failed - INHERENT == set()
    assert {how for how in compared if how.startswith("refused")} <= REFUSED
    assert compared["equal"] > 0
