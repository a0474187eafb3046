"""The docs: everything that a project meets is in them, and links lead somewhere."""

import inspect
import json
import re
import tomllib
from dataclasses import fields
from datetime import timedelta

import pytest
from django.core.management import BaseCommand, find_commands, load_command_class
from django.dispatch import Signal

import django_reports
from django_reports import exceptions, signals, testing, urls
from django_reports.access.permissions import Authority, Policy
from django_reports.core import choices, conf
from django_reports.core.choices import AuditAction, JobStatus
from django_reports.definitions.base import Report, ReportContext
from django_reports.definitions.columns import TOTALS, Column
from django_reports.definitions.kinds import KINDS, Kind
from django_reports.definitions.masks import MASKS
from django_reports.definitions.registry import registry
from django_reports.definitions.specs import CHOICES, Options
from django_reports.engine.writers import Writer, all_writers
from django_reports.engine.writers.guard import escape
from django_reports.jobs.maintenance import Swept
from django_reports.jobs.runners import RUNNERS
from django_reports.models import ReportJob
from django_reports.web.api.endpoints import FIELDS, job_as_json, report_as_json
from django_reports.web.api.openapi import document
from django_reports.web.display import _LOSSES
from django_reports.web.forms import OPTION_LABELS
from tests.doc_pages import DOCS, FENCE, PACKAGE, PAGES, README, line_of, rows_of, text_of
from tests.shop.reports import Orders

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CHECK_ID = re.compile(r"django_reports\.[EWI]\d{3}")


def documented(name, text):
    """Whether a page has the name as code, alone or with what follows it (`--output PATH`)."""
    return re.search(rf"`[^`\n]*(?<![\w.-]){re.escape(name)}(?!\w)[^`\n]*`", text) is not None


def anchors_of(page):
    """The anchors of a page's headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


# Everything is there


def test_settings():
    text = text_of("docs/reference.md")
    assert rows_of(text, "Settings") == [field.name for field in fields(conf.Settings)]


def test_defaults():
    for field in fields(conf.Settings):
        if not isinstance(field.default, timedelta):
            shown = f"`{field.default!r}`".replace("'", '"')
            assert shown in line_of(text_of("docs/reference.md"), field.name)


def test_checks():
    source = "\n".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    assert sorted(rows_of(text_of("docs/reference.md"), "Checks")) == sorted(
        set(CHECK_ID.findall(source))
    )


def test_no_page_names_a_check_that_is_not_there():
    known = set(rows_of(text_of("docs/reference.md"), "Checks"))
    for page in PAGES:
        assert set(CHECK_ID.findall(page.read_text())) <= known, page.name


def test_signals():
    declared = [name for name, value in vars(signals).items() if isinstance(value, Signal)]
    assert rows_of(text_of("docs/reference.md"), "Signals") == declared


def test_exceptions():
    declared = [
        name
        for name, value in vars(exceptions).items()
        if inspect.isclass(value) and issubclass(value, exceptions.ReportError)
    ]
    text = text_of("docs/reference.md")
    assert [name for name in declared if not documented(name, text)] == []


COMMANDS = find_commands(str(PACKAGE / "management"))


@pytest.mark.parametrize("name", COMMANDS)
def test_commands(name):
    text = text_of("docs/commands.md")
    assert f"## {name}\n" in text
    section = text.split(f"## {name}\n")[1].split("\n## ")[0]
    own = options_of(load_command_class("django_reports", name)) - options_of(BaseCommand())
    assert [
        option for option in own if f"`{option}" not in section and f"[{option}" not in section
    ] == []


def options_of(command):
    parser = command.create_parser("manage.py", "command")
    return {option for action in parser._actions for option in action.option_strings}


def test_no_command_is_documented_that_is_not_there():
    headings = re.findall(r"^## (\w+)$", text_of("docs/commands.md"), re.MULTILINE)
    assert sorted(headings) == sorted(COMMANDS)


def test_counts_of_a_sweep():
    assert rows_of(text_of("docs/commands.md"), "sweep_reports") == [f.name for f in fields(Swept)]


def test_formats():
    formats = [writer.format for writer in all_writers()]
    assert rows_of(text_of("docs/files.md"), "Formats") == formats
    assert [name for name in formats if f"`{name}`" not in text_of("docs/commands.md")] == []
    read_back = ", ".join(rows_of(text_of("docs/testing.md"), "Types")).replace("`", "")
    assert set(read_back.split(", ")) == {name.partition(".")[0] for name in formats}


def test_options():
    """Every option with what it may be and where it is heeded, and no other."""
    text = text_of("docs/files.md")
    assert rows_of(text, "Options") == list(CHOICES)
    plain = [writer for writer in all_writers() if "." not in writer.format]
    for name, chosen in CHOICES.items():
        _, _, values, _, _, formats, _ = line_of(text, name).split("|")
        if name == "encoding":
            assert rows_of(text, "Encodings") == chosen.values
        else:
            assert re.findall(r"`([\w-]+)`", values) == chosen.values
        heeded = {writer.format for writer in plain if name in writer.option_names}
        told = set(re.findall(r"`(\w+)`", formats))
        assert (told or {writer.format for writer in plain}) == heeded, name


@pytest.mark.parametrize(
    ("profile", "column"),
    [("machine", "Default in `machine`"), ("spreadsheet", "Default in `spread")],
)
def test_defaults_of_options(profile, column):
    text = text_of("docs/files.md")
    at = next(line for line in text.splitlines() if column in line).split("|")
    at = next(index for index, cell in enumerate(at) if column in cell)
    for language, number in (("en", 0), ("de", -1)):
        layout = Options.of(profile=profile).settled(language)
        for name in CHOICES:
            if name != "profile":
                told = re.findall(r"`([\w-]+)`", line_of(text, name).split("|")[at])
                assert told[number] == getattr(layout, name), (name, language)


@pytest.mark.parametrize("name", list(CHOICES))
def test_options_at_every_door(name):
    values = CHOICES[name].values
    command = line_of(text_of("docs/commands.md"), f"--{name.replace('_', '-')}")
    if name == "encoding":
        values = values[:3]
        assert "files.md#encodings" in command
    assert re.findall(r"`([\w-]+)`", command.split("|")[-2]) == values
    asked = line_of(text_of("docs/http.md"), "options").split("|")[4]
    assert f"`{name}`" in asked
    label = OPTION_LABELS.get(name)
    page = text_of("docs/staff.md").split("## Options\n")[1].split("\n## ")[0]
    assert label is None or re.search(rf"[|,] {label}(,| \|)", page)


def test_reasons_of_losses():
    assert [name for name in _LOSSES if not documented(name, text_of("docs/files.md"))] == []


def test_kinds():
    names = [*KINDS, "choice"]
    assert sorted(rows_of(text_of("docs/reports.md"), "Kinds")) == sorted(names)
    assert [name for name in names if not documented(name, text_of("docs/values.md"))] == []


def test_methods_of_a_kind():
    rows = rows_of(text_of("docs/reports.md"), "Kinds of one's own")
    public = [name for name in vars(Kind) if not name.startswith("_")]
    methods = [name for name in public if inspect.isfunction(getattr(Kind, name))]
    assert sorted(row.split("(")[0] for row in rows) == sorted(methods)


def test_methods_of_a_writer():
    text = "\n".join(rows_of(text_of("docs/reports.md"), "Formats of one's own"))
    declared = [*inspect.get_annotations(Writer), *vars(Writer)]
    public = {name for name in declared if not name.startswith("_")}
    assert public - set(re.findall(r"\w+", text)) == {"header", "shown", "next_section"}
    section = text_of("docs/reports.md").split("## Formats of one's own")[1].split("\n## ")[0]
    for name in ("self.header", "self.shown(row)", "next_section(columns, title)"):
        assert f"`{name}`" in section


def test_options_of_a_column():
    assert rows_of(text_of("docs/reports.md"), "Column") == [f.name for f in fields(Column)]


def test_totals():
    told = line_of(text_of("docs/reports.md"), "total").split("|")[3]
    assert re.findall(r'`"(\w+)"`', told) == list(TOTALS)


def test_masks():
    assert [name.strip('"') for name in rows_of(text_of("docs/reports.md"), "Masks")] == list(MASKS)


def test_attributes_of_a_report():
    declared = [name for name in inspect.get_annotations(Report) if not name.startswith("_")]
    assert sorted(rows_of(text_of("docs/reports.md"), "Attributes")) == sorted(declared)


def test_attributes_of_the_context():
    declared = [field.name for field in fields(ReportContext)]
    assert rows_of(text_of("docs/reports.md"), "The context") == declared


def test_states():
    found = {row.split("`")[0] for row in rows_of(text_of("docs/jobs.md"), "States") if row}
    assert found == set(JobStatus.values)


def test_runners():
    assert [name.strip('"') for name in rows_of(text_of("docs/jobs.md"), "Runners")] == list(
        RUNNERS
    )


def test_audit_actions():
    assert rows_of(text_of("docs/security.md"), "The audit log") == AuditAction.values


@pytest.mark.parametrize(
    "words", [name for name, value in vars(choices).items()
              if inspect.isclass(value) and value.__module__ == choices.__name__]
)  # fmt: skip
def test_words(words):
    text = text_of("docs/reference.md")
    line = next(line for line in text.splitlines() if f"`choices.{words}`" in line)
    assert re.findall(r"`([\w-]+)`", line.split("|")[3]) == getattr(choices, words).values


def test_blocks_of_templates():
    text = text_of("docs/admin.md")
    folder = PACKAGE / "templates"
    templates = [path.relative_to(folder).as_posix() for path in folder.rglob("*.html")]
    assert sorted(rows_of(text, "Templates")) == sorted(templates)
    for name in templates:
        line = line_of(text, name)
        blocks = re.findall(r"{% block ([\w-]+)", (folder / name).read_text())
        assert re.findall(r"`([\w-]+)`", line.split("|")[2]) == blocks, name


def test_examples_of_the_formula_guard():
    """The examples of the formula guard are what it does."""
    section = text_of("docs/files.md").split("## The formula guard")[1].split("\n## ")[0]
    examples = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|", section, re.MULTILINE)
    assert len(examples) >= 8
    for before, after in examples:
        assert escape(before) == after


def test_layers():
    contracts = tomllib.loads(text_of("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    rows = rows_of(text_of("docs/architecture.md"), "The house")
    assert [row.replace("`", "").split(", ") for row in rows] == [
        re.split(r" [|:] ", layer) for layer in layers
    ]


def test_url_names():
    text = text_of("docs/reference.md")
    assert rows_of(text, "URL names") == [pattern.name for pattern in urls.urlpatterns]
    for pattern in urls.urlpatterns:
        path = re.sub(r"<\w+:", "<", str(pattern.pattern))
        assert line_of(text, pattern.name).split("|")[2].strip(" `") == path


def test_addresses_of_the_json():
    shown = [row for row in rows_of(text_of("docs/http.md"), "The addresses") if row]
    known = {re.sub(r"<\w+:", "<", f"/reports/{pattern.pattern}") for pattern in urls.urlpatterns}
    assert {row.replace("<id>", "<key>") for row in shown} == known
    assert len(shown) == len(known)


def test_keys_of_a_request():
    assert rows_of(text_of("docs/http.md"), "What a request may say") == list(FIELDS)


def test_keys_of_a_job():
    text = text_of("docs/http.md")
    keys = list(job_as_json(ReportJob(), {}, is_readable=True))
    assert rows_of(text, "The job") == keys
    assert list(json_below(text, "The job")) == keys


def test_keys_of_a_report(root):
    told = report_as_json(registry.instance(Orders), Authority.of(root))
    section = text_of("docs/http.md").split("## What there is\n")[1].split("\n## ")[0]
    catalog, report = (json.loads(code) for _language, code in FENCE.findall(section)[1:])
    assert list(report) == list(told)
    assert list(report["columns"][0]) == list(told["columns"][0])
    by_name = {one["name"]: one for one in told["formats"]}
    assert [one["name"] for one in report["formats"]] == ["csv", "xlsx"]
    assert report["formats"] == [by_name["csv"], by_name["xlsx"]]
    shown = {**told["options"], "encoding": told["options"]["encoding"][:3]}
    assert (report["options"], list(report["options"])) == (shown, list(CHOICES))
    assert list(catalog["reports"][0]) == [*list(told)[:4], "is_favorite", "url"]


def test_statuses_of_errors(root):
    """Those that the OpenAPI document knows, and those that need no mention in it."""
    paths = document([registry.instance(Orders)], Authority.of(root), "/")["paths"]
    known = {
        status
        for operations in paths.values()
        for operation in operations.values()
        if isinstance(operation, dict)
        for status in operation["responses"]
    }
    told = set(rows_of(text_of("docs/http.md"), "Errors"))
    assert {status for status in known if status >= "400"} <= told
    assert told - known <= {"405", "503"}


def json_below(text, heading):
    """The first JSON below a heading."""
    section = re.split(rf"^#+ {re.escape(heading)}$", text, maxsplit=1, flags=re.MULTILINE)[1]
    return json.loads(next(code for language, code in FENCE.findall(section) if language == "json"))


def test_methods_of_a_policy():
    declared = [name for name in vars(Policy) if not name.startswith("_")]
    rows = rows_of(text_of("docs/reference.md"), "Policy")
    assert [row.split("(")[0] for row in rows] == declared


def test_helpers_for_tests():
    rows = rows_of(text_of("docs/testing.md"), "Testing")
    assert sorted(rows) == sorted(testing.__all__)
    line = line_of(text_of("docs/reference.md"), "django_reports.testing")
    assert sorted(re.findall(r"`(\w+)`", line)) == sorted(testing.__all__)
    table = [row.split("(")[0] for row in rows_of(text_of("docs/testing.md"), "A table")]
    public = [name for name in vars(testing.Table) if not name.startswith("_")]
    assert sorted(table) == sorted(["header", "rows", "len", *public])


def test_options_of_helpers_for_tests():
    text = text_of("docs/testing.md")
    parameters = inspect.signature(testing.export).parameters
    assert len(parameters) == 10
    shown = re.search(r"^`export\((.+?)\)`$", text, re.MULTILINE | re.DOTALL)[1]
    assert re.findall(r"(\w+)(?:=[^,]+)?", shown) == list(parameters)


def test_loggers():
    source = "\n".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    logs = text_of("docs/reference.md").split("## Logs")[1]
    loggers = set(re.findall(r'getLogger\("([\w.]+)"\)', source))
    for path in PACKAGE.rglob("*.py"):
        if re.search(r"get_?[Ll]ogger\(__name__\)", path.read_text()):
            loggers.add(f"django_reports.{path.relative_to(PACKAGE).parts[0]}")
    assert set(re.findall(r"`(django_reports\.[\w.]+)`", logs)) == loggers


def test_threats_name_tests_that_are_there():
    section = text_of("docs/security.md").split("## Threats")[1].split("\n## ")[0]
    rows = [line.split("|")[1:-1] for line in section.splitlines() if line.startswith("| ")][1:]
    for abuse, _control, tests in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", tests)
        assert named, abuse
        for path, name in named:
            assert f"\ndef {name}(" in text_of(path), f"{path}::{name}"


# What is said once must be said exactly


def test_readme_has_the_two_commands_each_on_a_line_of_its_own():
    lines = [code for language, code in FENCE.findall(README.read_text()) if language == "sh"]
    assert "python -m pip install tox && python -m tox run -e demo\n" in lines
    assert "python -m pip install tox && python -m tox run\n" in lines


def test_readme_names_the_versions_of_the_metadata():
    metadata = text_of("pyproject.toml")
    text = README.read_text()
    pythons = re.findall(r"Programming Language :: Python :: (3\.\d+)", metadata)
    assert f"Python {pythons[0]}–{pythons[-1]}" in text
    for version in re.findall(r"Framework :: Django :: ([\d.]+)", metadata):
        assert version in text


def test_changelog_has_the_version():
    assert django_reports.__version__ in text_of("CHANGELOG.md")


# Links


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    missing = []
    for target in LINK.findall(FENCE.sub("", page.read_text())):
        if not target.startswith(("http://", "https://")):
            name, _, anchor = target.partition("#")
            path = (page.parent / name).resolve() if name else page
            if not path.is_file() or (anchor and anchor not in anchors_of(path)):
                missing.append(target)
    assert missing == []


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_pages_can_be_found(page):
    if page.name != "index.md":
        assert f"({page.name})" in text_of("docs/index.md")
    assert f"(docs/{page.name})" in README.read_text()
