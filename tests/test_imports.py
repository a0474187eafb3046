"""What is imported when, and what works without the optional packages, each in a fresh process."""

import json
import os
import subprocess
import sys

import pytest

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


def run(code, *arguments, folder, **changed):
    """What a process prints as JSON that has a database of its own."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "TEST_DATABASE": "sqlite",
        "TEST_DATABASE_NAME": str(folder / "db.sqlite3"),
        "TEST_REPORTS": json.dumps({"FOLDER": str(folder / "reports"), **changed}),
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
