"""Settings of the test project: the database by TEST_DATABASE, everything else as projects do it.

Processes that a test starts (a server, a worker) read the same settings; the environment tells
them which database, storage folder and runner the test uses.
"""

import json
import os
import tempfile
from datetime import timedelta
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
WORK_DIR = Path(os.environ.get("TEST_WORK_DIR") or tempfile.mkdtemp(prefix="django-reports-tests-"))
os.environ["TEST_WORK_DIR"] = str(WORK_DIR)

SECRET_KEY = "for tests only"
DEBUG = False
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = os.environ.get("TEST_URLCONF", "tests.urls")
WSGI_APPLICATION = "tests.wsgi.application"

INSTALLED_APPS = [
    *os.environ.get("TEST_FIRST_APPS", "").split(),
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django_reports",
    "demo_project.flights",
    "tests.ordered",
    "tests.shop",
    "tests.many",
    "tests.values",
    *os.environ.get("TEST_APPS", "").split(),
]

INSTALLED_APPS = list(dict.fromkeys(INSTALLED_APPS))

MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "tests.middleware.content_security_policy",
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

DATABASE = os.environ.get("TEST_DATABASE", "sqlite")
_NAME = os.environ.get("TEST_DATABASE_NAME")  # what a started process must use: the test's own
# A started server may have to do with a pool of so many connections.
_SIZE = os.environ.get("TEST_POSTGRESQL_POOL")
_POOL = {"pool": {"min_size": 1, "max_size": int(_SIZE)}} if _SIZE else {}
_DATABASES = {
    "sqlite": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": _NAME or WORK_DIR / "main.sqlite3",
        "TEST": {"NAME": WORK_DIR / "test.sqlite3"},
        "OPTIONS": {
            "timeout": 20,
            "init_command": f"PRAGMA journal_mode={os.environ.get('TEST_SQLITE_JOURNAL', 'WAL')}",
        },
    },
    "postgresql": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _NAME or "postgres",
        "HOST": os.environ.get("TEST_POSTGRESQL_HOST", "127.0.0.1"),
        "PORT": os.environ.get("TEST_POSTGRESQL_PORT", ""),
        "USER": os.environ.get("TEST_POSTGRESQL_USER", "postgres"),
        "PASSWORD": os.environ.get("TEST_POSTGRESQL_PASSWORD", ""),
        "TEST": {"NAME": f"test_django_reports_{os.getpid()}"},
        "OPTIONS": _POOL,
        "DISABLE_SERVER_SIDE_CURSORS": "TEST_NO_CURSORS" in os.environ,
    },
    "mariadb": {
        "ENGINE": "django.db.backends.mysql",
        "NAME": _NAME or "test",
        "HOST": os.environ.get("TEST_MARIADB_HOST", "127.0.0.1"),
        "USER": os.environ.get("TEST_MARIADB_USER", "root"),
        "PASSWORD": os.environ.get("TEST_MARIADB_PASSWORD", ""),
        "OPTIONS": {
            "charset": "utf8mb4",
            "init_command": os.environ.get("TEST_MARIADB_INIT", "DO 0"),
        },
        "TEST": {"NAME": f"test_django_reports_{os.getpid()}", "CHARSET": "utf8mb4"},
    },
}
DATABASES = {
    "default": _DATABASES[DATABASE],
    # The same data over connections of its own, as those to a replica are.
    "replica": {**_DATABASES[DATABASE], "TEST": {"MIRROR": "default"}},
}
if DATABASE == "postgresql":
    DATABASES["replica"]["OPTIONS"] = {**_POOL, "application_name": "replica"}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TIME_ZONE = "Europe/Berlin"
STATIC_URL = "static/"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

REDIS_URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/7")
if _WORKER := os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw"):
    _server, _, _number = REDIS_URL.rpartition("/")
    REDIS_URL = f"{_server}/{int(_number) + int(_WORKER)}"  # each its own
RQ_QUEUES = {
    "reports": {
        "URL": REDIS_URL,
        "SERIALIZER": "rq.serializers.JSONSerializer",
    }
}

# What a test has changed for the processes that it starts; times in seconds.
_TIMES = ("JOB_LEASE", "JOB_TIMEOUT", "FILE_RETENTION", "SNAPSHOT_MAX_AGE")
_CHANGED = json.loads(os.environ.get("TEST_REPORTS", "{}"))
DJANGO_REPORTS = {
    "RUNNER": "immediate",
    "STORAGE_DIR": str(WORK_DIR / "reports"),
    "LOCAL_THREAD": False,
    **{
        name: timedelta(seconds=value) if name in _TIMES else value
        for name, value in _CHANGED.items()
    },
}

# How mails are sent since Django 6.1; those before have it as EMAIL_BACKEND.
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
