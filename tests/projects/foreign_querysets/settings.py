"""Models whose querysets, queries, iterables or fields are other packages'."""

from tests.projects.base import *  # noqa: F403
from tests.projects.base import INSTALLED_APPS

INSTALLED_APPS = [
    "modeltranslation",  # before the admin
    *INSTALLED_APPS,
    "parler",
    "polymorphic",
    "safedelete",
    "djmoney",
    "tests.projects.foreign_querysets",
]
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
MODELTRANSLATION_FALLBACK_LANGUAGES = ("en",)
PARLER_LANGUAGES = {None: [{"code": "en"}, {"code": "de"}]}
