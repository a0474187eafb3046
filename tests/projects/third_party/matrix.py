"""Compares each list with what is exported from it: python -m tests.projects.third_party.matrix

Prints what is wrong of each model's list as JSON: {"treebeard": ["?o=2: ...", ...], ...}.
"""

import csv
import io
import json
import re
import sys
import traceback
from functools import cached_property

import django
import openpyxl
from django.conf import settings
from django.test.utils import override_settings, setup_test_environment

FEW = 8  # queries that exports may add to a list's page, however many rows it has
COMMON = ["", "?o=-2.1", "?o=-4&p=2", "?amount__exact=2", "?q=name+1&o=-3"]
CHOSEN = ["id", "name", "amount"]
MORE = {
    "rangefilter": [
        "?day__range__gte=2026-01-05&day__range__lte=2026-01-12",
        "?amount__range__gte=1&amount__range__lte=2&o=-2",
    ],
    "safedelete": ["?deleted=deleted", "?deleted=deleted_only&o=-2"],
    "modeltranslation": ["?o=-2.3"],
}


class List:
    """The list of one model, as it is and with exports, to one person."""

    def __init__(self, model, person):
        from django.test import Client

        self.model = model
        self.name = model._meta.model_name
        self.key = model._meta.pk.name
        self.client = Client()
        self.client.force_login(person)

    def get(self, site, query):
        """The page, and how many queries it takes."""
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(connection) as queries:
            answer = self.client.get(f"/{site}/third_party/{self.name}/{query}")
        assert answer.status_code == 200, f"the list of /{site}/ answers {answer.status_code}"
        return answer, len(queries)

    def keys(self, site, query):
        answer, _count = self.get(site, query)
        return [str(row.pk) for row in answer.context["cl"].result_list]

    def all_keys(self, query):
        """Those of all rows of the list without exports, in its order."""
        pages = re.sub(r"[?&]p=\d+", "", query)
        pages += f"{'&' if pages else '?'}p="
        answer, _count = self.get("plain", query)
        count = answer.context["cl"].paginator.num_pages
        return [key for page in range(1, count + 1) for key in self.keys("plain", f"{pages}{page}")]

    def export(self, query, limit, **choice):
        """The rows of a file; that of a job, if there are more rows than the limit."""
        page = f"/admin/third_party/{self.name}/export-report/{query}"
        choice = {"profile": "machine", "columns": CHOSEN, "_export": "anyway", **choice}
        with override_settings(DJANGO_REPORTS={**REPORTS, "STREAM_MAX_ROWS": limit}):
            answer = self.client.post(page, choice)
        if answer.status_code == 302:
            answer = self.client.get(answer["Location"].replace("change", "download"))
        assert answer.status_code == 200, f"the export answers {answer.status_code}: {said(answer)}"
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        if choice["format"] == "csv":
            return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
        sheet = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]
        return [["" if cell is None else str(cell) for cell in row] for row in sheet.values]

    @cached_property
    def columns(self):
        """Those that the export page offers."""
        answer = self.client.get(f"/admin/third_party/{self.name}/export-report/")
        return re.findall(r'name="columns" value="([^"]+)"', answer.content.decode())

    def expected(self, keys):
        """The rows that the database has for these keys, past everything that is tested."""
        from django.db import connection

        table = self.model._meta.get_field("name").model._meta.db_table
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT id, name, amount FROM {table}")
            rows = {str(row[0]): [str(value) for value in row] for row in cursor.fetchall()}
        return [rows[key] for key in keys]


def said(answer):
    text = answer.content.decode().partition('id="content"')[2]
    return " ".join(re.sub(r"(?s)<(style|script).*?</\1>|<[^>]+>", " ", text).split())[:400]


def check_list(lister, query):
    _answer, before = lister.get("plain", query)
    _answer, after = lister.get("admin", query)
    assert lister.keys("admin", query) == lister.keys("plain", query), "other rows than without"
    assert after <= before + FEW, f"{after} queries instead of {before}"


def check_exports(lister, query):
    page = lister.client.get(f"/admin/third_party/{lister.name}/export-report/{query}")
    assert page.status_code == 200, f"the export page answers {page.status_code}: {said(page)}"
    expected = lister.expected(lister.all_keys(query))
    assert expected, "no rows"
    is_first = query in COMMON[:2]
    for file_format in ("csv", "xlsx") if is_first else ("csv",):
        streamed = lister.export(query, 1000, format=file_format, _across="1")
        assert streamed[1:] == expected, f"{file_format}: {streamed[1:]} != {expected}"
        if is_first:
            of_job = lister.export(query, 2, format=file_format, _across="1")
            assert of_job == streamed, f"{file_format}: job and stream differ"
            whole = {"format": file_format, "columns": lister.columns, "profile": "spreadsheet"}
            everything = lister.export(query, 1000, _across="1", **whole)
            names = everything[0].index("Name")
            found = [row[names] for row in everything[1:]]
            assert found == [row[1] for row in expected], f"{file_format}, all columns: {found}"
            of_job = lister.export(query, 2, _across="1", **whole)
            assert of_job == everything, f"{file_format}, all columns: job and stream differ"


def check_action(lister, query):
    keys = lister.keys("plain", query)[1:4]
    ticked = {"action": "export_selected", "_selected_action": keys, "index": "0"}
    answer = lister.client.post(f"/admin/third_party/{lister.name}/{query}", ticked)
    assert answer.status_code == 200, f"the action answers {answer.status_code}: {said(answer)}"
    found = lister.export(query, 1000, format="csv", _across="", _selected_action=keys)
    assert found[1:] == lister.expected(keys), f"of the selected ones: {found}"


CHECKS = (check_list, check_exports, check_action)
REPORTS = {}


def problems_of(model, people):
    for person in people:
        lister = List(model, person)
        queries = COMMON + MORE.get(lister.name, [])
        for query in queries if person.is_superuser else ["", "?amount__exact=2"]:
            for check in CHECKS:
                try:
                    check(lister, query)
                except AssertionError as error:
                    yield f"{person} {query or 'all'}: {error}"
                except Exception:
                    yield f"{person} {query or 'all'}: {traceback.format_exc()}"


def main(names):
    django.setup()
    REPORTS.update(settings.DJANGO_REPORTS, RUNNER="immediate")
    setup_test_environment()
    from django.contrib.auth.models import User

    from tests.projects.third_party.admin import ADMINS

    people = [User.objects.get(username="root"), User.objects.get(username="clerk")]
    chosen = [model for model in ADMINS if not names or model._meta.model_name in names]
    print(json.dumps({m._meta.model_name: list(problems_of(m, people)) for m in chosen}))


if __name__ == "__main__":
    main(sys.argv[1:])
