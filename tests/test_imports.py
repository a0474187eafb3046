"""What is imported when, and what works without the optional packages, each in a fresh process."""

import json
import os
import re
import subprocess
import sys

import pytest
from django.utils.module_loading import import_string

import django_reports
from django_reports.core.storages import PrivateFileSystemStorage
from tests.services import ROOT

HEAVY = {"django_rq", "numpy", "openpyxl", "pyarrow", "redis", "rq"}
SETUP = """
import json, sys
import django
django.setup()
"""
LOADED = f"""
print(json.dumps(sorted({HEAVY!r} & set(sys.modules))))
"""
WITHOUT_RQ = """
import sys
from importlib.abc import MetaPathFinder

class Absent(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("django_rq", "rq", "redis"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
"""
EXPORT = """
import io
from django.core.management import call_command
call_command("migrate", run_syncdb=True, verbosity=0)
call_command("check")
call_command("list_reports", stdout=io.StringIO())
call_command("export_report", "shop.orders", output=sys.argv[1], verbosity=0)
call_command("export_report", "shop.orders", "--queue", verbosity=0)
call_command("reports_worker", "--burst")
from django_reports.models import ReportJob
print(json.dumps(ReportJob.objects.latest("created_at").status))
"""


def documented_names():
    """What docs/reference.md says that a project imports, by module."""
    text = (ROOT / "docs/reference.md").read_text()
    section = text.split("## Import paths")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(django_reports[\w.]*)` \| (.+) \|$", section, re.MULTILINE)
    return [(module, re.findall(r"`(\w+)`", names)) for module, names in rows]


def run(code, *arguments, folder, **changed):
    """What a process prints as JSON that has a database of its own."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "TEST_DATABASE": "sqlite",
        "TEST_DATABASE_NAME": str(folder / "db.sqlite3"),
        "TEST_REPORTS": json.dumps({"STORAGE_DIR": str(folder / "reports"), **changed}),
    }
    command = [sys.executable, "-W", "error", "-c", code, *map(str, arguments)]
    done = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    "code",
    [
        "import json, sys\nimport django_reports",
        SETUP,
        SETUP + "from django.core.management import call_command\ncall_command('check')",
        SETUP + "import django_reports.urls, django_reports.admin",
    ],
    ids=["import", "setup", "check", "urls"],
)
def test_nothing_heavy_is_imported_before_it_is_used(code, tmp_path):
    assert run(code + LOADED, folder=tmp_path) == []


@pytest.mark.parametrize(("module", "names"), documented_names())
def test_documented_names_are_there(module, names, tmp_path):
    code = f"""
from importlib import import_module
module = import_module({module!r})
print(json.dumps([name for name in {names!r} if not hasattr(module, name)]))
"""
    assert run(SETUP + code, folder=tmp_path) == []


def test_no_more_names_are_public():
    assert sorted(dict(documented_names())["django_reports"]) == sorted(django_reports.__all__)
    assert len(django_reports.__all__) <= 30
    assert set(django_reports.__all__) <= set(dir(django_reports))


def test_unknown_names_are_named():
    with pytest.raises(AttributeError, match="module 'django_reports' has no attribute 'nonsense'"):
        django_reports.nonsense  # noqa: B018


def test_names_can_be_used_by_dotted_path():
    assert import_string("django_reports.PrivateFileSystemStorage") is PrivateFileSystemStorage


@pytest.mark.parametrize("name", ["local", "immediate"])
def test_other_runners_need_no_rq(tmp_path, name):
    output = tmp_path / "orders.csv"
    code = WITHOUT_RQ + SETUP + EXPORT
    assert run(code, output, folder=tmp_path, RUNNER=name) == "succeeded"
    assert output.read_text().startswith("id,number,")


def test_the_rq_runner_without_rq_is_an_error_that_names_the_extra(tmp_path):
    code = """
from django.core import checks
found = [e for e in checks.run_checks() if e.id.startswith("django_reports.")]
print(json.dumps([[e.id, e.level, e.msg, e.hint] for e in found]))
"""
    ((id_, level, message, hint),) = run(WITHOUT_RQ + SETUP + code, folder=tmp_path, RUNNER="rq")
    assert (id_, level) == ("django_reports.E062", 40)
    assert "DJANGO_REPORTS['RUNNER'] is 'rq', which cannot be used" in message
    assert 'pip install "django-reports[rq]"' in hint
