"""Storages that fail on purpose: what is said to have succeeded can be read back, whole."""

import errno
import hashlib
import random

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage, storages

from django_reports.jobs.files import open_file
from tests.entry_points.helpers import enqueue, run

pytestmark = pytest.mark.django_db
ROUNDS = 20


class Faulty(InMemoryStorage):
    """Does half of what it should, for a seeded half of the files."""

    luck = random.Random(4)
    fault = ""

    def _save(self, name, content):
        fault = self.fault if self.luck.random() < 0.5 else ""
        data = b"".join(content.chunks())
        if fault == "short":
            data = data[:-1]
        if fault == "renamed":
            name = name.replace("/", "/kept-", 1)
        if fault == "full":
            raise OSError(errno.ENOSPC, "No space left on device")
        if fault == "error":
            raise RuntimeError("the storage is unwell")
        saved = super()._save(name, ContentFile(data))
        if fault == "lost":
            raise ConnectionError("the answer was lost")
        return saved


REASONS = {
    "full": "Storage full: there is no space left for the file.",
    "error": "The file could not be stored (RuntimeError). The server's log has the details.",
    "short": "The file could not be stored: the storage kept",
    "lost": "The file could not be stored (ConnectionError). The server's log has the details.",
    "renamed": "",
}


def names_in(storage, path=""):
    folders, files = storage.listdir(path)
    found = [f"{path}{name}" for name in files]
    for folder in folders:
        found += names_in(storage, f"{path}{folder}/")
    return found


@pytest.mark.parametrize("fault", REASONS)
def test_what_succeeded_is_there_and_what_failed_says_why(
    alice, orders, settings, monkeypatch, fault
):
    monkeypatch.setattr(Faulty, "fault", fault)
    settings.STORAGES = {**settings.STORAGES, "reports": {"BACKEND": f"{__name__}.Faulty"}}
    made = [run(enqueue(alice)) for _ in range(ROUNDS)]
    failed = [job for job in made if job.status == "failed"]
    for job in made:
        if job in failed:
            assert job.error.startswith(REASONS[fault])
            continue
        assert job.status == "succeeded"
        with open_file(job) as file:
            content = file.read()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (job.bytes, job.sha256)
    assert bool(failed) == (fault != "renamed")
    assert len(failed) < ROUNDS
    kept = [job for job in made if job.status == "succeeded"]
    noted = {key for job in kept for key in (job.file_key, job.manifest_key) if key}
    assert set(names_in(storages["reports"])) == noted
