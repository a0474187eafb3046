"""The code in the docs: it compiles, its imports exist, and its examples do what is said."""

import gzip
import json
import re
import sys
from importlib import import_module
from types import ModuleType, SimpleNamespace

import pytest
from django.contrib import admin
from django.contrib.admin import AdminSite
from django.contrib.admin.sites import all_sites
from django.db import models
from django.test import RequestFactory

from django_reports import exceptions, testing
from django_reports.access.permissions import may_export
from django_reports.checks.reports import check_report
from django_reports.definitions.base import ReportContext
from django_reports.definitions.kinds import KINDS, lookup
from django_reports.definitions.registry import registry
from django_reports.definitions.specs import ExportSpec, Options
from django_reports.engine.writers import _writers
from django_reports.engine.writers.guard import escape
from django_reports.jobs import dispatch
from tests.doc_pages import (
    FENCE,
    README,
    code_blocks,
    text_of,
)
from tests.entry_points.helpers import asking, deliver
from tests.shop.models import Order
from tests.shop.reports import OrderFilterForm, Orders


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
    assert may_export(alice, report)
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
    monkeypatch.setattr("django_reports.engine.writers._writers", dict(_writers))
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
        dispatch.plan(
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
