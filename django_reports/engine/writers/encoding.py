"""Text to bytes, in encodings that cannot hold every character."""

from functools import lru_cache

from django_reports.core.choices import Encoding


class Encoder:
    """Encodes text; what the encoding lacks becomes `mark` and is counted in `replaced`."""

    def __init__(self, encoding: Encoding) -> None:
        self._codec = "utf-8" if encoding is Encoding.UTF_8_SIG else encoding.value
        self._others = _written_as_others(self._codec)
        self.mark = "?" if self._lacks("\ufffd") else "\ufffd"
        self.replaced = 0

    def encode(self, text: str) -> bytes:
        try:
            # An empty set, too, would look at every character.
            if not self._others or self._others.isdisjoint(text):
                return text.encode(self._codec)
        except UnicodeEncodeError:
            pass
        return self.clean(text).encode(self._codec)

    def clean(self, text: str) -> str:
        """The text as far as the encoding has its characters."""
        lacking = {character for character in set(text) if self._lacks(character)}
        self.replaced += sum(map(text.count, lacking))
        return text.translate(dict.fromkeys(map(ord, lacking), self.mark))

    def _lacks(self, character: str) -> bool:
        return character in self._others or not _has(self._codec, character)


def _has(codec: str, character: str) -> bool:
    try:
        character.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


@lru_cache
def _written_as_others(codec: str) -> frozenset[str]:
    """The characters that Python's codec writes as others: Shift JIS makes a backslash of a yen."""
    if codec.startswith("utf"):
        return frozenset()
    characters = (chr(code) for code in range(0x80, 0x10000) if not 0xD800 <= code < 0xE000)
    return frozenset(
        character
        for character in characters
        if _has(codec, character) and character.encode(codec).decode(codec) != character
    )
