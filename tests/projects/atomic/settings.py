"""Every request is one transaction."""

from tests.projects.base import *  # noqa: F403
from tests.projects.base import DATABASE, DATABASES, INSTALLED_APPS

INSTALLED_APPS += ["tests.projects.atomic"]
DATABASES["default"]["ATOMIC_REQUESTS"] = True
if DATABASE == "sqlite":  # else a request that reads first may not write when others have
    DATABASES["default"]["OPTIONS"]["transaction_mode"] = "IMMEDIATE"
