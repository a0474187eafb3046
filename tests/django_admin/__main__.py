"""python -m tests.django_admin <tests of Django's sdist> [--plain] <labels>: one line per failure.

With --plain they run without the mixin: what fails then is none of ours.
"""

import os
import sys
import tempfile
from unittest import TextTestResult

FAILED = "failed: "


class Result(TextTestResult):
    """Names each test that failed, whatever else is printed."""

    def stop(self):
        names = {test.id() for test, _traceback in [*self.failures, *self.errors]}
        super().stop()
        return names


def main():
    folder, *labels = sys.argv[1:]
    sys.path.insert(0, folder)
    os.chdir(folder)
    import runtests

    if "--plain" in labels:
        labels.remove("--plain")
    else:
        runtests.ALWAYS_INSTALLED_APPS.insert(0, "tests.django_admin.apps.DjangoAdminTestsConfig")
        runtests.ALWAYS_INSTALLED_APPS.append("django_reports")
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.django_admin.settings"
    os.environ["TMPDIR"] = tempfile.mkdtemp(prefix="django-admin-tests-")
    failures = runtests.django_tests(
        verbosity=1, interactive=False, failfast=False, keepdb=False, reverse=False,
        test_labels=labels, debug_sql=False, parallel=1, tags=[], exclude_tags=["selenium"],
        test_name_patterns=None, start_at="", start_after="", pdb=False, buffer=True,
        timing=False, shuffle=False,
    )  # fmt: skip
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
