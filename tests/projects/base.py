"""What all projects here have. The settings of each say only what it does differently.

The app of most is tests.shop: what is tested is the project around it.
"""

import json
import os
from pathlib import Path

from tests.settings import (
    ALLOWED_HOSTS,
    DATABASE,
    DATABASES,
    DEFAULT_AUTO_FIELD,
    PASSWORD_HASHERS,
    SECRET_KEY,
    STATIC_URL,
    TEMPLATES,
    TIME_ZONE,
)

__all__ = [
    "ALLOWED_HOSTS", "DATABASE", "DATABASES", "DEFAULT_AUTO_FIELD", "DJANGO_REPORTS", "FOLDER",
    "INSTALLED_APPS", "LOGGING", "MIDDLEWARE", "PASSWORD_HASHERS", "ROOT_URLCONF",
    "SECRET_KEY", "STATIC_URL", "TEMPLATES", "TIME_ZONE",
]  # fmt: skip

FOLDER = Path(os.environ.get("PROJECT_FOLDER", "."))

del DATABASES["replica"]  # that of the package's own tests
if DATABASE == "sqlite":  # a database for seconds need not survive a power cut
    DATABASES["default"]["OPTIONS"]["init_command"] += "; PRAGMA synchronous=OFF"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django_reports",
    "tests.shop",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "tests.projects.urls"

# Tracebacks of the server go to its log, which a failed test shows.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "ERROR"},
}

DJANGO_REPORTS = {
    "RUNNER": "local",
    "STREAM_MAX_ROWS": 5,  # so that a handful of rows is made in the background
    "STORAGE_DIR": FOLDER / "reports",
    **json.loads(os.environ.get("PROJECT_REPORTS", "{}")),
}
