"""Reports declared for one test."""

import pytest

from django_reports import Report, register
from django_reports.registry import registry
from tests.shop.reports import Numbers, Orders


@pytest.fixture
def declare(monkeypatch):
    """Declare a report for one test."""
    monkeypatch.setattr(registry, "_reports", list(registry))
    return register


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
