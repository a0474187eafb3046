"""The text of what an admin's list shows as HTML."""

import re
from functools import lru_cache
from html.parser import HTMLParser

BLOCKS = frozenset(
    {
        *("address", "article", "aside", "blockquote", "dd", "details", "div", "dl", "dt"),
        *("fieldset", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header"),
        *("hr", "li", "main", "nav", "ol", "p", "pre", "section", "summary", "table", "tr", "ul"),
    }
)
UNSEEN = frozenset({"script", "style", "template"})
REMEMBERED = 1000  # texts: icons and the like come again and again
_BLANKS = re.compile(r"\s+")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in UNSEEN:
            self._unseen += 1
        elif tag == "br" or tag in BLOCKS:
            self.parts.append("\n")
        elif tag in ("td", "th"):
            self.parts.append(" ")
        elif tag == "img":
            self.parts.append(dict(attrs).get("alt") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag in BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.parts.append(_BLANKS.sub(" ", data))


@lru_cache(maxsize=REMEMBERED)
def text_of_html(html: str) -> str:
    """What a browser shows of it as text: lines where it has blocks, and images by their names."""
    text = html
    if "<" in html or "&" in html:
        reader = _Reader()
        reader.feed(html)
        reader.close()
        text = "".join(reader.parts)
    else:
        text = _BLANKS.sub(" ", html)
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)
