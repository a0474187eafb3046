"""One admin site, of the project's own, with its language in its address."""

from django.utils.translation import gettext_lazy as _

from tests.projects.base import *  # noqa: F403
from tests.projects.base import INSTALLED_APPS, MIDDLEWARE

# Without autodiscovery: what is registered is what backoffice/site.py names.
INSTALLED_APPS[INSTALLED_APPS.index("django.contrib.admin")] = (
    "django.contrib.admin.apps.SimpleAdminConfig"
)
MIDDLEWARE.insert(
    MIDDLEWARE.index("django.middleware.common.CommonMiddleware"),
    "django.middleware.locale.LocaleMiddleware",
)
ROOT_URLCONF = "tests.projects.backoffice.urls"
LANGUAGES = [("en", _("English")), ("de", _("German"))]
