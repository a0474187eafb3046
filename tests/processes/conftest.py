"""Real parts: a server, workers and readers in processes of their own, over TCP."""

import contextlib
import ctypes
import datetime as dt
import http.client
import http.cookiejar
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection

from django_reports.models import ReportJob
from tests.services import find_chromium, is_redis_there

ROOT = Path(__file__).resolve().parents[2]
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None
HANGS = 600  # seconds without anything happening


def kept_files(folder):
    """The exports in a folder, without the manifests beside them."""
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".json"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


_alive = []  # the processes of the running test that ought to be there


def wait_for(condition, every=0.05):
    """The first true value of `condition()`, however long it takes on a busy machine.

    Fails when nothing can make it true any more: a process of the test ended with an error, or
    all of them ended, or all of them hang. Then they say in their log where.
    """
    looked_at, jobs_then = time.monotonic(), []
    while True:
        if time.monotonic() - looked_at > HANGS:
            looked_at, before, jobs_then = time.monotonic(), jobs_then, jobs_now()
            if jobs_then == before:
                tell_where_they_hang()
                raise AssertionError("nothing happens any more")
        ended = [process for process in _alive if process.poll() is not None]
        if value := condition():
            return value
        for process in ended:
            assert process.returncode <= 0, f"ended with {process.returncode}: {process.args}"
        assert not ended or len(ended) < len(_alive), "all processes ended, and it did not happen"
        time.sleep(every)


def jobs_now():
    facts = ("pk", "status", "attempt", "lost", "rows_done", "enqueued_at")
    return list(ReportJob.objects.order_by("pk").values_list(*facts))


def tell_where_they_hang():
    """Have the processes write where their threads are, and look at the jobs."""
    for process in _alive:
        for pid in session_of(process.pid):
            print(pid, Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" "))
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGABRT)  # of which faulthandler tells
    print(*jobs_now(), sep="\n")
    time.sleep(1)


def end_with_parent():
    """Have the kernel kill this process when the tests end, however: it would take others' jobs."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def session_of(leader):
    """The living processes of a session: RQ's children leave their parent's process group."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[3]) == leader and fields[0] != "Z":
                found.append(int(stat.parent.name))
    return found


def kill_at_point(target, pid):
    """SIGKILL to the process that waits at its point, the worker that forked it, or both."""
    worker = parent_of(pid)
    for victim in {"child": [pid], "worker": [worker], "both": [worker, pid]}[target]:
        os.kill(victim, signal.SIGKILL)


def parent_of(pid):
    stat = Path(f"/proc/{pid}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])


class Processes:
    """Starts processes that share the test's database and folder, and ends them all."""

    def __init__(self, folder, tmp_path):
        self.changed = {"STORAGE_DIR": str(folder)}
        self.environment = {}
        self.log = tmp_path / "processes.log"
        self.started = []

    def start(self, *command):
        seconds = {
            name: value.total_seconds() if isinstance(value, dt.timedelta) else value
            for name, value in self.changed.items()
        }
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "TEST_DATABASE_NAME": str(connection.settings_dict["NAME"]),
            "TEST_REPORTS": json.dumps(seconds),
            "PYTHONUNBUFFERED": "1",
            "PYTHONFAULTHANDLER": "1",
            **self.environment,
        }
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )
        self.started.append(process)
        _alive.append(process)
        return process

    def worker(self, *arguments):
        return self.start("django", "reports_worker", *arguments)

    def command(self, *arguments):
        """Run a management command to its end."""
        process = self.start("django", *arguments)
        _alive.remove(process)
        return process.wait()

    def server(self, kind="gunicorn", *arguments):
        """A gunicorn with threads, or an asynchronous uvicorn. Returns its address."""
        port = free_port()
        if kind == "gunicorn":
            self.start(
                "gunicorn", "tests.wsgi", "--bind", f"127.0.0.1:{port}", "--worker-class",
                "gthread", "--threads", "8", "--log-level", "warning", *arguments,
            )  # fmt: skip
        else:
            self.start(
                "uvicorn", "tests.asgi:application", "--port", str(port), "--lifespan", "off",
                "--log-level", "warning", *arguments,
            )  # fmt: skip

        def answers():
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return True
            return False

        wait_for(answers)
        return f"http://127.0.0.1:{port}"

    def kill(self, process):
        """SIGKILL to a process and all its children, as the machine's death would be."""
        for pid in session_of(process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()
        if process in _alive:
            _alive.remove(process)

    def end(self):
        for process in self.started:
            self.kill(process)


@pytest.fixture
def processes(transactional_db, folder, tmp_path, settings):
    made = Processes(folder, tmp_path)
    yield made
    made.end()
    text = made.log.read_text() if made.log.exists() else ""
    print(text)  # shown by pytest when the test fails


@pytest.fixture
def redis_queue():
    """An empty queue on a real Redis; nothing of it is left behind."""
    if not is_redis_there():
        pytest.skip("no Redis: RQ is left out")
    import redis

    client = redis.Redis.from_url(django_settings.REDIS_URL)
    client.flushdb()
    yield client
    client.flushdb()
    client.close()


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    content: bytes
    is_broken: bool = False

    @property
    def text(self):
        return self.content.decode()


class Browser:
    """A person with a cookie jar, over real HTTP."""

    def __init__(self, base):
        self.base = base
        self.last_token = None
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(self.cookies), _NoRedirect()
        )

    def open(self, path, data=None, headers=()):
        """The answer, also an error's, read to its end."""
        body = None if data is None else urllib.parse.urlencode(data, doseq=True).encode()
        url = path if path.startswith("http") else self.base + path
        request = urllib.request.Request(url, body, dict(headers))
        try:
            response = self.opener.open(request)
        except urllib.error.HTTPError as error:
            response = error
        with response:
            try:
                return Answer(response.status, response.headers, response.read())
            except http.client.IncompleteRead as broken:
                return Answer(response.status, response.headers, broken.partial, is_broken=True)

    def text(self, path, **kwargs):
        return self.open(path, **kwargs).text

    def token(self, path):
        return re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.text(path))[1]

    def log_in(self, name, password="secret"):
        token = self.token("/admin/login/")
        answer = self.open(
            "/admin/login/",
            {"username": name, "password": password, "csrfmiddlewaretoken": token},
        )
        assert answer.status == 302
        return self

    def export(self, path, **fields):
        """Press the button of the page between, whatever was exported before."""
        token = self.token(path)
        return self.open(
            path, {"_export": "anyway", "_across": "1", "csrfmiddlewaretoken": token, **fields}
        )

    def begin(self, path, **fields):
        """Press the button of the page between over a bare socket, which is returned unread."""
        self.last_token = self.last_token or self.token(path)
        fields |= {"_export": "1", "_across": "1", "csrfmiddlewaretoken": self.last_token}
        return self.connect("POST", path, urllib.parse.urlencode(fields, doseq=True))

    def connect(self, method, path, body=""):
        """Send a request over a bare socket, which is returned.

        What is not read from it stays in the server: its buffer is as small as it can be.
        """
        host, port = self.base.removeprefix("http://").split(":")
        reader = socket.socket()
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect((host, int(port)))
        reader.sendall(
            f"{method} {path} HTTP/1.1\r\nHost: {host}:{port}\r\n"
            f"Cookie: {self.cookie_header()}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        return reader

    def cookie_header(self):
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.cookies)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args, **kwargs):
        return None


@pytest.fixture
def browser(processes):
    return Browser(processes.server())


FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(params=[True, False], ids=["script", "no-script"])
def page(request, monkeypatch):
    """A page of headless Chromium, once with and once without JavaScript.

    Fails at the end on anything that the Content-Security-Policy refused.
    """
    executable = find_chromium()
    if executable is None:
        pytest.skip("no Chromium: the browser is left out")
    from playwright.sync_api import sync_playwright

    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright's loop runs in this thread
    errors = []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        context = chromium.new_context(java_script_enabled=request.param, accept_downloads=True)
        context.set_default_timeout(HANGS * 1000)
        page = context.new_page()
        page.on("console", lambda message: errors.extend(serious(message)))
        page.on("response", lambda response: errors.extend(missing_static(response)))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.has_script = request.param
        yield page
        chromium.close()
    assert errors == []


def serious(message):
    is_status = message.text.startswith("Failed to load resource")  # a page's own 403, say
    return [message.text] if message.type == "error" and not is_status else []


def missing_static(response):
    return [response.url] if "/static/" in response.url and response.status >= 400 else []
