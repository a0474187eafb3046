"""openpyxl's names, imported when one is first used: nobody waits for it who writes no XLSX."""

from importlib import import_module
from typing import Any

_MODULES = {
    "CellRichText": "openpyxl.cell.rich_text",
    "Element": "openpyxl.xml.functions",
    "ExcelWriter": "openpyxl.writer.excel",
    "Font": "openpyxl.styles",
    "RelationshipList": "openpyxl.packaging.relationship",
    "SubElement": "openpyxl.xml.functions",
    "Workbook": "openpyxl",
    "WorkbookAlreadySaved": "openpyxl.utils.exceptions",
    "WorksheetWriter": "openpyxl.worksheet._writer",
    "WriteOnlyCell": "openpyxl.cell",
    "XML_NS": "openpyxl.xml.constants",
    "get_column_letter": "openpyxl.utils",
    "get_time_format": "openpyxl.cell.cell",
    "quote_sheetname": "openpyxl.utils",
    "to_excel": "openpyxl.utils.datetime",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_MODULES[name]), name)
    return value
