"""Downloads over real HTTP: broken off and taken up by curl, and sent by nginx."""

import resource
import shutil
import subprocess

import pytest

from django_reports.access import signed_urls
from django_reports.jobs import files
from tests.entry_points.helpers import entries, make, put, sign
from tests.entry_points.staff import page_of
from tests.processes.conftest import ROOT, Browser, free_port, wait_for
from tests.services import find_curl, find_nginx

LARGE = 4 * 1024 * 1024


@pytest.fixture
def job(alice, orders):
    return make(alice)


@pytest.fixture
def large(job, folder, tmp_path):
    """The job with a file that takes a while at the speed of a slow reader."""
    import hashlib

    content = b"0123456789abcdef" * (LARGE // 16)
    (folder / job.file_key).write_bytes(content)
    return sign(put(job, bytes=LARGE, sha256=hashlib.sha256(content).hexdigest()))


def content_of(job):
    with files.open_file(job) as file:
        return file.read()


def have_little_room():
    """A process that writes more than this into a file is ended."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGE // 4, LARGE // 4))


@pytest.mark.skipif(find_curl() is None, reason="no curl")
@pytest.mark.parametrize("kind", ["gunicorn", "uvicorn"])
def test_a_download_that_broke_off_is_taken_up(alice, large, processes, configure, tmp_path, kind):
    base = processes.server(kind)
    configure(BASE_URL=base)
    url = signed_urls.url_for(large, alice)
    curl = ["curl", "-sS", "-f", "-o", str(tmp_path / "file.csv"), url]
    part = tmp_path / "file.csv"
    broken = subprocess.run(curl, preexec_fn=have_little_room, check=False)
    assert broken.returncode != 0
    got = part.stat().st_size
    assert 0 < got < LARGE
    subprocess.run([*curl, "-C", "-"], check=True)
    assert part.read_bytes() == content_of(large)
    last = entries(large).last()
    assert (last.action, last.data["by"]) == ("downloaded", "link")
    assert last.data["range"] == f"{got}-{LARGE - 1}/{LARGE}"


# nginx


CONF = """
daemon off;
user root;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log warn;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass {site};
            proxy_http_version 1.1;
            proxy_set_header Host $host:$server_port;
        }}
        {documented}
    }}
}}
"""


def documented_location(folder):
    """What docs/deployment.md has nginx configured with, for this folder."""
    text = (ROOT / "docs" / "deployment.md").read_text()
    found = text.split("```nginx\nlocation /reports-files/ ")[1].split("```")[0]
    assert "alias /srv/shop/reports/;" in found
    return f"location /reports-files/ {found}".replace("/srv/shop/reports/", f"{folder}/")


@pytest.fixture
def front(processes, folder, tmp_path):
    """A person's way to the site through nginx, which sends the files."""
    executable = find_nginx()
    if executable is None:
        pytest.skip("no nginx")
    processes.changed["DOWNLOAD_METHOD"] = "x-accel-redirect"
    site, port = processes.server(), free_port()
    here = tmp_path / "nginx"
    here.mkdir()
    location = documented_location(folder)
    text = CONF.format(folder=here, port=port, site=site, documented=location)
    (here / "nginx.conf").write_text(text)
    command = [executable, "-p", str(here), "-c", str(here / "nginx.conf"), "-e", str(here / "e")]
    server = subprocess.Popen(command)
    base = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: server.poll() is not None or is_up(base))
        assert server.poll() is None, (here / "error.log").read_text()
        yield lambda: Browser(base)
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(here)


def is_up(base):
    try:
        return Browser(base).open("/admin/login/").status == 200
    except OSError:
        return False


@pytest.mark.integration
def test_nginx_sends_what_the_site_lets_it(front, alice, job, folder, make_person):
    content = content_of(job)
    reader = front().log_in("alice")
    path = page_of(job, "download")

    def get(**headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return reader.open(path, headers=named)

    whole = get()
    assert (whole.status, whole.content) == (200, content)
    expected = {
        "ETag": f'"{job.sha256}"',
        "Content-Length": str(len(content)),
        "Content-Type": "text/csv; charset=utf-8",
        "Content-Disposition": f'attachment; filename="{job.filename}"',
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Accel-Redirect": None,
    }
    assert {name: whole.headers[name] for name in expected} == expected
    assert entries(job).last().data["handed_to"] == "x-accel-redirect"

    part = get(Range="bytes=5-9", If_Range=f'"{job.sha256}"')
    assert (part.status, part.content) == (206, content[5:10])
    assert part.headers["Content-Range"] == f"bytes 5-9/{len(content)}"
    stale = get(Range="bytes=5-9", If_Range='"another"')
    assert (stale.status, stale.content) == (200, content)
    assert get(Range="bytes=9999999-").status == 416
    assert get(If_None_Match=f'"{job.sha256}"').status == 304

    # Nothing comes without the site's word.
    for someone in (reader, front()):
        assert someone.open(f"/reports-files/{job.file_key}").status == 404
        assert someone.open(f"/reports-files/{job.file_key}.json").status == 404
    make_person("mallory")
    assert front().log_in("mallory").open(path).status == 404
    assert front().open(path).status == 302
    alice.user_permissions.clear()
    refused = get()
    assert (refused.status, content[:20] in refused.content) == (403, False)


@pytest.mark.integration
def test_nginx_sends_nothing_that_was_changed(front, alice, job, folder):
    (folder / job.file_key).write_bytes(b"another")
    answer = front().log_in("alice").open(page_of(job, "download"))
    assert (answer.status, b"another" in answer.content) == (404, False)
    assert "is not the one that was made" in answer.text
    assert "downloaded" not in [entry.action for entry in entries(job)]
