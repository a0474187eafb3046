import os
from pathlib import Path

from django.apps import AppConfig


class FaultsConfig(AppConfig):
    name = "tests.faults"

    def ready(self):
        from tests.faults import points

        if "TEST_USUAL_TIMES" not in os.environ:
            points.sweep_often()
        if point := os.environ.get("TEST_POINT"):
            points.POINTS[point](Path(os.environ["TEST_MARK"]))
        for name in os.environ.get("TEST_FAULTS", "").split():
            points.FAULTS[name]()
