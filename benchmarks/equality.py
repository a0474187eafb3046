"""Whether two ways made the same file: byte by byte, or cell by cell."""

import csv
import itertools

import openpyxl

STYLED = 2000  # rows whose styles are compared, too: openpyxl reads slowly
BLOCK = 1024 * 1024


class Different(AssertionError):
    """Two files that should be alike are not."""


def same_bytes(one, other):
    with one.open("rb") as first, other.open("rb") as second:
        while True:
            left, right = first.read(BLOCK), second.read(BLOCK)
            if left != right:
                raise Different(f"{one.name} and {other.name} differ: {_difference(left, right)}")
            if not left:
                return f"{one.stat().st_size:,} bytes, the same"


def _difference(left, right):
    pairs = itertools.zip_longest(left.splitlines(), right.splitlines())
    return next((pair for pair in pairs if pair[0] != pair[1]), "one is longer")


def same_cells(one, other):
    """Every value of every sheet's row, and of the first rows type, number format and font, too."""
    count = 0
    for cells, others in zip(_sheet(one), _sheet(other), strict=True):
        count += 1
        if cells != others:
            raise Different(f"row {count}: {cells} is not {others}")
    return f"{count:,} rows, the same cells"


def _sheet(path):
    book = openpyxl.load_workbook(path, read_only=True)
    sheet = book.worksheets[0]
    if _has_calamine():
        yield from _rows_by_calamine(path)
        rows = sheet.iter_rows(max_row=STYLED)
    else:
        rows = sheet.iter_rows()
    for row in rows:
        yield [
            (cell.value, cell.data_type, cell.number_format, cell.font.b)
            for cell in row
            if cell.value is not None
        ]


def _has_calamine():
    try:
        import python_calamine  # noqa: F401, PLC0415 - much faster, if it is there
    except ImportError:
        return False
    return True


def _rows_by_calamine(path):
    from python_calamine import CalamineWorkbook  # noqa: PLC0415

    with CalamineWorkbook.from_path(path) as book:
        yield from book.get_sheet_by_index(0).to_python(skip_empty_area=False)


def same_columns(one, other, columns):
    """Of two CSV files, the columns that both write alike, by their positions."""
    count = 0
    with _csv(one) as first, _csv(other) as second:
        readers = csv.reader(first), csv.reader(second)
        for header in readers:
            next(header)
        for left, right in zip(*readers, strict=True):
            count += 1
            if any(left[at] != right[at] for at in columns):
                raise Different(f"row {count}: {left} is not {right}")
    return f"{count:,} rows, the same in {len(columns)} columns"


def _csv(path):
    return open(path, encoding="utf-8-sig", newline="")
