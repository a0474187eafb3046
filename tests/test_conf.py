from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from django_reports.core.conf import Settings, get_settings, problems

KEYS = ", ".join(sorted(field.name for field in fields(Settings)))


def test_defaults(settings):
    del settings.DJANGO_REPORTS
    found = get_settings()
    assert (found.STREAM_MAX_ROWS, found.RUNNER, found.QUEUE) == (5000, "local", "reports")
    assert (found.STORAGE, found.STORAGE_DIR) == ("reports", None)
    assert found.POLICY == "django_reports.GroupPolicy"
    assert timedelta(days=7) == found.FILE_RETENTION
    assert timedelta(seconds=30) == found.JOB_LEASE
    assert timedelta(hours=1) == found.JOB_TIMEOUT
    assert found.JOB_MAX_ATTEMPTS == 3
    assert found.LOCAL_THREAD is True


def test_follows_the_setting():
    with override_settings(DJANGO_REPORTS={"STREAM_MAX_ROWS": 7}):
        assert get_settings().STREAM_MAX_ROWS == 7
        with override_settings(DJANGO_REPORTS={"QUEUE": "slow"}):
            assert (get_settings().STREAM_MAX_ROWS, get_settings().QUEUE) == (5000, "slow")
        assert get_settings().STREAM_MAX_ROWS == 7


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"RUNER": "rq"}, f"DJANGO_REPORTS has no key 'RUNER'. The legal ones are: {KEYS}."),
        ({5: 1}, f"DJANGO_REPORTS has no key 5. The legal ones are: {KEYS}."),
        ({"stream_max_rows": 1}, f"has no key 'stream_max_rows'. The legal ones are: {KEYS}."),
        ({"STREAM_MAX_ROWS": "5"}, "DJANGO_REPORTS['STREAM_MAX_ROWS'] must be int, not '5'."),
        ({"STREAM_MAX_ROWS": True}, "DJANGO_REPORTS['STREAM_MAX_ROWS'] must be int, not True."),
        ({"STREAM_MAX_ROWS": None}, "DJANGO_REPORTS['STREAM_MAX_ROWS'] must be int, not None."),
        ({"STREAM_MAX_ROWS": -1}, "DJANGO_REPORTS['STREAM_MAX_ROWS'] must be 0 or more, not -1."),
        ({"RUNNER": None}, "DJANGO_REPORTS['RUNNER'] must be str, not None."),
        ({"LOCAL_THREAD": 1}, "DJANGO_REPORTS['LOCAL_THREAD'] must be bool, not 1."),
        ({"STORAGE_DIR": 5},
         "DJANGO_REPORTS['STORAGE_DIR'] must be str or Path or NoneType, not 5."),
        ({"FILE_RETENTION": 7}, "DJANGO_REPORTS['FILE_RETENTION'] must be timedelta, not 7."),
        ({"FILE_RETENTION": timedelta(0)},
         "DJANGO_REPORTS['FILE_RETENTION'] must be longer than zero, not datetime.timedelta(0)."),
        ({"JOB_LEASE": timedelta(seconds=-1)},
         "DJANGO_REPORTS['JOB_LEASE'] must be longer than zero"),
        ({"JOB_TIMEOUT": timedelta(0)}, "DJANGO_REPORTS['JOB_TIMEOUT'] must be longer than zero"),
        ({"JOB_MAX_ATTEMPTS": 0}, "DJANGO_REPORTS['JOB_MAX_ATTEMPTS'] must be 1 or more, not 0."),
        ({"DOWNLOAD_METHOD": "nginx"},
         "DJANGO_REPORTS['DOWNLOAD_METHOD'] is 'nginx'. Choose from: django, x-accel-redirect,"),
        ({"ACCEL_PREFIX": "files/"},
         "DJANGO_REPORTS['ACCEL_PREFIX'] must begin and end with a slash, not 'files/'."),
        ({"AUDIT_KEYS": "key"}, "DJANGO_REPORTS['AUDIT_KEYS'] must be list or tuple, not 'key'."),
        ({"AUDIT_KEYS": [""]}, "DJANGO_REPORTS['AUDIT_KEYS'] must hold texts that are not empty"),
        ({"TRUSTED_PROXIES": -1}, "DJANGO_REPORTS['TRUSTED_PROXIES'] must be 0 or more, not -1."),
        ({"TRUSTED_PROXIES": ["proxy"]},
         'must hold networks such as "10.0.0.0/8", not \'proxy\'.'),
        ([], "DJANGO_REPORTS must be a dict, not list."),
        (None, "DJANGO_REPORTS must be a dict, not NoneType."),
    ],
)  # fmt: skip
def test_bad_value_is_named(value, said):
    (found,) = problems(value)
    assert said in found
    with override_settings(DJANGO_REPORTS=value), pytest.raises(ImproperlyConfigured) as caught:
        get_settings()
    assert said in str(caught.value)


def test_every_bad_value_is_named():
    assert len(problems({"QUEUE": 1, "STORAGE": 1, "OTHER": 1, "RUNNER": "rq"})) == 3


def test_an_unknown_key_behind_a_bad_choice_is_told_the_legal_keys():
    _choice, unknown = problems({"DOWNLOAD_METHOD": "mail", "OTHER": 1})
    assert "ACCEL_PREFIX, AUDIT_ANCHORS" in unknown


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"STREAM_MAX_ROWS": 0},
        {"STORAGE_DIR": Path("/x")},
        {"STORAGE_DIR": "/x"},
        {"STORAGE_DIR": None},
        {"JOB_MAX_ATTEMPTS": 1},
        {"LOCAL_THREAD": False},
        {"AUDIT_RETENTION": None},
        {"JOB_RETENTION": timedelta(days=1)},
        {"TRUSTED_PROXIES": 2},
        {"TRUSTED_PROXIES": ("10.0.0.0/8", "::1")},
        {"JOB_LEASE": timedelta(microseconds=1)},
    ],
)
def test_good_value(value):
    assert problems(value) == []
