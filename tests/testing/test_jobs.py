"""Jobs run at once, in a TestCase as the docs show it, and with pytest."""

import datetime as dt

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured
from django.test import TestCase, TransactionTestCase

from django_reports.core.conf import get_settings
from django_reports.exceptions import (
    RowLimitExceeded,
)
from django_reports.models import ReportJob
from django_reports.testing import (
    aread_export,
    assert_may_export,
    export,
    immediate_jobs,
    read_export,
    run_jobs,
)
from tests.conftest import VIEW, make_orders
from tests.entry_points.helpers import enqueue, put
from tests.shop.reports import Orders
from tests.testing.helpers import CHOICE, ORDERS, person


class OrdersTests(TestCase):
    @classmethod
    def setUpTestData(cls):
        make_orders(20)
        cls.alice = person("alice", *VIEW, report="*")
        cls.bob = person("bob", *VIEW, report="*", max_rows=10)

    def setUp(self):
        self.client.force_login(self.alice)

    def test_rows(self):
        table = export("shop.orders", self.alice, columns=["number", "total"])
        assert table.header == ("number", "total")
        assert len(table) == 20
        assert table.rows[0] == ("A00001", "1.50")

    def test_row_limit(self):
        with pytest.raises(RowLimitExceeded):
            export("shop.orders", self.bob)

    def test_download(self):
        table = read_export(self.client.post(ORDERS, CHOICE))
        assert table.column("number")[:2] == ["A00001", "A00002"]
        assert ReportJob.objects.get().status == "succeeded"

    def test_a_job_is_made_when_it_is_told_to(self):
        with immediate_jobs(STREAM_MAX_ROWS=0):
            response = self.client.post(ORDERS, CHOICE)
            (job,) = run_jobs()
        self.assertRedirects(response, f"/reports/jobs/{job.pk}/")
        assert len(read_export(job)) == 20

    @immediate_jobs(STREAM_MAX_ROWS=0)
    def test_a_job_is_made_on_commit(self):
        with self.captureOnCommitCallbacks(execute=True):
            response = self.client.post(ORDERS, CHOICE)
        table = read_export(self.client.get(f"{response['Location']}download/"))
        assert len(table) == 20

    @immediate_jobs(STREAM_MAX_ROWS=7)
    async def test_the_decorator_lasts_as_long_as_an_asynchronous_test(self):
        assert get_settings().STREAM_MAX_ROWS == 7

    async def test_an_asynchronous_response(self):
        await self.async_client.aforce_login(self.alice)
        response = await self.async_client.post(ORDERS, CHOICE)
        table = await aread_export(response)
        assert table.rows[-1] == ("A00020", "20.50")
        assert (await ReportJob.objects.aget()).status == "succeeded"

    async def test_an_asynchronous_response_is_awaited(self):
        await self.async_client.aforce_login(self.bob)
        response = await self.async_client.post(
            ORDERS, {**CHOICE, "format": "xlsx", "parameter-region": "n"}
        )
        with pytest.raises(AssertionError, match="await aread_export"):
            read_export(response)
        assert (await aread_export(response)).rows[0] == ("A00001", 1.5)
        refused = await self.async_client.post(ORDERS, CHOICE)
        with pytest.raises(AssertionError, match="no export but status 400, text/html: This"):
            await aread_export(refused)

    def test_who_may_what(self):
        assert_may_export({self.alice: {"shop.orders": True}, AnonymousUser(): {Orders: False}})


@immediate_jobs(STREAM_MAX_ROWS=0)
class EveryTestOfAClass(TransactionTestCase):
    def test_jobs_are_done_when_they_are_committed(self):
        make_orders(3)
        self.client.force_login(person("alice", *VIEW, report="*"))
        response = self.client.post(ORDERS, CHOICE)
        download = self.client.get(f"{response['Location']}download/")
        assert read_export(download).column("total") == ["1.50", "2.50", "3.50"]

    def test_an_option_is_in_force(self):
        assert get_settings().STREAM_MAX_ROWS == 0


# With pytest


def test_immediate_jobs_end_with_their_context(configure):
    configure(RUNNER="local", QUEUE="mine")
    with immediate_jobs(STREAM_MAX_ROWS=3):
        inside = get_settings()
        with immediate_jobs(STREAM_MAX_ROWS=4):
            assert (get_settings().STREAM_MAX_ROWS, get_settings().QUEUE) == (4, "mine")
        assert get_settings() == inside
    assert (inside.RUNNER, inside.STREAM_MAX_ROWS, inside.QUEUE) == ("immediate", 3, "mine")
    assert (get_settings().RUNNER, get_settings().STREAM_MAX_ROWS) == ("local", 5000)


def test_immediate_jobs_as_a_decorator_of_a_function(configure):
    configure(RUNNER="local")

    @immediate_jobs()
    def inside(word):
        return f"{word} {get_settings().RUNNER}"

    assert inside("now") == inside("now") == "now immediate"
    assert get_settings().RUNNER == "local"


def test_an_unknown_option_is_told():
    with immediate_jobs(STREAM_MAX_ROW=0), pytest.raises(ImproperlyConfigured, match="MAX_ROW'"):
        get_settings()


@pytest.mark.django_db
def test_immediate_jobs_on_commit(
    alice, orders, configure, django_capture_on_commit_callbacks
):  # fmt: skip
    configure(RUNNER="local")
    with immediate_jobs(), django_capture_on_commit_callbacks(execute=True):
        job = enqueue(alice, columns=("number",))
    assert len(read_export(job)) == 20


@pytest.mark.django_db
def test_run_jobs_runs_all_oldest_first_and_tells_how_they_ended(alice, orders, configure):
    configure(RUNNER="local")
    broken = enqueue(alice, "shop.numbers", parameters={"fail_at": ["1"]})
    good = enqueue(alice)
    put(broken, created_at=good.created_at - dt.timedelta(seconds=1))
    ended = run_jobs()
    assert ended == [broken, good]
    assert [job.status for job in ended] == ["failed", "succeeded"]
    assert run_jobs() == []
