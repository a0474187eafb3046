"""People of the project's own: a UUID for a key, an e-mail address to log in with.

And nobody gets anywhere without logging in.
"""

from tests.projects.base import *  # noqa: F403
from tests.projects.base import INSTALLED_APPS, MIDDLEWARE

INSTALLED_APPS += ["tests.projects.members"]
AUTH_USER_MODEL = "members.Member"
MIDDLEWARE += ["django.contrib.auth.middleware.LoginRequiredMiddleware"]
LOGIN_URL = "admin:login"
