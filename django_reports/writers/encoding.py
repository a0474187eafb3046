"""Text to bytes, in encodings that cannot hold every character."""

from django_reports.statuses import Encoding


class Encoder:
    """Encodes text; what the encoding lacks becomes `mark` and is counted in `replaced`."""

    def __init__(self, encoding: Encoding) -> None:
        self._codec = "utf-8" if encoding is Encoding.UTF_8_SIG else encoding.value
        self.mark = "?" if self._lacks("\ufffd") else "\ufffd"
        self.replaced = 0

    def encode(self, text: str) -> bytes:
        try:
            return text.encode(self._codec)
        except UnicodeEncodeError:
            return self.clean(text).encode(self._codec)

    def clean(self, text: str) -> str:
        """The text as far as the encoding has its characters."""
        lacking = {character for character in set(text) if self._lacks(character)}
        self.replaced += sum(map(text.count, lacking))
        return text.translate(dict.fromkeys(map(ord, lacking), self.mark))

    def _lacks(self, character: str) -> bool:
        try:
            character.encode(self._codec)
        except UnicodeEncodeError:
            return True
        return False
