"""Lists that another app has put its buttons and actions on as well."""

from tests.projects.base import *  # noqa: F403
from tests.projects.base import INSTALLED_APPS

INSTALLED_APPS += ["import_export", "tests.projects.with_import_export"]
