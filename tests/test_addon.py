"""What an optional app can do with public names only, in a process that has it installed."""

import ast
import re

import pytest

import django_reports
from tests.services import ROOT
from tests.test_imports import SETUP, run

ADDON = ROOT / "tests/addon"
PUBLIC = {"django_reports", "django_reports.signals", "django_reports.exceptions"}
EXPORT = """
import io, sys
from django.core.management import call_command
call_command("migrate", run_syncdb=True, verbosity=0)
call_command("check")
call_command("export_report", "addon.squares", format="pipes", output=sys.argv[1], verbosity=0)
call_command("export_report", "addon.squares", "--queue", format="pipes", verbosity=0)
call_command("reports_worker", "--burst")
from tests.addon.watching import ended
print(json.dumps(len(ended)))
"""


def test_its_format_its_report_and_its_receiver_work(tmp_path, monkeypatch):
    monkeypatch.setenv("TEST_APPS", "tests.addon")
    output = tmp_path / "squares.pipes"
    run(SETUP + EXPORT, output, folder=tmp_path, LOCAL_THREAD=False)
    assert output.read_text() == "|n|square|\n|0|0|\n|1|1|\n|2|4|\n"


@pytest.mark.parametrize("path", sorted(ADDON.rglob("*.py")), ids=lambda path: path.name)
def test_it_imports_public_names_only(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("django_reports"):
            assert node.module in PUBLIC
            if node.module == "django_reports":
                assert {alias.name for alias in node.names} <= set(django_reports.__all__)


def test_optional_apps_are_held_to_public_names():
    text = (ROOT / "pyproject.toml").read_text()
    contract = re.search(r'name = "Optional apps use public names only".+?\n\n', text, re.DOTALL)
    rooms = {path.name for path in (ROOT / "django_reports").iterdir() if path.is_dir()}
    forbidden = set(re.findall(r'"django_reports\.(\w+)"', contract.group())) - {"contrib"}
    assert forbidden >= {"access", "audit", "core", "definitions", "engine", "exports", "jobs"}
    assert forbidden <= rooms
