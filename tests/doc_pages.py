"""The pages of the docs, and what tests look for in them."""

import re
from pathlib import Path

import pytest

import django_reports

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = Path(django_reports.__file__).parent
README = ROOT / "README.md"
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [README, ROOT / "CHANGELOG.md", *DOCS]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def text_of(*names):
    return "\n".join((ROOT / name).read_text() for name in names)


def line_of(text, name):
    """The row of a table that is about a name."""
    return next(line for line in text.splitlines() if line.startswith(f"| `{name}` |"))


def rows_of(text, heading):
    """The first cells of the table below a heading."""
    section = re.split(rf"^#+ {re.escape(heading)}$", text, maxsplit=1, flags=re.MULTILINE)[1]
    section = re.split(r"^#+ ", section, maxsplit=1, flags=re.MULTILINE)[0]
    return [line.split("|")[1].strip(" `") for line in section.splitlines() if line[:1] == "|"][2:]


def code_blocks(language):
    return [
        pytest.param(code, id=f"{page.name}:{page.read_text()[: match.start()].count(chr(10)) + 1}")
        for page in PAGES
        for match in FENCE.finditer(page.read_text())
        if match[1] == language and (code := match[2])
    ]
