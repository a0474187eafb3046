"""demo: prepare everything and serve it, or with --smoke, try it."""

import signal
import socket
import subprocess
import sys
import time
from argparse import ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import IO, Any

from django.conf import settings
from django.core.files import locks
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from redis import Redis, RedisError

from demo_project.flights.data import DataMissing, load
from demo_project.flights.people import PASSWORD, PEOPLE, create_people
from demo_project.flights.smoke import SmokeFailed, visit

HOST = "127.0.0.1"
START_WITHIN = 30  # seconds, for a server with nothing left to prepare
END_WITHIN = 10  # seconds, for a child that was asked to end
INTERRUPTED = 130  # the exit code of a command that Ctrl+C ended


class Command(BaseCommand):
    help = "Prepares the demo on real data and serves it on 127.0.0.1."
    requires_system_checks = ()  # some ask the database, which is not there yet; runserver checks

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=_port, default=8000, help="default: 8000")
        parser.add_argument(
            "--smoke", action="store_true", help="make two exports over HTTP instead, and end"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        # Asked to end in either way, it ends its children first.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            if options["smoke"]:
                self._smoke()
            else:
                self._serve(options["port"])
        except KeyboardInterrupt:
            raise CommandError("Interrupted.", returncode=INTERRUPTED) from None
        except (DataMissing, SmokeFailed) as error:
            raise CommandError(str(error)) from error

    def _serve(self, port: int) -> None:
        _check_port(port)
        self._prepare()
        self.stdout.write(f"\nLog in at http://{HOST}:{port}/ with the password {PASSWORD!r} as")
        for person in PEOPLE:
            self.stdout.write(f"  {person.name:<6} who {person.may}")
        self.stdout.write(f"All reports are at http://{HOST}:{port}/reports/\n")
        with _child("reports_worker") if settings.REDIS_URL else nullcontext():
            call_command("runserver", f"{HOST}:{port}", use_reloader=False)

    def _smoke(self) -> None:
        self._prepare()
        port = _free_port()
        log_path = settings.DATA_DIR / "smoke.log"
        with log_path.open("w+") as log, _child("demo", "--port", str(port), log=log) as server:
            try:
                _wait_for(server, port)
                visit(f"http://{HOST}:{port}/", self.stdout.write)
            except SmokeFailed as error:
                where = log_path.relative_to(settings.BASE_DIR)
                raise SmokeFailed(f"{error} The server's log is {where}.") from error
        self.stdout.write(self.style.SUCCESS("The demo works."))

    def _prepare(self) -> None:
        """Everything up to the server; what is there already stays as it is."""
        _check_redis()
        # A second demo waits here until the first is ready, and finds everything done.
        with (settings.DATA_DIR / "demo.lock").open("w") as lock:
            locks.lock(lock, locks.LOCK_EX)
            call_command("migrate", verbosity=0)
            load(self.stdout.write)
            create_people()


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 2**16:
        raise ArgumentTypeError(f"{text!r} is no port: 1 to 65535")
    return int(text)


def _check_port(port: int) -> None:
    try:
        socket.create_server((HOST, port)).close()
    except OSError as error:
        message = f"Port {port} is taken or reserved; choose another with --port."
        raise CommandError(message) from error


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _check_redis() -> None:
    if not settings.REDIS_URL:
        return
    try:
        with Redis.from_url(settings.REDIS_URL, socket_connect_timeout=3) as redis:
            redis.ping()
    except (RedisError, ValueError) as error:
        raise CommandError(f"The Redis of REDIS_URL cannot be reached: {error}") from error


@contextmanager
def _child(*arguments: str, log: IO[str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A command of manage.py beside this one, that ends with it."""
    process = subprocess.Popen(  # noqa: S603 (a command of ours)
        [sys.executable, settings.BASE_DIR / "manage.py", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log and subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        # Asked once, a worker hands its job back; asked again, it stops.
        for _ in range(2):
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(END_WITHIN)
                break
        else:
            process.kill()
            process.wait()


def _wait_for(server: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_WITHIN
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise SmokeFailed(f"The server ended with code {server.returncode}.")
        with suppress(OSError), socket.create_connection((HOST, port)):
            return
        time.sleep(0.1)
    raise SmokeFailed(f"The server did not answer within {START_WITHIN} seconds.")
