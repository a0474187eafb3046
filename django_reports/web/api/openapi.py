"""An OpenAPI 3.1 document of the reports that one person may have made."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

import django_reports
from django_reports.access.permissions import Authority, columns_for, effective_permissions
from django_reports.core.choices import JobStatus, Profile
from django_reports.definitions.base import Report
from django_reports.definitions.specs import CHOICES, LABEL_LENGTH
from django_reports.exports.failures import of_each
from django_reports.exports.formats import offered_formats
from django_reports.web.api.components import TEXT, TEXT_OR_NULL, ref, schema_of, schemas
from django_reports.web.api.endpoints import KEY_LENGTH
from django_reports.web.api.schemas import Schema, parameters_schema

JSON = "application/json"
PROBLEM = "application/problem+json"
_IN_LINE = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]"
_LABEL = {
    **TEXT,
    "minLength": 1,
    "maxLength": LABEL_LENGTH,
    "pattern": rf"^{_IN_LINE}*[^\s\x00-\x1f\x7f-\x9f]{_IN_LINE}*$",
}


def document(reports: Iterable[Report], authority: Authority, base: str) -> dict[str, Any]:
    """The document. `base` is the address of the catalog, without its last slash."""
    paths = {**_catalog_paths(), **_job_paths()}
    for described in of_each(reports, lambda report: _report_paths(report, authority)):
        paths |= described
    return {
        "openapi": "3.1.0",
        "info": {"title": _("Reports and exports"), "version": django_reports.__version__},
        "servers": [{"url": base}],
        "security": [{"session": []}],
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": _security_schemes(),
        },
    }


def _security_schemes() -> dict[str, Any]:
    """How one gets in where the project has nothing of its own: as a browser does."""
    header = settings.CSRF_HEADER_NAME.removeprefix("HTTP_").replace("_", "-")
    schemes = {
        "session": {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME},
        "csrf": {"type": "apiKey", "in": "header", "name": header},
    }
    if not settings.CSRF_USE_SESSIONS:
        name = settings.CSRF_COOKIE_NAME
        schemes["csrfCookie"] = {"type": "apiKey", "in": "cookie", "name": name}
    return schemes


def _catalog_paths() -> dict[str, Any]:
    listed = schema_of({"reports": {"type": "array", "items": ref("ListedReport")}})
    jobs = schema_of({"jobs": {"type": "array", "items": ref("Job")}, "next": TEXT_OR_NULL})
    itself = {"200": _json(_("This document."), {"type": "object"})}
    return {
        "/": {
            "get": _operation(
                "listReports", _("List the reports."), {"200": _json(_("The reports."), listed)}
            )
        },
        "/openapi.json": {"get": _operation("getDocument", _("Get this document."), itself)},
        "/jobs/": {
            "get": _operation(
                "listJobs",
                _("List your exports, newest first."),
                {
                    "200": _json(_("The exports."), jobs),
                    "422": _problem(_("A filter has a value that it cannot have.")),
                },
                parameters=[
                    _query("q", _("A part of the file's, the report's or the person's name."), 200),
                    _query("status", _("The state."), choices=["", *JobStatus.values]),
                    _query("report", _("The identifier of a report."), 200),
                    _query("since", _("The first day, such as 2026-01-31."), **_DAY),
                    _query("until", _("The last day."), **_DAY),
                    _query("page", _("The page of the list.")),
                    _query("others", _("Given: also those of others that you may see.")),
                ],
            )
        },
    }


def _job_paths() -> dict[str, Any]:
    state = _state_answers()
    moved = _json(
        _("It is finished: the file is at Location."),
        ref("Job"),
        Location=_header(_("Address of the file.")),
    )
    manifest = {"200": _json(_("Its manifest."), {"type": "object"})}
    link = {
        "201": _json(
            _("A link that works without logging in, for a short time and in your name."),
            ref("Link"),
            Location=_header(_("The link.")),
        ),
        "410": _problem(_("It is no longer kept.")),
    }
    ended = {"409": _problem(_("It has ended already."))}
    discarded = {
        "200": _json(_("The file is deleted."), ref("Job")),
        "409": _problem(_("This export has no file to delete.")),
    }
    canceled = {
        "200": _json(_("It is canceled."), ref("Job")),
        "202": _json(_("It was asked to stop."), ref("Job")),
    }
    told = {
        "200": _json(_("A mail will be sent; with wanted=0 in the query string, none."), ref("Job"))
    }
    again = {
        "202": _accepted(),
        "409": _problem(_("It has not ended yet.")),
        "422": _problem(_("It cannot be made again.")),
        "429": _problem(_("You have exported so much that this would be too much.")),
        "500": _problem(_("The report failed; the server's log has the `reference`.")),
    }
    return {
        f"/jobs/{{id}}/{path}": _of_job(method, name, summary, answers)
        for path, method, name, summary, answers in (
            ("", "get", "getJob", _("Follow an export to its file."), {**state, "303": moved}),
            ("status/", "get", "getJobStatus", _("Get an export's state."), state),
            ("download/", "get", "downloadJob", _("Download the file."), _file_answers()),
            ("manifest/", "get", "getManifest", _("Get what is known of the file."), manifest),
            ("link/", "post", "linkJob", _("Make a link to the file."), link),
            ("discard/", "post", "discardJob", _("Delete the file of an own export."), discarded),
            ("cancel/", "post", "cancelJob", _("Cancel an export."), {**canceled, **ended}),
            ("email/", "post", "emailJob", _("Be told of its end by mail."), {**told, **ended}),
            ("rerun/", "post", "rerunJob", _("Make it again."), again),
        )
    }


def _of_job(method: str, name: str, summary: str, answers: dict[str, Any]) -> dict[str, Any]:
    unknown = {"404": _problem(_("There is no such export, or it is not yours to see."))}
    key = {"name": "id", "in": "path", "required": True, "schema": {**TEXT, "format": "uuid"}}
    operation = _operation(name, summary, {**answers, **unknown}, changes=method == "post")
    return {"parameters": [key], method: operation}


def _state_answers() -> dict[str, Any]:
    return {
        "200": _json(
            _("Its state."),
            ref("Job"),
            ETag=_header(_("Send it as If-None-Match.")),
            **{"Retry-After": _header(_("Seconds until it is worth asking again."))},
        ),
        "304": {"description": _("Nothing has changed.")},
    }


def _file_answers() -> dict[str, Any]:
    content: dict[str, Any] = {name: {} for name in ("text/csv", "application/*", "text/*")}
    return {
        "200": {
            "description": _("The file."),
            "content": content,
            "headers": {"ETag": _header(_("Send it as If-None-Match or If-Range."))},
        },
        "206": {
            "description": _("The part of the file that Range asks for."),
            "content": content,
            "headers": {"Content-Range": _header(_("Which part it is, and of how many bytes."))},
        },
        "304": {"description": _("It is the file of the ETag.")},
        "410": _problem(_("It is no longer kept.")),
        "412": _problem(_("It is not the file that If-Match names.")),
        "416": _problem(_("Range begins beyond the end of the file.")),
        "503": _problem(_("Its storage fails; another time it may not.")),
    }


def _report_paths(report: Report, authority: Authority) -> dict[str, Any]:
    identifier, label = report.get_identifier(), str(report.get_label())
    answers = {
        "202": _accepted(),
        "400": _problem(_("The request cannot be read.")),
        "404": _problem(_("There is no such report, or it is not yours to have.")),
        "413": _problem(_("The request is too long.")),
        "415": _problem(_("The request is not JSON.")),
        "422": _problem(_("The request names what is not there; `errors` says what.")),
        "429": _problem(_("You have exported so much that this would be too much.")),
        "500": _problem(_("The report failed; the server's log has the `reference`.")),
    }
    key = {
        "name": "Idempotency-Key",
        "in": "header",
        "description": _("The same request under the same key is made once."),
        "schema": {
            **TEXT,
            "minLength": 1,
            "maxLength": KEY_LENGTH,
            "pattern": "^[!-~]([ -~]*[!-~])?$",
        },
    }
    ask = _operation(
        f"export.{identifier}",
        _("Have %(report)s made.") % {"report": label},
        answers,
        changes=True,
        parameters=[key],
        requestBody={"content": {JSON: {"schema": _request_schema(report, authority)}}},
    )
    describe = _operation(
        f"describe.{identifier}",
        _("Describe %(report)s.") % {"report": label},
        {"200": _json(_("The report."), ref("Report")), "404": answers["404"]},
    )
    tags = {"tags": [str(report.category)]} if report.category else {}
    if report.description:
        ask["description"] = str(report.description)
    return {f"/{identifier}/": {"get": {**describe, **tags}, "post": {**ask, **tags}}}


def _request_schema(report: Report, authority: Authority) -> Schema:
    """What may be asked of one report: every key may be left out."""
    columns = [
        {
            "const": column.key,
            "title": column.full_label,
            "description": _("%(kind)s, masked") % {"kind": column.kind.name}
            if column.masked
            else column.kind.name,
        }
        for column in columns_for(authority, report, None)
    ]
    assert authority.user is not None
    offered = offered_formats(effective_permissions(authority.user, report))
    parameters = parameters_schema(report)
    schema = schema_of(
        {
            "format": {
                "oneOf": [{"const": name, "title": str(label)} for name, label in offered],
                **({"default": "csv"} if "csv" in dict(offered) else {}),
            },
            "columns": {
                "type": "array",
                "items": {"oneOf": columns},
                "minItems": 1,
                "uniqueItems": True,
            },
            "labels": {
                **schema_of({column["const"]: _LABEL for column in columns}),
                "required": [],
                "description": _("Other names of columns in the file, by their own names."),
            },
            "options": {**schema_of(_options()), "required": []},
            "parameters": parameters,
            "time_zone": {
                **TEXT,
                "description": _("The IANA name of a time zone."),
                "examples": [settings.TIME_ZONE],
            },
            "language": {"enum": [code for code, _name in settings.LANGUAGES]},
        }
    )
    schema["required"] = ["parameters"] if parameters.get("required") else []
    return schema


def _options() -> dict[str, Schema]:
    """Each option; null, or left out, is as the profile has it."""
    options: dict[str, Schema] = {
        name: {"enum": [*choices.values, None]} for name, choices in CHOICES.items()
    }
    options["profile"] = {"enum": Profile.values, "default": Profile.MACHINE.value}
    return options


def _operation(
    name: str, summary: str, answers: dict[str, Any], *, changes: bool = False, **facts: Any
) -> dict[str, Any]:
    common = {
        "401": _problem(_("Nobody is logged in.")),
        "403": _problem(_("You may not do this.")),
    }
    needed: dict[str, list[str]] = {scheme: [] for scheme in _security_schemes()}
    security: dict[str, Any] = {"security": [needed]} if changes else {}
    return {
        "operationId": name,
        "summary": summary,
        "responses": {**answers, **common},
        **security,
        **facts,
    }


def _json(description: str, schema: Schema, **headers: Any) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": description, "content": {JSON: {"schema": schema}}}
    return {**answer, "headers": headers} if headers else answer


def _accepted() -> dict[str, Any]:
    answer = _json(
        _("It will be made."),
        ref("Job"),
        Location=_header(_("Address of the export.")),
        **{"Retry-After": _header(_("Seconds until it is worth asking."))},
    )
    following = (
        "getJob",
        "getJobStatus",
        "downloadJob",
        "getManifest",
        "linkJob",
        "cancelJob",
        "rerunJob",
    )
    key = {"id": "$response.body#/id"}
    answer["links"] = {name: {"operationId": name, "parameters": key} for name in following}
    return answer


def _problem(description: str) -> dict[str, Any]:
    return {"description": description, "content": {PROBLEM: {"schema": ref("Problem")}}}


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": TEXT}


_DAY: Any = {"anyOf": [{**TEXT, "format": "date"}, {**TEXT, "maxLength": 0}]}


def _query(
    name: str,
    description: str,
    max_length: int | None = None,
    *,
    choices: Iterable[str] = (),
    **facts: Any,
) -> dict[str, Any]:
    schema: Schema = {"enum": list(choices)} if choices else {**(facts or TEXT)}
    if max_length is not None:
        schema["maxLength"] = max_length
    return {"name": name, "in": "query", "description": description, "schema": schema}
