"""Manifests: what is known of a file, on its page and kept beside it."""

import json
from copy import copy
from io import BytesIO
from typing import Any

import django_reports
from django_reports.audit import signing
from django_reports.core.choices import AuditAction
from django_reports.core.conf import get_settings
from django_reports.core.logs import get_logger
from django_reports.definitions.registry import registry
from django_reports.exceptions import FileUnavailable
from django_reports.exports.file_metadata import without_secrets
from django_reports.jobs import files
from django_reports.models import AuditEntry, ReportJob

logger = get_logger(__name__)
# What a manifest holds of a spec.
_SPEC = (
    *("parameters", "selection", "options", "time_zone", "language"),
    *("filter_time_zone", "filter_language"),
)


def version_of_code() -> str:
    """The project's version, as PROJECT_VERSION tells it."""
    version = get_settings().PROJECT_VERSION
    return (version if isinstance(version, str) else str(version()))[:100]


def manifest_of(job: ReportJob) -> dict[str, Any]:
    """What is known of a file that was made. Times are ISO 8601, sizes in bytes."""
    entry = AuditEntry.objects.filter(job_key=str(job.pk), action=AuditAction.FINISHED).first()
    spec = without_secrets(job.spec, registry.find(job.report))
    return {
        "job": str(job.pk),
        "report": job.report,
        "filename": job.filename,
        "format": job.format,
        "rows": job.rows_done,
        "bytes": job.bytes,
        "sha256": job.sha256,
        "columns": [
            {name: column.get(name) for name in ("name", "label", "renamed", "masked")}
            for column in job.column_facts or ()
        ],
        **{name: spec[name] for name in _SPEC},
        "requested_by": job.requested_by_text,
        "requested_at": job.created_at.isoformat(),
        "snapshot_at": job.snapshot_at.isoformat() if job.snapshot_at else None,
        "finished_at": job.finished_at.isoformat() if job.finished_at else None,
        "project_version": job.project_version,
        "django_reports_version": django_reports.__version__,
        "audit_entry": str(entry.key) if entry else None,
    }


def keep(job: ReportJob) -> bool:
    """Put a job's manifest beside its file. If that fails, the next sweep tries again."""
    if not signing.is_file_of(job):
        logger.warning("event=manifest_not_kept error=%s", files.RECORD_CHANGED)
        return False
    content = json.dumps(manifest_of(job), indent=2, ensure_ascii=False).encode()
    try:
        key = files.publish(
            job.storage, f"{job.file_key}{files.MANIFEST}", BytesIO(content), len(content)
        )
    except FileUnavailable as error:
        logger.warning("event=manifest_not_kept error=%s", error)
        return False
    mine = ReportJob.objects.filter(pk=job.pk)
    named = copy(job)
    named.manifest_key = key
    names = signing.sign(signing.names_text(named))
    if mine.without_manifest().update(manifest_key=key, names_signature=names):
        return True
    # The job has expired meanwhile, or another process was faster; some storages overwrite.
    if not mine.filter(manifest_key=key).exists():
        files.discard(job.storage, key)
    return False
