"""The shop's own tables are in a database of their own; everything else is in the default one."""

from tests.projects.base import *  # noqa: F403
from tests.projects.base import DATABASES

DATABASES["shop"] = {**DATABASES["default"], "NAME": f"{DATABASES['default']['NAME']}_shop"}
DATABASE_ROUTERS = ["tests.projects.two_databases.routers.ShopRouter"]
