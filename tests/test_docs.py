"""The docs: everything that a project meets is in them, links lead somewhere, code runs."""

import gzip
import inspect
import json
import re
import sys
import tomllib
from dataclasses import fields
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from django.contrib import admin
from django.contrib.admin import AdminSite
from django.contrib.admin.sites import all_sites
from django.core.management import BaseCommand, find_commands, load_command_class
from django.db import models
from django.dispatch import Signal
from django.test import RequestFactory

import django_reports
from django_reports import conf, delivery, exceptions, signals, statuses, testing, urls
from django_reports.checks.reports import check_report
from django_reports.columns import MASKS, TOTALS, Column
from django_reports.forms import OPTION_LABELS
from django_reports.kinds import KINDS, Kind, lookup
from django_reports.models import ReportJob
from django_reports.permissions import Authority, Policy, may_generate
from django_reports.registry import registry
from django_reports.reports import Report, ReportContext
from django_reports.runners import RUNNERS
from django_reports.specs import CHOICES, ExportSpec, Options
from django_reports.statuses import AuditAction, JobStatus
from django_reports.sweep import Swept
from django_reports.views.api import FIELDS, job_as_json, report_as_json
from django_reports.views.openapi import document
from django_reports.views.words import _LOSSES
from django_reports.writers import Writer, _writers, all_writers
from django_reports.writers.guard import escape
from tests.doors.helpers import asking, deliver
from tests.shop.models import Order
from tests.shop.reports import OrderFilterForm, Orders

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = Path(django_reports.__file__).parent
README = ROOT / "README.md"
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [README, ROOT / "CHANGELOG.md", *DOCS]

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CHECK_ID = re.compile(r"django_reports\.[EWI]\d{3}")


def text_of(*names):
    return "\n".join((ROOT / name).read_text() for name in names)


def documented(name, text):
    """Whether a page has the name as code, alone or with what follows it (`--output PATH`)."""
    return re.search(rf"`[^`\n]*(?<![\w.-]){re.escape(name)}(?!\w)[^`\n]*`", text) is not None


def line_of(text, name):
    """The row of a table that is about a name."""
    return next(line for line in text.splitlines() if line.startswith(f"| `{name}` |"))


def rows_of(text, heading):
    """The first cells of the table below a heading."""
    section = re.split(rf"^#+ {re.escape(heading)}$", text, maxsplit=1, flags=re.MULTILINE)[1]
    section = re.split(r"^#+ ", section, maxsplit=1, flags=re.MULTILINE)[0]
    return [line.split("|")[1].strip(" `") for line in section.splitlines() if line[:1] == "|"][2:]


def code_blocks(language):
    return [
        pytest.param(code, id=f"{page.name}:{page.read_text()[: match.start()].count(chr(10)) + 1}")
        for page in PAGES
        for match in FENCE.finditer(page.read_text())
        if match[1] == language and (code := match[2])
    ]


def anchors_of(page):
    """The anchors of a page's headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


# Everything is there


@pytest.mark.parametrize("page", ["README.md", "docs/reference.md"])
def test_settings(page):
    assert rows_of(text_of(page), "Settings") == [field.name for field in fields(conf.Settings)]


@pytest.mark.parametrize("page", ["README.md", "docs/reference.md"])
def test_defaults(page):
    for field in fields(conf.Settings):
        if not isinstance(field.default, timedelta):
            shown = f"`{field.default!r}`".replace("'", '"')
            assert shown in line_of(text_of(page), field.name)


def test_readme_gives_the_defaults_of_times():
    for field in fields(conf.Settings):
        if isinstance(field.default, timedelta):
            code = re.search(r"`(timedelta\(.+?\))`", line_of(README.read_text(), field.name))[1]
            assert eval(code, {"timedelta": timedelta}) == field.default


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
    for name, choices in CHOICES.items():
        _, _, values, _, _, formats, _ = line_of(text, name).split("|")
        if name == "encoding":
            assert rows_of(text, "Encodings") == choices.values
        else:
            assert re.findall(r"`([\w-]+)`", values) == choices.values
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
    "words", [name for name, value in vars(statuses).items()
              if inspect.isclass(value) and value.__module__ == statuses.__name__]
)  # fmt: skip
def test_words(words):
    text = text_of("docs/reference.md")
    line = next(line for line in text.splitlines() if f"`statuses.{words}`" in line)
    assert re.findall(r"`([\w-]+)`", line.split("|")[3]) == getattr(statuses, words).values


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
        layer.split(" | ") for layer in layers
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
    keys = list(job_as_json(ReportJob(), {}))
    assert rows_of(text, "The job") == keys
    assert list(json_below(text, "The job")) == keys


def test_keys_of_a_report(root):
    told = report_as_json(registry.instance(Orders), Authority.of(root))
    section = text_of("docs/http.md").split("## What there is\n")[1].split("\n## ")[0]
    catalogue, report = (json.loads(code) for _language, code in FENCE.findall(section)[1:])
    assert list(report) == list(told)
    assert list(report["columns"][0]) == list(told["columns"][0])
    by_name = {one["name"]: one for one in told["formats"]}
    assert [one["name"] for one in report["formats"]] == ["csv", "xlsx"]
    assert report["formats"] == [by_name["csv"], by_name["xlsx"]]
    shown = {**told["options"], "encoding": told["options"]["encoding"][:3]}
    assert (report["options"], list(report["options"])) == (shown, list(CHOICES))
    assert list(catalogue["reports"][0]) == [*list(told)[:4], "is_favourite", "url"]


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
    assert set(re.findall(r"`(django_reports\.\w+)`", logs)) == loggers


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


# Code


@pytest.mark.parametrize("code", code_blocks("python"))
def test_code_compiles(code):
    assert compile(code, "docs", "exec").co_consts


@pytest.mark.parametrize("code", code_blocks("json"))
def test_json_can_be_read(code):
    assert isinstance(json.loads(code), dict)


@pytest.mark.parametrize("code", code_blocks("python"))
def test_names_that_are_imported_exist(code):
    for module, names in re.findall(
        r"^from (django_reports[\w.]*) import (.+)$", code, re.MULTILINE
    ):
        for name in re.findall(r"\w+", names):
            assert hasattr(import_module(module), name), f"{module}.{name}"


def test_import_paths_exist():
    text = text_of("docs/reference.md")
    section = text.split("## Import paths")[1].split("\n## ")[0]
    modules = re.findall(r"^\| `(django_reports[\w.]*)` \| (.+) \|$", section, re.MULTILINE)
    assert len(modules) > 5
    for module, names in modules:
        for name in re.findall(r"`(\w+)`", names):
            assert hasattr(import_module(module), name), f"{module}.{name}"
    public = next(names for module, names in modules if module == "django_reports")
    assert sorted(re.findall(r"`(\w+)`", public)) == sorted(django_reports.__all__)


@pytest.fixture
def reports_as_before():
    """What a test declares is gone after it, and so are its admin sites."""
    before, sites = list(registry), set(all_sites)
    yield
    registry._reports[:] = before
    for site in set(all_sites) - sites:
        all_sites.discard(site)


def test_readme_example_works(alice, orders, reports_as_before, monkeypatch):
    """The report and the admin of the README, executed on this project's own shop."""
    site = AdminSite(name="readme")
    monkeypatch.setattr("django.contrib.admin.sites.site", site)
    made = {}
    for code in (
        code for language, code in FENCE.findall(README.read_text()) if language == "python"
    ):
        if code.startswith("# shop/"):
            local = code.replace("from shop.models", "from tests.shop.models")
            exec(local.replace("from shop.reports import Orders\n", ""), made)
    report = registry.instance(made["Orders"])
    assert [message for message in check_report(report) if message.level >= 30] == []
    assert site._registry[Order].reports == [made["Orders"]]
    assert isinstance(site._registry[Order], admin.ModelAdmin)
    assert may_generate(alice, report)
    context = ReportContext(alice, {}, None, "en", None)
    assert report.get_queryset(context).count() == 20
    assert [column.name for column in report.get_columns()] == [
        "number", "placed_at", "total", "customer__email"
    ]  # fmt: skip


def example(page, start):
    """The one example of a page that has this in it."""
    (found,) = (code for language, code in FENCE.findall(text_of(page)) if start in code)
    return found


@pytest.fixture
def modules(monkeypatch):
    """Modules that only the docs know, as long as a test lasts."""

    def make(name, **names):
        module = ModuleType(name)
        vars(module).update(names)
        monkeypatch.setitem(sys.modules, name, module)

    make("shop")
    return make


def test_writer_of_the_docs_makes_files(alice, orders, monkeypatch):
    """In ten lines and with its compressed twins."""
    monkeypatch.setattr("django_reports.writers._writers", dict(_writers))
    code = example("docs/reports.md", "MarkdownWriter")
    exec(code, {})
    own = code.split("class MarkdownWriter(Writer):\n")[1].splitlines()
    assert len([line for line in own if line]) == 10
    wanted = {"columns": ("customer__name", "total", "is_paid"), "parameters": {"minimum": ["19"]}}
    expected = (
        b"| customer__name | total | is_paid |\n"
        b"| --- | --- | --- |\n"
        b"| B\xc3\xb6b | 19.50 | false |\n"
        b"| Ann | 20.50 | false |\n"
    )
    export = deliver(alice, format="markdown", **wanted)
    assert b"".join(export) == expected
    assert export.filename.endswith(".md")
    assert gzip.decompress(b"".join(deliver(alice, format="markdown.gz", **wanted))) == expected
    spreadsheet = b"".join(deliver(alice, format="markdown", profile="spreadsheet", **wanted))
    assert spreadsheet.startswith(b"| Customer name | Total | Paid |\n")
    with pytest.raises(exceptions.InvalidSpec, match="markdown have no header"):
        delivery.plan(
            ExportSpec("shop.orders", "markdown", options=Options(header="none")),
            *asking(alice),
        )


def test_kinds_of_the_docs_write_values(monkeypatch, modules):
    monkeypatch.setattr(lookup, "_BY_FIELD", dict(lookup._BY_FIELD))

    class ColourField(models.Field):
        pass

    class RateField(models.Field):
        decimal_places = 4

    class MoneyField(models.Field):
        pass

    modules(
        "shop.fields", ColourField=ColourField, RateField=RateField, MoneyField=MoneyField
    )  # fmt: skip
    exec(example("docs/reports.md", "register_kind(ColourField"), {})
    exec(example("docs/reports.md", "register_kind(MoneyField"), {})
    assert lookup.kind_for_field(ColourField()) == KINDS["text"]
    assert lookup.kind_for_field(RateField()).places == 4
    kind = lookup.kind_for_field(MoneyField())
    rendering, value = ExportSpec("x").rendering, SimpleNamespace(amount=-1, currency="€")
    assert kind.to_text(rendering, escape)(value) == "'-1 €"
    assert [
        write(rendering)(value) for write in (kind.to_cell, kind.to_json, kind.to_arrow)
    ] == ["-1 €"] * 3  # fmt: skip
    assert (str(kind.arrow_type()), kind.cell_format()) == ("string", "General")


def test_sections_of_the_docs_are_sheets(alice, orders, reports_as_before, modules):
    made = {}
    code = example("docs/reports.md", "class Revenue(Report)")
    exec(code.replace("from shop.models", "from tests.shop.models"), made)
    modules(
        "shop.reports", Orders=Orders, OrderFilterForm=OrderFilterForm, Revenue=made["Revenue"]
    )  # fmt: skip
    exec(example("docs/reports.md", "sections = [Orders, Revenue]"), made)
    report = registry.instance(made["MonthEnd"])
    assert [message for message in check_report(report) if message.level >= 30] == []
    exec(example("docs/testing.md", 'section="Orders"'), made)
    made["test_month_end"](alice, orders)
    table = testing.export(report.identifier, alice, parameters={"region": "n"}, format="xlsx",
                           section="Orders")  # fmt: skip
    assert len(table) == 10


def test_middleware_of_the_docs_lets_in_by_token(alice, monkeypatch):
    """Only with a good token, and only at the reports."""

    class Tokens:
        def select_related(self, name):
            return self

        def filter(self, *, digest):
            self.found = [Token()] if digest.startswith("2bb80d5") else []  # SHA-256 of "secret"
            return self

        def first(self):
            return next(iter(self.found), None)

    class Token:
        objects = Tokens()
        user = alice

    monkeypatch.setitem(sys.modules, "shop", ModuleType("shop"))
    monkeypatch.setitem(sys.modules, "shop.models", ModuleType("shop.models"))
    sys.modules["shop.models"].Token = Token
    (code,) = (
        code for _language, code in FENCE.findall(text_of("docs/http.md")) if "Bearer" in code
        and code.startswith("# shop/middleware.py")
    )  # fmt: skip
    made = {}
    exec(code, made)
    asked = []
    middleware = made["token_authentication"](lambda request: asked.append(request))
    requests = RequestFactory()
    for path, secret in (("/reports/", "secret"), ("/reports/", "guess"), ("/admin/", "secret")):
        request = requests.post(path, headers={"authorization": f"Bearer {secret}"})
        request.user = None
        middleware(request)
    middleware(requests.post("/reports/"))
    assert [getattr(request, "user", None) for request in asked] == [alice, None, None, None]
    let_through = [hasattr(request, "csrf_processing_done") for request in asked]
    assert let_through == [True, False, False, False]
