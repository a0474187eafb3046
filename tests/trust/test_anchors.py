"""Anchors: who has the database and the keys is found by what was said elsewhere before."""

import json
import logging
import re
import shutil
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.core.management import CommandError, call_command

from django_reports.audit import anchors, chain, sealing
from django_reports.checks.audit import check_anchors
from django_reports.jobs.file_verification import verify
from django_reports.models import AuditCheckpoint
from tests.entry_points.helpers import sweep
from tests.trust import logs
from tests.trust.logs import sealed_log, write

pytestmark = pytest.mark.django_db


@pytest.fixture
def vault(settings, tmp_path, configure):
    """A storage outside of the database."""
    folder = tmp_path / "vault"
    backend = "django.core.files.storage.FileSystemStorage"
    vault = {"BACKEND": backend, "OPTIONS": {"location": str(folder)}}
    settings.STORAGES = {**settings.STORAGES, "vault": vault}
    configure(AUDIT_ANCHORS=["storage:vault"])
    return folder


@pytest.fixture
def log(vault):
    sealed_log(30, batch=10)
    assert AuditCheckpoint.objects.filter(is_anchored=True).count() == 3
    assert sealing.publish() == 0


def test_what_was_anchored_is_right(log):
    assert (verify().wrong, verify().anchors) == ("", 1)
    write(3)
    assert sweep().anchored == 1
    assert (verify().wrong, verify().checkpoints) == ("", 4)


def rewrite_from(position):
    def change(entry):
        if entry.position == position:
            entry.report = "shop.other"

    logs.rewrite(change)


@pytest.mark.parametrize(
    ("position", "said"),
    [(1, "Among the entries 1–10"), (17, "Among the entries 11–20"), (30, "entries 21–30")],
)
def test_a_log_that_was_written_anew_with_the_keys_is_found(log, vault, position, said):
    rewrite_from(position)
    assert said in verify().wrong
    assert "storage:vault was told of another checkpoint" in verify().wrong
    (vault / "checkpoints" / "000000000003.json").rename(vault / "gone")


def test_a_log_that_was_cut_with_its_checkpoints_is_found(log):
    logs.cut_tail_with_checkpoints(21)
    found = verify().wrong
    assert "was told of checkpoint 3" in found
    assert "the log ends with checkpoint 2, entry 20: it was cut" in found


def test_a_log_that_begins_anew_is_found(log):
    logs.cut_tail_with_checkpoints(1)
    assert "the log ends with checkpoint 0, entry 0" in verify().wrong
    write(30)
    assert sealing.seal().entries == 0
    assert "the log ends with checkpoint 0, entry 0" in verify().wrong


def test_an_anchor_that_cannot_be_read_is_no_proof(log, vault):
    (vault / "checkpoints" / "000000000003.json").write_text("x")
    assert "storage:vault cannot be read (JSONDecodeError" in verify().wrong


def test_lines_of_a_log_are_an_anchor(configure, caplog, tmp_path, capsys):
    configure(AUDIT_ANCHORS=["log"])
    with caplog.at_level(logging.INFO, "django_reports.audit.checkpoints"):
        sealed_log(30, batch=10)
    kept = tmp_path / "kept.log"
    lines = [r.getMessage() for r in caplog.records if r.name == "django_reports.audit.checkpoints"]
    kept.write_text("\n".join(f"Jan 1 00:00:00 host {line}" for line in lines))
    call_command("verify_reports", checkpoints=str(kept))
    assert "anchors=1" in capsys.readouterr().out
    rewrite_from(17)
    with pytest.raises(CommandError, match="Among the entries 11–20 something was written anew"):
        call_command("verify_reports", checkpoints=str(kept))
    kept.write_text("{")
    with pytest.raises(CommandError, match="something else than checkpoints"):
        call_command("verify_reports", checkpoints=str(kept))


@pytest.fixture
def receiver():
    """A webhook that fails as often as it is told to, then takes what it gets."""

    class Receiver(BaseHTTPRequestHandler):
        fails, got, moved = 0, [], False

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if Receiver.moved:
                self.send_response(302)
                self.send_header("Location", Receiver.url)
            elif Receiver.fails:
                Receiver.fails -= 1
                self.send_response(503)
            else:
                Receiver.got.append(json.loads(body))
                self.send_response(204)
            self.end_headers()

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        Receiver.url = f"http://127.0.0.1:{server.server_port}/hook?token=secret"
        yield Receiver
        server.shutdown()


def test_an_anchor_that_fails_is_told_by_the_next_sweep(receiver, vault, configure, caplog):
    configure(AUDIT_ANCHORS=[receiver.url, "storage:vault"])
    receiver.fails = 2
    sealed_log(20, batch=10)
    assert AuditCheckpoint.objects.filter(is_anchored=True).count() == 0
    assert len(list((vault / "checkpoints").iterdir())) == 2
    assert receiver.got == []
    assert "event=failed" in caplog.text
    assert sweep().anchored == 2
    assert [facts["number"] for facts in receiver.got] == [1, 2]
    point = AuditCheckpoint.objects.get(number=2)
    assert receiver.got[1] == anchors.facts_of(point)
    webhook, storage = sorted(point.anchors)
    assert (point.is_anchored, storage) == (True, "storage:vault")
    assert re.fullmatch("http://127.0.0.1#[0-9a-f]{8}", webhook)
    assert "secret" not in caplog.text


def test_a_redirect_is_no_receipt(receiver, configure, caplog):
    configure(AUDIT_ANCHORS=[receiver.url])
    receiver.moved = True
    sealed_log(2, batch=2)
    assert AuditCheckpoint.objects.get().anchors == {}
    assert "HTTP Error 302" in caplog.text
    receiver.moved = False
    assert sealing.publish() == 1
    assert [facts["number"] for facts in receiver.got] == [1]


def test_a_dead_anchor_keeps_no_other_waiting(receiver, vault, configure, monkeypatch):
    monkeypatch.setattr(sealing, "AT_ONCE", 2)
    configure(AUDIT_ANCHORS=[receiver.url, "storage:vault"])
    receiver.fails = 1000
    sealed_log(5, batch=1)
    shutil.rmtree(vault)
    AuditCheckpoint.objects.update(anchors={})
    tries = receiver.fails
    for told in (2, 4, 5, 5):
        assert sealing.publish() == 0
        assert len(list((vault / "checkpoints").iterdir())) == told
    assert receiver.fails == tries - 4  # it is tried once each time
    receiver.fails = 0
    assert [sealing.publish() for _ in range(4)] == [2, 2, 1, 0]
    assert [facts["number"] for facts in receiver.got] == [1, 2, 3, 4, 5]


def test_two_webhooks_of_one_host_are_told_both(receiver, configure):
    configure(AUDIT_ANCHORS=[f"{receiver.url}&to=a", f"{receiver.url}&to=b"])
    sealed_log(2, batch=2)
    assert [facts["number"] for facts in receiver.got] == [1, 1]
    assert check_anchors() == []


def test_an_anchor_that_is_named_twice_is_told_once_and_reported(configure, caplog):
    configure(AUDIT_ANCHORS=["log", "log"])
    with caplog.at_level(logging.INFO, "django_reports.audit.checkpoints"):
        sealed_log(2, batch=1)
        assert sealing.publish() == 0
    assert len([r for r in caplog.records if r.name == "django_reports.audit.checkpoints"]) == 2
    [found] = check_anchors()
    assert found.id == "django_reports.E041"
    assert found.msg.endswith("'log' more than once.")


def test_after_a_change_of_the_setting_names_count_and_not_numbers(receiver, vault, configure):
    configure(AUDIT_ANCHORS=["log", "storage:vault", receiver.url])
    receiver.fails = 100
    sealed_log(2, batch=1)
    assert sealing.publish() == 0
    configure(AUDIT_ANCHORS=["storage:vault", receiver.url])
    assert sealing.publish() == 0  # two know of each, but not these two
    configure(AUDIT_ANCHORS=["storage:vault"])  # the dead one is given up
    assert (sealing.publish(), sealing.publish()) == (2, 0)


def test_anchors_that_cannot_be_are_named(configure):
    configure(AUDIT_ANCHORS=["log", "storage:nowhere", "paper", "django_reports.Report"])
    found = check_anchors()
    assert [message.id for message in found] == ["django_reports.E041"] * 3
    assert "'storage:nowhere', which cannot be used" in found[0].msg


def test_without_anchors_nothing_is_told(configure):
    configure(AUDIT_ANCHORS=[])
    sealed_log(2, batch=1)
    assert sealing.publish() == 0
    assert chain.last_checkpoint().anchors == {}
