"""Short words for tests of the staff pages, and of programs that ask at the same addresses."""

import json

from django.test import Client

from tests.entry_points.helpers import browse

CATALOG = "/reports/"
OPENAPI = "/reports/openapi.json"
JOBS = "/reports/jobs/"
ORDERS = "/reports/shop.orders/"
NUMBERS = "/reports/shop.numbers/"

# All that there are, in their order, where the extra "parquet" is installed.
FORMATS = [
    "csv", "csv.gz", "csv.zip", "xlsx", "tsv", "tsv.gz", "tsv.zip",
    "jsonl", "jsonl.gz", "jsonl.zip", "parquet",
]  # fmt: skip

JSON = "application/json"
PROBLEM = "application/problem+json"


def page_of(job, name=""):
    """The address of a job's page, or of its status, download, cancel or rerun."""
    return f"{JOBS}{job.pk}/{name}/" if name else f"{JOBS}{job.pk}/"


class Program:
    """Somebody's program (None: nobody's), which sends JSON and wants nothing else."""

    def __init__(self, user, **options):
        self.client = Client(**options)
        if user is not None:
            self.client.force_login(user)

    def get(self, path, **headers):
        return self.client.get(path, headers={"accept": JSON, **named(headers)})

    def post(self, path, value=None, *, kind=JSON, **headers):
        """Send a value, or bytes as they are."""
        data = value if isinstance(value, bytes) else json.dumps({} if value is None else value)
        return self.client.post(
            path, data, content_type=kind, headers={"accept": JSON, **named(headers)}
        )


def named(headers):
    """Keyword arguments as names of headers: if_none_match is If-None-Match."""
    return {name.replace("_", "-"): value for name, value in headers.items()}


def pressed(client_or_user, path=ORDERS, headers=None, **fields):
    """Press the button of a report's page. A field of None is left out."""
    client = client_or_user if isinstance(client_or_user, Client) else browse(client_or_user)
    wanted = {
        "_export": "1",
        "format": "csv",
        "profile": "machine",
        "columns": ["n"] if path == NUMBERS else ["id", "number"],
        **fields,
    }
    typed = {name: value for name, value in wanted.items() if value is not None}
    return client.post(path, typed, headers=headers)


def assert_problem(answer, status, detail="", **errors):
    """Assert that an answer is a problem with this in its detail, and these errors by field."""
    assert (answer.status_code, answer["Content-Type"]) == (status, PROBLEM)
    told = answer.json()
    assert (told["type"], told["status"]) == ("about:blank", status)
    assert told["title"]
    assert detail in told["detail"]
    found = {name: " ".join(messages) for name, messages in told.get("errors", {}).items()}
    assert set(found) == set(errors)
    for name, words in errors.items():
        for word in [words] if isinstance(words, str) else words:
            assert word in found[name], found[name]
    return told
