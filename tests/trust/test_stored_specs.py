"""Records that are older than the code, or tampered with: pages stay, files are refused."""

import json

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from django_reports.jobs import dispatch
from django_reports.models import AuditEntry, Preset, ReportJob
from tests.entry_points.helpers import (
    EXPORT,
    asking,
    browse,
    enqueue,
    make,
    put,
    run,
    sign,
    spec_of,
    text_of,
)
from tests.entry_points.staff import ORDERS, Program, page_of, pressed
from tests.values.strategies import REPEATABLE

pytestmark = pytest.mark.django_db

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.sampled_from(
        ["", "csv", "all", "keys", "changelist", "id", "shop.orders", "é'\"<", "number=%00"]
    ),
)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["kind", "keys", "query", "name", "x"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


def paths(value, path=()):
    """Where each part of a JSON value is."""
    yield path
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from paths(part, (*path, key))


@st.composite
def spoiled(draw, value):
    """The value with one of its parts replaced by anything, or taken away."""
    path = draw(st.sampled_from(list(paths(value))))
    if not path:
        return draw(ANYTHING)
    copy = json.loads(json.dumps(value))
    *before, last = path
    inner = copy
    for key in before:
        inner = inner[key]
    if draw(st.booleans()):
        inner[last] = draw(ANYTHING)
    else:
        del inner[last]
    return copy


SPEC = spec_of(
    columns=("id", "number"), labels={"id": "Key"}, parameters={"minimum": ["5"]}
).to_json()


def spec_with(query="", keys=None):
    """The JSON of a spec for rows of the admin's list."""
    selection = {
        "kind": "changelist", "path": "/admin/shop/order/", "urlconf": None, "model": "shop.order",
        "query": query, "keys": keys, "state": {"tenant": 1},
        "lacked": {"user": "1", "names": [["session", "tenant"]]},
    }  # fmt: skip
    return {**SPEC, "selection": selection}


def specs():
    """The JSON of each sort of spec."""
    return [SPEC, spec_with("region__exact=n&q=a"), spec_with(keys=["1", "2"])]


@pytest.fixture
def jobs(alice, orders):
    """A finished export of each sort of selection, and a waiting one."""
    return [make(alice), enqueue(alice)]


def pages_of(jobs):
    """The pages that show these jobs, or begin with what was chosen for them."""
    finished, waiting = jobs
    admin = "/admin/django_reports/reportjob/"
    return [
        *("/reports/", "/reports/jobs/?others=1", ORDERS, f"{ORDERS}?from={finished.pk}"),
        *("/admin/", admin, EXPORT, f"{admin}{finished.pk}/change/"),
        *(page_of(finished, name) for name in ("", "status", "manifest", "download")),
        page_of(waiting),
    ]


def assert_nothing_breaks(owner, reader, jobs):
    for client in (browse(owner), Program(reader)):
        for page in pages_of(jobs):
            answer = client.get(page)
            text_of(answer)
            assert answer.status_code < 500, page
        assert client.post(page_of(jobs[0], "rerun")).status_code < 500
    assert pressed(owner, _export=None, _columns="last").status_code < 500


def without(value, key):
    return {name: part for name, part in value.items() if name != key}


NOT_UNDERSTOOD = [
    *([], {}, 5, True, "", "all", [SPEC], {"selection": SPEC}),
    without(SPEC, "selection"),
    *({**SPEC, "selection": part} for part in (None, [], {}, 5, "all", {"kind": None})),
    *({**SPEC, "selection": {"kind": kind}} for kind in ([], {}, "moon", "keys", "changelist")),
    {**SPEC, "selection": {"kind": "keys", "keys": None}},
    *({**SPEC, "selection": without(spec_with()["selection"], key)} for key in ("path", "query")),
    {**SPEC, "selection": {**spec_with()["selection"], "query": 5}},
    {**SPEC, "selection": {**spec_with()["selection"], "keys": {"1": None}}},
]


@pytest.mark.parametrize("spec", NOT_UNDERSTOOD, ids=lambda spec: json.dumps(spec)[-60:])
def test_file_of_a_spec_that_is_not_understood_is_refused(jobs, alice, root, spec):
    for job in jobs:
        sign(put(job, spec=spec))
    assert_nothing_breaks(alice, root, jobs)
    for user in (alice, root):
        assert browse(user).get(page_of(jobs[0], "download")).status_code == 403
        assert "/download/" not in browse(user).get("/reports/jobs/").content.decode()
    assert browse(alice).post(page_of(jobs[0], "rerun")).status_code == 400
    assert ReportJob.objects.count() == 2
    ended = run(jobs[1])
    assert (ended.status, ended.cause) == ("failed", "spec")
    assert ended.error.startswith(("This is no description", "There is no", "A selection of"))


OUTDATED = [
    *(without(SPEC, key) for key in SPEC if key != "selection"),
    *({**SPEC, key: None} for key in SPEC if key not in ("selection", "columns")),
    {**SPEC, "language": "xx"},
    {**SPEC, "time_zone": "Mars/Base"},
    {**SPEC, "format": "pdf"},
    {**SPEC, "options": {"profile": "excel"}},
    {**SPEC, "parameters": {"minimum": [None]}},
    {**SPEC, "labels": {"id": 5}},
    {**SPEC, "columns": [None]},
]


@pytest.mark.parametrize("spec", OUTDATED, ids=json.dumps)
def test_outdated_spec_keeps_its_file_and_breaks_no_page(jobs, alice, root, spec):
    for job in jobs:
        sign(put(job, spec=spec))
    assert_nothing_breaks(alice, root, jobs)
    answer = browse(alice).get(page_of(jobs[0], "download"))
    assert answer.status_code == 200
    text_of(answer)
    assert browse(alice).post(page_of(jobs[0], "rerun")).status_code == 400
    ended = run(jobs[1])
    assert (ended.status, ended.cause) == ("failed", "spec")
    assert dispatch.identical(spec_of(), *asking(alice)) is None
    manifest = Program(alice).get(page_of(jobs[0], "manifest")).json()
    assert set(manifest) >= {"parameters", "selection", "options", "time_zone", "language"}


@pytest.mark.parametrize(
    "columns",
    [
        *([], {}, 5, [None], [{}], [{"name": "id"}], [{"name": "id", "masked": 0}]),
        [{"name": "id", "label": "ID", "masked": False, "mask": None}],
    ],
)
def test_file_of_columns_that_are_not_understood_is_refused(jobs, alice, root, columns):
    for job in jobs:
        sign(put(job, columns=columns, losses=columns))
    assert_nothing_breaks(alice, root, jobs)
    expected = 200 if columns == [] else 403
    answer = browse(alice).get(page_of(jobs[0], "download"))
    text_of(answer)
    assert answer.status_code == expected
    assert run(jobs[1]).status == "succeeded"  # what it writes, it asks the report for


@pytest.mark.parametrize("choices", [[], {}, 5, "x", {"columns": 5}, {"labels": [1]}])
def test_preset_that_is_not_understood_is_left_out(alice, orders, choices):
    preset = Preset.objects.create(owner=alice, report="shop.orders", name="Mine", choices=choices)
    answer = pressed(alice, _export=None, _preset=str(preset.pk))
    assert (answer.status_code, b"Mine" in answer.content) == (200, True)


def test_refused_download_of_a_spoiled_spec_is_recorded(jobs, alice):
    put(jobs[0], spec=[])
    browse(alice).get(page_of(jobs[0], "download"))
    entry = AuditEntry.objects.filter(action="denied").latest("id")
    assert (entry.job_key, entry.data["lacking"]) == (str(jobs[0].pk), "permission")


FEW = settings(REPEATABLE, max_examples=5)


@pytest.mark.thorough
@pytest.mark.parametrize("at", range(3))
def test_no_stored_spec_breaks_a_page(jobs, alice, root, at):

    @FEW
    @given(spec=spoiled(specs()[at]))
    def holds(spec):
        assume(spec is not None)
        for job in jobs:
            put(job, spec=spec)
        assert_nothing_breaks(alice, root, jobs)

    holds()


@pytest.mark.thorough
def test_no_stored_columns_or_losses_break_a_page(jobs, alice, root):
    columns = jobs[0].columns[:2]

    @FEW
    @given(columns=spoiled(columns), losses=spoiled({"shortened_texts": 2}))
    def holds(columns, losses):
        assume(columns is not None and losses is not None)  # the database has no null there
        for job in jobs:
            put(job, columns=columns, losses=losses)
        assert_nothing_breaks(alice, root, jobs)

    holds()
