"""The settings of Django's tests on SQLite."""

from test_sqlite import *  # noqa: F403  of Django's tests

DJANGO_REPORTS = {"RUNNER": "immediate"}
