"""Reports declared for one test."""

import pytest

from django_reports import Report
from tests.shop.reports import Numbers, Orders


@pytest.fixture
def everything(declare):
    """A report of two sections."""

    @declare
    class Everything(Report):
        identifier = "shop.everything"
        label = "Everything"
        parameters = Numbers.parameters
        sections = [Orders, Numbers]

    return Everything
