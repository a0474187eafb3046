"""The site is not at the root of its host: the server has put it below /office."""

from tests.projects.base import *  # noqa: F403
from tests.projects.base import DJANGO_REPORTS

FORCE_SCRIPT_NAME = "/office"  # so that commands, too, know the addresses of pages
DJANGO_REPORTS |= {"LOCAL_THREAD": False}
