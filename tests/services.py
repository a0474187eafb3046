"""Which servers and browsers this machine has for the tests."""

import os
import shutil
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

REDIS_URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/7")


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=2):
            return True
    except OSError:
        return False


@dataclass(frozen=True)
class Server:
    label: str
    driver: str  # the module that must be importable
    host: str
    port: int

    def is_there(self) -> bool:
        return _answers(self.host, self.port)


SERVERS = {
    "postgresql": Server(
        "PostgreSQL", "psycopg", os.environ.get("TEST_POSTGRESQL_HOST", "127.0.0.1"), 5432
    ),
    "mariadb": Server("MariaDB", "MySQLdb", os.environ.get("TEST_MARIADB_HOST", "127.0.0.1"), 3306),
}


def is_redis_there() -> bool:
    parts = urlsplit(REDIS_URL)
    return _answers(parts.hostname or "127.0.0.1", parts.port or 6379)


def find_chromium() -> str | None:
    return os.environ.get("TEST_CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
