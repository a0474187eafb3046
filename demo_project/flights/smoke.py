"""A visit to the running demo over HTTP: one export at once, one in the background."""

import csv
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from http.client import HTTPException, HTTPResponse
from http.cookiejar import CookieJar
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPCookieProcessor, ProxyHandler, build_opener

from demo_project.flights.models import Airport, Flight
from demo_project.flights.people import ALICE, PASSWORD
from django_reports.models import ReportJob

ANSWER_WITHIN = 30  # seconds, between two blocks of an answer
MADE_WITHIN = 120  # seconds
CARRIER = "UA"
LOGIN = "/admin/login/"


class SmokeFailed(Exception):
    """Something did not go as it must."""


class Forms(HTMLParser):
    """The forms of a page as a browser would send them, unchanged and without their buttons."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.all: list[list[tuple[str, str]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = dict(attrs)
        if tag == "form":
            self.all.append([])
        if tag != "input" or not self.all or not facts.get("name"):
            return
        kind = facts.get("type")
        if kind != "submit" and (kind not in {"checkbox", "radio"} or "checked" in facts):
            self.all[-1].append((facts["name"] or "", facts.get("value") or ""))

    def with_field(self, name: str) -> list[tuple[str, str]]:
        for form in self.all:
            if name in dict(form):
                return form
        raise SmokeFailed(f"The page has no form with the field {name!r}.")


class Visitor:
    """A person's browser, as far as links, forms and cookies go."""

    def __init__(self, base: str) -> None:
        self._base = base
        # No proxy of the environment stands between this machine and itself.
        self._opener = build_opener(ProxyHandler({}), HTTPCookieProcessor(CookieJar()))

    def open(self, path: str, data: bytes | None = None) -> HTTPResponse:
        try:
            answer: HTTPResponse = self._opener.open(
                urljoin(self._base, path), data, timeout=ANSWER_WITHIN
            )
        except HTTPError as error:
            raise SmokeFailed(f"{error.url} answered {error.code} {error.reason}.") from error
        if LOGIN in answer.url and LOGIN not in path:
            raise SmokeFailed(f"{path} asks to log in.")
        return answer

    def submit(self, path: str, **values: str) -> HTTPResponse:
        """Fill in the form that has all of these fields, the first one known to it, and send it."""
        with self.open(path) as page:
            form = Forms(page.read().decode()).with_field(next(iter(values)))
        kept = [(name, value) for name, value in form if name not in values]
        return self.open(path, urlencode([*kept, *values.items()]).encode())

    def log_in(self, name: str, password: str) -> None:
        with self.submit(f"{LOGIN}?next=/admin/", username=name, password=password) as page:
            if urljoin(page.url, "/admin/") != page.url:
                raise SmokeFailed(f"{name} cannot log in with the password {password!r}.")


@dataclass(frozen=True)
class Download:
    """A CSV file that arrived: its rows without the header, and whose job it is."""

    filename: str
    rows: int
    bytes: int
    sha256: str
    job: str

    @classmethod
    def receive(cls, answer: HTTPResponse) -> "Download":
        filename = answer.headers.get_filename()
        if filename is None:
            raise SmokeFailed(f"{answer.url} answered with a page and not with a file.")
        digest, size = hashlib.sha256(), 0

        def lines() -> Iterator[str]:
            nonlocal size
            for line in answer:
                digest.update(line)
                size += len(line)
                yield line.decode()

        rows = sum(1 for _ in csv.reader(lines())) - 1
        job = answer.headers["X-Export-Job-Id"]
        return cls(filename, rows, size, digest.hexdigest(), job)

    def verify(self, rows: int) -> None:
        """Raises SmokeFailed unless it holds that many rows and is the file that was made."""
        if self.rows != rows:
            raise SmokeFailed(f"{self.filename} has {self.rows:,} rows, the database {rows:,}.")
        if self.sha256 != ReportJob.objects.get(pk=self.job).sha256:
            raise SmokeFailed(f"{self.filename} is not the file that was made: other SHA-256.")

    def __str__(self) -> str:
        return f"{self.filename}: {self.rows:,} rows, {self.bytes:,} bytes\n  SHA-256 {self.sha256}"


def visit(base: str, tell: Callable[[str], object]) -> None:
    """Export as alice and tell what arrived. Raises SmokeFailed."""
    visitor = Visitor(base)
    try:
        visitor.log_in(ALICE.name, PASSWORD)
        airports = _export_at_once(visitor)
        airports.verify(Airport.objects.count())
        tell(f"At once: {airports}")
        flights = _export_in_background(visitor)
        flights.verify(Flight.objects.filter(carrier=CARRIER).count())
        tell(f"In the background: {flights}\n  as many rows as the database has for {CARRIER}")
    except (OSError, HTTPException, ValueError) as error:
        raise SmokeFailed(f"{type(error).__name__}: {error}") from error


def _export_at_once(visitor: Visitor) -> Download:
    with visitor.submit("/admin/flights/airport/export-report/", format="csv", _export="") as file:
        return Download.receive(file)


def _export_in_background(visitor: Visitor) -> Download:
    path = f"/admin/flights/flight/export-report/?carrier__code__exact={CARRIER}"
    with visitor.submit(path, format="csv", _export="") as page:
        job_page = page.url
        if "/reportjob/" not in job_page:
            raise SmokeFailed(f"{job_page} answered instead of a job's page.")
    deadline = time.monotonic() + MADE_WITHIN
    while time.monotonic() < deadline:
        with visitor.open(urljoin(job_page, "../status/")) as answer:
            status = json.load(answer)
        if status["status"] == "succeeded":
            with visitor.open(urljoin(job_page, "../download/")) as file:
                return Download.receive(file)
        if not status["is_active"]:
            raise SmokeFailed(f"The export is {status['status']}: {status['error']}")
        time.sleep(0.25)
    raise SmokeFailed(f"The export is still {status['status']} after {MADE_WITHIN} seconds.")
