"""Plan and export page on a large table and on a small one; the first byte of an immediate file.

Requests of Django's test client, in one process, medians of `ROUNDS`.
"""

import statistics
import time
from functools import partial

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import override_settings

from benchmarks.filling import PROFILE, ZONE
from benchmarks.models import FewOrder, ManyOrder
from benchmarks.reports import COLUMNS
from benchmarks.ways.job import spec
from django_reports.access.permissions import Authority
from django_reports.audit.log import Origin
from django_reports.jobs import dispatch
from django_reports.web.forms import PARAMETERS_PREFIX

ROUNDS = 15
ROWS = 5000  # of the immediate file


def make(path, report, format, rows):  # noqa: A002 - as in the other ways
    client = Client()
    client.force_login(User.objects.get(username="root"))
    tell = {}
    for name in ("few", "many"):
        tell[f"plan of {name}"] = median(partial(plan, spec(name, "csv", None)))
        tell[f"page of {name}"] = median(partial(show, client, f"/reports/benchmarks.{name}/"))
    tell["rows of few"], tell["rows of many"] = FewOrder.objects.count(), ManyOrder.objects.count()
    wanted = min(ROWS, tell["rows of few"])
    with override_settings(ALLOWED_HOSTS=["*"]):
        tell["first byte"] = median(partial(first_byte, client, wanted))
    tell["query"] = median(partial(query, wanted))
    return tell


def median(do):
    """Seconds. What `do` returns is called afterwards, when the time is taken."""
    taken = []
    for _round in range(1 + ROUNDS):
        begin = time.perf_counter()
        afterwards = do()
        taken.append(time.perf_counter() - begin)
        if afterwards is not None:
            afterwards()
    return statistics.median(taken[1:])


def plan(wish):
    dispatch.plan(wish, Authority.system(), Origin())


def show(client, address):
    response = client.get(address)
    assert response.status_code == 200, response.content


def first_byte(client, rows):
    response = client.post(
        "/reports/benchmarks.few/",
        {
            "_export": "1",
            "format": "csv",
            "profile": PROFILE,
            "columns": COLUMNS,
            f"{PARAMETERS_PREFIX}-rows": rows,
            "time_zone": ZONE,
            "language": "en",
            **{f"position_{at}": "" for at in range(len(COLUMNS))},
        },
    )
    assert response.streaming, response.content.decode()
    assert next(iter(response.streaming_content))
    return response.close


def query(rows):
    """What the database and its driver need for all rows, without Django's values."""
    queryset = FewOrder.objects.filter(id__lte=rows).order_by("pk").values_list(*COLUMNS)
    statement, parameters = queryset[: rows + 1].query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        assert len(cursor.fetchall()) == rows
