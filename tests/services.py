"""Which servers and browsers this machine has for the tests."""

import os
import shutil
import socket
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
REDIS_URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/7")


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=60):
            return True
    except OSError:
        return False


def _postgresql() -> None:
    import psycopg

    psycopg.connect(
        host=os.environ.get("TEST_POSTGRESQL_HOST", "127.0.0.1"),
        user=os.environ.get("TEST_POSTGRESQL_USER", "postgres"),
        password=os.environ.get("TEST_POSTGRESQL_PASSWORD", ""),
        dbname="postgres",
        connect_timeout=60,
    ).close()


def _mariadb() -> None:
    import MySQLdb

    MySQLdb.connect(
        host=os.environ.get("TEST_MARIADB_HOST", "127.0.0.1"),
        user=os.environ.get("TEST_MARIADB_USER", "root"),
        password=os.environ.get("TEST_MARIADB_PASSWORD", ""),
        connect_timeout=60,
    ).close()


_CONNECT = {"sqlite": lambda: None, "postgresql": _postgresql, "mariadb": _mariadb}
LABELS = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mariadb": "MariaDB"}


def problem_with(database: str) -> str | None:
    """Why a database cannot be used for tests, in a few words; None if it can."""
    try:
        _CONNECT[database]()
    except Exception as error:
        return str(error).strip().splitlines()[0]
    return None


def is_redis_there() -> bool:
    parts = urlsplit(REDIS_URL)
    return _answers(parts.hostname or "127.0.0.1", parts.port or 6379)


def missing_packages() -> list[str]:
    """What the tests marked `integration` need, and this interpreter lacks."""
    wanted = (
        "adminsortable2", "djmoney", "guardian", "import_export", "jazzmin", "modeltranslation",
        "moto", "mptt", "nested_admin", "parler", "polymorphic", "rangefilter", "reversion",
        "safedelete", "schemathesis", "simple_history", "storages", "treebeard", "unfold",
    )  # fmt: skip
    return [name for name in wanted if find_spec(name) is None]


def find_axe() -> str | None:
    """The script of axe-core, from npm: where TEST_AXE says, or below this project."""
    built = "node_modules/axe-core/axe.min.js"
    places = (
        os.environ.get("TEST_AXE"),
        ROOT / built,
        Path.home() / ".cache/django-reports" / built,
    )
    return next((str(place) for place in places if place and Path(place).is_file()), None)


def find_curl() -> str | None:
    return shutil.which("curl")


def find_soffice() -> str | None:
    return os.environ.get("TEST_SOFFICE") or shutil.which("soffice")


def find_pgbouncer() -> str | None:
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


def find_nginx() -> str | None:
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


def find_compiler() -> str | None:
    return shutil.which("cc")


def find_redis_server() -> str | None:
    return shutil.which("redis-server")


def find_chromium() -> str | None:
    return os.environ.get("TEST_CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
