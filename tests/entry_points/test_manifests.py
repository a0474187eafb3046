"""Manifests: what is known of a file, on its page and kept beside it."""

import datetime as dt
import hashlib
import json
import os

import pytest
from django.core.files.storage import InMemoryStorage
from django.utils import timezone

import django_reports
from django_reports.core.storages import storage_of
from django_reports.jobs.manifests import manifest_of
from django_reports.models import ReportJob
from tests.doc_pages import rows_of
from tests.doc_pages import text_of as page_text
from tests.entry_points.helpers import (
    browse,
    deliver,
    enqueue,
    entries,
    job_url,
    make,
    put,
    run,
    sign,
    sweep,
    text_of,
)
from tests.entry_points.staff import Program, page_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(alice, orders):
    return make(
        alice, columns=("number", "total", "customer__email"), parameters={"minimum": ["5"]}
    )


def beside(job, folder):
    return json.loads((folder / f"{job.file_key}.json").read_text("utf-8"))


def test_what_is_known_of_a_file(alice, orders, folder, configure):
    configure(PROJECT_VERSION="2026.3")
    before = timezone.now().isoformat()
    job = make(
        alice, columns=("number", "customer__email"), parameters={"minimum": ["5"]}
    )  # fmt: skip
    content = (folder / job.file_key).read_bytes()
    told = beside(job, folder)
    assert told == manifest_of(job) == Program(alice).get(page_of(job, "manifest")).json()
    assert told["sha256"] == hashlib.sha256(content).hexdigest()
    assert (told["bytes"], told["rows"]) == (len(content), len(content.splitlines()) - 1)
    assert [column["name"] for column in told["columns"]] == ["number", "customer__email"]
    assert [column["masked"] for column in told["columns"]] == [False, True]
    assert (told["report"], told["job"]) == ("shop.orders", str(job.pk))
    assert told["parameters"] == {"minimum": ["5"]}
    assert told["requested_by"] == "alice"
    assert told["project_version"] == "2026.3"
    assert told["django_reports_version"] == django_reports.__version__
    assert told["audit_entry"] == str(entries(job).get(action="finished").key)
    times = [before, *(told[name] for name in ("requested_at", "snapshot_at", "finished_at"))]
    assert times == sorted(times)


def test_the_version_may_be_asked_for(alice, orders, configure):
    configure(PROJECT_VERSION=lambda: 7)
    assert manifest_of(make(alice))["project_version"] == "7"


def test_secret_parameters_are_not_in_it(job, folder):
    put(job, spec={**job.spec, "parameters": {"api_key": ["k"], "minimum": ["5"]}})
    assert manifest_of(job)["parameters"] == {"api_key": ["•••"], "minimum": ["5"]}


def test_parameters_of_a_report_that_is_gone_are_not_in_it(job):
    put(job, report="shop.gone")
    assert manifest_of(job)["parameters"] == {"minimum": ["•••"]}


def test_secrets_that_chose_the_rows_are_not_in_it(job):
    selection = {
        "kind": "changelist",
        "query": "customer__api_token=t0ken&region=n",
        "state": {"tenant": 7, "auth": [{"access_token": "t0ken"}]},
    }
    told = manifest_of(put(job, spec={**job.spec, "selection": selection}))["selection"]
    assert "t0ken" not in json.dumps(told)
    assert (told["state"]["tenant"], "region=n" in told["query"]) == (7, True)


def test_its_keys_are_documented(job):
    told = ", ".join(rows_of(page_text("docs/files.md"), "Manifests")).replace("`", "")
    assert told.split(", ") == list(manifest_of(job))


@pytest.mark.parametrize("page", [job_url, page_of])
def test_it_is_on_the_page(alice, job, page):
    client = browse(alice)
    home = page(job, "change") if page is job_url else page(job)
    address = page(job, "manifest")
    assert f'<a href="{address}">JSON</a>' in text_of(client.get(home))
    assert client.get(address).json() == manifest_of(job)


def test_an_export_at_once_has_one_on_its_page(alice, orders):
    export = deliver(alice)
    content = b"".join(export)
    told = Program(alice).get(page_of(export.job, "manifest")).json()
    assert told["sha256"] == hashlib.sha256(content).hexdigest()
    assert told["snapshot_at"]


def test_there_is_none_before_the_file(alice, orders):
    waiting = enqueue(alice)
    assert "manifest" not in Program(alice).get(page_of(waiting)).json()["links"]
    answer = Program(alice).get(page_of(waiting, "manifest"))
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


def test_it_goes_with_the_file_and_stays_on_the_page(alice, job, folder):
    sign(put(job, expires_at=timezone.now() - dt.timedelta(seconds=1)))
    told = manifest_of(job)
    sweep()
    job.refresh_from_db()
    left = [path for path in folder.rglob("*") if path.is_file()]
    assert [path for path in left if "checkpoints" not in path.parts] == []
    assert (job.status, job.manifest_key) == ("expired", "")
    assert Program(alice).get(page_of(job, "manifest")).json() == told


def test_it_is_no_orphan(job, folder):
    (path,) = folder.rglob("*.json")
    os.utime(path, (0, 0))
    assert sweep(tidies=True).orphans == 0
    assert path.exists()


def test_one_that_no_job_names_is(job, folder):
    ReportJob.objects.all().update(file_key="", manifest_key="")
    for path in folder.rglob("*.*"):
        os.utime(path, (0, 0))
    assert sweep(tidies=True).orphans == 2


class NoManifests(InMemoryStorage):
    """Keeps files, and refuses what ends in .json as long as it is `shut`."""

    shut = True

    def _save(self, name, content):
        if self.shut and name.endswith(".json"):
            raise OSError("not now")
        return super()._save(name, content)


def test_one_that_cannot_be_kept_is_by_a_sweep(alice, orders, settings):
    backend = {"BACKEND": f"{__name__}.NoManifests"}
    settings.STORAGES = {**settings.STORAGES, "reports": backend}
    job = run(enqueue(alice))
    assert (job.status, job.manifest_key) == ("succeeded", "")
    assert sweep().manifests == 0  # not long after its file
    sign(put(job, finished_at=timezone.now() - dt.timedelta(minutes=2)))
    assert sweep().manifests == 0
    storage_of("reports").shut = False
    assert sweep().manifests == 1
    job.refresh_from_db()
    with storage_of("reports").open(job.manifest_key) as file:
        assert json.load(file) == manifest_of(job)
