"""Languages are accepted in whichever spelling Django accepts them, at every entry point."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import translation

from django_reports.models import ReportJob
from tests.entry_points.helpers import EXPORT, browse, chosen, lines_of, text_of
from tests.entry_points.staff import ORDERS, Program, pressed

pytestmark = pytest.mark.django_db

CODES = ["en-US", "pt-BR", "de-AT", "zh-Hans", "EN"]  # which Django takes as LANGUAGE_CODE


@pytest.fixture
def project_language(settings):
    """Have a language be the project's, as in a thread that has not activated any."""

    def use(code):
        settings.LANGUAGE_CODE = code
        translation.deactivate()

    yield use
    translation.deactivate()


def as_it_stands(page):
    form = page.context_data["form"]
    return {name: form[name].value() for name in ("language", "time_zone")}


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("address", [EXPORT, ORDERS])
@pytest.mark.parametrize("is_active", [False, True])
def test_what_stands_on_the_page_can_be_exported(
    alice, orders, project_language, code, address, is_active
):
    """Django spells the active language in lower case once any was activated in a thread."""
    project_language(code)
    client = browse(alice)
    page = client.get(address)
    assert page.status_code == 200
    sent = as_it_stands(page)
    assert sent["language"] in dict(page.context_data["form"].fields["language"].choices)
    if is_active:
        translation.activate(code)
    response = client.post(address, chosen(**sent))
    assert response.status_code == 200, text_of(response)
    assert len(lines_of(response)) == 21
    # And again, from what was chosen the last time.
    again = client.get(address)
    assert as_it_stands(again) == sent
    assert client.post(address, chosen(**as_it_stands(again))).status_code == 200
    first, second = (job.spec for job in ReportJob.objects.all())
    assert first == second
    assert first["language"] == first["filter_language"] == sent["language"]


@pytest.mark.parametrize("code", [*CODES, "zh-CN"])
def test_a_page_of_another_language_is_accepted(alice, orders, code):
    """It was opened before its reader changed their language."""
    response = pressed(alice, language=code, time_zone="europe/berlin")
    assert response.status_code == 200, text_of(response)
    spec = ReportJob.objects.get().spec
    assert spec["language"] == translation.to_language(code).replace("zh-cn", "zh-hans")
    assert spec["time_zone"] == "Europe/Berlin"


@pytest.mark.parametrize("field", ["language", "time_zone"])
@pytest.mark.parametrize("value", ["xx", "tlh", "Mars/Base", "a\0b"])
def test_one_that_there_is_not_is_told_at_its_field(alice, orders, field, value):
    response = pressed(alice, **{field: value})
    assert response.status_code == 400
    assert field in response.context_data["form"].errors


@pytest.mark.parametrize("code", CODES)
def test_programs_and_the_command(alice, orders, project_language, tmp_path, code):
    project_language(code)
    expected = translation.to_language(code)
    program = Program(alice)
    assert program.post(ORDERS, {}).status_code == 202
    assert program.post(ORDERS, {"time_zone": "asia/tokyo"}).status_code == 202
    call_command("export_report", "shop.orders", "--language", code, "--output",
                 str(tmp_path / "file.csv"), stderr=StringIO())  # fmt: skip
    for job in ReportJob.objects.all():
        assert (job.spec["language"], job.spec["filter_language"]) == (expected, expected)
    zones = {job.spec["time_zone"] for job in ReportJob.objects.all()}
    assert zones == {"Europe/Berlin", "Asia/Tokyo"}


def test_without_translations(alice, orders, settings, project_language):
    settings.USE_I18N = False
    project_language("en-US")
    client = browse(alice)
    page = client.get(ORDERS)
    response = pressed(client, **as_it_stands(page))
    assert response.status_code == 200, text_of(response)
