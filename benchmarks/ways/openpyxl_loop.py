"""A bare loop around openpyxl's write-only sheet: the same cells, types and styles as ours.

Written as somebody careful does who needs this one file: number formats on cells that are made once
for each column and given another value for each row (a write-only sheet writes them at once),
labels from a dict, local times, texts that look like formulas kept texts. With lxml installed
openpyxl uses it.
"""

from zoneinfo import ZoneInfo

from django.db import transaction
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from benchmarks.filling import ZONE
from benchmarks.models import Order
from benchmarks.reports import COLUMNS
from benchmarks.ways.careful_loop import LABELS, REGIONS, STATUSES

zone = ZoneInfo(ZONE)
WIDTHS = [6, 18, 17, 28, 10, 10, 9, 8, 8, 28, 13, 29]
FORMATS = {6: "0.00", 7: "0.00", 9: "yyyy-mm-dd hh:mm:ss", 10: "yyyy-mm-dd"}


def local(value):
    value = value.astimezone(zone)
    return value.replace(microsecond=value.microsecond // 1000 * 1000, tzinfo=None)


def make(path, report, format, rows):  # noqa: A002 - as in the other ways
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Orders")
    sheet.freeze_panes = "A2"
    for at, width in enumerate(WIDTHS, start=1):
        sheet.column_dimensions[get_column_letter(at)].width = width
    header = [WriteOnlyCell(sheet, label) for label in LABELS]
    for cell in header:
        cell.font = Font(bold=True)
    sheet.append(header)
    styled = {}
    for at, number_format in FORMATS.items():
        styled[at] = WriteOnlyCell(sheet)
        styled[at].number_format = number_format

    def in_style(at):
        cell = styled[at]

        def fill(value):
            cell.value = value
            return cell

        return fill

    def as_text(value):
        if value[:1] not in ("=", "#"):
            return value
        cell = WriteOnlyCell(sheet, value)
        cell.data_type = "s"
        return cell

    placed = in_style(9)
    converters = [
        int,
        as_text,
        as_text,
        as_text,
        REGIONS.__getitem__,
        STATUSES.__getitem__,
        in_style(6),
        in_style(7),
        bool,
        lambda value: placed(local(value)),
        in_style(10),
        as_text,
    ]
    queryset = Order.objects.filter(id__lte=rows).order_by("pk").values_list(*COLUMNS)
    count = 1
    with transaction.atomic():
        for row in queryset.iterator(chunk_size=2000):
            sheet.append(
                [
                    None if value is None else convert(value)
                    for convert, value in zip(converters, row, strict=True)
                ]
            )
            count += 1
    sheet.auto_filter.ref = f"A1:L{count}"
    book.save(path)
