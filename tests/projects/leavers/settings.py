"""Exports are made by a worker, some time later: people may have left by then."""

from tests.projects.base import *  # noqa: F403
from tests.projects.base import DJANGO_REPORTS

DJANGO_REPORTS |= {"LOCAL_THREAD": False, "STREAM_MAX_ROWS": 0}
