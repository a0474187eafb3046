"""A long audit log: what was done to it is found, and writers do not wait.

TEST_BATCHES says how long, in checkpoints; few, unless it is set. Twenty are 100,000 entries.
"""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from django.db import connection, connections, transaction
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from django_reports.audit import chain, sealing
from django_reports.audit import log as entry_log
from django_reports.jobs.file_verification import verify
from django_reports.models import AuditEntry
from tests import figures
from tests.conftest import elsewhere
from tests.trust import logs

pytestmark = pytest.mark.thorough

BATCHES = int(os.environ.get("TEST_BATCHES", "4"))
COUNT = BATCHES * chain.BATCH
WRONG = COUNT * 7 // 10 + 1  # the entry that is attacked
CUT = BATCHES * 9 // 10  # the last checkpoint that is left
QUERIES = 20 + 10 * BATCHES
WORK = COUNT * 0.001  # seconds of the processor: many times what it takes
FIGURES = f"{COUNT:,} entries: seconds"
WRITERS, EACH, ROUNDS = 8, 250, 2
ROOT = Path(__file__).resolve().parents[2]


def write_fast(count, monkeypatch):
    """As `logs.write`, with many rows in one statement."""
    made = []
    with monkeypatch.context() as patch:
        patch.setattr(AuditEntry, "save", lambda entry: made.append(entry))
        patch.setattr(entry_log.logger, "disabled", True)
        logs.write(count)
    QuerySet(AuditEntry).bulk_create(made, batch_size=2000)


@pytest.fixture
def log(db, settings, tmp_path, configure, monkeypatch):
    """Entries, sealed, and anchored outside of the database."""
    backend = "django.core.files.storage.FileSystemStorage"
    vault = {"BACKEND": backend, "OPTIONS": {"location": str(tmp_path / "vault")}}
    settings.STORAGES = {**settings.STORAGES, "vault": vault}
    configure(AUDIT_ANCHORS=["storage:vault"])
    write_fast(COUNT, monkeypatch)
    begun = time.perf_counter()
    assert sealing.seal().entries == COUNT
    figures.note(FIGURES, "sealing", time.perf_counter() - begun)
    sealing.publish()


def rewrite(position):
    """By whoever has the keys, too."""

    def change(entry):
        if entry.position == position:
            entry.report = "shop.other"

    logs.rewrite(change)


BATCH = (WRONG - 1) // chain.BATCH * chain.BATCH
LEFT = CUT * chain.BATCH
ATTACKS = {
    "edit": (logs.edit, WRONG, f"Entry {WRONG} (id"),
    "delete": (logs.remove, WRONG, f"Entry {WRONG} is missing"),
    "insert": (logs.copy_in, WRONG, f"Entry {WRONG} (id"),
    "reorder": (logs.swap, WRONG, f"Entry {WRONG} (id"),
    "cut": (
        logs.cut_tail_with_checkpoints,
        LEFT + 1,
        f"the log ends with checkpoint {CUT}, entry {LEFT}",
    ),
    "rewrite": (
        rewrite,
        WRONG,
        f"Among the entries {BATCH + 1}–{BATCH + chain.BATCH} something was written anew",
    ),
}


def verified(case):
    """What `verify` tells; its work is bound, however busy the machine is."""
    begun, busy = time.perf_counter(), time.process_time()
    with CaptureQueriesContext(connection) as queries:
        found = verify()
    work = time.process_time() - busy
    figures.note(FIGURES, f"verify, {case}", time.perf_counter() - begun)
    figures.note(f"{FIGURES} of work", case, work)
    figures.note(f"{COUNT:,} entries: queries", case, len(queries))
    assert len(queries) < QUERIES
    assert work < WORK
    return found


def test_each_of_six_attacks_is_found_and_located(log):
    found = verified("untouched")
    assert (found.wrong, found.entries) == ("", COUNT)
    for case, (attack, position, said) in ATTACKS.items():
        with transaction.atomic():
            attack(position)
            assert said in verified(case).wrong, case
            transaction.set_rollback(True)
    assert verify().wrong == ""


WRITER = """
import sys, time, django
django.setup()
from django_reports.audit import log
from tests.trust import logs
if sys.argv[1] == "plain":
    log.signing.sign_entry = lambda entry: None
logs.write(5)
print("ready", flush=True)
sys.stdin.readline()
begun = time.perf_counter()
logs.write(int(sys.argv[2]))
print(time.perf_counter() - begun, flush=True)
"""


def rate_of(kind):
    """Entries per second of all writers together."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "TEST_DATABASE_NAME": str(connection.settings_dict["NAME"]),
    }
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, kind, str(EACH)],
            cwd=ROOT, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        for _ in range(WRITERS)
    ]  # fmt: skip
    try:
        for writer in writers:
            assert writer.stdout.readline() == "ready\n"
        for writer in writers:
            writer.stdin.write("\n")
            writer.stdin.flush()
        slowest = max(float(writer.stdout.readline()) for writer in writers)
    finally:
        for writer in writers:
            writer.communicate()
    return WRITERS * EACH / slowest


@pytest.mark.skipif(connection.vendor == "sqlite", reason="there is one writer at a time")
def test_what_writers_reach_beside_the_sealing(transactional_db):
    """Beside them entries are sealed all the time; plain ones are rows without a signature."""
    over = threading.Event()

    def seal():
        while not over.wait(0.2):
            sealing.seal()
        connections.close_all()

    for _ in range(ROUNDS):
        plain = rate_of("plain")
        over.clear()
        sealer = threading.Thread(target=seal)
        sealer.start()
        try:
            signed = rate_of("signed")
        finally:
            over.set()
            sealer.join()
        figures.note("8 writers: entries a second", "plain rows", plain)
        figures.note("8 writers: entries a second", "entries, sealed meanwhile", signed)
        figures.note("8 writers: sealed to plain", "ratio", signed / plain)
    assert AuditEntry.objects.count() == ROUNDS * 2 * WRITERS * (EACH + 5)


@pytest.mark.skipif(connection.vendor == "sqlite", reason="there is one writer at a time")
def test_an_entry_is_written_while_others_are_sealed(transactional_db, monkeypatch):
    """In the middle of the sealing transaction; a writer that waits for its end waits for ever."""
    logs.write(1)
    sealing.seal()  # behind the rows of other tests, whose places MariaDB would still look at
    logs.write(20)
    write = chain._write
    written = []

    def writing(sealed):
        write(sealed)
        elsewhere(lambda: logs.write(5))
        written.append(len(sealed))

    monkeypatch.setattr(chain, "_write", writing)
    assert sealing.seal().entries == 20
    assert written == [20]
    assert AuditEntry.objects.filter(position=None).count() == 5


@pytest.mark.django_db
def test_signing_costs_no_query(django_assert_num_queries):
    logs.write(1)
    with django_assert_num_queries(10):
        logs.write(10)
