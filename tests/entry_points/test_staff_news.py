"""People are told that an export has ended: on their next page, and by mail if they wish."""

import datetime as dt

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core import mail
from django.db import connection
from django.template import Context
from django.test.utils import CaptureQueriesContext
from django.urls import resolve
from django.utils import timezone, translation

from django_reports.access.permissions import GroupPolicy
from django_reports.audit.log import SYSTEM, Origin
from django_reports.core.choices import FailureCause
from django_reports.exceptions import DeadlineExceeded, StorageUnavailable
from django_reports.exports.failures import as_report_error, failure_of
from django_reports.jobs import lifecycle, notifications
from django_reports.models import ReportJob
from django_reports.templatetags.django_reports import running_exports
from django_reports.web.display import _REMEDIES, describe_pace
from tests.conftest import VIEW, permission
from tests.entry_points.helpers import browse, deliver, enqueue, job_url, make, put, run, text_of
from tests.entry_points.staff import CATALOG, JOBS, Program, page_of, pressed

pytestmark = pytest.mark.django_db

READY = "The export “Orders” is ready."
FAILED = "The export “Numbers” failed."
SLOW_NUMBERS = "/reports/shop.slow_numbers/"
WITH_MAIL = {"EMAIL_NOTIFICATIONS": True, "BASE_URL": "https://shop.example.com/"}


def failing(user):
    return make(user, "shop.numbers", parameters={"fail_at": ["3"]})


# On the next page


@pytest.mark.parametrize("page", [CATALOG, JOBS, "/reports/shop.numbers/", "/admin/shop/order/"])
def test_the_next_page_tells_it_once(alice, orders, page, settings):
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django_reports.middleware.ExportNotificationMiddleware",
    ]
    job = make(alice)
    client = browse(alice)
    text = text_of(client.get(page))
    address = job_url(job) if page.startswith("/admin/") else page_of(job)
    assert READY in text
    assert f'<a href="{address}">Show this export</a>' in text
    assert READY not in text_of(client.get(page))


def test_nothing_is_told_on_pages_of_an_admin_that_one_may_not_use(alice, orders, settings):
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django_reports.middleware.ExportNotificationMiddleware",
    ]
    job = make(alice)
    type(alice).objects.update(is_staff=False)
    assert READY not in text_of(browse(alice).get("/admin/login/"))
    assert ReportJob.objects.get(pk=job.pk).is_unread


def test_running_exports_are_shown_to_those_who_may_use_the_pages(alice, orders, rf):
    make(alice)
    request = rf.get(CATALOG)
    request.resolver_match, request.user = resolve(CATALOG), alice
    assert len(running_exports(Context({"request": request}))["exports"]) == 1
    alice.is_staff = False
    assert running_exports(Context({"request": request}))["exports"] == []
    request.user = AnonymousUser()
    assert running_exports(Context({"request": request}))["exports"] == []


class Blind(GroupPolicy):
    """Nobody sees any export."""

    def jobs(self, user):
        return ReportJob.objects.none()


def test_what_one_may_not_see_is_not_told(alice, orders, configure):
    make(alice)
    configure(POLICY=f"{__name__}.Blind")
    assert notifications.take_notifications(alice) == []


def test_a_failure_is_told_as_one(alice):
    failing(alice)
    text = text_of(browse(alice).get(CATALOG))
    assert FAILED in text.split('<li class="error">')[1].split("</li>")[0]


def test_whoever_has_seen_its_page_is_not_told_again(alice, orders):
    job = make(alice)
    client = browse(alice)
    assert READY not in text_of(client.get(page_of(job)))
    assert READY not in text_of(client.get(CATALOG))


def test_nobody_else_is_told_or_takes_the_news_away(alice, root, orders):
    job = make(alice)
    client = browse(root)
    client.get(page_of(job))
    assert READY not in text_of(client.get(CATALOG))
    assert READY in text_of(browse(alice).get(CATALOG))


def test_programs_and_what_is_downloaded_at_once_take_no_news(alice, orders):
    make(alice)
    Program(alice).get(JOBS)
    Program(alice).get(CATALOG)
    list(deliver(alice))
    assert text_of(browse(alice).get(CATALOG)).count(READY) == 1


def test_much_news_is_told_page_by_page(alice, orders):
    job = make(alice)
    facts = {f.attname: getattr(job, f.attname) for f in ReportJob._meta.concrete_fields}
    for _n in range(notifications.NEWS_AT_ONCE):
        ReportJob.objects.create(**{**facts, "id": None, "active_key": None} | {"id": uuid()})
    client = browse(alice)
    told = [text_of(client.get(CATALOG)).count(READY) for _n in range(3)]
    assert told == [notifications.NEWS_AT_ONCE, 1, 0]


def uuid():
    return ReportJob._meta.pk.get_default()


def test_of_two_pages_at_once_one_tells_it(alice, orders):
    make(alice)
    (news,) = notifications.take_notifications(alice)
    assert notifications.take_notifications(alice) == []
    assert not notifications.note_seen(news)


def test_a_page_without_news_asks_one_query_for_it(alice, orders):
    make(alice)
    client = browse(alice)
    client.get(CATALOG)
    with CaptureQueriesContext(connection) as queries:
        client.get(CATALOG)
    assert len([q for q in queries if "is_unread" in q["sql"].split("WHERE")[-1]]) == 1


@pytest.fixture
def manager(make_person):
    """May cancel the exports of others, and sees them."""
    return make_person("mona", *VIEW, report="*", visibility="all", can_cancel_others=True)


def canceled_running(job, user):
    put(job, status="running", attempt=1)
    lifecycle.cancel(job, Origin(user=user))
    return lifecycle.finish_canceled(job, ReportJob.objects.filter(pk=job.pk))


CANCELED = "The export “Orders” was canceled."


@pytest.mark.parametrize("is_running", [False, True])
def test_what_somebody_else_canceled_is_told(alice, manager, orders, is_running):
    job = enqueue(alice)
    if is_running:
        assert canceled_running(job, manager)
    else:
        browse(manager).post(job_url(job, "cancel"))
    assert CANCELED not in text_of(browse(manager).get(CATALOG))
    text = text_of(browse(alice).get(CATALOG))
    assert CANCELED in text.split('<li class="warning">')[1].split("</li>")[0]
    page = text_of(browse(alice).get(page_of(job)))
    assert "It was canceled by mona." in page
    assert "Ask whoever canceled it, or run it again." in page
    assert "It was canceled by" not in text_of(browse(manager).get(page_of(job)))


def test_what_the_system_canceled_is_told(alice, orders):
    lifecycle.cancel(enqueue(alice), SYSTEM)
    assert CANCELED in text_of(browse(alice).get(CATALOG))


@pytest.mark.parametrize("is_running", [False, True])
def test_who_canceled_it_themselves_is_told_nothing(alice, orders, is_running):
    job = enqueue(alice)
    if is_running:
        assert canceled_running(job, alice)
    else:
        browse(alice).post(page_of(job, "cancel"))
    assert ReportJob.objects.get(pk=job.pk).status == "canceled"
    assert CANCELED not in text_of(browse(alice).get(CATALOG))
    assert "What you can do:" not in text_of(browse(alice).get(page_of(job)))


def test_who_asked_first_canceled_it(alice, manager, orders):
    job = put(enqueue(alice), status="running", attempt=1)
    for user in (manager, alice):
        assert lifecycle.cancel(job, Origin(user=user))
    lifecycle.finish_canceled(job, ReportJob.objects.filter(pk=job.pk))
    assert job.cancel_requested_by == manager


def test_what_is_being_canceled_says_so(alice, orders):
    job = put(enqueue(alice), status="running", attempt=1, rows_done=5, rows_expected=10)
    browse(alice).post(page_of(job, "cancel"))
    told = Program(alice).get(page_of(job, "status")).json()
    assert (told["progress"], told["pace"]) == ("It is being canceled.", "")
    assert "cancel" not in told["links"]
    text = text_of(browse(alice).get(page_of(job)))
    assert "It is being canceled." in text
    assert page_of(job, "cancel") not in text


# By mail


@pytest.fixture
def mailing(configure):
    configure(**WITH_MAIL)


def wish(user, job, **fields):
    return browse(user).post(page_of(job, "email"), fields)


def finished(job, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        return run(job)


def test_a_mail_has_the_way_to_the_page(alice, orders, mailing, django_capture_on_commit_callbacks):
    job = enqueue(alice)
    page = text_of(browse(alice).get(page_of(job)))
    assert f'action="{page_of(job, "email")}"' in page
    assert "A mail goes to alice@example.com when it has ended." in page
    assert wish(alice, job, wanted="1").status_code == 302
    assert "You will be told at alice@example.com" in text_of(browse(alice).get(page_of(job)))
    finished(job, django_capture_on_commit_callbacks)
    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == (["alice@example.com"], "Your export is ready: Orders")
    assert f"https://shop.example.com{page_of(job)}\n" in sent.body
    assert "It has 20 rows." in sent.body
    assert (sent.attachments, sent.content_subtype) == ([], "plain")
    assert "download" not in sent.body
    assert "signed" not in sent.body
    notifications._send(job=ReportJob.objects.get(pk=job.pk))
    assert len(mail.outbox) == 1


def test_a_failure_is_mailed_with_its_reason(alice, mailing, django_capture_on_commit_callbacks):
    job = enqueue(alice, "shop.numbers", parameters={"fail_at": ["3"]})
    wish(alice, job)
    finished(job, django_capture_on_commit_callbacks)
    (sent,) = mail.outbox
    assert sent.subject == "Your export failed: Numbers"
    assert "The report failed with an error (ValueError)." in sent.body


def test_nobody_who_did_not_wish_for_it_is_mailed(
    alice, orders, mailing, django_capture_on_commit_callbacks
):
    finished(enqueue(alice), django_capture_on_commit_callbacks)
    taken_back = enqueue(alice)
    wish(alice, taken_back)
    wish(alice, taken_back, wanted="0")
    finished(taken_back, django_capture_on_commit_callbacks)
    canceled = enqueue(alice)
    wish(alice, canceled)
    with django_capture_on_commit_callbacks(execute=True):
        browse(alice).post(page_of(canceled, "cancel"))
    assert mail.outbox == []


def test_what_somebody_else_canceled_is_mailed(
    alice, manager, orders, mailing, django_capture_on_commit_callbacks
):
    job = enqueue(alice)
    wish(alice, job)
    with django_capture_on_commit_callbacks(execute=True):
        browse(manager).post(page_of(job, "cancel"))
    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == (["alice@example.com"], "Your export was canceled: Orders")
    assert "The export “Orders” was canceled by somebody else." in sent.body
    assert page_of(job) in sent.body


@pytest.mark.parametrize(("asked", "file"), [("de", "en"), ("en", "de"), ("ja", "ja")])
def test_a_mail_speaks_as_its_person_asked(
    alice, orders, mailing, settings, asked, file, django_capture_on_commit_callbacks
):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.locale.LocaleMiddleware"]
    with translation.override("fr"):  # which stays for the worker
        client = browse(alice)
        pressed(
            client, SLOW_NUMBERS, columns=["n"], language=file, headers={"accept-language": asked}
        )
        job = ReportJob.objects.get()
        assert job.spec["language"] == file
        client.post(page_of(job, "email"), headers={"accept-language": "fr"})
        finished(job, django_capture_on_commit_callbacks)
    (sent,) = mail.outbox
    said = {"de": "Ihr Export ist fertig", "en": "Your export is ready", "ja": "エクスポート"}
    assert said[asked] in sent.subject


def test_a_mail_that_cannot_be_sent_harms_nothing(
    alice, orders, mailing, monkeypatch, caplog, django_capture_on_commit_callbacks
):
    monkeypatch.setattr(mail.EmailMessage, "send", no_line)
    job = enqueue(alice)
    wish(alice, job)
    job = finished(job, django_capture_on_commit_callbacks)
    assert job.status == "succeeded"
    assert f"job={job.pk} event=not_mailed" in caplog.text


def no_line(*args, **kwargs):
    raise OSError("no line")


@pytest.mark.parametrize("facts", [{"email": ""}, {"is_active": False}])
def test_a_person_without_address_or_access_is_not_mailed(
    alice, orders, mailing, facts, django_capture_on_commit_callbacks
):
    job = enqueue(alice)
    wish(alice, job)
    type(alice).objects.filter(pk=alice.pk).update(**facts)
    finished(job, django_capture_on_commit_callbacks)
    assert mail.outbox == []


def test_there_is_no_button_where_no_mail_can_be_sent(alice, root, orders, configure):
    job = enqueue(alice)
    assert page_of(job, "email") not in text_of(browse(alice).get(page_of(job)))
    assert wish(alice, job).status_code == 403
    configure(**WITH_MAIL)
    assert page_of(job, "email") not in text_of(browse(root).get(page_of(job)))
    assert wish(root, job).status_code == 403
    type(alice).objects.filter(pk=alice.pk).update(email="")
    alice.refresh_from_db()
    assert page_of(job, "email") not in text_of(browse(alice).get(page_of(job)))


def test_it_is_too_late_to_be_mailed(alice, orders, mailing):
    job = make(alice)
    assert Program(alice).post(page_of(job, "email")).status_code == 409
    answer = browse(alice).post(page_of(job, "email"), follow=True)
    assert "there is nothing to tell by e-mail" in text_of(answer)


def test_a_program_wishes_and_takes_it_back(alice, orders, mailing):
    job, program = enqueue(alice), Program(alice)
    assert program.post(page_of(job, "email")).json()["wants_email"] is True
    assert program.post(page_of(job, "email") + "?wanted=0").json()["wants_email"] is False


# Why it failed, and what to do


def test_every_cause_has_a_remedy():
    assert set(_REMEDIES) == set(FailureCause)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (DeadlineExceeded(), "timeout"),
        (StorageUnavailable("away"), "storage"),
        (OSError(28, "full"), "storage_full"),
        (ValueError("x"), "error"),
    ],
)
def test_errors_have_their_causes(error, cause):
    assert failure_of(as_report_error(error, {}))[0] == cause


def test_a_failed_job_says_what_to_do(alice, make_person):
    job = failing(alice)
    remedy = "Run it again. If it fails again, tell whoever looks after the report, with the time."
    for text in (text_of(browse(alice).get(page_of(job))), text_of(browse(alice).get(JOBS))):
        assert remedy in text
    told = Program(alice).get(page_of(job)).json()
    assert (told["cause"], told["remedy"]) == ("error", remedy)


def test_a_right_that_is_gone_is_a_cause(alice, orders):
    job = enqueue(alice)
    alice.groups.clear()
    assert run(job).cause == "denied"
    assert "Ask whoever manages permissions" in text_of(browse(alice).get(page_of(job)))


# How fast, how long, and where in the queue


def running(user, seconds, **facts):
    now = timezone.now()
    lease = dt.timedelta(seconds=30)
    started = now - dt.timedelta(seconds=seconds)
    return put(enqueue(user, "shop.numbers"), status="running", attempt=1, started_at=started,
               lease_until=now + lease, **facts)  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "facts", "words", "numbers"),
    [
        (10, {"rows_done": 12_345, "rows_expected": 48_000},
         "1,200 rows per second, about 30 seconds left", (1200, 30)),
        (10, {"rows_done": 10, "rows_expected": 5000},
         "1 row per second, about 83 minutes left", (1, 4980)),
        (10, {"rows_done": 50_000, "rows_expected": None}, "5,000 rows per second", (5000, None)),
        (10, {"rows_done": 0, "rows_expected": 100}, "", (None, None)),
    ],
)  # fmt: skip
def test_pace(alice, seconds, facts, words, numbers):
    job = running(alice, seconds, **facts)
    told = Program(alice).get(page_of(job, "status")).json()
    assert (told["pace"], (told["rows_per_second"], told["seconds_left"])) == (words, numbers)


def test_what_has_not_changed_is_told_by_304(alice):
    job, program = running(alice, 10, rows_done=50, rows_expected=100), Program(alice)
    first = program.get(page_of(job, "status"))
    again = program.get(page_of(job, "status"), if_none_match=first["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    put(job, rows_done=60)
    assert program.get(page_of(job, "status"), if_none_match=first["ETag"]).status_code == 200


def test_place_in_the_queue(alice, root, orders):
    first, second, third = enqueue(root), enqueue(alice), enqueue(alice)
    put(enqueue(root), status="running")
    told = [Program(root).get(page_of(job, "status")).json() for job in (first, second, third)]
    assert [one["place_in_queue"] for one in told] == [1, 2, 3]
    assert [one["pace"] for one in told] == [
        "It is the next one.", "1 export is before it.", "2 exports are before it."
    ]  # fmt: skip
    assert "2 exports are before it." in text_of(browse(alice).get(page_of(third)))
    assert describe_pace(third, is_readable=True) == ""


@pytest.mark.parametrize(
    ("facts", "title"),
    [
        ({"status": "queued"}, "Waiting · Orders"),
        ({"status": "running", "rows_done": 42, "rows_expected": 100}, "42 % · Orders"),
        ({"status": "running", "rows_done": 42}, "Running · Orders"),
        ({"status": "failed"}, "Failed · Orders"),
        ({"status": "succeeded"}, "Finished · Orders"),
    ],
)
def test_the_tab_tells_the_state(alice, orders, facts, title):
    job = put(enqueue(alice), **{"rows_expected": None, **facts})
    assert f"<title>{title}</title>" in text_of(browse(alice).get(page_of(job)))


# The tag, and the admin's index


def test_the_catalog_shows_what_runs_and_what_ended_a_short_while_ago(alice, root, orders):
    waiting, running_one, done, old = enqueue(alice), enqueue(alice), make(alice), make(alice)
    put(running_one, status="running", rows_done=5, rows_expected=20)
    put(old, finished_at=timezone.now() - dt.timedelta(hours=2))
    foreign = enqueue(root)
    text = text_of(browse(alice).get(CATALOG)).split('class="module reports-running"')[1]
    text = text.split("</section>")[0]
    for job in (waiting, running_one, done):
        assert page_of(job) in text
    for job in (old, foreign):
        assert page_of(job) not in text
    assert 'value="25"' in text


def test_who_has_none_is_shown_nothing(alice):
    assert "reports-running" not in text_of(browse(alice).get(CATALOG))


def test_the_index_of_the_admin_shows_them_above_and_not_below(alice, orders, settings):
    job = enqueue(alice)
    assert job_url(job) not in text_of(browse(alice).get("/admin/"))
    apps = [app for app in settings.INSTALLED_APPS if app != "django_reports"]
    settings.INSTALLED_APPS = ["django_reports", *apps]
    text = text_of(browse(alice).get("/admin/"))
    assert f'<a href="{job_url(job)}">Orders</a>' in text
    assert 'class="app-shop module"' in text  # Django's own is there as well
    assert job_url(job) not in text_of(browse(make_nobody()).get("/admin/"))


def make_nobody():
    from django.contrib.auth.models import User

    return User.objects.create_user("nobody", password="secret", is_staff=True)


def test_the_tag_asks_as_much_for_many_as_for_one(alice, orders):
    permission(alice, "shop.numbers")
    job = enqueue(alice)
    client = browse(alice)

    def count():
        with CaptureQueriesContext(connection) as queries:
            client.get(CATALOG)
        return len(queries)

    count()
    few = count()
    for _n in range(10):
        enqueue(alice)
    put(job, status="running")
    assert count() == few
