"""Storages as odd as Django allows: STORAGES names them by their paths."""

import io
from urllib.parse import urlencode
from uuid import uuid4

from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage
from django.utils.functional import cached_property


class Unheard(Exception):
    """An error of some service's own library: related to no other."""


class Stream:
    """Bytes as they come over a network: forwards, at most `most` at once, of unknown length."""

    def __init__(self, content, *, most=None, breaks_at=None):
        self._buffer = io.BytesIO(content)
        self._most = most
        self._breaks_at = breaks_at
        self.closed = False

    def read(self, size=-1):
        if self._breaks_at is not None and self._buffer.tell() >= self._breaks_at:
            raise Unheard("the line is dead")
        if self._most is not None:
            size = self._most if size < 0 else min(size, self._most)
        return self._buffer.read(size)

    def close(self):
        self.closed = True


class Bare(Storage):
    """Only what Django demands: no path(), size(), listdir() or url()."""

    def __init__(self):
        self.kept = {}
        self.opened = []

    def exists(self, name):
        return name in self.kept

    def delete(self, name):
        if name not in self.kept:
            raise FileNotFoundError(name)
        del self.kept[name]

    def _save(self, name, content):
        self.kept[name] = b"".join(content.chunks())
        return name

    def _open(self, name, mode):
        if name not in self.kept:
            raise FileNotFoundError(name)
        self.opened.append(self._file_of(self.kept[name]))
        return self.opened[-1]

    def _file_of(self, content):
        return ContentFile(content)


class Unsized(Bare):
    """The size of its files cannot be told: Django's File raises AttributeError."""

    def _file_of(self, content):
        return File(Stream(content))


class Plain(Bare):
    """What it opens is not even a File."""

    def _file_of(self, content):
        return Stream(content, most=1000)


class Unknown(Bare):
    """The size of its files is not known, and not asked for by that name either."""

    class _Stream(Stream):
        def size(self):
            raise AssertionError("nobody calls this")

    def _file_of(self, content):
        return self._Stream(content)


class Unseekable(Bare):
    """The size of its files raises something else, as Django's File does around a pipe."""

    class _File(File):
        @cached_property
        def size(self):
            raise io.UnsupportedOperation("seek")

    def _file_of(self, content):
        return self._File(Stream(content))


class Renaming(Bare):
    """Keeps every file under a name of its own."""

    def _save(self, name, content):
        return super()._save(f"{uuid4()}.bin", content)


class Foldering(Bare):
    """Adds a folder, each time that it is asked for a name."""

    def get_available_name(self, name, max_length=None):
        return super().get_available_name(f"added/{name}", max_length)


class RenamingShort(Renaming):
    """Renames, and loses the last byte."""

    def _save(self, name, content):
        return super()._save(name, ContentFile(content.read()[:-1]))

    def size(self, name):
        return len(self.kept[name])


class Lying(Bare):
    """Keeps everything, and tells another size."""

    def size(self, name):
        return len(self.kept[name]) + 1


class Unmeasurable(Renaming):
    """Keeps everything under another name, and then breaks."""

    def size(self, name):
        raise Unheard("no size today")


class Half(Bare):
    """Breaks while it saves."""

    def _save(self, name, content):
        self.kept[name] = content.read(5)
        raise Unheard("half of it is there")


class Stubborn(Bare):
    """Removes nothing as long as it is `shut`."""

    shut = True

    def delete(self, name):
        if self.shut:
            raise Unheard("not now")
        super().delete(name)


class StubbornHalf(Stubborn, Half):
    """Breaks while it saves, and removes nothing."""


class Shut(Bare):
    """Opens nothing."""

    def _open(self, name, mode):
        raise Unheard("no way in")


class Late(Bare):
    """Opens everything; the first byte is the problem."""

    def _file_of(self, content):
        return File(Stream(content, breaks_at=0))


class Vanishing(Bare):
    """Opens everything, and finds out with the first byte that there is no such file."""

    class _Nothing(Stream):
        def read(self, size=-1):
            raise FileNotFoundError

    def _file_of(self, content):
        return File(self._Nothing(content))


class BrokenLine(Bare):
    """Breaks while it is read."""

    def _file_of(self, content):
        return File(Stream(content, breaks_at=len(content) // 2))


class Signing(Bare):
    """Gives addresses that are good for a while, as S3Storage does."""

    def __init__(self, acl=None):
        super().__init__()
        self.default_acl = acl

    def url(self, name, parameters=None, expire=3600):
        return f"https://kept.example.com/{name}?{urlencode(parameters or {})}&expire={expire}"


class Unbuildable(Bare):
    """Needs an option."""

    def __init__(self, bucket):
        super().__init__()
