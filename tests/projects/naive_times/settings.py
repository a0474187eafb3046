"""Times without a zone, far from the server's own; files are kept for a second."""

from datetime import timedelta

from tests.projects.base import *  # noqa: F403
from tests.projects.base import DJANGO_REPORTS

USE_TZ = False
TIME_ZONE = "Asia/Tokyo"
DJANGO_REPORTS |= {"LOCAL_THREAD": False, "FILE_RETENTION": timedelta(seconds=1)}
