"""MySQL and MariaDB know time zones only once their tables are loaded."""

import pytest
from django.core.checks import Tags, run_checks
from django.db import connection

pytestmark = pytest.mark.django_db


def ids():
    found = run_checks(tags=[Tags.database], databases=["default"])
    return [one.id for one in found if one.id.startswith("django_reports.")]


@pytest.mark.skipif(connection.vendor != "mysql", reason="others bring their own")
@pytest.mark.parametrize("is_used", [True, False])
def test_missing_time_zone_tables_are_a_warning(settings, is_used):
    settings.USE_TZ = is_used
    is_missing = is_used and not connection.features.has_zoneinfo_database
    assert ids() == (["django_reports.W054"] if is_missing else [])


@pytest.mark.skipif(connection.vendor == "mysql", reason="others only")
def test_other_databases_have_none_to_load():
    assert ids() == []
