"""Parts of a file, and questions about it: RFC 9110 over the download of a job."""

import pytest

from tests.entry_points.helpers import actions, browse, entries, make, put, sign, text_of
from tests.entry_points.staff import Program, page_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(alice, orders):
    return make(alice)


@pytest.fixture
def whole(alice, job):
    return get(alice, job).getvalue()


def get(user, job, **headers):
    return browse(user).get(page_of(job, "download"), headers=headers)


def tag_of(job):
    return f'"{job.sha256}"'


def test_the_whole_file_says_what_it_is(alice, job):
    response = get(alice, job)
    assert response.status_code == 200
    assert {name: response[name] for name in KEPT} == {
        "ETag": tag_of(job),
        "Accept-Ranges": "bytes",
        "Content-Length": str(job.bytes),
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
        "Content-Disposition": f'attachment; filename="{job.filename}"',
    }


@pytest.mark.parametrize(
    ("gone", "content_type"),
    [
        ({"language": "tlh"}, "application/jsonl"),
        ({"time_zone": "Mars/Olympus"}, "application/jsonl"),
        ({"format": "papyrus"}, "application/octet-stream"),
        ({"options": {"profile": "machine", "ink": "blue"}}, "application/octet-stream"),
    ],
)
def test_a_file_that_could_not_be_made_any_more_is_still_sent(alice, orders, gone, content_type):
    job = make(alice, format="jsonl")
    whole = get(alice, job)
    sign(put(job, spec={**job.spec, **gone}, format=gone.get("format", "jsonl")))
    assert browse(alice).get(page_of(job)).status_code == 200
    response = get(alice, job)
    assert (response.status_code, response["Content-Type"]) == (200, content_type)
    assert response.getvalue() == whole.getvalue()
    assert response["X-Content-Type-Options"] == "nosniff"


KEPT = ("ETag", "Accept-Ranges", "Content-Length", "Cache-Control", "X-Content-Type-Options",
        "Content-Disposition")  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        ("bytes=0-", slice(0, None)),
        ("bytes=0-0", slice(0, 1)),
        ("bytes=10-19", slice(10, 20)),
        ("bytes=10-", slice(10, None)),
        ("bytes=10-999999999", slice(10, None)),
        ("bytes=-1", slice(-1, None)),
        ("bytes=-20", slice(-20, None)),
        ("bytes=-999999999", slice(0, None)),
        (f"bytes=10-{10**19}", slice(10, None)),
        (f"bytes=-{10**19}", slice(0, None)),
        (f"bytes={10:030}-{19:030}", slice(10, 20)),
        ("Bytes= 3-4 ", slice(3, 5)),
    ],
)
def test_a_part(alice, job, whole, wanted, part):
    response = get(alice, job, range=wanted)
    content = response.getvalue()
    assert (response.status_code, content) == (206, whole[part])
    first = part.indices(len(whole))[0]
    told = f"bytes {first}-{first + len(content) - 1}/{len(whole)}"
    assert (response["Content-Range"], response["Content-Length"]) == (told, str(len(content)))
    assert (response["ETag"], response["Cache-Control"]) == (tag_of(job), "private, no-store")
    entry = entries(job).last()
    assert (entry.data["range"], entry.data["bytes"]) == (told[6:], len(content))


@pytest.mark.parametrize(
    "wanted",
    ["bytes=0-1,5-6", "bytes=0-0,-1", "bytes=", "bytes=-", "bytes=5-3", "bytes=a-b", "rows=0-1",
     "bytes=1-2-3", "bytes=٣-٤", "0-1"],
)  # fmt: skip
def test_several_parts_and_what_is_no_range_are_the_whole_file(alice, job, whole, wanted):
    response = get(alice, job, range=wanted)
    assert (response.status_code, response.getvalue()) == (200, whole)
    assert "Content-Range" not in response.headers


@pytest.mark.parametrize("wanted", ["bytes={}-", "bytes={}-{}", "bytes=99999999-", "bytes=-0",
                                    f"bytes={10**19}-", f"bytes={10**19}-{10**20}",
                                    "bytes=" + "9" * 5000 + "-"])  # fmt: skip
def test_a_part_beyond_the_end(alice, job, wanted):
    response = get(alice, job, range=wanted.format(job.bytes, job.bytes))
    assert (response.status_code, text_of(response)) == (416, "")
    assert response["Content-Range"] == f"bytes */{job.bytes}"
    assert all("question" in entry.data for entry in entries(job).filter(action="downloaded"))


@pytest.mark.parametrize(
    ("status", "headers"), [(416, {"range": "bytes=99999999-"}), (412, {"if_match": '"another"'})]
)
def test_a_program_is_told_why_there_is_no_part(alice, job, status, headers):
    answer = Program(alice).get(page_of(job, "download"), **headers)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["Cache-Control"] == "private, no-store"


def test_if_range_of_the_same_file(alice, job, whole):
    response = get(alice, job, range="bytes=5-", if_range=tag_of(job))
    assert (response.status_code, response.getvalue()) == (206, whole[5:])


@pytest.mark.parametrize(
    "stale", ['"another"', "W/{}", "Sat, 21 Nov 2026 12:00:00 GMT", "nonsense"]
)
def test_if_range_of_another_file_is_the_whole_one(alice, job, whole, stale):
    for wanted in ("bytes=5-", "bytes=99999999-"):
        response = get(alice, job, range=wanted, if_range=stale.format(tag_of(job)))
        assert (response.status_code, response.getvalue()) == (200, whole)


@pytest.mark.parametrize("known", ['"other", {}', "W/{}", "*"])
def test_a_file_that_is_known_is_not_sent_again(alice, job, known):
    response = get(alice, job, if_none_match=known.format(tag_of(job)))
    assert (response.status_code, text_of(response)) == (304, "")
    assert (response["ETag"], response["Cache-Control"]) == (tag_of(job), "private, no-store")
    assert all("question" in entry.data for entry in entries(job).filter(action="downloaded"))


def test_a_file_that_must_be_another_is_not_sent(alice, job):
    assert get(alice, job, if_match='"another"').status_code == 412
    assert get(alice, job, if_match=tag_of(job)).status_code == 200


@pytest.mark.parametrize("headers", [{}, {"range": "bytes=5-9"}, {"range": "bytes=99999999-"}])
def test_head_says_what_get_would_without_a_part(alice, job, headers):
    response = browse(alice).head(page_of(job, "download"), headers=headers)
    assert (response.status_code, text_of(response)) == (200, "")
    assert (response["ETag"], response["Content-Length"]) == (tag_of(job), str(job.bytes))
    assert response["Accept-Ranges"] == "bytes"
    assert all("question" in entry.data for entry in entries(job).filter(action="downloaded"))


def test_a_program_gets_parts_too(alice, job, whole):
    answer = Program(alice).get(page_of(job, "download"), range="bytes=1-2")
    assert (answer.status_code, answer.getvalue()) == (206, whole[1:3])


def test_parts_are_not_compressed(alice, job, whole, settings):
    settings.MIDDLEWARE = ["django.middleware.gzip.GZipMiddleware", *settings.MIDDLEWARE]
    response = get(alice, job, range="bytes=5-", accept_encoding="gzip")
    assert (response.status_code, response.getvalue()) == (206, whole[5:])
    assert response["Content-Encoding"] == "identity"


def test_a_download_of_every_byte_is_not_broken_off(alice, job, whole):
    assert get(alice, job, range="bytes=5-").getvalue() == whole[5:]
    assert "broken_off" not in actions(job)
