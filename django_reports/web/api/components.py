"""The schemas of the OpenAPI document: what this app's JSON is made of."""

from collections.abc import Iterable
from typing import Any

from django_reports.core.choices import FailureCause, JobStatus
from django_reports.definitions.specs import CHOICES
from django_reports.web.api.schemas import Schema

TEXT = {"type": "string"}
TEXT_OR_NULL = {"type": ["string", "null"]}
TIME = {"type": "string", "format": "date-time"}
TIME_OR_NULL = {"type": ["string", "null"], "format": "date-time"}
COUNT = {"type": "integer", "minimum": 0}
COUNT_OR_NULL = {"type": ["integer", "null"], "minimum": 0}
_TEXTS = {"type": "array", "items": TEXT}
_SUMMARY = {"identifier": TEXT, "label": TEXT, "description": TEXT, "category": TEXT}
_ACTIONS = ("download", "link", "discard", "manifest", "cancel", "email", "rerun", "change")


def schemas() -> dict[str, Schema]:
    """The schemas that answers refer to, by name."""
    return {
        "ListedReport": schema_of({**_SUMMARY, "is_favorite": {"type": "boolean"}, "url": TEXT}),
        "Report": _report(),
        "Job": _job(),
        "Link": schema_of({"url": {**TEXT, "format": "uri"}, "expires_at": TIME}),
        "Problem": _problem(),
    }


def _report() -> Schema:
    column = schema_of({"name": TEXT, "label": TEXT, "kind": TEXT, "masked": {"type": "boolean"}})
    written = schema_of({"name": TEXT, "label": TEXT, "options": _TEXTS})
    return schema_of(
        {
            **_SUMMARY,
            "may_export": {"type": "boolean"},
            "max_rows": COUNT_OR_NULL,
            "max_rows_per_day": COUNT_OR_NULL,
            "max_concurrent_jobs": COUNT_OR_NULL,
            "columns": {"type": "array", "items": column},
            "formats": {"type": "array", "items": written},
            "options": schema_of(dict.fromkeys(CHOICES, _TEXTS)),
            "parameters": {"type": "object"},
        }
    )


def _job() -> Schema:
    links = schema_of(dict.fromkeys(["self", "status", *_ACTIONS], TEXT), optional=_ACTIONS)
    return schema_of(
        {
            "id": {**TEXT, "format": "uuid"},
            "report": TEXT,
            "format": TEXT,
            "filename": TEXT,
            "status": {"enum": JobStatus.values},
            "label": TEXT,
            "is_active": {"type": "boolean"},
            "rows_done": COUNT_OR_NULL,
            "rows_expected": COUNT_OR_NULL,
            "percent": {"type": ["integer", "null"], "minimum": 0, "maximum": 100},
            "progress": TEXT,
            "rows_per_second": COUNT_OR_NULL,
            "seconds_left": COUNT_OR_NULL,
            "place_in_queue": {"type": ["integer", "null"], "minimum": 1},
            "pace": TEXT,
            "bytes": COUNT_OR_NULL,
            "sha256": TEXT_OR_NULL,
            "losses": {"type": "object", "additionalProperties": COUNT},
            "error": TEXT_OR_NULL,
            "cause": {"enum": [*FailureCause.values, None]},
            "remedy": TEXT_OR_NULL,
            "wants_email": {"type": "boolean"},
            "created_at": TIME,
            "started_at": TIME_OR_NULL,
            "finished_at": TIME_OR_NULL,
            "expires_at": TIME_OR_NULL,
            "links": links,
        }
    )


def _problem() -> Schema:
    return schema_of(
        {
            "type": TEXT,
            "title": TEXT,
            "status": {"type": "integer"},
            "detail": TEXT,
            "errors": {
                "type": "object",
                "additionalProperties": _TEXTS,
            },
            "reference": TEXT,
        },
        optional=["errors", "reference"],
    )


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def schema_of(properties: dict[str, Any], *, optional: Iterable[str] = ()) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in set(optional)],
        "additionalProperties": False,
    }
