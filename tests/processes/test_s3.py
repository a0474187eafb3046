"""Files in S3: a worker, a site and an S3 server (moto) that talk over HTTP."""

import datetime as dt
import hashlib
import json
import re
import urllib.request
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from django_reports.exceptions import FileUnavailable
from django_reports.jobs import files
from django_reports.models import ReportJob
from tests.entry_points.helpers import actions, enqueue, entries, job_url, put, run, sign, sweep
from tests.entry_points.staff import page_of
from tests.processes.conftest import Browser, free_port, session_of

pytestmark = pytest.mark.integration

BUCKET = "our-reports"
LARGE = 48 * 1024 * 1024
NOT_STORED = r"The file could not be stored \(\w+\). The server's log has the details."


class Server:
    """An S3 server that can be stopped and started again, with what it holds."""

    def __init__(self, threaded, connect):
        port = free_port()
        self.address = f"http://127.0.0.1:{port}"
        self._threaded = threaded("127.0.0.1", port, verbose=False)
        self._connect = connect
        self.is_up = False

    def start(self):
        if not self.is_up:
            self._threaded.start()
            self.is_up = True

    def stop(self):
        if self.is_up:
            self._threaded.stop()
            self.is_up = False

    def options(self, **changes):
        return {
            "bucket_name": BUCKET,
            "endpoint_url": self.address,
            "region_name": "us-east-1",
            "access_key": "anybody",
            "secret_key": "anything",
            **changes,
        }

    def client(self, service="s3"):
        return self._connect(
            service,
            endpoint_url=self.address,
            region_name="us-east-1",
            aws_access_key_id="anybody",
            aws_secret_access_key="anything",
        )

    def ask_for_credentials(self, wanted):
        """Whether requests from now on are refused unless IAM knows their keys."""
        self._tell_moto("reset-auth", b"0" if wanted else b"inf")

    def forget(self):
        self._tell_moto("reset", b"")

    def _tell_moto(self, what, data):
        request = urllib.request.Request(
            f"{self.address}/moto-api/{what}", data, {"Content-Type": "text/plain"}
        )
        urllib.request.urlopen(request).close()

    def objects(self):
        """What the bucket holds of exports, by key; the checkpoints of the log lie beside."""
        client = self.client()
        assert "Uploads" not in client.list_multipart_uploads(Bucket=BUCKET)
        found = client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        keys = [item["Key"] for item in found if not item["Key"].startswith("audit/")]
        return {key: client.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}


@pytest.fixture(scope="module")
def server():
    for name in ("boto3", "storages"):
        pytest.importorskip(name, reason="no django-storages[s3]: S3 is left out")
    moto = pytest.importorskip("moto.server", reason="no moto[s3,server]: S3 is left out")
    import boto3

    made = Server(moto.ThreadedMotoServer, boto3.client)
    yield made
    made.stop()


@pytest.fixture
def use(server, monkeypatch, settings):
    """Have this process and those that it starts keep reports in S3, with such options."""

    def configure(**changes):
        options = server.options(**changes)
        monkeypatch.setenv("TEST_S3", json.dumps(options))
        backend = {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}
        settings.STORAGES = {**settings.STORAGES, "reports": backend}

    return configure


@pytest.fixture
def s3(server, use, monkeypatch):
    """An S3 server with an empty bucket, where reports are kept."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")  # what is down in a test stays down
    server.start()
    server.forget()
    server.client().create_bucket(Bucket=BUCKET)
    use()
    yield server
    server.start()
    server.ask_for_credentials(False)


@pytest.fixture
def processes(processes, s3):
    """Those that a test starts have their files in S3, too."""
    processes.environment["DJANGO_SETTINGS_MODULE"] = "tests.settings_s3"
    processes.changed["RUNNER"] = "local"
    return processes


@pytest.fixture
def job(s3, alice, orders, configure, processes):
    """A job that waits for a worker."""
    configure(RUNNER="local")
    return enqueue(alice)


def work(processes, job):
    """Have a worker process execute what waits."""
    assert processes.command("reports_worker", "--burst") == 0
    job.refresh_from_db()
    return job


@pytest.fixture
def person(s3, alice, processes):
    """Alice at a site whose files are in S3."""
    return Browser(processes.server()).log_in("alice")


def assert_refused(person, job, reason):
    answer = person.open(job_url(job, "download"))
    assert answer.status in (404, 503)
    assert answer.headers["Content-Type"].startswith("text/html")
    assert reason in unescape(answer.text)
    denial = entries(job).last()
    assert (denial.action, denial.actor_label) == ("denied", "alice")
    assert denial.data["reason"] == reason


def test_from_the_worker_to_the_reader_to_the_end(person, job, processes, s3):
    assert work(processes, job).status == "succeeded", job.error
    assert job.storage == "reports"
    kept = s3.objects()
    content = kept.pop(job.file_key)
    assert (list(kept), len(content)) == ([job.manifest_key], job.bytes)
    assert content.splitlines()[0].startswith(b"id,number,")
    assert len(content.splitlines()) == 21

    file = person.open(job_url(job, "download"))
    assert (file.status, file.content) == (200, content)
    assert file.headers["Content-Length"] == str(job.bytes)
    assert hashlib.sha256(file.content).hexdigest() == job.sha256

    put(job, expires_at=timezone.now() - dt.timedelta(seconds=1))
    assert processes.command("sweep_reports") == 0
    job.refresh_from_db()
    assert (job.status, job.file_key, s3.objects()) == ("expired", "", {})
    assert person.open(job_url(job, "download")).status == 410
    assert actions(job) == [
        "requested", "started", "finished", "downloaded", "expired", "denied",
    ]  # fmt: skip


def test_an_object_that_is_not_as_it_was_is_refused(person, job, processes, s3):
    work(processes, job)
    s3.client().put_object(Bucket=BUCKET, Key=job.file_key, Body=b"id\r\n1\r\n")
    assert_refused(person, job, "The file of this export is not the one that was made.")
    s3.client().delete_object(Bucket=BUCKET, Key=job.file_key)
    assert_refused(person, job, "The file of this export is missing.")


@pytest.fixture
def redirected(processes, s3, use):
    use(signature_version="s3v4")
    processes.changed["DOWNLOAD_METHOD"] = "redirect"


def test_a_reader_is_sent_to_the_bucket_for_a_minute(redirected, person, job, processes, s3):
    work(processes, job)
    answer = person.open(page_of(job, "download"))
    address = answer.headers["Location"]
    assert (answer.status, answer.headers["Cache-Control"]) == (302, "private, no-store")
    query = parse_qs(urlsplit(address).query)
    assert (query["X-Amz-Expires"], len(query["X-Amz-Signature"][0])) == (["60"], 64)
    reader = Browser(s3.address)
    file = reader.open(address)
    assert (file.status, hashlib.sha256(file.content).hexdigest()) == (200, job.sha256)
    assert file.headers["Content-Disposition"] == f'attachment; filename="{job.filename}"'
    assert file.headers["Content-Type"] == "text/csv; charset=utf-8"
    part = reader.open(address, headers={"Range": "bytes=3-9"})
    assert (part.status, part.content) == (206, file.content[3:10])
    assert reader.open(address.partition("?")[0]).status == 403
    assert entries(job).last().data["handed_to"] == "redirect"


def test_nobody_is_sent_to_what_is_not_theirs_or_was_changed(
    redirected, person, job, processes, s3, root
):
    work(processes, job)
    s3.client().put_object(Bucket=BUCKET, Key=job.file_key, Body=b"id\r\n1\r\n")
    assert_refused(person, job, "The file of this export is not the one that was made.")
    User.objects.get(username="alice").user_permissions.clear()
    answer = person.open(job_url(job, "download"))
    assert (answer.status, answer.headers["Location"]) == (403, None)
    stranger = Browser(person.base).open(job_url(job, "download"))
    assert s3.address not in stranger.headers["Location"]


def test_wrong_credentials_fail_the_job(job, processes, s3):
    s3.ask_for_credentials(True)
    assert work(processes, job).status == "failed"
    assert re.fullmatch(NOT_STORED, job.error)
    assert entries(job).last().data["reason"] == job.error
    log = processes.log.read_text()
    assert "event=storage_failed" in log
    assert "InvalidAccessKeyId" in log
    s3.ask_for_credentials(False)
    assert s3.objects() == {}


def test_a_bucket_that_is_not_there_fails_the_job(job, use):
    use(bucket_name="no-such-bucket")
    assert run(job).status == "failed"
    assert re.fullmatch(NOT_STORED, job.error)


def test_a_server_that_is_down_while_a_file_is_published_fails_the_job(job, processes, s3):
    s3.stop()
    assert work(processes, job).status == "failed"
    assert job.error == (
        "The file could not be stored (EndpointConnectionError). The server's log has the details."
    )
    sweep()
    assert ReportJob.objects.with_leftovers().get() == job
    s3.start()
    assert s3.objects() == {}
    sweep()
    assert not ReportJob.objects.with_leftovers().exists()


def test_a_server_that_is_down_while_a_file_is_asked_for_is_told(person, job, processes, s3):
    work(processes, job)
    s3.stop()
    assert_refused(
        person, job, "The file of this export cannot be read now (EndpointConnectionError). "
        "The server's log has the details."
    )  # fmt: skip
    s3.start()
    file = person.open(job_url(job, "download"))
    assert hashlib.sha256(file.content).hexdigest() == job.sha256


def test_a_large_object_takes_little_memory(person, job, processes, s3, tmp_path):
    """With the options that the docs name: the whole of it goes through a temporary file."""
    work(processes, job)
    person.open(job_url(job, "download"))  # what is loaded once is loaded
    pids = session_of(processes.started[0].pid)
    before = peak_of(pids)
    path = tmp_path / "large.csv"
    with path.open("wb") as file:
        file.truncate(LARGE)
    with path.open("rb") as file:
        key = files.publish("reports", "large.csv", file, LARGE)
    sign(put(job, file_key=key, bytes=LARGE, sha256=hashlib.sha256(bytes(LARGE)).hexdigest()))
    assert len(person.open(job_url(job, "download")).content) == LARGE
    assert peak_of(pids) - before < 16 * 1024 * 1024


def peak_of(pids):
    """The most memory that any of these processes ever had, in bytes."""
    statuses = [Path(f"/proc/{pid}/status").read_text() for pid in pids]
    return max(int(text.split("VmHWM:")[1].split()[0]) * 1024 for text in statuses)


def key_for(s3, *actions):
    """Options with the access key of somebody who may do this, and nothing else."""
    iam, name = s3.client("iam"), "worker"
    iam.create_user(UserName=name)
    statements = [
        {"Effect": "Allow", "Action": action, "Resource": f"arn:aws:s3:::{BUCKET}{part}"}
        for action, part in actions
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_user_policy(UserName=name, PolicyName="reports", PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"access_key": key["AccessKeyId"], "secret_key": key["SecretAccessKey"]}


NEEDED = [
    ("s3:PutObject", "/*"),
    ("s3:GetObject", "/*"),
    ("s3:DeleteObject", "/*"),
    ("s3:ListBucket", ""),
]


@pytest.fixture
def made(tmp_path):
    path = tmp_path / "made.csv"
    path.write_bytes(b"id\r\n1\r\n")
    with path.open("rb") as opened:
        yield opened


def test_the_permissions_that_the_docs_name_suffice(s3, use, made, alice):
    use(**key_for(s3, *NEEDED))
    s3.ask_for_credentials(True)
    facts = {"bytes": 7, "sha256": hashlib.sha256(b"id\r\n1\r\n").hexdigest()}
    key = "2026/02/k.csv"
    job = put(enqueue(alice), status="succeeded", storage="reports", file_key=key, **facts)
    sign(job)
    assert files.publish("reports", job.file_key, made, 7) == job.file_key
    with files.open_file(job) as file:
        assert file.read() == b"id\r\n1\r\n"
    files.delete("reports", job.file_key)
    with pytest.raises(FileUnavailable, match="is missing"):
        files.open_file(job)


@pytest.mark.parametrize(
    ("lacking", "reason"),
    [("s3:PutObject", "not be stored"), ("s3:GetObject", "not be stored"),
     ("s3:DeleteObject", "not be removed")],
)  # fmt: skip
def test_none_of_these_permissions_can_be_spared(s3, use, made, lacking, reason):
    def keep_and_remove():
        files.delete("reports", files.publish("reports", "2026/02/k.csv", made, 7))

    use(**key_for(s3, *(pair for pair in NEEDED if pair[0] != lacking)))
    s3.ask_for_credentials(True)
    with pytest.raises(FileUnavailable, match=reason):
        keep_and_remove()
