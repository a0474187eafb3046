"""Models of other packages: each value stands under its header, and is masked there."""

import json
from importlib.util import find_spec

import pytest

PACKAGES = ("modeltranslation", "parler", "polymorphic", "safedelete", "djmoney")
pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        not all(map(find_spec, PACKAGES)), reason=f"not all of {', '.join(PACKAGES)}"
    ),
]

# Who asks, and the seed of the order of a set of names.
CASES = [("clerk", "1"), ("clerk", "2"), ("clerk", "3"), ("root", "4")]
FORMATS = ("csv", "tsv", "jsonl", "xlsx", "parquet")


def born(n):
    return "2000-01-31" if n % 2 else ""


def rows_of(report, language, email):
    """The rows of a report, as its seed made them."""
    n = range(6)
    if report == "articles":
        titles = [f"t{5 - i}" if language == "en" or not i else f"T{i}" for i in n]
        # In the order of the titles in the language in which they were chosen, not the file's.
        return [
            [titles[i], f"n{i}", email(i), born(i), f"N{i}", f"{language[0]}{i}",
             f"T{i}" if i else "", str(i % 3 + 1), "abc"[i % 3], f"{titles[i]}/n{i}"]
            for i in reversed(n)
        ]  # fmt: skip
    if report == "pages":
        return [[f"n{i}", email(i), born(i), str(i + 1)] for i in n]
    if report == "vehicles":
        return [[f"n{i}", email(i), str(i + 1), "car" if i > 2 else "vehicle"] for i in n]
    if report == "cars":
        return [[str(i), email(i), f"n{i}", str(2 * i)] for i in n if i > 2]
    if report == "notes":
        return [[f"n{i}", email(i), born(i), ""] for i in n if i != 4]
    if report == "offers":
        return [[str(i), "USD" if i % 2 else "EUR", email(i), f"n{i}"] for i in n]
    return [[f"N{i}", email(i).upper(), born(i)] for i in n]


REPORTS = ("articles", "pages", "vehicles", "cars", "notes", "offers", "secrets")
EMAILS = {"root": lambda i: f"xavier{i}@yard.org", "clerk": lambda i: "x•••@y•••.org"}


@pytest.fixture(scope="module")
def site(start_once):
    reports = json.dumps({"STREAM_MAX_ROWS": 100, "LOCAL_THREAD": False})
    return start_once("foreign_querysets", environment={"PROJECT_REPORTS": reports})


@pytest.mark.parametrize(("user", "seed"), CASES)
def test_every_value_stands_under_its_header(user, seed, site):
    site.environment["PYTHONHASHSEED"] = seed
    found = json.loads(site.run("tests.projects.foreign_querysets.files", user))
    assert len(found) == (len(REPORTS) + 1) * len(FORMATS)
    for name, rows in found.items():
        report, language, _format = name.split()
        expected = rows_of(report.removeprefix("foreign."), language, EMAILS[user])
        assert rows == expected, name


def test_list_reports_explains_which_code_reads_the_rows(site):
    lines = site.manage("list_reports", "--explain").splitlines()
    told = {
        line.split("\t")[0].removeprefix("foreign."): lines[at + 1].strip()
        for at, line in enumerate(lines)
        if line.startswith("foreign.")
    }
    by = "written by Python: its rows are read by "
    assert told["articles"] == f"{by}modeltranslation.manager.MultilingualQuerySet"
    assert told["notes"] == f"{by}safedelete.query.SafeDeleteQuery"
    assert told["secrets"] == f"{by}tests.projects.foreign_querysets.models.UpperQuerySet"
    for report in ("vehicles", "cars"):
        assert told[report] == f"{by}polymorphic.query.PolymorphicQuerySet"
    for report in ("pages", "offers"):
        assert "its rows are read by" not in told[report]


def test_lists_are_exported(site):
    root = site.person("root")
    choice = {"columns": ["title", "name", "email"]}
    listed = [f"t{5 - n},n{n},xavier{n}@yard.org" for n in range(6)]
    assert root.by_admin("foreign_querysets/article", "?o=2", **choice)[1:] == listed
    # By the section, whose titles go downwards.
    by_section = [listed[n] for n in (5, 2, 4, 1, 3, 0)]
    assert root.by_admin("foreign_querysets/article", "?o=3.-2", **choice)[1:] == by_section
    notes = root.by_admin("foreign_querysets/note", columns=["name"])[1:]
    assert sorted(notes) == [f"n{n}" for n in range(6)]  # its admin lists those deleted, too
