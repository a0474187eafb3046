"""What people come across: two tabs, double clicks, the back button, logins and rights that end."""

import csv

import pytest
from django.contrib.sessions.models import Session

from django_reports.models import AuditEntry, ReportJob
from tests.conftest import VIEW, make_orders
from tests.entry_points.helpers import actions, entries, run
from tests.processes.conftest import wait_for
from tests.processes.test_browser_staff import enter, mia, shoot  # noqa: F401 - a fixture

pytestmark = pytest.mark.integration

ORDERS, SLOW = "/reports/shop.orders/", "/reports/shop.slow_numbers/"
LIST = "/admin/shop/order/"


@pytest.fixture
def base(mia, processes, page):  # noqa: F811
    """A server where mia is logged in, and where nobody works on jobs."""
    make_orders(3)
    processes.changed["RUNNER"] = "local"
    address = processes.server()
    enter(page, address)
    return address


def press(page, name="Export"):
    page.get_by_role("button", name=name, exact=True).click()


def choose(page, *, columns, file_format="CSV"):
    press(page, "None")
    for label in columns:
        page.get_by_label(label, exact=True).check()
    page.get_by_label(file_format, exact=True).check()


def download(page, name="Export", role="button"):
    with page.expect_download() as waiting:
        page.get_by_role(role, name=name).first.click()
    return waiting.value


def header_of(waiting):
    with open(waiting.path(), newline="", encoding="utf-8-sig") as handle:
        return next(csv.reader(handle))


def start(page, base):
    """A job that waits; its page is shown."""
    page.goto(f"{base}{SLOW}")
    press(page)
    page.wait_for_url("**/jobs/*/")
    return ReportJob.objects.latest("created_at")


def log_in(page):
    page.get_by_label("Username").fill("mia")
    page.get_by_label("Password").fill("secret")
    page.get_by_role("button", name="Log in").click()


def state_of(page, words):
    page.locator("[data-field=label]", has_text=words).wait_for()


# Two tabs


def test_each_of_two_tabs_exports_what_it_shows(page, base):
    other = page.context.new_page()
    for tab in (page, other):
        tab.goto(f"{base}{ORDERS}")
    choose(page, columns=["Total"])
    choose(other, columns=["Order number", "Region"], file_format="TSV (separated by tabs)")
    first, second = download(page), download(other)
    assert header_of(first) == ["Total"]
    assert header_of(second) == ["Order number\tRegion"]
    assert second.suggested_filename.endswith(".tsv")


def test_what_is_canceled_in_one_tab_is_told_in_the_other(page, base):
    job = start(page, base)
    watching, late = page.context.new_page(), page.context.new_page()
    late.has_script = page.has_script
    late.route("**/status/", lambda route: route.abort())  # it does not see what happens
    for tab in (watching, late):
        tab.goto(page.url)
    press(page, "Cancel this export")
    if not page.has_script:  # before it reloads by itself
        press(late, "Cancel this export")
    state_of(page, "Canceled")
    state_of(watching, "Canceled")
    if page.has_script:
        press(late, "Cancel this export")
    late.get_by_text("This export has ended already; there is nothing to cancel.").wait_for()
    shoot(late, "canceled-twice")
    actions = AuditEntry.objects.filter(job_key=str(job.pk)).values_list("action", flat=True)
    assert sorted(actions) == ["canceled", "requested"]


# Double clicks


def double_click(page):
    button = page.get_by_role("button", name="Export", exact=True)
    button.dblclick(delay=150 if page.has_script else 0)


def test_a_double_click_makes_one_job(page, base):
    page.goto(f"{base}{SLOW}")
    double_click(page)
    page.wait_for_url("**/jobs/*/")
    job = ReportJob.objects.get()
    assert AuditEntry.objects.filter(action="requested").count() == 1
    assert str(job.pk) in page.url


def test_a_double_click_gives_one_file(page, base):
    page.goto(f"{base}{ORDERS}")
    found = []
    page.on("download", lambda download: found.append(download))
    with page.expect_download():
        double_click(page)
    wait_for(lambda: ReportJob.objects.exclude(status="running").count() >= 1)
    page.reload()  # whatever was still to come has come
    # Without a script the browser may have sent both clicks before it leaves the first alone.
    assert len(found) == 1
    assert ReportJob.objects.count() in ((1,) if page.has_script else (1, 2))


def test_the_same_button_is_good_for_another_choice_at_once(page, base):
    page.goto(f"{base}{ORDERS}")
    download(page)
    press(page, "None")
    page.get_by_label("Total", exact=True).check()
    assert header_of(download(page)) == ["Total"]


# Back


def assert_choices(page, *, rows):
    assert page.get_by_label("Rows:").input_value() == rows
    assert page.get_by_label("Text", exact=True).is_checked()
    assert not page.get_by_label("N", exact=True).is_checked()
    assert page.get_by_label("Position of Text").input_value() == "1"
    if page.has_script:
        lines = page.locator("ol.reports-columns > li").all()
        assert [line.get_attribute("data-column") for line in lines] == ["text", "n"]


def choose_numbers(page, rows):
    page.get_by_label("Rows:").fill(rows)
    page.get_by_label("N", exact=True).uncheck()
    page.get_by_label("Position of Text").fill("1")
    page.get_by_label("Position of N").fill("2")


def test_back_from_the_job_stand_the_choices(page, base):
    page.goto(f"{base}{SLOW}")
    choose_numbers(page, "77")
    press(page)
    page.wait_for_url("**/jobs/*/")
    page.go_back()
    assert_choices(page, rows="77")
    shoot(page, "back")
    page.get_by_label("Rows:").fill("78")
    press(page)
    page.wait_for_url("**/jobs/*/")
    rows = [job.spec["parameters"]["rows"] for job in ReportJob.objects.order_by("created_at")]
    assert rows == [["77"], ["78"]]


def test_back_after_an_error_stand_the_choices(page, base):
    page.goto(f"{base}{SLOW}")
    choose_numbers(page, "1.5")
    press(page)
    page.get_by_text("Please correct the errors below.").wait_for()
    page.get_by_label("Rows:").fill("79")
    press(page)
    page.wait_for_url("**/jobs/*/")
    page.go_back()
    page.get_by_label("Rows:").wait_for()
    assert_choices(page, rows="79")
    page.go_forward()
    page.wait_for_url("**/jobs/*/")
    assert ReportJob.objects.get().spec["parameters"]["rows"] == ["79"]  # the only job


# A name that is used twice


def test_label_used_twice_is_corrected_on_the_same_page(page, base):
    page.goto(f"{base}{ORDERS}")
    choose(page, columns=["Region", "Total"])
    page.get_by_label("New name of Total").fill("Region")
    press(page)
    page.get_by_text("Please correct the errors below.").wait_for()
    line = page.locator("[data-column=total]")
    assert line.get_by_text("“Region” is used twice. Choose another name.").is_visible()
    assert page.get_by_role("button", name="Preview").is_visible()
    shoot(page, "label-used-twice")
    page.get_by_label("New name of Total").fill("Amount")
    assert header_of(download(page)) == ["Region", "Amount"]


# Logged out meanwhile


def test_logged_out_on_the_export_page(page, base):
    page.goto(f"{base}{ORDERS}")
    choose(page, columns=["Region", "Total"])
    Session.objects.all().delete()
    press(page)
    page.get_by_text("You were logged out meanwhile, so nothing was done.").wait_for()
    shoot(page, "logged-out")
    log_in(page)
    page.get_by_text("Nothing was exported yet.").wait_for()
    assert page.url.startswith(f"{base}{ORDERS}")
    shoot(page, "logged-in-again")
    if page.has_script:
        assert header_of(download(page)) == ["Region", "Total"]
    else:
        assert header_of(download(page))[0] == "ID"
    assert ReportJob.objects.count() == 1


@pytest.mark.parametrize("is_ticked", [False, True])
def test_logged_out_in_the_admin(page, base, is_ticked):
    page.goto(f"{base}{LIST}?region__exact=n")
    if is_ticked:
        page.locator("input.action-select").first.check()
        page.locator("select[name=action]").first.select_option("export_selected")
        page.get_by_role("button", name="Run").or_(page.get_by_role("button", name="Go")).click()
    else:
        page.get_by_role("link", name="Export", exact=True).click()
    choose(page, columns=["Total"])
    Session.objects.all().delete()
    press(page)
    page.get_by_text("You were logged out meanwhile, so nothing was done.").wait_for()
    log_in(page)
    page.wait_for_url(f"**region__exact=n{'' if is_ticked else '#reports-kept'}")
    assert ("export-report" in page.url) is not is_ticked
    if not is_ticked and page.has_script:
        assert header_of(download(page)) == ["Total"]


def test_logged_out_on_the_page_of_a_job(page, base):
    page.route("**/status/", lambda route: route.abort())
    job = start(page, base)
    Session.objects.all().delete()
    press(page, "Cancel this export")
    log_in(page)
    page.wait_for_url(f"**/jobs/{job.pk}/")
    state_of(page, "Waiting")
    job.refresh_from_db()
    assert (job.status, job.cancel_requested_at) == ("queued", None)
    assert actions(job) == ["requested"]


def test_a_page_from_before_another_login(page, base):
    page.goto(f"{base}{ORDERS}")
    choose(page, columns=["Total"])
    page.context.clear_cookies(name="csrftoken")
    press(page)
    page.get_by_text("You have logged in or out since this page was opened").wait_for()
    shoot(page, "out-of-date")
    assert page.locator("#user-tools").count() == 1
    page.get_by_role("link", name="Back").click()
    page.get_by_text("Nothing was exported yet.").wait_for()
    header = header_of(download(page))
    if page.has_script:  # which sends the choices along, and puts them back
        assert header == ["Total"]
    else:
        assert header[0] == "ID"


# Rights that are gone


@pytest.mark.parametrize("address", [ORDERS, f"{LIST}export-report/"])
def test_a_grant_is_gone_while_the_page_is_open(page, base, mia, address):  # noqa: F811
    page.goto(f"{base}{address}")
    mia.groups.clear()
    press(page)
    page.get_by_text("Ask whoever manages permissions whether you may have it.").wait_for()
    shoot(page, "revoked-admin" if "admin" in address else "revoked")
    assert page.locator("#user-tools").count() == 1
    page.get_by_role("link", name="Back").click()
    page.locator("#content h1").wait_for()
    assert not ReportJob.objects.exists()


def test_a_grant_is_gone_before_the_job_runs_and_before_the_download(page, base, mia):  # noqa: F811
    job = start(page, base)
    groups = list(mia.groups.all())
    mia.groups.clear()
    run(job)
    state_of(page, "Failed")
    page.get_by_text("No longer permitted:").wait_for()
    page.get_by_text("Ask whoever manages permissions whether you may have it.").wait_for()
    shoot(page, "revoked-job")
    assert (job.status, job.cause, job.file_key) == ("failed", "denied", "")
    mia.groups.set(groups)
    job = start(page, base)
    run(job)
    state_of(page, "Finished")
    mia.groups.clear()
    page.get_by_role("link", name="Download").click()
    page.get_by_text("You may no longer download this export.").wait_for()
    shoot(page, "revoked-download")
    job.refresh_from_db()
    assert job.status == "succeeded"
    assert actions(job) == ["requested", "started", "finished", "denied"]
    assert entries(job).last().data["what"] == "job-download"


# Jobs that end otherwise


def test_a_job_that_fails_says_why_and_is_run_again(page, base):
    page.goto(f"{base}{SLOW}")
    page.get_by_label("Fail at").fill("3")
    press(page)
    page.wait_for_url("**/jobs/*/")
    job = ReportJob.objects.get()
    run(job)
    state_of(page, "Failed")
    text = page.locator("#content").inner_text()
    assert "The report failed with an error (ValueError)." in text
    assert "Run it again. If it fails again, tell whoever looks after the report" in text
    shoot(page, "failed")
    press(page, "Run again")
    page.wait_for_url(lambda url: "/jobs/" in url and str(job.pk) not in url)
    state_of(page, "Waiting")


@pytest.fixture
def root(make_person):
    return make_person("mona", *VIEW, report="*", visibility="all", can_cancel_others=True)


def test_a_job_that_somebody_else_cancels(page, base, root, browser):
    watched = start(page, base)
    other = page.context.new_page()
    other.goto(f"{base}{SLOW}")
    other.get_by_label("Rows:").fill("5")
    press(other)
    other.wait_for_url("**/jobs/*/")
    other.goto("about:blank")  # nobody watches this one
    browser.log_in("mona")

    def cancel(job):
        address = f"/admin/django_reports/reportjob/{job.pk}"
        token = browser.token(f"{address}/change/")
        assert browser.open(f"{address}/cancel/", {"csrfmiddlewaretoken": token}).status == 302

    def is_told():
        page.locator(".messagelist .warning", has_text="was canceled.").wait_for()
        assert page.locator(".messagelist li").count() == 1  # of the one that nobody watches

    cancel(ReportJob.objects.exclude(pk=watched.pk).get())
    if not page.has_script:  # the page loads itself anew, and tells it then
        is_told()
    cancel(watched)
    state_of(page, "Canceled")
    assert str(watched.pk) in page.url
    page.get_by_text("It was canceled by mona.").wait_for()
    shoot(page, "canceled-elsewhere")
    if page.has_script:
        is_told()


def test_a_server_that_is_away_for_a_moment(page, base):
    job = start(page, base)
    if not page.has_script:
        pytest.skip("a page without the script loads itself anew, whatever comes")
    asked = []

    def away(route):
        asked.append(route)
        route.fulfill(status=503, body="away")

    page.evaluate("document.body.dataset.untouched = 'yes'")
    page.route("**/status/", away, times=1)
    wait_for(lambda: page.wait_for_timeout(50) or asked)
    run(job)
    assert page.locator("body[data-untouched=yes]").count() == 1
    state_of(page, "Finished")
