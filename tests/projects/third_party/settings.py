"""Admins of other packages, each with and without exports; PROJECT_THEME puts another admin on."""

import os

from tests.projects.base import *  # noqa: F403
from tests.projects.base import INSTALLED_APPS, MIDDLEWARE

INSTALLED_APPS = [
    "modeltranslation",  # before the admin, as its documentation says
    *filter(None, [os.environ.get("PROJECT_THEME")]),
    *INSTALLED_APPS,
    "adminsortable2",
    "djmoney",
    "guardian",
    "import_export",
    "mptt",
    "nested_admin",
    "parler",
    "polymorphic",
    "rangefilter",
    "reversion",
    "safedelete",
    "simple_history",
    "treebeard",
    "tests.projects.third_party",
]
MIDDLEWARE = [*MIDDLEWARE, "simple_history.middleware.HistoryRequestMiddleware"]
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "guardian.backends.ObjectPermissionBackend",
]
ROOT_URLCONF = "tests.projects.third_party.urls"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "German")]
PARLER_LANGUAGES = {None: ({"code": "en"}, {"code": "de"}), "default": {"fallbacks": ["en"]}}
# The queries of one page are counted: each has them all.
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
SILENCED_SYSTEM_CHECKS = ["guardian.W001"]
