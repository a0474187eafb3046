"""An admin in other clothes: those of the app that PROJECT_THEME names."""

import os

from tests.projects.base import *  # noqa: F403
from tests.projects.base import INSTALLED_APPS

INSTALLED_APPS = [os.environ["PROJECT_THEME"], *INSTALLED_APPS, "tests.projects.themed"]
