"""The JSON of reports and jobs: what a program asks in, and what it is told."""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, JsonResponse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from django_reports.access.permissions import (
    Authority,
    columns_for,
    effective_permissions,
    was_changed,
)
from django_reports.core.choices import Profile
from django_reports.core.formatting import grouped
from django_reports.core.localization import active_locale, current_zone
from django_reports.definitions.base import Report
from django_reports.definitions.parameters import secret_names
from django_reports.definitions.specs import CHOICES, ExportSpec, Options
from django_reports.engine.writers import all_writers
from django_reports.exceptions import (
    InvalidParameters,
    InvalidSpec,
    QuotaExceeded,
    ReportDenied,
    ReportError,
    ReportFailed,
    RowLimitExceeded,
)
from django_reports.exports.file_metadata import HIDDEN
from django_reports.jobs.files import RECORD_CHANGED
from django_reports.models import ReportJob
from django_reports.web.api.schemas import (
    TYPE_WORDS,
    Number,
    dates_in_parts,
    json_types_of,
    parameter_fields,
    parameters_schema,
    type_problem,
)
from django_reports.web.display import describe_pace, describe_progress, describe_remedy
from django_reports.web.progress import rows_per_second, seconds_left
from django_reports.web.responses.base import answer_json, problem

RETRY_AFTER = "1"  # seconds after which a program may ask for a job's state again
KEY_LENGTH = 255  # characters of an idempotency key at most
MAX_DEPTH = 10  # of a request's JSON: what is asked is three deep

# The keys of a request for an export, and the JSON type of each.
FIELDS = {
    "format": "string",
    "columns": "array",
    "labels": "object",
    "options": "object",
    "parameters": "object",
    "time_zone": "string",
    "language": "string",
}


class Unreadable(ReportError):
    """A request is not what its own headers say; answered with `status`."""

    def __init__(self, detail: str, status: int = 400) -> None:
        super().__init__(detail)
        self.status = status


class InvalidFields(ReportError):
    """`errors` maps the keys of a request to what is wrong with each."""

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        super().__init__(" ".join(" ".join(messages) for messages in errors.values()))
        self.errors = errors


def report_as_json(report: Report, authority: Authority) -> dict[str, Any]:
    """What this person may ask of a report."""
    assert authority.user is not None
    effective = effective_permissions(authority.user, report)
    return {
        **summary_of(report),
        "may_export": effective.can_export,
        "max_rows": effective.max_rows,
        "max_rows_per_day": effective.max_rows_per_day,
        "max_concurrent_jobs": effective.max_concurrent_jobs,
        "columns": [
            {
                "name": column.key,
                "label": column.full_label,
                "kind": column.kind.name,
                "masked": column.masked,
            }
            for column in columns_for(authority, report, None)
        ],
        "formats": [
            {"name": made.format, "label": str(made.label), "options": list(made.option_names)}
            for made in all_writers()
            if effective.allows_format(made.format)
        ],
        "options": {name: choices.values for name, choices in CHOICES.items()},
        "parameters": parameters_schema(report),
    }


def summary_of(report: Report) -> dict[str, str]:
    return {
        "identifier": report.get_identifier(),
        "label": str(report.get_label()),
        "description": str(report.description),
        "category": str(report.category),
    }


def job_as_json(
    job: ReportJob,
    links: Mapping[str, str],
    place: int | None = None,
    *,
    is_readable: bool = False,
) -> dict[str, Any]:
    """A job's state, with its place in the queue. Times are ISO 8601, sizes in bytes.

    Unless it `is_readable`, what tells of the file's content is null.
    """
    return {
        "id": str(job.pk),
        "report": job.report,
        "format": job.format,
        "filename": job.filename,
        "status": job.status,
        "label": str(job.get_status_display()),
        "is_active": job.is_active,
        "rows_done": job.rows_done if is_readable else None,
        "rows_expected": job.rows_expected if is_readable else None,
        "percent": job.percent,
        "progress": describe_progress(job, is_readable=is_readable),
        "rows_per_second": rows_per_second(job) if is_readable else None,
        "seconds_left": seconds_left(job),
        "place_in_queue": place,
        "pace": describe_pace(job, place, is_readable=is_readable),
        "bytes": job.bytes if is_readable else None,
        "sha256": job.sha256 or None if is_readable else None,
        "losses": job.loss_counts if is_readable else {},
        "error": str(RECORD_CHANGED) if was_changed(job) else job.error or None,
        "cause": job.cause or None,
        "remedy": describe_remedy(job) or None,
        "wants_email": job.wants_email,
        **{
            name: _moment(value) if (value := getattr(job, name)) else None
            for name in ("created_at", "started_at", "finished_at", "expires_at")
        },
        "links": dict(links),
    }


def _moment(value: dt.datetime) -> str:
    """With its offset, also where USE_TZ is off."""
    return (timezone.make_aware(value) if timezone.is_naive(value) else value).isoformat()


def etag_of(value: Any) -> str:
    """Changes when anything in the value does."""
    text = json.dumps(value, sort_keys=True)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def accepted(value: Mapping[str, Any]) -> JsonResponse:
    """The answer to having asked for a job: where to look for it, and when."""
    headers = {"Location": value["links"]["self"], "Retry-After": RETRY_AFTER}
    return answer_json(value, 202, headers=headers)


def problem_of(error: ReportError) -> JsonResponse:
    """What this app refuses, as a program reads it."""
    if isinstance(error, Unreadable):
        return problem(error.status, str(error))
    if isinstance(error, ReportDenied | RowLimitExceeded):
        return problem(403, str(error))
    if isinstance(error, QuotaExceeded):
        return problem(429, str(error))
    if isinstance(error, ReportFailed):
        return problem(500, str(error), reference=error.reference)
    if isinstance(error, InvalidFields):
        errors = error.errors
    elif isinstance(error, InvalidParameters):
        errors = {f"parameters.{name}": found for name, found in error.errors.items()}
    elif isinstance(error, InvalidSpec) and error.field:
        field = f"options.{error.field}" if error.field in CHOICES else error.field
        errors = {field: [str(error)]}
    else:
        errors = {}
    return problem(422, str(error), errors=errors, reference=error.reference)


def spec_of(request: HttpRequest, report: Report) -> ExportSpec:
    """What a request's JSON asks of a report. Raises Unreadable, InvalidFields and InvalidSpec."""
    body = _body_of(request)
    errors = {**_errors_in(body), **_errors_in_parameters(body.get("parameters"), report)}
    if errors:
        raise InvalidFields(errors)
    columns = body.get("columns")
    language = body.get("language")
    active = active_locale()
    return ExportSpec(
        report=report.get_identifier(),
        format=body.get("format", "csv"),
        columns=None if columns is None else tuple(columns),
        labels=body.get("labels", {}),
        options=Options.of(**{"profile": Profile.MACHINE, **body.get("options", {})}),
        parameters={
            name: values
            for name, value in body.get("parameters", {}).items()
            if (values := _as_typed(value))
        },
        time_zone=body.get("time_zone", current_zone()),
        language=_supported(language) if language else active.language,
        filter_time_zone=active.time_zone,
        filter_language=active.language,
    )


def idempotency_key_of(request: HttpRequest) -> str:
    """Empty if the request has none. Raises Unreadable for one that cannot be kept."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return ""
    if not 1 <= len(key) <= KEY_LENGTH or not (key.isascii() and key.isprintable()):
        raise Unreadable(
            _("Idempotency-Key must be 1 to %(count)s printable ASCII characters.")
            % {"count": KEY_LENGTH}
        )
    return key


def _body_of(request: HttpRequest) -> dict[str, Any]:
    is_nothing = not request.content_type and not request.body
    if request.content_type != "application/json" and not is_nothing:
        raise Unreadable(
            _("Send application/json, not %(type)s.") % {"type": repr(request.content_type)}, 415
        )
    try:
        value = json.loads(request.body or b"{}", parse_float=Number, parse_constant=_no_constant)
        _check_size(value)  # before anything that takes longer
        json.dumps(value, ensure_ascii=False).encode()  # no database keeps half a character
    except RequestDataTooBig as error:
        raise Unreadable(str(error), 413) from error
    except (ValueError, RecursionError) as error:
        raise Unreadable(_("This is no JSON: %(error)s.") % {"error": error}) from error
    if not isinstance(value, dict):
        raise Unreadable(_("Send a JSON object."))
    return value


def _check_size(value: Any) -> None:
    """Raises Unreadable for more values than Django takes fields of a form, and for deep ones.

    An empty list is a value, too. What holds too many is refused before anybody looks at them.
    """
    limit = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
    count, rest = 0, [(value, 0)]
    while rest:
        part, depth = rest.pop()
        if depth > MAX_DEPTH:
            raise Unreadable(_("This is nested too deeply."))
        if not part or not isinstance(part, dict | list):
            count += 1
            continue
        if limit is not None and count + len(rest) + len(part) > limit:
            raise Unreadable(
                _("This holds more than %(count)s values.") % {"count": grouped(limit)}, 413
            )
        parts = part.values() if isinstance(part, dict) else part
        rest += [(inner, depth + 1) for inner in parts]


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not in JSON")


def _errors_in(body: Mapping[str, Any]) -> dict[str, list[str]]:
    errors = {
        name: [
            _("There is no %(name)s. Choose from: %(legal)s.")
            % {"name": repr(name), "legal": ", ".join(FIELDS)}
        ]
        for name in body
        if name not in FIELDS
    }
    for name, kind in FIELDS.items():
        if name in body and kind not in json_types_of(body[name]):
            errors[name] = [
                _("%(name)s must be %(kind)s, not %(value)s.")
                % {
                    "name": name,
                    "kind": TYPE_WORDS[kind],
                    "value": HIDDEN if name == "parameters" else repr(body[name])[:100],
                }
            ]
    columns = body.get("columns")
    if isinstance(columns, list) and not all(isinstance(name, str) for name in columns):
        errors["columns"] = [_("columns must be a list of names.")]
    language = body.get("language")
    if isinstance(language, str) and not _supported(language):
        errors["language"] = [
            _("There is no language %(language)s. Choose from: %(legal)s.")
            % {"language": repr(language), "legal": ", ".join(dict(settings.LANGUAGES))}
        ]
    return errors


def _errors_in_parameters(parameters: Any, report: Report) -> dict[str, list[str]]:
    """What can be told without cleaning: names that the form lacks, and values of other types."""
    if not isinstance(parameters, dict):
        return {}
    fields = parameter_fields(report)
    secrets = secret_names(report, {name: _as_typed(value) for name, value in parameters.items()})
    errors = {}
    for name, value in parameters.items():
        if name not in fields:
            errors[f"parameters.{name}"] = [
                _("There is no %(name)s. Choose from: %(legal)s.")
                % {"name": repr(name), "legal": ", ".join(fields) or "-"}
            ]
            continue
        shown = HIDDEN if name in secrets else repr(value)[:100]
        if found := type_problem(fields[name], value, shown):
            errors[f"parameters.{name}"] = [found]
    for parts in dates_in_parts(report):
        given = [name for name in parts if parameters.get(name) is not None]
        if given and len(given) < len(parts):
            message = _("A date needs all of %(parts)s.") % {"parts": ", ".join(parts)}
            errors[f"parameters.{given[0]}"] = [message]
    return errors


def _supported(language: str) -> str:
    """The project's language that comes closest, such as de for de-at; empty if there is none."""
    try:
        return translation.get_supported_language_variant(language)
    except (LookupError, ValueError):
        return ""


def _as_typed(value: Any) -> list[str]:
    """A parameter's value as a person would have typed it into its form."""
    values = value if isinstance(value, list) else [value]
    return [
        str(part).lower() if isinstance(part, bool) else str(part)
        for part in values
        if part is not None
    ]
