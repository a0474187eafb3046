"""A list on which somebody has put the mixin where it cannot work."""

from tests.projects.base import *  # noqa: F403
from tests.projects.base import INSTALLED_APPS

INSTALLED_APPS += ["tests.projects.wrong_order"]
