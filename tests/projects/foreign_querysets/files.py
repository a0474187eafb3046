"""Prints what is in the files of all reports here: python -m ...files USER, as JSON."""

import datetime as dt
import json
import os
import sys
from decimal import Decimal
from pathlib import Path
from tempfile import mkdtemp

import django

FORMATS = ("csv", "tsv", "jsonl", "xlsx", "parquet")


def main():
    django.setup()
    from django.contrib.auth.models import User
    from django.test import Client

    from django_reports.definitions.registry import registry
    from tests.files import Wish, command, made_at_every_entry_point

    user = User.objects.get(username=sys.argv[1])
    client = Client()
    client.force_login(user)
    found = {}
    for report in registry:
        if report.get_identifier().startswith("foreign."):
            names = [column.name for column in report.get_columns()]
            is_translated = report.get_identifier() == "foreign.articles"
            for language in ("en", "de") if is_translated else ("en",):
                for format in FORMATS:
                    wish = Wish(report.get_identifier(), names, format, language=language)
                    make = made_at_every_entry_point if format == "csv" else command
                    content = make(wish, user, client, Path(mkdtemp()))
                    found[f"{wish.report} {language} {format}"] = rows_in(content, format)
    print(json.dumps(found), flush=True)
    os._exit(0)  # PyArrow's threads now and then abort a process that ends in the usual way


def rows_in(content, format):
    """The rows as lists of texts, whatever the format."""
    from tests.files import Dialect, csv_rows, jsonl_rows, parquet_table, xlsx_rows

    if format == "jsonl":
        rows = [row.values() for row in jsonl_rows(content)]
    elif format == "parquet":
        rows = [row.values() for row in parquet_table(content).to_pylist()]
    elif format == "xlsx":
        rows = xlsx_rows(content)
    else:
        dialect = Dialect(delimiter="\t" if format == "tsv" else ",")
        rows = csv_rows(content, dialect)
    return [[text_of(value) for value in row] for row in rows]


def text_of(value):
    if isinstance(value, dt.datetime):
        value = value.date()
    if isinstance(value, float | Decimal):
        return f"{float(value):g}"
    if isinstance(value, str) and value.replace(".", "").isdecimal():
        return f"{float(value):g}"
    return "" if value is None else str(value)


if __name__ == "__main__":
    main()
