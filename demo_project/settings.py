"""The demo: SQLite and the local runner; with REDIS_URL, RQ and a worker process."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = BASE_DIR / "var"
DATA_DIR.mkdir(exist_ok=True)  # SQLite makes its file, but not the folder

DEBUG = True
SECRET_KEY = "for the demo on this machine only"  # noqa: S105
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
ROOT_URLCONF = "demo_project.urls"
WSGI_APPLICATION = "demo_project.wsgi.application"

INSTALLED_APPS = [
    "django_reports",  # above the admin, whose index so shows one's exports
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "demo_project.flights",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_reports.middleware.ExportNotificationMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
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

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATA_DIR / "demo.sqlite3",
        # Readers and writers do not wait for each other: an export of everything blocks nobody.
        "OPTIONS": {"init_command": "PRAGMA journal_mode=WAL", "timeout": 20},
    }
}

TIME_ZONE = "America/New_York"
STATIC_URL = "static/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = os.environ.get("REDIS_URL")
RQ_QUEUES = {"reports": {"URL": REDIS_URL, "SERIALIZER": "rq.serializers.JSONSerializer"}}
if not REDIS_URL:
    RQ_QUEUES = {}

DJANGO_REPORTS = {
    "RUNNER": "rq" if REDIS_URL else "local",
    "STORAGE_DIR": DATA_DIR / "reports",
}
