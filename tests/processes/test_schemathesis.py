"""What the OpenAPI document promises is what a real server does.

Schemathesis makes up requests that the document allows, others that it does not, and chains of
them; of each answer it checks that the document has it. Its choices are the same in every run.
"""

import os
import re
import subprocess
import sys
from importlib.util import find_spec

import pytest

from django_reports.models import AuditEntry, ReportJob
from tests.conftest import VIEW
from tests.processes.conftest import Browser

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(find_spec("schemathesis") is None, reason="no Schemathesis"),
]

EXAMPLES = os.environ.get("TEST_EXAMPLES", "12")  # per operation; hundreds find more, in minutes
CONFIG = """
headers = {{ Accept = "application/json" }}

[auth.openapi]
session = {{ api_key = "{sessionid}" }}
csrf = {{ api_key = "{csrftoken}" }}
csrfCookie = {{ api_key = "{csrftoken}" }}

# A form says no to more than a schema can tell.
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "404", "409", "410", "422"]
"""


def examine(browser, folder):
    """Run every check of Schemathesis with somebody's session."""
    cookies = {cookie.name: cookie.value for cookie in browser.cookies}
    (folder / "schemathesis.toml").write_text(CONFIG.format(**cookies))
    (folder / "openapi.json").write_text(browser.text("/reports/openapi.json"))
    run = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "run", "openapi.json",
            "--url", f"{browser.base}/reports", "--checks", "all",
            "--max-examples", EXAMPLES, "--generation-deterministic",
            "--continue-on-failure", "--no-color",
        ],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    print(run.stdout, run.stderr)  # shown by pytest when the test fails
    return run


def test_no_answer_outside_of_the_document(processes, make_person, orders, tmp_path):
    """A person with one report, whose parameters are of every sort; jobs are done at once."""
    make_person("mia", *VIEW, report="shop.varied")
    processes.changed["RUNNER"] = "immediate"
    processes.environment["TEST_URLCONF"] = "tests.processes.varied"
    run = examine(Browser(processes.server()).log_in("mia"), tmp_path)
    assert run.returncode == 0
    assert re.search(r"Operations: +14 selected / 14 total", run.stdout)
    generated, passed = re.search(r"(\d+) generated, (\d+) passed", run.stdout).groups()
    assert int(generated) == int(passed) > 400
    # It got as far as there is to go: jobs were made, run again, and their files fetched.
    assert ReportJob.objects.filter(status="succeeded").exclude(rerun_of=None).exists()
    assert AuditEntry.objects.filter(action="downloaded").exists()
