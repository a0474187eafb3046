"""The catalogs of messages: complete, fresh, and translated indeed."""

import gettext
import re
from functools import cache
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.extract import DEFAULT_KEYWORDS, extract_python
from babel.messages.pofile import read_po
from django.utils import translation
from django.utils.translation import trans_real
from django.utils.translation.template import templatize

import django_reports
from django_reports.definitions.registry import registry
from tests.entry_points.helpers import EXPORT, JOBS, browse, enqueue, make, put, text_of

PACKAGE = Path(django_reports.__file__).parent
LANGUAGES = ["ar", "de", "es", "fr", "ja"]
KEYWORDS = {
    **DEFAULT_KEYWORDS,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
# What a language writes as English does.
SAME = {
    "ar": set(),
    "de": {"Details", "Export", "Filter", "Format", "Limits", "Manifest", "Name", "Person"},
    "es": {"No", "Total", "error"},
    "fr": {
        "Action", "Compression", "Description", "Export", "Exports", "Format", "Formats", "Options",
        "Pages", "Point (1.5)", "Total", "action", "cause", "export", "exports", "format",
        "formats", "position",
    },
    "ja": set(),
}  # fmt: skip
EVERYWHERE = {"CSV", "Excel (XLSX)", "SHA-256", "Unix (LF)", "Windows (CR LF)", "ZIP (.zip)",
              "gzip (.gz)"}  # fmt: skip


def sources():
    """The files that may hold messages, and their text as Python."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if "migrations" not in path.parts:
            yield path, path.read_bytes()
    for path in sorted((PACKAGE / "templates").rglob("*.*")):
        yield path, templatize(path.read_text()).encode()


@cache
def wanted():
    """Every message of the code: its key in a catalog (text, or text and plural), and context."""
    found = {}
    for path, source in sources():
        for _line, name, message, _comments in extract_python(
            BytesIO(source), KEYWORDS, [], {"encoding": "utf-8"}
        ):
            texts = message if isinstance(message, tuple) else (message,)
            texts = [text for text in texts if text]
            context = texts.pop(0) if name.lstrip("n").startswith("pgettext") else None
            if texts:
                found.setdefault((context, texts[0]), path.relative_to(PACKAGE))
    return found


def catalog(language):
    path = PACKAGE / "locale" / language / "LC_MESSAGES" / "django.po"
    with path.open("rb") as file:
        return read_po(file, locale=language)


def in_catalog(messages):
    """The messages by context and text, without the header."""
    return {
        (message.context, message.id[0] if isinstance(message.id, tuple) else message.id): message
        for message in messages
        if message.id
    }


def forms(message):
    return message.string if isinstance(message.string, tuple) else (message.string,)


def placeholders(text):
    return set(re.findall(r"%\(\w+\)s|%[sd]|\{\w*\}", text))


def test_messages_are_found_in_code_and_templates():
    assert {(None, "Exports"), (None, "Choose at least one column.")} <= set(wanted())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_is_translated(language):
    messages = in_catalog(catalog(language))
    missing = {key: str(path) for key, path in wanted().items() if key not in messages}
    assert missing == {}, "python manage.py makemessages, and translate"
    assert [key for key in messages if key not in wanted()] == []  # nothing of yesterday
    for key, message in messages.items():
        assert all(form and form.strip() for form in forms(message)), key
        assert not message.fuzzy, key


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_have_the_same_placeholders(language):
    found = catalog(language)
    for message in found:
        if not message.id:
            continue
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        every = set().union(*map(placeholders, ids))
        told = [placeholders(form) for form in forms(message)]
        assert all(each <= every for each in told), message.id
        # A form for a single number may leave it out, the last one never does.
        assert told[-1] == placeholders(ids[-1]), message.id
        if len(told) > 1:
            assert len(told) == found.num_plurals


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_is_no_copy(language):
    same = {
        message.id
        for message in catalog(language)
        if isinstance(message.id, str) and message.id == message.string and message.id
    }
    assert same - EVERYWHERE == SAME[language]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_compiled_is_what_is_written(language):
    path = PACKAGE / "locale" / language / "LC_MESSAGES" / "django.mo"
    with path.open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for (context, text), message in in_catalog(catalog(language)).items():
        told = forms(message)
        key = text if context is None else f"{context}\x04{text}"
        if len(told) > 1 or isinstance(message.id, tuple):
            assert [compiled._catalog[key, n] for n in range(len(told))] == list(told)
        else:
            assert compiled._catalog[key] == told[0]


# Nothing that a person reads is outside of the catalogs


OPEN, CLOSE = "\u27e6", "\u27e7"
READ = ("title", "aria-label", "placeholder", "alt", "value")  # attributes
# Names of things, not words: files, digests, a report and its identifier.
NAMES = re.compile(
    r"root|[\w.-]+\.(?:csv|gz|zip)\b|, \.(?:gz|zip)|[0-9a-f]{8,}|[\w ]*\([\w.]+\)|\bID,"
)
# In every language the same, of the test's own form, and Django's own.
SPOKEN = {"CSV", "JSON", "SHA-256", f"Minimum{OPEN}:{CLOSE}", f"Region{OPEN}:{CLOSE}", "Search"}


class _Texts(HTMLParser):
    """What of a page is read by people and did not pass through a catalog."""

    IGNORED = ("script", "style", "code", "option", "svg", "head")

    def __init__(self):
        super().__init__()
        self.texts, self._ignored, self._is_ours = [], 0, False

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self._is_ours = self._is_ours or attributes.get("id") == "content-main"
        if tag in self.IGNORED:
            self._ignored += 1
        if self._is_ours and not self._ignored:
            is_button = attributes.get("type") == "submit"
            self.texts += [
                value
                for name, value in attributes.items()
                if name in READ and value and (name != "value" or (tag == "input" and is_button))
            ]

    def handle_endtag(self, tag):
        if tag in self.IGNORED:
            self._ignored -= 1
        if tag == "footer":
            self._is_ours = False

    def handle_data(self, data):
        if self._is_ours and not self._ignored:
            self.texts.append(data)


def untranslated(html):
    parser = _Texts()
    parser.feed(html)
    found = []
    for text in parser.texts:
        depth, outside = 0, ""
        for character in text:
            depth += (character == OPEN) - (character == CLOSE)
            outside += "" if depth or character == CLOSE else character
        if re.search(r"[^\W\d_]{2,}", NAMES.sub("", outside)):
            found.append(text.strip())
    return found


def names():
    """What the reports of the tests call themselves and their columns: not our words."""
    found = {str(report.get_label()) for report in registry}
    for report in registry:
        found |= {str(column.full_label) for column in report.get_columns()}
    return found


@pytest.fixture
def pseudo(monkeypatch):
    """Every catalog answers with the message itself between marks."""

    def mark(text):
        return f"{OPEN}{text}{CLOSE}"

    for module in (translation._trans, trans_real):  # the first remembers the second
        for name, function in {
            "gettext": mark,
            "ngettext": lambda one, many, n: mark(one if n == 1 else many),
            "pgettext": lambda context, text: mark(text),
            "npgettext": lambda context, one, many, n: mark(one if n == 1 else many),
        }.items():
            monkeypatch.setattr(module, name, function, raising=False)
    return mark


def test_the_marks_find_what_was_forgotten(pseudo):
    html = f'<p id="content-main">{pseudo("Yes")} No <b>{pseudo("a" + pseudo("b"))}</b></p>'
    assert untranslated(html) == [f"{pseudo('Yes')} No"]


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["", "waiting", "running", "failed", "canceled", "expired"])
def test_every_word_of_a_page_is_in_a_catalog(root, orders, state, pseudo):
    job = enqueue(root) if state == "waiting" else make(root)
    if state and state != "waiting":
        put(job, status=state, error="")
    pages = [f"/reports/jobs/{job.pk}/", JOBS, f"{JOBS}{job.pk}/change/"]
    if not state:
        pages += ["/reports/", "/reports/jobs/", "/reports/shop.orders/", "/reports/rights/",
                  "/reports/rights/?by=group", "/reports/dashboard/", EXPORT]  # fmt: skip
    found = {text for page in pages for text in untranslated(text_of(browse(root).get(page)))}
    assert sorted(found - names() - SPOKEN) == []
