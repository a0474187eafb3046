"""An app with mistakes in its models and lists."""

from tests.projects.base import *  # noqa: F403
from tests.projects.base import INSTALLED_APPS

INSTALLED_APPS += ["tests.projects.broken_lists"]
