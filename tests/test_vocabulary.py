"""The words that other people's code and the documentation rely on: one word for one thing."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from django_reports import urls
from django_reports.core.conf import Settings
from django_reports.models import GroupReportPermission
from tests.doc_pages import DOCS, FENCE, PACKAGE, README

SETTINGS = """
    RUNNER QUEUE STORAGE STORAGE_DIR FILE_RETENTION DOWNLOAD_METHOD ACCEL_PREFIX BASE_URL
    EMAIL_NOTIFICATIONS SIGNED_URL_MAX_AGE PROJECT_VERSION DATABASE POLICY
    SUPERUSERS_BYPASS_REPORT_PERMISSIONS TENANT MASK_KEY LOCAL_THREAD JOB_LEASE JOB_TIMEOUT
    SNAPSHOT_MAX_AGE JOB_MAX_ATTEMPTS AUDIT_KEYS AUDIT_ANCHORS AUDIT_RETENTION
    PERSONAL_DATA_RETENTION JOB_RETENTION TRUSTED_PROXIES REQUEST_ID_HEADER STREAM_MAX_ROWS
    STREAMS_PER_PROCESS
"""
PERMISSION_FIELDS = """
    id group report can_view can_export can_download visibility can_cancel_others max_rows
    max_rows_per_day max_concurrent_jobs formats
"""
COMMANDS = """
    export_report list_reports protect_audit reports_worker sweep_reports verify_reports
"""
URL_NAMES = """
    catalog dashboard rights openapi jobs job job-status job-download job-manifest job-link
    job-signed job-cancel job-email job-discard job-rerun report favorite
"""
# What is called otherwise here, or is no American English.
NOT_OURS = (
    r"\b[Dd]oors?\b", r"\b(a|the|no|of|each|every|their|own) grants?\b", r"\bwho acts\b",
    r"[Cc]atalogue", r"[Ff]avourite", r"[Bb]ehaviour", r"[Cc]olour(?!Field)", r"\b[Ll]icence\b",
    r"\b\w+ou?lour\b", r"[Nn]eighbour", r"\b[Aa]uthoris", r"\b[Nn]ormalis", r"\b[Ss]erialis",
)  # fmt: skip


def test_settings():
    assert {field.name for field in fields(Settings)} == set(SETTINGS.split())


def test_fields_of_a_report_permission():
    names = {field.name for field in GroupReportPermission._meta.concrete_fields}
    assert names == set(PERMISSION_FIELDS.split())


def test_commands():
    folder = PACKAGE / "management/commands"
    assert {path.stem for path in folder.glob("[!_]*.py")} == set(COMMANDS.split())


def test_url_names():
    assert {pattern.name for pattern in urls.urlpatterns} == set(URL_NAMES.split())


@pytest.mark.parametrize("page", [README, *DOCS], ids=lambda page: Path(page).name)
def test_documentation_has_no_other_words(page):
    text = re.sub(r"`[^`]*`", "", FENCE.sub("", page.read_text()))
    assert [found for word in NOT_OURS for found in re.findall(f".*{word}.*", text)] == []
