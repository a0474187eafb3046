"""Where libraries that write files put their bytes, to be taken away as they come."""


class Sink:
    """A file that can be written, not read nor sought in. It remembers how far it is."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._position = 0

    def write(self, data: bytes) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._position += len(part)
        return len(part)

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        self.closed = True

    def take(self) -> bytes:
        """What has been written since the last time."""
        data = b"".join(self._parts)
        self._parts.clear()
        return data
