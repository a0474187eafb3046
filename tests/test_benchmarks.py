"""The benchmarks run, and find their files equal. How long they take is nobody's matter here."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_a_quick_run_finds_every_file_equal(tmp_path):
    figures = tmp_path / "figures.json"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--database=sqlite", f"--json={figures}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(figures.read_text())
    assert {line.partition(":")[0] for line in told["equal"]} >= {
        "CSV, ours and the careful loop",
        "CSV with a callable",
        "CSV with a masked column",
        "XLSX",
    }
    assert (
        told["paths"]["orders as csv"]
        == "written by Python, a column at a time: the database is not PostgreSQL"
    )
    assert {measured["rows"] for measured in told["ways"].values()} == {300}
    assert all(0 < part < 1 for part in told["ways"]["watched, orders"]["watching"])
    assert "rows/s" in done.stdout
