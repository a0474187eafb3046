"""Where Django's own tests are: in the sdist of the Django that is installed."""

import os
import subprocess
import sys
import tarfile
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

import django

VERSION = django.__version__
KEPT = Path.home() / ".cache/django-reports"


@cache
def find_django_tests():
    """The folder of Django's tests, from TEST_DJANGO_TESTS, from before, or from the package index;
    None where it cannot be had."""
    given = os.environ.get("TEST_DJANGO_TESTS")
    folder = Path(given) if given else KEPT / f"django-{VERSION}" / "tests"
    if not (folder / "runtests.py").is_file() and not given:
        _download()
    return folder if (folder / "runtests.py").is_file() else None


def _download():
    """Several processes may do so at once: the folder is there whole, or not at all."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=KEPT) as place:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
                *("--no-binary", ":all:", f"django=={VERSION}", "--dest", place),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        archive = Path(place) / f"django-{VERSION}.tar.gz"
        if done.returncode or not archive.is_file():
            print(done.stderr, file=sys.stderr)
            return
        with tarfile.open(archive) as files:
            files.extractall(place, filter="data")
        with suppress(OSError):  # another process was faster
            (Path(place) / f"django-{VERSION}").rename(KEPT / f"django-{VERSION}")
