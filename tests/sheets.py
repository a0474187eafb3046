"""XLSX files of tests, and two readers of them that know nothing of each other."""

import io
import zipfile
from zoneinfo import ZoneInfo

import openpyxl
from python_calamine import CalamineWorkbook

from django_reports.core.choices import Profile
from django_reports.definitions import kinds
from django_reports.definitions.columns import BoundColumn
from django_reports.definitions.kinds import Rendering
from django_reports.definitions.specs import Options
from django_reports.engine.writers.xlsx import XlsxWriter

BERLIN = ZoneInfo("Europe/Berlin")


def column(name, kind=None, label=None, **facts):
    return BoundColumn(name, label or name.title(), kind or kinds.Auto(), (name,), **facts)


def writer(*columns, profile=Profile.SPREADSHEET, title="Orders", about=(), **options):
    layout = Options(profile=profile, **options).settled("en")
    return XlsxWriter(columns, Rendering(profile, BERLIN, "en"), title, layout=layout, about=about)


def written(made, *chunks):
    data = made.begin() + b"".join(made.write(rows) for rows in chunks) + b"".join(made.end())
    made.close()
    return data


def one_cell(value, kind=None, profile=Profile.SPREADSHEET):
    """The file of one value, and its writer."""
    made = writer(column("a", kind), profile=profile)
    return written(made, [(value,)]), made


def opened(data):
    return openpyxl.load_workbook(io.BytesIO(data))


def calamine(data, number=0):
    book = CalamineWorkbook.from_filelike(io.BytesIO(data))
    return book.get_sheet_by_index(number).to_python(skip_empty_area=False)


def sheet_xml(data, number=1):
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return file.read(f"xl/worksheets/sheet{number}.xml").decode()
