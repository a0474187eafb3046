"""Runs a project: a database of its own, a server of its own, people who work with it."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import closing, contextmanager
from itertools import count
from urllib.parse import urljoin

import pytest
from django.conf import settings

from tests.processes import conftest as processes
from tests.processes.conftest import ROOT, Answer, Browser, Processes, wait_for

page = processes.page

_numbers = count(1)


class Project(Processes):
    """A project that is served by a gunicorn, with what its seed put into its database."""

    def __init__(self, name, tmp_path, *, admin="/admin/", second_database=None, environment=None):
        super().__init__(tmp_path / "reports", tmp_path)
        self.admin = admin
        self.folder = tmp_path
        self.is_postgresql = settings.DATABASE == "postgresql"
        self.database = (
            f"project_{os.getpid()}_{next(_numbers)}"
            if self.is_postgresql
            else tmp_path / "db.sqlite3"
        )
        self.databases = [self.database]
        if second_database:
            self.databases.append(f"{self.database}_{second_database}")
        self.environment = {
            "DJANGO_SETTINGS_MODULE": f"tests.projects.{name}.settings",
            "TEST_DATABASE": "postgresql" if self.is_postgresql else "sqlite",
            "TEST_DATABASE_NAME": str(self.database),
            "PROJECT_FOLDER": str(tmp_path),
            **(environment or {}),
        }

    def begin(self, *, is_served=True):
        self.create_databases()
        # The server loads the project while its database is made; nobody asks it before.
        self.base = self.server() if is_served else None
        self.run("tests.projects.prepare")
        return self

    def run(self, *command):
        """What a Python module prints that is run to its good end."""
        done = self.attempt(*command)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def attempt(self, *command):
        """Run a Python module to its end, good or bad."""
        return subprocess.run(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def manage(self, *arguments):
        """What a management command prints."""
        return self.run("django", *arguments)

    def rows(self, sql):
        """What the project's database says, past the project's own code."""
        with closing(self.connect()) as connection:
            return [tuple(row) for row in connection.execute(sql).fetchall()]

    def connect(self):
        if self.is_postgresql:
            return connect_to_postgresql(self.database)
        import sqlite3

        return sqlite3.connect(self.database, timeout=20)

    def tables(self):
        if self.is_postgresql:
            return {name for (name,) in self.rows("SELECT tablename FROM pg_tables")}
        return {name for (name,) in self.rows("SELECT name FROM sqlite_master")}

    def audit(self, *actions, fields="action, actor_label, report"):
        """The audit log, oldest first; of these actions only, if there are any."""
        wanted = ", ".join(f"'{action}'" for action in actions) or "action"
        return self.rows(
            f"SELECT {fields} FROM django_reports_auditentry WHERE action IN ({wanted}) ORDER BY id"
        )

    def person(self, name):
        return Person(self.base, self.admin).log_in(name)

    def create_databases(self):
        if self.is_postgresql:
            with closing(connect_to_postgresql("postgres")) as connection:
                for name in self.databases:
                    connection.execute(f'CREATE DATABASE "{name}"')

    def drop_databases(self):
        if self.is_postgresql:
            with closing(connect_to_postgresql("postgres")) as connection:
                for name in self.databases:
                    connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def connect_to_postgresql(name):
    import psycopg

    known = settings.DATABASES["default"]
    return psycopg.connect(
        dbname=name,
        host=known["HOST"],
        user=known["USER"],
        password=known["PASSWORD"],
        autocommit=True,
    )


class Person(Browser):
    """Somebody at the admin, at the staff pages, or with a program that speaks JSON."""

    def __init__(self, base, admin="/admin/"):
        super().__init__(base)
        self.admin = admin

    def log_in(self, name, password="secret"):
        path = f"{self.admin}login/"
        answer = self.open(
            path,
            {"username": name, "password": password, "csrfmiddlewaretoken": self.token(path)},
        )
        assert answer.status == 302, answer.text
        return self

    def job_page(self, key, page="change"):
        return f"{self.admin}django_reports/reportjob/{key}/{page}/"

    def ask(self, path, body=None, **headers):
        """As a program asks: JSON there, JSON back. With a body it is a POST."""
        headers = {"Accept": "application/json", **headers}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
            headers["X-CSRFToken"] = next(c.value for c in self.cookies if c.name == "csrftoken")
        request = urllib.request.Request(urljoin(self.base, path), data, headers)
        try:
            response = self.opener.open(request)
        except urllib.error.HTTPError as error:
            response = error
        with response:
            return Answer(response.status, response.headers, response.read())

    def file_of(self, answer):
        """The file to which an export's answer leads: itself, or that of the job it names."""
        if answer.status == 200:
            assert "attachment" in answer.headers["Content-Disposition"]
            return answer
        assert answer.status in (302, 202), answer.text
        job = answer.headers["Location"].removesuffix("change/")
        assert self.end_of(job)["status"] == "succeeded"
        return self.open(f"{job}download/")

    def end_of(self, job):
        """What the status says of a job that is not active any more."""

        def ended():
            answer = self.open(f"{job}status/")
            assert answer.status == 200, answer.text
            status = json.loads(answer.content)
            return None if status["is_active"] else status

        return wait_for(ended)

    # The three entry points. Each gives a file's lines, however it was delivered.

    def by_admin(self, model, query="", **choice):
        """From the admin's list of a model: "shop/order"."""
        page = f"{self.admin}{model}/export-report/{query}"
        return lines_of(self.file_of(self.export(page, **chosen(**choice))))

    def by_page(self, report, prefix="/reports/", **choice):
        """From the staff page of a report."""
        return lines_of(self.file_of(self.export(f"{prefix}{report}/", **chosen(**choice))))

    def by_json(self, report, prefix="/reports/", **body):
        return lines_of(self.file_of(self.ask(f"{prefix}{report}/", body)))


def chosen(**choice):
    return {"format": "csv", "profile": "machine", **choice}


def lines_of(answer):
    assert answer.status == 200, answer.text
    return answer.content.decode("utf-8-sig").splitlines()


@contextmanager
def starting(folder, *, is_served=True):
    """A function that starts the project of a name. All of them end with the block."""
    projects = []

    def start(name, **options):
        projects.append(Project(name, folder, **options))
        return projects[-1].begin(is_served=is_served)

    try:
        yield start
    finally:
        for project in projects:
            project.end()
            project.drop_databases()
            if project.log.exists():
                print(project.log.read_text())  # shown by pytest when the test fails


@pytest.fixture
def start(tmp_path):
    """Start a project for one test."""
    with starting(tmp_path) as begin:
        yield begin


@pytest.fixture(scope="module")
def start_once(tmp_path_factory):
    """Start a project for all tests of a module that leave each other alone."""
    with starting(tmp_path_factory.mktemp("project")) as begin:
        yield begin
