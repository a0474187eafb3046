"""The OpenAPI document: it is one, and says what a person may ask and will be told."""

import re

import pytest
from django import forms
from django.utils.translation import gettext_lazy as _

import django_reports
from django_reports.web.api.schemas import parameters_schema
from tests.conftest import VIEW, give
from tests.entry_points.helpers import enqueue, make, put, text_of
from tests.entry_points.staff import FORMATS, JSON, OPENAPI, Program, page_of
from tests.shop.reports import Numbers, Orders


def document_for(user):
    return Program(user).get(OPENAPI).json()


def request_of(document, identifier):
    """The schema of what may be asked of a report."""
    return document["paths"][f"/{identifier}/"]["post"]["requestBody"]["content"][JSON]["schema"]


def reports_in(document):
    paths = (path.strip("/") for path in document["paths"])
    return {path for path in paths if "." in path and path != "openapi.json"}


def resolved(document, value):
    """A value of the document with every reference replaced by what it names."""
    if isinstance(value, dict) and "$ref" in value:
        target = document
        for part in value["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return resolved(document, target)
    if isinstance(value, dict):
        return {name: resolved(document, inner) for name, inner in value.items()}
    return [resolved(document, inner) for inner in value] if isinstance(value, list) else value


# The document


@pytest.mark.integration
@pytest.mark.django_db
def test_it_is_what_it_says(root):
    validator = pytest.importorskip("openapi_spec_validator", reason="no Schemathesis")
    document = document_for(root)
    assert document["openapi"].startswith("3.1.")
    assert document["info"]["version"] == django_reports.__version__
    validator.validate(document, cls=validator.OpenAPIV31SpecValidator)


@pytest.mark.django_db
def test_every_reference_leads_somewhere(root):
    document = document_for(root)
    assert len(str(resolved(document, document["paths"]))) > len(str(document["paths"]))


@pytest.mark.django_db
def test_names_of_operations_are_unique(root):
    operations = [
        operation["operationId"]
        for path in document_for(root)["paths"].values()
        for method, operation in path.items()
        if method in ("get", "post")
    ]
    assert len(operations) == len(set(operations)) > 10


@pytest.mark.django_db
def test_every_report_that_a_person_may_have_and_no_other(make_person, root, carol, dave):
    person = make_person("mia", *VIEW, report="shop.numbers")
    assert reports_in(document_for(person)) == {"shop.numbers"}
    assert reports_in(document_for(carol)) == reports_in(document_for(dave)) == set()
    everything = {"shop.orders", "shop.numbers", "shop.slow_numbers", "flights.flights"}
    assert reports_in(document_for(root)) >= everything
    assert "admin.shop.customer" not in reports_in(document_for(root))


@pytest.mark.django_db
def test_a_report_of_which_nobody_has_a_column_is_left_out(alice, monkeypatch):
    columns = [column for column in Orders.columns if getattr(column, "name", "") == "cost"]
    monkeypatch.setattr(Orders, "columns", columns)
    assert "shop.orders" not in reports_in(document_for(alice))


@pytest.mark.django_db
def test_columns_as_the_person_gets_them(alice):
    columns = request_of(document_for(alice), "shop.orders")["properties"]["columns"]
    told = {column["const"]: column for column in columns["items"]["oneOf"]}
    assert list(told)[:4] == ["id", "number", "customer__name", "customer__email"]
    assert told["total"] == {"const": "total", "title": "Total", "description": "decimal"}
    assert told["customer__email"]["description"] == "text, masked"
    assert "cost" not in told
    user = give(alice, "shop.view_cost", "shop.view_customer_email")
    columns = request_of(document_for(user), "shop.orders")["properties"]["columns"]
    told = {column["const"]: column for column in columns["items"]["oneOf"]}
    assert told["customer__email"]["description"] == "text"
    assert "cost" in told


@pytest.mark.django_db
def test_what_else_may_be_asked(alice):
    asked = request_of(document_for(alice), "shop.orders")
    properties = asked["properties"]
    assert (asked["required"], asked["additionalProperties"]) == ([], False)
    assert [one["const"] for one in properties["format"]["oneOf"]] == FORMATS
    assert properties["options"]["properties"]["profile"] == {
        "enum": ["machine", "spreadsheet"], "default": "machine"
    }  # fmt: skip
    assert list(properties["options"]["properties"]) == [
        "profile", "delimiter", "encoding", "line_end", "header", "decimal", "quoting"
    ]  # fmt: skip
    assert properties["options"]["properties"]["delimiter"] == {
        "enum": ["comma", "semicolon", "tab", None]
    }
    assert (properties["options"]["required"], properties["options"]["additionalProperties"]) == (
        [], False
    )  # fmt: skip
    assert "de" in properties["language"]["enum"]
    assert properties["parameters"] == parameters_schema(Orders())


@pytest.mark.django_db
def test_what_must_be_asked(alice, monkeypatch):
    class NeededForm(forms.Form):
        region = forms.CharField()
        day = forms.DateField(required=False)

    monkeypatch.setattr(Orders, "parameters", NeededForm)
    asked = request_of(document_for(alice), "shop.orders")
    assert asked["required"] == ["parameters"]
    assert asked["properties"]["parameters"]["required"] == ["region"]


@pytest.mark.django_db
def test_words_of_the_report(alice, monkeypatch):
    monkeypatch.setattr(Numbers, "category", _("Math"))
    monkeypatch.setattr(Numbers, "description", _("Counts."))
    post = document_for(alice)["paths"]["/shop.numbers/"]["post"]
    assert (post["tags"], post["description"]) == (["Math"], "Counts.")
    assert post["summary"] == "Have Numbers made."


@pytest.mark.django_db
def test_how_one_gets_in(alice, settings):
    settings.SESSION_COOKIE_NAME, settings.CSRF_HEADER_NAME = "seat", "HTTP_X_MY_TOKEN"
    document = document_for(alice)
    assert document["components"]["securitySchemes"] == {
        "session": {"type": "apiKey", "in": "cookie", "name": "seat"},
        "csrf": {"type": "apiKey", "in": "header", "name": "X-MY-TOKEN"},
        "csrfCookie": {"type": "apiKey", "in": "cookie", "name": "csrftoken"},
    }
    assert document["security"] == [{"session": []}]
    (needed,) = document["paths"]["/shop.orders/"]["post"]["security"]
    assert list(needed) == ["session", "csrf", "csrfCookie"]


@pytest.mark.django_db
def test_how_one_gets_in_where_the_session_keeps_the_token(alice, settings):
    settings.CSRF_USE_SESSIONS = True
    assert "csrfCookie" not in document_for(alice)["components"]["securitySchemes"]


@pytest.mark.django_db
def test_a_job_is_told_as_it_is(alice, orders):
    """Property by property, so that neither has one that the other lacks."""
    program = Program(alice)
    told = program.post("/reports/shop.orders/").json()
    schemas = document_for(alice)["components"]["schemas"]
    assert list(told) == list(schemas["Job"]["properties"]) == schemas["Job"]["required"]
    assert set(told["links"]) <= set(schemas["Job"]["properties"]["links"]["properties"])
    described = program.get("/reports/shop.orders/").json()
    assert list(described) == list(schemas["Report"]["properties"])


STATES = {
    "queued": {},
    "running": {"status": "running", "attempt": 1, "rows_done": 5},
    "running, of unknown length": {"status": "running", "attempt": 1, "rows_expected": None},
    "failed": {"status": "failed", "error": "It broke."},
    "canceled": {"status": "canceled"},
    "expired": {"status": "expired", "rows_done": 20},
    "succeeded": None,  # with a file
}
ASKED = {"": "get", "status": "get", "download": "get", "cancel": "post", "rerun": "post"}


@pytest.mark.integration
@pytest.mark.django_db
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", ASKED)
def test_a_job_of_every_state_is_answered_as_the_document_says(alice, orders, state, name):
    jsonschema = pytest.importorskip("jsonschema", reason="no Schemathesis")
    job = make(alice) if STATES[state] is None else put(enqueue(alice), **STATES[state])
    answer = getattr(Program(alice), ASKED[name])(page_of(job, name))
    document = document_for(alice)
    path = f"/jobs/{{id}}/{name}/".replace("//", "/")
    told = document["paths"][path][ASKED[name]]["responses"][str(answer.status_code)]
    kind = answer["Content-Type"].partition(";")[0]
    assert kind in told["content"]
    assert set(told.get("headers", ())) - {"Retry-After"} <= set(answer.headers)
    if kind != "text/csv":
        schema = resolved(document, told["content"][kind]["schema"])
        jsonschema.Draft202012Validator(schema).validate(answer.json())
    text_of(answer)


@pytest.mark.django_db
def test_every_answer_says_what_it_is(alice):
    """Whoever is refused is told as a problem, everywhere."""
    document = document_for(alice)
    for path, methods in document["paths"].items():
        for method in set(methods) & {"get", "post"}:
            answers = methods[method]["responses"]
            assert {"401", "403"} <= set(answers), path
            for status, answer in answers.items():
                assert answer["description"], (path, status)
                if status >= "400":
                    assert list(answer["content"]) == ["application/problem+json"]


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["x", "a b", "~!", "x" * 255, "", "x" * 256, "ü", "a\tb"])
def test_the_pattern_of_a_key_is_what_is_taken(alice, orders, key):
    (told,) = document_for(alice)["paths"]["/shop.orders/"]["post"]["parameters"]
    schema = told["schema"]
    fits = bool(re.search(schema["pattern"], key))
    is_told = fits and schema["minLength"] <= len(key) <= schema["maxLength"]
    answer = Program(alice).post("/reports/shop.orders/", idempotency_key=key)
    assert (told["name"], answer.status_code == 202) == ("Idempotency-Key", is_told)
