"""Settings of the benchmarks: a project with orders. The database comes by BENCHMARK_DATABASE."""

import json
import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

WORK_DIR = Path(os.environ.get("BENCHMARK_DIR", "/nonexistent"))
if "BENCHMARK_DATABASE" not in os.environ:
    raise ImproperlyConfigured("Start the benchmarks by: python -m benchmarks")

SECRET_KEY = "for benchmarks only"  # noqa: S105
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "benchmarks.urls"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django_reports",
    "benchmarks",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
DATABASES = {"default": json.loads(os.environ["BENCHMARK_DATABASE"])}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TIME_ZONE = "Europe/Berlin"
STATIC_URL = "static/"
SILENCED_SYSTEM_CHECKS = ["django_reports.W004"]  # nobody is hurt by an invented e-mail address
IMPORT_EXPORT_ESCAPE_FORMULAE_ON_EXPORT = True

DJANGO_REPORTS = {
    "RUNNER": "local",
    "LOCAL_THREAD": False,
    "STORAGE_DIR": str(WORK_DIR / "reports"),
}
