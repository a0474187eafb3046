"""Models that inherit their fields, and the tables in which these are."""

from tests.projects.base import *  # noqa: F403
from tests.projects.base import INSTALLED_APPS

INSTALLED_APPS += ["tests.projects.inheritance"]
