"""Models whose primary keys are no numbers."""

from tests.projects.base import *  # noqa: F403
from tests.projects.base import INSTALLED_APPS

INSTALLED_APPS += ["tests.projects.keys"]
