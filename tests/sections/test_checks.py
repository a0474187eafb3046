"""System checks of sections."""

import pytest

from django_reports import ModelReport, Report
from django_reports.checks.reports import check_report
from django_reports.exceptions import ReportDenied
from tests.entry_points.helpers import plan
from tests.sections.helpers import MonthForm, Notes, OpenOrders
from tests.shop.models import Order


def ids_of(report):
    return [message.id for message in check_report(report)]


def test_report_of_sections_is_as_it_should_be(month):
    assert ids_of(month) == []


@pytest.mark.parametrize(
    ("base", "attributes", "problem"),
    [
        (Report, {"columns": ["n"]}, "has sections, and columns or a model of its own"),
        (ModelReport, {"model": Order}, "has sections, and columns or a model of its own"),
        (
            Report,
            {"sections": (type("Deep", (Report,), {"sections": (Notes,)}),)},
            "has a section that has sections",
        ),
        (
            Report,
            {"sections": (Notes, type("Same", (Notes,), {"identifier": "else.notes"}))},
            "has two sections whose identifiers end alike",
        ),
    ],
)
def test_sections_that_cannot_be(declare, base, attributes, problem):
    report = declare(base, **{"sections": (Notes,), **attributes})
    found = [message for message in check_report(report) if message.id == "django_reports.E016"]
    assert [message.msg for message in found] == [f"tests.sections.conftest.Made {problem}."]
    assert found[0].hint


def test_columns_of_sections_are_checked(declare):
    wrong = type("Wrong", (OpenOrders,), {"columns": ["bogus", "id", "id"]})
    none = type("NoColumns", (Notes,), {"columns": []})
    assert sorted(ids_of(declare(sections=(wrong, none)))) == [
        "django_reports.E008", "django_reports.E009", "django_reports.E012",
    ]  # fmt: skip


def test_section_that_nobody_may_read_is_told(declare, alice):
    open_to_nobody = type("Nobody", (Notes,), {"permission": None})
    report = declare(sections=(open_to_nobody,), permission="shop.view_order", parameters=MonthForm)
    with pytest.raises(ReportDenied):
        plan(alice, "shop.made")
    assert ids_of(report) == ["django_reports.E007"]
